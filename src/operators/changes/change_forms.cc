// What reading and writing changes have in common.
#include "operators/changes/change_forms.h"

#include <arrow/buffer.h>
#include <arrow/type.h>

namespace weir {

std::string ChangeField(const ChangesConfig& config) {
  if (config.form == "before_after") return "";
  if (!config.field.empty() || config.form == "upsert") return config.field;
  return config.form == "weight" ? "weight" : "op";
}

bool ReadChangeKey(const ChangesConfig& config, const arrow::Schema& schema, BindContext& context,
                   std::vector<int>* columns) {
  const NodePtr settings = context.step_node()->Find("config");
  const NodePtr written = settings->Find("key");
  bool good = true;
  for (size_t i = 0; i < config.key.size(); ++i) {
    const int column =
        context.FindColumn(schema, config.key[i], written->is_sequence() ? written->items()[i] : written);
    good &= column >= 0;
    columns->push_back(column);
  }
  if (config.form == "upsert" && config.key.empty()) {
    context.Error(settings->Find("form"), "'upsert' needs a 'key'", "for example 'key: id'");
    good = false;
  }
  const bool all = static_cast<int>(config.key.size()) >= schema.num_fields();
  if (good && config.form == "upsert" && config.field.empty() && all) {
    context.Error(written, "with all fields in the key, a row that went looks like one that came",
                  "give 'field', in which a word says which it is");
    good = false;
  }
  return good;
}

Batch Unweighted(const Batch& like, SchemaPtr schema, std::vector<ArrayDataPtr> columns) {
  Batch out(std::move(schema), std::move(columns), like.num_rows());
  out.set_event_time(like.event_time());
  if (like.has_window()) out.set_window(like.window_start(), like.window_end());
  out.set_pane(like.pane());
  out.set_morsel(like.morsel());
  return out;
}

void TakeTimes(const Batch& like, const std::vector<int32_t>& rows, Batch* batch) {
  const auto take = [&](const Int64Column& column) {
    if (column.is_constant()) return column;
    std::vector<int64_t> values;
    values.reserve(rows.size());
    for (int32_t row : rows) values.push_back(column.at(row));
    return Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(values))));
  };
  batch->set_event_time(take(like.event_time()));
  if (like.has_window()) batch->set_window(take(like.window_start()), take(like.window_end()));
  batch->set_pane(like.pane());
}

StepBinding BindChanges(BindContext& context, SchemaPtr schema, const std::vector<int>& exchange_keys, bool changes,
                        std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)> make) {
  const int width = context.inputs()[0].info.schema->num_fields();
  StepBinding binding = RowWiseBinding(context, std::move(schema), {}, {}, std::move(make));
  binding.outputs[0].info.changes = changes;
  OperatorSpec& spec = binding.operators[0];
  if (!exchange_keys.empty()) spec.inputs = {Exchange{ExchangeKind::kHash, exchange_keys}};
  spec.needs = [width](const std::vector<ColumnSet>&) { return std::vector<ColumnSet>{ColumnSet::All(width)}; };
  return binding;
}

}  // namespace weir
