// Batch: what flows between operators. Arrow columns plus event time, window, weight and an optional selection.
//
// A Batch is a value: copying it copies shared pointers, never data; two copies may live in two threads, one object may
// not be used by two threads at once. Buffers are immutable once they are in a batch.
//
// Three things an operator must know:
//  * Logical and physical types differ in one way only: a column whose schema type is utf8 may arrive
//  dictionary-encoded
//    (dictionary<int32, utf8>). Kernels that gain from it look; the others call PlainColumn().
//  * A column may be pruned: nobody downstream reads it, so nobody made it, and column(i) is null. An operator that
//    copies all columns passes the null on. An operator never touches a column that it did not ask for at plan time.
//  * A batch may carry a selection: row numbers of those physical rows that are still alive. num_rows(), column(),
//    event_time() … are after selection: the first access to a column gathers it, once. A filter therefore costs
//    nothing for columns that nobody reads.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/event_time.h"
#include "base/status.h"

namespace weir {

using SchemaPtr = std::shared_ptr<arrow::Schema>;
using ArrayDataPtr = std::shared_ptr<arrow::ArrayData>;
using BufferPtr = std::shared_ptr<arrow::Buffer>;

/// One int64 per row, or one for all rows.
class Int64Column {
 public:
  Int64Column() = default;
  explicit Int64Column(int64_t constant) : constant_(constant) {}
  explicit Int64Column(BufferPtr values) : values_(std::move(values)) {}  // int64 each
  bool is_constant() const { return values_ == nullptr; }
  int64_t constant() const { return constant_; }
  const BufferPtr& values() const { return values_; }
  const int64_t* data() const;  // null when constant
  int64_t at(int64_t row) const { return values_ ? data()[row] : constant_; }

 private:
  int64_t constant_ = 0;
  BufferPtr values_;
};

enum class PaneTiming : uint8_t { kEarly, kOnTime, kLate, kUnknown };

/// Of which firing of its window a row is part. One for all rows of a batch: operators cut batches at panes.
struct Pane {
  PaneTiming timing = PaneTiming::kUnknown;
  int64_t index = 0;
  bool is_first = true;
  bool is_last = true;
  bool operator==(const Pane&) const = default;
};

/// Row numbers, ascending, of the physical rows that are alive. int32 each.
struct Selection {
  BufferPtr rows;
  int64_t count = 0;
  std::span<const int32_t> span() const;
};

class Batch {
 public:
  Batch() = default;
  /// `columns` in schema order, each of `num_rows` rows, null pointer = pruned. Event time: kMinEventTime for all rows.
  Batch(SchemaPtr schema, std::vector<ArrayDataPtr> columns, int64_t num_rows);
  /// Columns normalised to the flowing types (types.h). Errors: as NormalizeColumn.
  static Result<Batch> FromRecordBatch(const arrow::RecordBatch& batch);

  const SchemaPtr& schema() const { return schema_; }
  int num_columns() const { return static_cast<int>(columns_.size()); }
  int64_t num_rows() const { return num_rows_; }

  /// Column `i` after selection: dense, offset 0 not guaranteed, maybe dictionary-encoded, null when pruned.
  const ArrayDataPtr& column(int i) const;
  /// The same, with a dictionary decoded. Who makes dictionary columns keeps rows × longest value below 2 GiB.
  const ArrayDataPtr& PlainColumn(int i) const;
  bool is_pruned(int i) const { return columns_[i].data == nullptr; }

  const Int64Column& event_time() const;
  bool has_window() const { return has_window_; }
  /// [start, end) per row; only after a grouping step (before it a row's windows follow from its event time).
  const Int64Column& window_start() const;
  const Int64Column& window_end() const;
  const Pane& pane() const { return pane_; }
  /// Absent = every row has weight +1.
  bool has_weight() const { return has_weight_; }
  const Int64Column& weight() const;

  void set_event_time(Int64Column time);  // of num_rows() rows
  void set_window(Int64Column start, Int64Column end);
  void clear_window() { has_window_ = false; }
  void set_weight(Int64Column weight);
  void set_pane(Pane pane) { pane_ = pane; }
  /// Number of the piece of its source that the rows come from, while they stay in order in one lane; -1: unknown.
  int64_t morsel() const { return morsel_; }
  void set_morsel(int64_t morsel) { morsel_ = morsel; }
  /// Event time, window, pane, weight and morsel of `other`, which has the same number of rows. Gathers nothing.
  void CopyTimeFrom(const Batch& other);

  /// Keeps rows `selection` (row numbers of this batch as num_rows() counts them, ascending). Cheap: gathers nothing.
  Batch Select(const Selection& selection) const;
  /// Rows [offset, offset + length), zero copy.
  Batch Slice(int64_t offset, int64_t length) const;
  /// Same time and rows, other columns. `columns` have num_rows() rows.
  Batch WithColumns(SchemaPtr schema, std::vector<ArrayDataPtr> columns) const;
  /// Columns under `schema`, without gathering: output column j is column `indices[j]` of this batch, or, where that is
  /// negative, fresh[-1 - indices[j]], which has num_rows() rows.
  Batch Project(SchemaPtr schema, const std::vector<int>& indices, std::vector<ArrayDataPtr> fresh = {}) const;
  /// Gathers every column now; afterwards there is no selection.
  Batch Compact() const;
  /// Plain columns (dictionaries decoded, pruned columns as nulls) for Arrow's own functions, Parquet, tests.
  Result<std::shared_ptr<arrow::RecordBatch>> ToRecordBatch() const;

  /// Bytes that its rows refer to, roughly for columns under a selection; a dictionary counts in full. For channels and
  /// the memory budget.
  int64_t size_bytes() const;

 private:
  // Rows that are still to be gathered from the column beside it; null: the column is dense. Columns share the object.
  using PendingRows = std::shared_ptr<const Selection>;
  struct LazyColumn {
    ArrayDataPtr data;
    PendingRows rows;
  };
  struct LazyInt64 {
    Int64Column values;
    PendingRows rows;
  };
  static const Int64Column& Gather(LazyInt64* column);
  template <class Derive>
  Batch DeriveRows(int64_t num_rows, Derive derive) const;

  SchemaPtr schema_;
  mutable std::vector<LazyColumn> columns_;
  mutable std::vector<ArrayDataPtr> plain_;  // decoded dictionaries; empty until the first
  int64_t num_rows_ = 0;
  mutable LazyInt64 event_time_{Int64Column(kMinEventTime), nullptr};
  mutable LazyInt64 window_start_{Int64Column(kMinEventTime), nullptr};
  mutable LazyInt64 window_end_{Int64Column(kEndOfGlobalWindow), nullptr};
  mutable LazyInt64 weight_{Int64Column(1), nullptr};
  bool has_window_ = false;
  bool has_weight_ = false;
  Pane pane_;
  int64_t morsel_ = -1;
};

}  // namespace weir
