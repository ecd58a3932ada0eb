// DuckDB's error texts, taken apart.
#pragma once

#include <string>

#include "operators/sql/duckdb_session.h"

namespace weir {

/// DuckDB ends a message with the line of the query, "LINE 2: …", and a caret below. Takes them off and turns them into
/// a range of bytes of `query`: the word at the caret. A message without them has no place.
SqlError ReadSqlError(const std::string& query, const std::string& message);

}  // namespace weir
