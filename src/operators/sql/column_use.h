// Which columns of its inputs a query reads, so that nobody makes the others.
#pragma once

#include <string>
#include <vector>

#include "batch/batch.h"
#include "plan/column_set.h"

namespace weir {

/// `plan_json`: DuckdbSession::Explain of the query in a session with DuckdbOptions::for_column_use. Per input of
/// `names` and `schemas` its columns; all of them where the plan does not say it clearly.
std::vector<ColumnSet> ColumnsRead(const std::string& plan_json, const std::vector<std::string>& names,
                                   const std::vector<SchemaPtr>& schemas);

}  // namespace weir
