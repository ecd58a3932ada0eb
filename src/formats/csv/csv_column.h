// Readers of one CSV column: the fields of a block into one Arrow array.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "batch/batch.h"
#include "batch/types.h"
#include "formats/csv/csv_index.h"
#include "formats/csv/csv_options.h"

namespace weir {

/// What an unquoted text means besides itself.
class CsvNulls {
 public:
  explicit CsvNulls(const CsvReadOptions& options);
  bool IsNull(std::string_view text, bool text_column) const;
  /// Text columns: only the empty text can be null.
  bool only_empty_text() const { return !given_; }
  bool empty_text_is_null() const { return empty_text_is_null_; }

 private:
  bool given_ = false;
  bool empty_text_is_null_ = true;
  std::vector<std::string> words_;
  size_t longest_ = 0;
};

/// A field that does not fit its column: `index` counts the rows that were read.
struct CsvBadField {
  int64_t index = 0;
  std::string message;
};

/// What a reader is to do with one block.
struct CsvColumnRequest {
  CsvFields fields;
  int64_t num_rows = 0;           // to read
  const int32_t* rows = nullptr;  // their numbers, ascending; null: 0 … num_rows - 1
  bool has_quotes = true;         // a quote may stand at the start of a field
  bool check_utf8 = false;        // the block holds bytes that are not UTF-8
};

/// Not thread-safe: one per lane and column, so that it may learn (a dictionary) from block to block.
class CsvColumnReader {
 public:
  virtual ~CsvColumnReader() = default;
  /// num_rows values. Rows in `bad` (ascending, once each) hold anything and are to be dropped by the caller.
  virtual Result<ArrayDataPtr> Read(const CsvColumnRequest& request, std::vector<CsvBadField>* bad) = 0;
};

/// `strict_zeros`: a number with leading zeros does not fit (it would not come out as it went in).
/// TypeError when CSV cannot hold `type`.
Result<std::unique_ptr<CsvColumnReader>> MakeCsvColumnReader(const std::string& name, const TypePtr& type,
                                                             const CsvDialect& dialect,
                                                             std::shared_ptr<const CsvNulls> nulls, bool strict_zeros);

/// The value of a field as it stands in the file: quotes and escapes resolved into `scratch` when there are any.
/// `quoted` tells "" from nothing.
std::string_view CsvFieldValue(const char* begin, const char* end, const CsvDialect& dialect, std::string* scratch,
                               bool* quoted);

}  // namespace weir
