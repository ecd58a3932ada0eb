// The settings that all sinks to tables of databases have in common.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/support/delivery_config.h"
#include "plan/binding.h"

namespace weir {

/// What happens where the rows have other fields than the table.
enum class SchemaDrift : uint8_t {
  kFail,  // the run does not start
  kAdd,   // fields that the table lacks become columns
  kCast,  // the same, and values of another type are cast to that of the column
};

struct TableSinkConfig : DeliveryConfig {
  std::string table;
  std::vector<std::string> key;
  bool create = true;
  SchemaDrift schema_drift = SchemaDrift::kFail;
  static const FieldSet<TableSinkConfig>& Fields();
};

/// The settings as a target needs them.
struct TablePlan {
  std::string table;
  SchemaPtr schema;      // of the rows
  std::vector<int> key;  // columns; empty: rows are appended
  bool changes = false;  // rows can be taken back
  bool create = true;
  SchemaDrift drift = SchemaDrift::kFail;
};

/// Checks the settings against the rows. nullopt after errors.
std::optional<TablePlan> BindTable(const TableSinkConfig& config, BindContext& context);

}  // namespace weir
