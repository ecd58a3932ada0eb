// JsonBlockParser: one block of JSON text into one Batch of typed columns.
//
// Speculation: keys are expected in the order, and with the blanks, that earlier records had; one 32-byte comparison
// per field confirms that. Where it fails the key is read and looked up, and the guess renewed: irregular records cost
// that and no more. Nothing is parsed twice.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "expr/expr.h"
#include "formats/json/json_column.h"
#include "formats/json/json_options.h"
#include "formats/text/text_block.h"

namespace weir {

/// One per lane. Not thread-safe.
class JsonBlockParser {
 public:
  static Result<std::unique_ptr<JsonBlockParser>> Make(std::shared_ptr<const JsonReadPlan> plan);

  /// The rows of `block` in file order. Records that are no JSON or do not fit go to `errors`, in file order, and are
  /// no rows. Of a repeated key the last value counts. In a document a mistake of grammar ends the file: Invalid with
  /// its place.
  Result<Batch> Parse(const TextBlock& block, std::vector<RecordError>* errors);

 private:
  explicit JsonBlockParser(std::shared_ptr<const JsonReadPlan> plan);
  Status ParseLines(const TextBlock& block, std::vector<RecordError>* errors);
  Status ParseDocument(const TextBlock& block, std::vector<RecordError>* errors);
  /// Room for the rows and texts of the records from `p` to the end that it returns.
  Result<const char*> ReserveChunk(const char* p, const char* end);
  Status ReserveRow();

  // Each takes the first character of its value and returns the end, or null after Fail().
  const char* ParseObject(JsonColumn& column, const char* p);  // `p` after the brace
  const char* ParseValue(JsonColumn& column, const char* p);
  const char* ParseInt64(JsonColumn& column, const char* p);
  const char* ParseDouble(JsonColumn& column, const char* p);
  const char* ParseString(JsonColumn& column, const char* p);
  const char* ParseText(JsonColumn& column, const char* p);
  const char* ParseBool(JsonColumn& column, const char* p);
  const char* ParseList(JsonColumn& column, const char* p);
  const char* ParseMap(JsonColumn& column, const char* p);
  const char* ParseTyped(JsonColumn& column, const char* p);  // times, decimals, bytes: written as strings
  const char* ParseNullOrMisfit(JsonColumn& column, const char* p);
  /// Reads the key at `p` (blanks and comma before it) that comes after `slot`; *field is set.
  const char* ReadKey(JsonFields& fields, int slot, const char* p, int* field);
  const char* ParseKey(const char* p);  // into key_
  const char* Skip(const char* p);
  /// The value at `p` does not fit `column`: notes why, skips it, appends null. The record will be rejected.
  const char* Misfit(JsonColumn& column, const char* p, const char* why = nullptr);
  std::nullptr_t Fail(const char* at, const char* expected);
  void Reject(PlaceCursor* places, const TextBlock& block, const char* begin, const char* end, std::string message,
              std::vector<RecordError>* errors);
  /// What was expected and found. `line`: start of the line, null when unknown; `end`: of the block.
  std::string FailureText(const char* line, const char* end) const;

  const std::shared_ptr<const JsonReadPlan> plan_;
  const bool in_document_;
  SchemaPtr schema_;                  // without marks
  JsonColumn root_;                   // its children are the columns that are read
  std::vector<int> child_of_column_;  // -1: pruned
  int64_t row_capacity_ = 0;
  std::unique_ptr<ExprEvaluator> evaluator_;
  bool check_utf8_ = false;
  std::string key_;
  std::string scratch_;
  std::string misfit_;  // of the record at hand; empty: none
  const char* failed_at_ = nullptr;
  const char* expected_ = nullptr;  // what should stand there
};

}  // namespace weir
