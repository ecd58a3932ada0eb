// The registry and the commonest binding shape.
#include "plan/binding.h"

#include <arrow/type.h>

#include "plan/physical.h"

namespace weir {

int BindContext::FindColumn(const arrow::Schema& schema, const std::string& name, const NodePtr& node) {
  const int index = schema.GetFieldIndex(name);
  if (index >= 0) return index;
  const std::vector<std::string> names = schema.field_names();
  const std::string near = ClosestMatch(name, names);
  std::string list;
  for (size_t i = 0; i < names.size() && i < 12; ++i) list += (i ? ", " : "") + names[i];
  if (names.size() > 12) list += ", …";
  Error(node, "unknown field '" + name + "'",
        near.empty() ? "the fields are: " + list : "did you mean '" + near + "'?");
  return -1;
}

const std::vector<std::string>& StepConfigKeys() {
  static const std::vector<std::string> keys{"error_handling", "output_schema"};
  return keys;
}

const Component* Registry::Find(const std::string& type) const {
  auto found = components_.find(type);
  return found == components_.end() ? nullptr : found->second.get();
}

const Component* Registry::FindImplied(const std::string& type) const {
  auto found = implied_.find(type);
  return found == implied_.end() ? nullptr : found->second.get();
}

std::vector<std::string> Registry::Names() const {
  std::vector<std::string> out;
  for (const auto& [name, component] : components_) out.push_back(name);
  return out;
}

StepBinding OutputOnlyBinding(const BindContext& context, SchemaPtr output_schema) {
  StepBinding binding;
  CollectionInfo out = context.inputs()[0].info;
  out.schema = std::move(output_schema);
  binding.outputs = {{"", std::move(out)}};
  return binding;
}

StepBinding RowWiseBinding(const BindContext& context, SchemaPtr output_schema, std::vector<int> reads,
                           std::vector<int> pass_through,
                           std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)> make) {
  const CollectionInfo& in = context.inputs()[0].info;
  const int input_columns = in.schema->num_fields();
  StepBinding binding;
  CollectionInfo out = in;
  out.schema = std::move(output_schema);
  OperatorSpec op;
  op.name = context.step_name();
  op.inputs = {Exchange{}};
  op.outputs = {out.schema};
  op.keeps = StateKeeping::kNothing;
  op.make = std::move(make);
  op.needs = [input_columns, reads = std::move(reads),
              pass_through = std::move(pass_through)](const std::vector<ColumnSet>& outputs) {
    ColumnSet needed = ColumnSet::None(input_columns);
    needed.AddAll(reads);
    for (size_t i = 0; i < pass_through.size(); ++i) {
      if (pass_through[i] >= 0 && outputs[0].contains(static_cast<int>(i))) needed.Add(pass_through[i]);
    }
    return std::vector<ColumnSet>{needed};
  };
  binding.outputs = {{"", std::move(out)}};
  binding.operators.push_back(std::move(op));
  return binding;
}

SchemaPtr ErrorSchema(const TypePtr& element) {
  return arrow::schema(
      {arrow::field("element", element), arrow::field("msg", arrow::utf8()), arrow::field("stack", arrow::utf8())});
}

}  // namespace weir
