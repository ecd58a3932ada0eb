// SqliteTarget: rows into a table of an SQLite database, a transaction per delivery.
#pragma once

#include <memory>
#include <string>

#include "connectors/support/target.h"
#include "connectors/tables/table_sink_config.h"

namespace weir {

/// Transactional: the table weir_epochs (writer, epoch) has the number of the last delivery.
std::unique_ptr<Target> MakeSqliteTarget(std::string path, TablePlan plan);

}  // namespace weir
