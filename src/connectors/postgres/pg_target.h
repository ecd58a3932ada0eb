// PgTarget: rows into a table of PostgreSQL by binary COPY, a transaction per delivery.
#pragma once

#include <memory>

#include "connectors/postgres/client/pg_config.h"
#include "connectors/support/target.h"
#include "connectors/tables/table_sink_config.h"

namespace weir {

/// Transactional: the table weir_epochs (writer, epoch) has the number of the last delivery.
std::unique_ptr<Target> MakePgTarget(PgParameters parameters, TablePlan plan);

}  // namespace weir
