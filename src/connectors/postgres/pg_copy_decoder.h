// Rows of PostgreSQL's binary COPY format (pg_copy_encoder.h) as batches.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "batch/batch.h"
#include "connectors/postgres/pg_types.h"
#include "engine/operator.h"

namespace weir {

class PgCopyDecoder {
 public:
  /// `columns` are those of the copy, in its order; columns[i] becomes wanted[i] of the schema, others come out pruned.
  PgCopyDecoder(SchemaPtr schema, std::vector<int> wanted, std::vector<PgColumn> columns);
  ~PgCopyDecoder();

  /// A copy begins.
  void Begin() { at_begin_ = true; }
  /// The bytes of whole rows. Errors: Invalid where they are not such a copy.
  Status Add(std::string_view bytes);
  int64_t num_rows() const { return num_rows_; }
  /// What was added. Rows of which a value has no place in its type (infinite times, NaN in a decimal) go to `errors`.
  Result<Batch> Take(std::vector<RawError>* errors);

 private:
  class Column;
  const SchemaPtr schema_;
  const std::vector<int> wanted_;
  std::vector<std::unique_ptr<Column>> columns_;
  bool at_begin_ = true;
  int64_t num_rows_ = 0;
  std::vector<RowError> mistakes_;
};

}  // namespace weir
