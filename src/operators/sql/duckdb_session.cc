// Opening, preparing and running a query in an embedded DuckDB.
#include "operators/sql/duckdb_session.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/decimal.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "base/check.h"
#include "batch/types.h"
#include "operators/sql/duckdb_types.h"
#include "operators/sql/sql_error.h"

namespace weir {
namespace {

std::string Quoted(const std::string& name) {
  std::string out = "\"";
  for (char c : name) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

/// int64 of a decimal128(38, 0) column that holds 128-bit integers.
Result<ArrayDataPtr> Narrow(const arrow::ArrayData& column, const std::string& name) {
  WEIR_ASSIGN_OR_RETURN(auto out, arrow::AllocateBuffer(column.length * sizeof(int64_t)));
  auto* to = reinterpret_cast<int64_t*>(out->mutable_data());
  const auto* from = column.GetValues<std::array<int64_t, 2>>(1);  // low, high
  for (int64_t row = 0; row < column.length; ++row) {
    to[row] = from[row][0];
    if (from[row][1] == from[row][0] >> 63 || column.IsNull(row)) continue;
    arrow::Decimal128 value(from[row][1], static_cast<uint64_t>(from[row][0]));
    return Status::Invalid("column '", name, "' of the query holds ", value.ToIntegerString(),
                           ", which is too large for an integer; cast it in the query, to DOUBLE or DECIMAL(38, 0)");
  }
  std::shared_ptr<arrow::Buffer> valid;
  if (column.GetNullCount() > 0) {
    WEIR_ASSIGN_OR_RETURN(valid, arrow::AllocateBitmap(column.length));
    for (int64_t row = 0; row < column.length; ++row) {
      arrow::bit_util::SetBitTo(valid->mutable_data(), row, column.IsValid(row));
    }
  }
  return arrow::ArrayData::Make(arrow::int64(), column.length, {std::move(valid), std::move(out)});
}

}  // namespace

Result<std::unique_ptr<DuckdbSession>> DuckdbSession::Open(const DuckdbOptions& options) {
  WEIR_ASSIGN_OR_RETURN(const DuckdbLibrary* duckdb, DuckdbLibrary::Get());
  std::unique_ptr<DuckdbSession> self(new DuckdbSession(*duckdb));
  duckdb_config config = nullptr;
  if (duckdb->create_config(&config) == DuckDBError) return Status::OutOfMemory("DuckDB cannot be configured");
  const std::vector<std::pair<const char*, std::string>> settings = {
      {"threads", std::to_string(std::max(1, options.threads))},
      {"memory_limit", std::to_string(options.memory_limit_bytes) + "B"},
      {"temp_directory", options.temp_dir},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"enable_external_access", "false"},
      {"lock_configuration", options.for_column_use ? "false" : "true"},
  };
  Status status;
  for (const auto& [name, value] : settings) {
    if (duckdb->set_config(config, name, value.c_str()) == DuckDBError) {
      status = Status::UnknownError("DuckDB refuses its setting ", name, " = '", value, "'");
    }
  }
  char* error = nullptr;
  if (status.ok() && duckdb->open_ext(nullptr, &self->database_, config, &error) == DuckDBError) {
    status = Status::UnknownError("DuckDB cannot start: ", error ? error : "no reason given");
  }
  if (error) duckdb->free(error);
  duckdb->destroy_config(&config);
  WEIR_RETURN_NOT_OK(status);
  if (duckdb->connect(self->database_, &self->connection_) == DuckDBError) {
    return Status::UnknownError("DuckDB gives no connection");
  }
  duckdb->connection_get_arrow_options(self->connection_, &self->arrow_options_);
  if (options.for_column_use) WEIR_RETURN_NOT_OK(self->KeepOnlyColumnPruning());
  return self;
}

DuckdbSession::~DuckdbSession() {
  CloseQuery();
  if (arrow_options_) duckdb_.destroy_arrow_options(&arrow_options_);
  if (connection_) duckdb_.disconnect(&connection_);
  if (database_) duckdb_.close(&database_);
}

void DuckdbSession::CloseQuery() {
  if (has_result_) duckdb_.destroy_result(&result_);
  has_result_ = false;
  if (statement_) duckdb_.destroy_prepare(&statement_);
  statement_ = nullptr;
}

Status DuckdbSession::Query(const std::string& text) {
  duckdb_result result;
  bool failed = duckdb_.query(connection_, text.c_str(), &result) == DuckDBError;
  std::string message = failed ? duckdb_.result_error(&result) : "";
  duckdb_.destroy_result(&result);
  return failed ? Status::Invalid("DuckDB: ", message) : Status::OK();
}

Status DuckdbSession::Append(const std::string& name, const SchemaPtr& schema, RecordBatches batches) {
  CloseQuery();
  static const std::string kIncoming = "weir incoming";
  auto stored = DuckdbSchema(*schema);
  for (auto& batch : batches) batch = AsDuckdbBatch(*batch, stored);
  WEIR_ASSIGN_OR_RETURN(auto reader, arrow::RecordBatchReader::Make(std::move(batches), stored));
  ArrowArrayStream stream{};
  WEIR_RETURN_NOT_OK(arrow::ExportRecordBatchReader(reader, &stream));
  Status status;
  auto* handle = reinterpret_cast<duckdb_arrow_stream>(&stream);
  if (duckdb_.arrow_scan(connection_, kIncoming.c_str(), handle) == DuckDBError) {
    status = Status::Invalid("DuckDB cannot take the input '", name, "'");
  }
  bool exists = std::find(inputs_.begin(), inputs_.end(), name) != inputs_.end();
  // All columns and no filter: the only way in which the view is read rightly.
  std::string from = " SELECT * FROM " + Quoted(kIncoming);
  std::string into = exists ? "INSERT INTO " + Quoted(name) : "CREATE TABLE " + Quoted(name) + " AS";
  if (status.ok()) status = Query(into + from);
  if (status.ok()) status = Query("DROP VIEW " + Quoted(kIncoming));
  if (stream.release) stream.release(&stream);
  if (status.ok() && !exists) inputs_.push_back(name);
  return status;
}

Status DuckdbSession::Drop(const std::string& name) {
  CloseQuery();
  auto found = std::find(inputs_.begin(), inputs_.end(), name);
  if (found == inputs_.end()) return Status::OK();
  inputs_.erase(found);
  return Query("DROP TABLE " + Quoted(name));
}

Status DuckdbSession::KeepOnlyColumnPruning() {
  SqlError error;
  WEIR_ASSIGN_OR_RETURN(SchemaPtr schema, Prepare("SELECT string_agg(name, ',') FROM duckdb_optimizers() "
                                                  "WHERE name <> 'unused_columns'",
                                                  &error));
  if (!schema) return Status::UnknownError("DuckDB: ", error.message);
  WEIR_RETURN_NOT_OK(Start(nullptr));
  WEIR_ASSIGN_OR_RETURN(std::optional<Batch> names, Next(1));
  CloseQuery();
  if (!names) return Status::UnknownError("DuckDB names no optimisers");
  const auto column = arrow::MakeArray(names->PlainColumn(0));
  const std::string list = static_cast<const arrow::StringArray&>(*column).GetString(0);
  return Query("SET disabled_optimizers = '" + list + "'; SET lock_configuration = true");
}

std::string DuckdbSession::PrepareStatement(const std::string& query, duckdb_statement_type wanted) {
  CloseQuery();
  duckdb_extracted_statements statements = nullptr;
  idx_t count = duckdb_.extract_statements(connection_, query.c_str(), &statements);
  std::string message;
  if (count == 0) {
    const char* reason = duckdb_.extract_statements_error(statements);
    message = reason ? reason : "the query is empty";
  } else if (count > 1) {
    message = "the query has " + std::to_string(count) + " statements; a Sql step takes one SELECT";
  } else if (duckdb_.prepare_extracted_statement(connection_, statements, 0, &statement_) == DuckDBError) {
    message = duckdb_.prepare_error(statement_);
  } else if (duckdb_.prepared_statement_type(statement_) != wanted) {
    message = "a Sql step takes a SELECT";
  } else if (duckdb_.nparams(statement_) > 0) {
    message = "the query has parameters (?, $1), and nobody to give them";
  }
  duckdb_.destroy_extracted(&statements);
  return message;
}

Result<std::string> DuckdbSession::Explain(const std::string& query) {
  const std::string problem = PrepareStatement("EXPLAIN (FORMAT json) " + query, DUCKDB_STATEMENT_TYPE_EXPLAIN);
  if (!problem.empty()) return Status::Invalid("DuckDB: ", problem);
  WEIR_RETURN_NOT_OK(ResultSchema());
  WEIR_RETURN_NOT_OK(Start(nullptr));
  WEIR_ASSIGN_OR_RETURN(std::optional<Batch> rows, Next(1));
  CloseQuery();
  if (!rows || rows->num_columns() != 2) return Status::Invalid("DuckDB explains nothing");  // a key, and the plan
  const auto column = arrow::MakeArray(rows->PlainColumn(1));
  return static_cast<const arrow::StringArray&>(*column).GetString(0);
}

Result<SchemaPtr> DuckdbSession::Prepare(const std::string& query, SqlError* error) {
  const std::string message = PrepareStatement(query, DUCKDB_STATEMENT_TYPE_SELECT);
  if (!message.empty()) {
    *error = ReadSqlError(query, message);
    return nullptr;
  }
  auto schema = ResultSchema();
  if (schema.ok()) return schema;
  if (!schema.status().IsTypeError()) return schema.status();
  *error = {schema.status().message(), std::nullopt};
  return nullptr;
}

Result<SchemaPtr> DuckdbSession::ResultSchema() {
  std::vector<duckdb_logical_type> types;
  std::vector<const char*> names;
  is_wide_.clear();
  idx_t count = duckdb_.prepared_statement_column_count(statement_);
  for (idx_t i = 0; i < count; ++i) {
    names.push_back(duckdb_.prepared_statement_column_name(statement_, i));
    types.push_back(duckdb_.prepared_statement_column_logical_type(statement_, i));
    is_wide_.push_back(duckdb_.get_type_id(types.back()) == DUCKDB_TYPE_HUGEINT);
  }
  ArrowSchema exported{};
  duckdb_error_data error = duckdb_.to_arrow_schema(arrow_options_, types.data(), names.data(), count, &exported);
  Status status;
  if (error) {
    status = Status::TypeError(duckdb_.error_data_message(error));
    duckdb_.destroy_error_data(&error);
  }
  std::set<std::string> seen;
  for (const char* name : names) {
    if (status.ok() && !seen.insert(name).second) {
      status = Status::TypeError("two columns of the query are called '", name, "'; name one of them with AS");
    }
    duckdb_.free(const_cast<char*>(name));
  }
  for (duckdb_logical_type& type : types) duckdb_.destroy_logical_type(&type);
  if (!status.ok() && exported.release) exported.release(&exported);
  WEIR_RETURN_NOT_OK(status);
  WEIR_ASSIGN_OR_RETURN(stored_schema_, arrow::ImportSchema(&exported));
  arrow::FieldVector fields;
  for (int i = 0; i < stored_schema_->num_fields(); ++i) {
    const auto& field = stored_schema_->field(i);
    auto type = is_wide_[i] ? arrow::int64() : NormalizedType(*field->type());
    if (!type.ok()) {
      return Status::TypeError("column '", field->name(), "' of the query: ", type.status().message(), "; cast it");
    }
    fields.push_back(arrow::field(field->name(), *type));
  }
  schema_ = arrow::schema(std::move(fields));
  return schema_;
}

Status DuckdbSession::Start(const std::atomic<bool>* cancelled) {
  cancelled_ = cancelled;
  duckdb_pending_result pending = nullptr;
  Status status;
  if (duckdb_.pending_prepared_streaming(statement_, &pending) == DuckDBError) {
    status = Status::Invalid("DuckDB: ", duckdb_.pending_error(pending));
  }
  while (status.ok()) {
    duckdb_pending_state state = duckdb_.pending_execute_task(pending);
    if (state == DUCKDB_PENDING_RESULT_READY) break;
    if (state == DUCKDB_PENDING_ERROR) status = Status::Invalid("DuckDB: ", duckdb_.pending_error(pending));
    if (cancelled && cancelled->load(std::memory_order_relaxed)) {
      duckdb_.interrupt(connection_);
      status = Status::Cancelled("the run was cancelled");
    }
    // allowed: DuckDB has no wait of its own; its other threads have all the work, some ten µs per task
    if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  if (status.ok()) {
    has_result_ = true;
    if (duckdb_.execute_pending(pending, &result_) == DuckDBError) {
      status = Status::Invalid("DuckDB: ", duckdb_.result_error(&result_));
    }
  }
  duckdb_.destroy_pending(&pending);
  return status;
}

Result<std::optional<Batch>> DuckdbSession::Next(int64_t batch_rows) {
  RecordBatches chunks;
  int64_t rows = 0;
  while (rows < batch_rows && has_result_) {
    if (cancelled_ && cancelled_->load(std::memory_order_relaxed)) return Status::Cancelled("the run was cancelled");
    duckdb_data_chunk chunk = duckdb_.fetch_chunk(result_);
    if (!chunk) {
      const char* error = duckdb_.result_error(&result_);
      Status status = error && *error ? Status::Invalid("DuckDB: ", error) : Status::OK();
      duckdb_.destroy_result(&result_);
      has_result_ = false;
      WEIR_RETURN_NOT_OK(status);
      break;
    }
    ArrowArray array{};
    bool empty = duckdb_.data_chunk_get_size(chunk) == 0;
    duckdb_error_data error = empty ? nullptr : duckdb_.data_chunk_to_arrow(arrow_options_, chunk, &array);
    duckdb_.destroy_data_chunk(&chunk);
    if (error) {
      Status status = Status::Invalid("DuckDB: ", duckdb_.error_data_message(error));
      duckdb_.destroy_error_data(&error);
      return status;
    }
    if (empty) continue;
    WEIR_ASSIGN_OR_RETURN(auto batch, arrow::ImportRecordBatch(&array, stored_schema_));
    rows += batch->num_rows();
    chunks.push_back(std::move(batch));
  }
  if (rows == 0) return std::nullopt;
  WEIR_ASSIGN_OR_RETURN(Batch batch, JoinChunks(chunks));
  return batch;
}

Result<Batch> DuckdbSession::JoinChunks(const RecordBatches& chunks) const {
  int64_t rows = 0;
  for (const auto& chunk : chunks) rows += chunk->num_rows();
  std::vector<ArrayDataPtr> columns;
  for (int i = 0; i < stored_schema_->num_fields(); ++i) {
    arrow::ArrayVector parts;
    for (const auto& chunk : chunks) parts.push_back(chunk->column(i));
    std::shared_ptr<arrow::Array> joined = parts[0];
    if (parts.size() > 1) {
      WEIR_ASSIGN_OR_RETURN(joined, arrow::Concatenate(parts));
    }
    ArrayDataPtr column = joined->data();
    if (is_wide_[i]) {
      WEIR_ASSIGN_OR_RETURN(column, Narrow(*column, stored_schema_->field(i)->name()));
    } else {
      WEIR_ASSIGN_OR_RETURN(column, NormalizeColumn(column));
    }
    columns.push_back(std::move(column));
  }
  return Batch(schema_, std::move(columns), rows);
}

}  // namespace weir
