// The functions of libduckdb that Weir calls, found when the first Sql step needs them: the library is 70 MB, and most
// pipelines have no use for it.
#pragma once

#define DUCKDB_API_ALLOW_DEPRECATED 1  // duckdb_arrow_scan and streaming results have no successor yet
#include <duckdb.h>

#include "base/status.h"

namespace weir {

// clang-format off
#define WEIR_DUCKDB_FUNCTIONS(X) \
  X(create_config) X(set_config) X(destroy_config) X(open_ext) X(close) X(connect) X(disconnect) X(free) \
  X(interrupt) X(query) X(destroy_result) X(result_error) X(arrow_scan) X(extract_statements) \
  X(extract_statements_error) X(destroy_extracted) X(prepare_extracted_statement) X(prepare_error) \
  X(destroy_prepare) X(prepared_statement_type) X(nparams) X(prepared_statement_column_count) \
  X(prepared_statement_column_name) X(prepared_statement_column_logical_type) X(get_type_id) \
  X(destroy_logical_type) X(pending_prepared_streaming) X(pending_execute_task) X(pending_error) \
  X(execute_pending) X(destroy_pending) X(fetch_chunk) X(destroy_data_chunk) X(data_chunk_get_size) \
  X(connection_get_arrow_options) X(destroy_arrow_options) X(to_arrow_schema) X(data_chunk_to_arrow) \
  X(error_data_message) X(destroy_error_data)
// clang-format on

struct DuckdbLibrary {
#define WEIR_DUCKDB_MEMBER(name) decltype(&::duckdb_##name) name = nullptr;
  WEIR_DUCKDB_FUNCTIONS(WEIR_DUCKDB_MEMBER)
#undef WEIR_DUCKDB_MEMBER

  /// Opens the library once for the whole process: $WEIR_DUCKDB, ../lib beside the program, the usual places of the
  /// linker, then where the build found it. Errors: IOError that says where it was looked for. Thread-safe.
  static Result<const DuckdbLibrary*> Get();
};

}  // namespace weir
