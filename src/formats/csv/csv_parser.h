// CsvBlockParser: one block of CSV text into one Batch of typed columns.
#pragma once

#include <memory>
#include <vector>

#include "batch/batch.h"
#include "expr/expr.h"
#include "formats/csv/csv_column.h"
#include "formats/csv/csv_index.h"
#include "formats/csv/csv_options.h"
#include "formats/text/text_block.h"

namespace weir {

/// What to make of the files; immutable, shared by lanes.
struct CsvReadPlan {
  CsvReadOptions options;
  SchemaPtr schema;          // of the batches
  std::vector<bool> needed;  // per column of `schema`; the others come out pruned. Empty: all are needed
  CompiledExprPtr filter;    // over `schema`, cannot fail: rows for which it is not true are left out; or null
  bool strict_zeros = true;  // numbers with leading zeros do not fit number columns
};

/// One per lane and file. Not thread-safe.
class CsvBlockParser {
 public:
  /// `field_of_column`: for each column of the schema, its field in this file (MapCsvFields); `num_fields`: of the
  /// file.
  static Result<std::unique_ptr<CsvBlockParser>> Make(std::shared_ptr<const CsvReadPlan> plan,
                                                      std::vector<int> field_of_column, int num_fields);

  /// The rows of `block` in file order. Records that do not fit go to `errors`, in file order, and are no rows.
  Result<Batch> Parse(const TextBlock& block, std::vector<RecordError>* errors);

 private:
  struct BadRow {
    int64_t row;
    std::string message;
  };
  CsvBlockParser(std::shared_ptr<const CsvReadPlan> plan, std::vector<int> field_of_column, int num_fields);
  Result<ArrayDataPtr> ReadColumn(const TextBlock& block, int column, const std::vector<int32_t>* rows);
  Status ReadColumns(const TextBlock& block, bool of_filter, const std::vector<int32_t>* rows,
                     std::vector<ArrayDataPtr>* columns);
  /// Rows without an error; all of them when there is none.
  void DropBad(std::vector<int32_t>* rows) const;
  void ReportErrors(const TextBlock& block, const std::vector<CsvShapeError>& shapes, std::vector<RecordError>* errors);
  bool needs(int column) const { return plan_->needed.empty() || plan_->needed[column]; }
  bool filters(int column) const;

  const std::shared_ptr<const CsvReadPlan> plan_;
  const std::vector<int> field_of_column_;
  CsvIndex index_;
  std::vector<std::unique_ptr<CsvColumnReader>> readers_;  // per column; null when it is not read
  std::unique_ptr<ExprEvaluator> evaluator_;
  bool has_text_ = false;
  bool check_utf8_ = false;
  std::vector<BadRow> bad_;
};

}  // namespace weir
