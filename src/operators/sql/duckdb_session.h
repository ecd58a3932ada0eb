// DuckdbSession: one query over named collections, run by an embedded DuckDB that sees nothing else.
#pragma once

#include <arrow/type_fwd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "batch/batch.h"
#include "operators/sql/duckdb_library.h"

namespace weir {

struct DuckdbOptions {
  int threads = 1;
  int64_t memory_limit_bytes = int64_t{1} << 30;
  std::string temp_dir;         // where DuckDB spills; empty: it may not
  bool for_column_use = false;  // Explain() shows every column that is read; slow to run anything
};

/// What DuckDB said about a query, and where in it.
struct SqlError {
  std::string message;
  std::optional<std::pair<size_t, size_t>> place;  // bytes [begin, end) of the query
};

/// An in-memory database of its own. No file, network, extension or setting can be reached from a query. Not
/// thread-safe, except that DuckDB's own threads read the inputs.
class DuckdbSession {
 public:
  using RecordBatches = std::vector<std::shared_ptr<arrow::RecordBatch>>;

  static Result<std::unique_ptr<DuckdbSession>> Open(const DuckdbOptions& options);
  ~DuckdbSession();

  /// Appends `batches`, plain columns of flowing types, to the input `name`, which comes into being with its first
  /// call. DuckDB keeps a copy, on disk where its memory limit asks for it: a view over Arrow memory would save the
  /// copy, but through the C interface such a view ignores the filters and projections that DuckDB pushes into it, and
  /// can be read only once.
  Status Append(const std::string& name, const SchemaPtr& schema, RecordBatches batches);
  /// Forgets the input `name`.
  Status Drop(const std::string& name);

  /// Checks `query` against the inputs; its columns as flowing types. Nullptr with `error` set when the query is wrong.
  Result<SchemaPtr> Prepare(const std::string& query, SqlError* error);

  /// DuckDB's plan of `query`, which Prepare() took, as JSON. The query is no longer prepared afterwards.
  Result<std::string> Explain(const std::string& query);

  /// Runs the prepared query; the schema is Prepare()'s. After it, Next() gives the rows. Looks at `cancelled` now and
  /// then.
  Status Start(const std::atomic<bool>* cancelled);
  /// At least `batch_rows` rows except at the end (DuckDB's own 2,048 at a time are joined); nullopt at the end.
  /// Errors: Invalid with DuckDB's message; Invalid when a HUGEINT does not fit an integer.
  Result<std::optional<Batch>> Next(int64_t batch_rows);

 private:
  explicit DuckdbSession(const DuckdbLibrary& duckdb) : duckdb_(duckdb) {}
  Status Query(const std::string& text);
  Status KeepOnlyColumnPruning();
  /// What is wrong with `query`; empty: it is prepared, and of the kind that is wanted.
  std::string PrepareStatement(const std::string& query, duckdb_statement_type wanted);
  Result<SchemaPtr> ResultSchema();
  Result<Batch> JoinChunks(const RecordBatches& chunks) const;
  void CloseQuery();

  const DuckdbLibrary& duckdb_;
  duckdb_database database_ = nullptr;
  duckdb_connection connection_ = nullptr;
  duckdb_arrow_options arrow_options_ = nullptr;
  std::vector<std::string> inputs_;
  duckdb_prepared_statement statement_ = nullptr;
  std::vector<bool> is_wide_;                     // columns of 128-bit integers, which flow as integer
  SchemaPtr schema_;                              // of the result, flowing types
  std::shared_ptr<arrow::Schema> stored_schema_;  // as DuckDB gives it
  duckdb_result result_{};
  bool has_result_ = false;
  const std::atomic<bool>* cancelled_ = nullptr;
};

}  // namespace weir
