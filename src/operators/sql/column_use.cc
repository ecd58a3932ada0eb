// Reads DuckDB's plan: every scan of a table lists what it projects. With all optimisers off but the one that removes
// unused columns, a filter is an operator above its scan, so that its columns are in the list too.
#include "operators/sql/column_use.h"

#include <arrow/type.h>

#include <nlohmann/json.hpp>

namespace weir {
namespace {

using Json = nlohmann::json;

class PlanReader {
 public:
  PlanReader(const std::vector<std::string>& names, const std::vector<SchemaPtr>& schemas)
      : names_(names), schemas_(schemas), scanned_(names.size(), false) {
    for (const SchemaPtr& schema : schemas) read_.push_back(ColumnSet::None(schema->num_fields()));
  }

  void Visit(const Json& node) {
    if (node.is_array()) {
      for (const Json& part : node) Visit(part);
      return;
    }
    if (!node.is_object()) return;
    const auto info = node.find("extra_info");
    if (info != node.end() && info->is_object()) VisitScan(*info);
    const auto children = node.find("children");
    if (children != node.end()) Visit(*children);
  }

  std::vector<ColumnSet> Take() {
    for (size_t i = 0; i < names_.size(); ++i) {
      if (!scanned_[i]) read_[i] = ColumnSet::All(schemas_[i]->num_fields());
    }
    return std::move(read_);
  }

 private:
  void VisitScan(const Json& info) {
    const auto table = info.find("Table");
    if (table == info.end() || !table->is_string()) return;
    for (size_t i = 0; i < names_.size(); ++i) {
      if (table->get<std::string>() != "memory.main." + names_[i]) continue;
      scanned_[i] = true;
      const auto columns = info.find("Projections");
      if (columns == info.end()) {
        read_[i] = ColumnSet::All(schemas_[i]->num_fields());
      } else if (columns->is_array()) {
        for (const Json& column : *columns) Add(i, column);
      } else {
        Add(i, *columns);
      }
    }
  }

  /// A column, or `column.field` of one; "" stands for none (count(*)).
  void Add(size_t input, const Json& text) {
    const std::string name = text.is_string() ? text.get<std::string>() : "?";
    bool known = name.empty();
    for (int i = 0; i < schemas_[input]->num_fields(); ++i) {
      const std::string& column = schemas_[input]->field(i)->name();
      if (name != column && !name.starts_with(column + ".")) continue;
      read_[input].Add(i);
      known = true;
    }
    if (!known) read_[input] = ColumnSet::All(schemas_[input]->num_fields());
  }

  const std::vector<std::string>& names_;
  const std::vector<SchemaPtr>& schemas_;
  std::vector<ColumnSet> read_;
  std::vector<bool> scanned_;
};

}  // namespace

std::vector<ColumnSet> ColumnsRead(const std::string& plan_json, const std::vector<std::string>& names,
                                   const std::vector<SchemaPtr>& schemas) {
  PlanReader reader(names, schemas);
  reader.Visit(Json::parse(plan_json, nullptr, false));
  return reader.Take();
}

}  // namespace weir
