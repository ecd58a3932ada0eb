// ColumnWriter: the chunks of a result, one after another, as one Arrow column.
#pragma once

#include <memory>
#include <vector>

#include "expr/run/vec.h"

namespace weir::expr {

class ColumnWriter {
 public:
  /// A column of `type` with `rows` rows to come, cut into chunks of kChunkRows (the last may be shorter).
  static Result<ColumnWriter> Make(const TypePtr& type, int64_t rows);

  /// Where the next chunk's values may be written directly (integer, timestamp and number columns), else null.
  void* direct() const;
  Status Append(const Vec& vec, int count);
  Result<ArrayDataPtr> Finish();

 private:
  Status AppendStrings(const Vec& vec, int count);
  Status AppendNested(const Vec& vec, int count);
  Status AppendValid(const Vec& vec, int count);

  TypePtr type_;
  Phys phys_ = Phys::kNull;
  int64_t rows_ = 0;
  int64_t done_ = 0;
  int64_t nulls_ = 0;
  std::shared_ptr<arrow::ResizableBuffer> valid_;   // made with the first null
  std::shared_ptr<arrow::ResizableBuffer> values_;  // or offsets
  std::shared_ptr<arrow::ResizableBuffer> bytes_;
  int64_t bytes_used_ = 0;
  std::vector<ArrayDataPtr> pieces_;
};

/// One chunk as a column.
Result<ArrayDataPtr> VecToColumn(const Vec& vec, const TypePtr& type, int count);

}  // namespace weir::expr
