// Rows of columns as bytes of state and back, and the keys of cells.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "batch/batch.h"
#include "batch/types.h"
#include "state/hash/hash.h"
#include "state/snapshot/state_bytes.h"

namespace weir {

/// Appends the values of a row, each as it is, to the bit. A column that is null (pruned) says so.
void AppendRowState(const std::vector<ArrayDataPtr>& columns, int64_t row, std::string* out);

/// Makes columns of rows that AppendRowState wrote.
class RowStateReader {
 public:
  explicit RowStateReader(std::vector<TypePtr> types);
  ~RowStateReader();
  /// Adds a row. Errors: Invalid when `bytes` are not those of one row of these types.
  Status Add(std::string_view bytes);
  int64_t rows() const { return rows_; }
  /// The rows so far as columns, null where all of them said pruned. Starts again.
  Result<std::vector<ArrayDataPtr>> Finish();

 private:
  const std::vector<TypePtr> types_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders_;
  std::vector<int64_t> pruned_;  // by column: rows that said so
  int64_t rows_ = 0;
};

/// Key columns of cells: their bytes, and the key groups by which lanes divide them.
class CellKeys {
 public:
  /// `hashed`: those of the columns that the exchange before the operator hashes, in its order; null: all.
  Status Set(std::vector<ArrayDataPtr> columns, int64_t rows, const std::vector<int>* hashed = nullptr);
  int group(int64_t row) const { return KeyGroup(hashes_[static_cast<size_t>(row)]); }
  /// Appends the row's key.
  void Append(int64_t row, StateWriter* out);

 private:
  std::vector<ArrayDataPtr> columns_;
  std::vector<uint64_t> hashes_;
  KeyHasher hasher_;
  std::string scratch_;
};

/// A row of a batch: its columns, event time and, where the batch has them, weight and window.
void AppendBatchRow(const Batch& batch, int64_t row, StateWriter* out);

/// Makes a batch of rows that AppendBatchRow wrote.
class BatchStateReader {
 public:
  explicit BatchStateReader(SchemaPtr schema);
  /// Errors: Invalid when the bytes are damaged.
  Status Add(StateReader* in);
  int64_t rows() const { return columns_.rows(); }
  Result<Batch> Finish();

 private:
  const SchemaPtr schema_;
  RowStateReader columns_;
  std::vector<int64_t> times_, weights_, starts_, ends_;
};

std::vector<TypePtr> TypesOf(const arrow::Schema& schema);
/// `columns` of a schema.
std::vector<TypePtr> TypesOf(const arrow::Schema& schema, const std::vector<int>& columns);

inline Status DamagedState() { return Status::Invalid("what an operator kept is damaged"); }

}  // namespace weir
