// Top: the first rows of each group in an order.
#include <arrow/type.h>

#include <algorithm>

#include "batch/types.h"
#include "engine/operator.h"
#include "operators/changes/top_changes.h"
#include "operators/support/windowed_rows.h"
#include "plan/binding.h"
#include "state/top/top_rows.h"

namespace weir {
namespace {

struct TopConfig {
  std::vector<std::string> key;
  NodePtr by;
  int64_t n = 1;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<TopConfig>("Top")
      .Summary("Keep the first rows of each group, in an order.")
      .Doc(
          "Whole rows are kept, unlike `max` of Combine: the last bid of each bidder is `{key: bidder, by: -at}`. Rows "
          "that "
          "are equal in `by` are told apart by their other fields, so the result does not depend on the order of "
          "arrival. Within windows each window has groups of its own. Without `key` the rows come in the order of "
          "`by`. "
          "Nulls come last in either direction.\n\n"
          "Of an input that never ends, a window gives its rows when the watermark passes its end. Without windows the "
          "first rows come out as they change: what falls out is taken back (weight −1). So it is where the input has "
          "changes, and for rows that come within the allowed lateness of a window; later ones go to the output "
          "`late`.")
      .KeepsFields()
      .Guarantees(
          "Of an input that ends: needs the whole of it before it gives the first row; past its share of the memory "
          "budget it works in parts on disk. Else it holds the first rows of each group in memory, and all rows where "
          "they can be taken back, until the watermark passes their window.")
      .Field(
          "key", &TopConfig::key,
          FieldDoc("Fields that make a group; none: all rows are one group.").OrSingle().Example("[bidder, auction]"))
      .Field("by", &TopConfig::by,
             FieldDoc("Fields in order of importance; a leading `-` puts the greatest first.")
                 .Required()
                 .Type("list of string")
                 .JsonSchema(R"({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})")
                 .Example("-price"))
      .Field("n", &TopConfig::n, FieldDoc("Rows of each group.").Default("1").Min("1").Max("10000"))
      .Example("the dearest of each kind", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements:
      - {kind: fruit, name: apple, price: 3}
      - {kind: fruit, name: pear, price: 4}
      - {kind: bread, name: rye, price: 5}
  - type: Top
    config: {key: kind, by: -price}
  - type: Print
)");
}

class Top final : public Operator {
 public:
  Top(SchemaPtr schema, TopRowsOptions options, WindowingStrategy windowing)
      : assigns_(options.windows ? std::move(windowing) : WindowingStrategy()),
        rows_(std::move(schema), std::move(options)) {}

  Status Process(int, Batch batch, Emitter& out) override {
    if (!assigns_.is_global() && !batch.has_window()) {
      WEIR_ASSIGN_OR_RETURN(batch, PutIntoWindows(std::move(batch), assigns_));
    }
    WEIR_RETURN_NOT_OK(rows_.Add(std::move(batch)));
    return CountSpill(out);
  }

  Status Finish(Emitter& out) override {
    WEIR_RETURN_NOT_OK(rows_.Finish());
    return Resume(out);
  }

  Status Resume(Emitter& out) override {
    while (!out.full()) {
      WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, rows_.Next());
      if (!batch) return CountSpill(out);
      WEIR_RETURN_NOT_OK(out.Emit(std::move(*batch)));
    }
    out.Yield();
    return CountSpill(out);
  }

 private:
  Status CountSpill(Emitter& out) {
    out.CountSpill(rows_.spilled_bytes() - counted_spill_);
    counted_spill_ = rows_.spilled_bytes();
    return Status::OK();
  }

  const WindowingStrategy assigns_;
  TopRows rows_;
  int64_t counted_spill_ = 0;
};

bool ParseOrder(const NodePtr& by, const arrow::Schema& schema, BindContext& context, std::vector<SortKey>* order) {
  std::vector<NodePtr> items{by};
  if (by->is_sequence()) items = by->items();
  if (items.empty()) context.Error(by, "'by' must name at least one field");
  bool good = !items.empty();
  for (const NodePtr& item : items) {
    SortKey key;
    std::string name = item->text();
    // A field whose own name begins with a minus wins over "greatest first".
    if (schema.GetFieldIndex(name) < 0 && name.starts_with("-")) {
      key.descending = true;
      name.erase(0, 1);
    }
    key.column = context.FindColumn(schema, name, item);
    good &= key.column >= 0;
    if (key.column < 0) continue;
    const TypePtr& type = schema.field(key.column)->type();
    if (!IsSortable(*type)) {
      context.Error(item, "field '" + name + "' has no order: it is of type " + TypeName(*type));
      good = false;
    }
    order->push_back(key);
  }
  return good;
}

std::optional<StepBinding> BindTop(const TopConfig& config, BindContext& context) {
  const CollectionInfo& in = context.inputs()[0].info;
  const NodePtr written = context.step_node()->Find("config");
  TopRowsOptions options;
  options.n = config.n;
  options.windows = in.has_window || !in.windowing.is_global();
  bool good = ParseOrder(config.by, *in.schema, context, &options.by);
  for (const std::string& name : config.key) {
    options.keys.push_back(context.FindColumn(*in.schema, name, written->Find("key")));
    good &= options.keys.back() >= 0;
  }
  if (in.windowing.kind == WindowKind::kSessions && !in.has_window) {
    context.StepError("Top cannot make session windows", "group by the key with Combine first");
    good = false;
  }
  if (!good) return std::nullopt;
  if (!in.bounded || in.changes) return BindTopChanges({options.keys, options.by, options.n}, context);

  std::vector<int> reads = options.keys, pass_through(static_cast<size_t>(in.schema->num_fields()));
  for (const SortKey& key : options.by) reads.push_back(key.column);
  for (size_t i = 0; i < pass_through.size(); ++i) pass_through[i] = static_cast<int>(i);
  StepBinding binding =
      RowWiseBinding(context, in.schema, reads, pass_through,
                     [schema = in.schema, options, windowing = in.windowing](const OperatorContext& lane) {
                       TopRowsOptions here = options;
                       here.batch_rows = lane.batch_rows;
                       here.temp_dir = lane.temp_dir;
                       here.memory = lane.memory;
                       return Result<std::unique_ptr<Operator>>(std::make_unique<Top>(schema, here, windowing));
                     });
  CollectionInfo& info = binding.outputs[0].info;
  info.has_window = options.windows;
  if (options.keys.empty() && !options.windows)
    info.expected_rows = std::min(info.expected_rows, static_cast<double>(options.n));
  binding.can_reject = false;
  binding.operators[0].keeps = StateKeeping::kUndeclared;
  if (!options.keys.empty()) {
    binding.operators[0].inputs = {Exchange{ExchangeKind::kHash, options.keys}};
  } else {
    // Each lane finds its own first rows, one lane the first of all.
    binding.operators.push_back(binding.operators[0]);
    binding.operators[0].name += " (of a lane)";
    binding.operators[1].inputs = {Exchange{ExchangeKind::kGather, {}}};
    binding.operators[1].max_lanes = 1;
  }
  return binding;
}

}  // namespace

void RegisterTop(Registry& registry) { registry.Add<TopConfig>(Spec(), {1, 1}, BindTop); }

}  // namespace weir
