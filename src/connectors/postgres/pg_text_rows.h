// Rows whose values are PostgreSQL's text (ISO dates, UTC, hex bytes) as batches with weights.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "batch/batch.h"
#include "engine/operator.h"

namespace weir {

using PgTextRow = std::vector<std::optional<std::string_view>>;  // one per field; nullopt: null

class PgTextRows {
 public:
  explicit PgTextRows(SchemaPtr schema);
  ~PgTextRows();
  Status Add(const PgTextRow& row, int64_t weight);
  int64_t num_rows() const { return static_cast<int64_t>(weights_.size()); }
  /// What was added. Rows with values that have no place in their type go to `errors`.
  Result<Batch> Take(std::vector<RawError>* errors);

 private:
  struct Columns;
  const SchemaPtr schema_;
  std::unique_ptr<Columns> columns_;
  std::vector<int64_t> weights_;
  std::vector<RowError> mistakes_;
};

}  // namespace weir
