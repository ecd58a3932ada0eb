// Sort: all rows of a collection in one order.
#include <arrow/type.h>

#include "batch/types.h"
#include "engine/operator.h"
#include "operators/support/input_checks.h"
#include "plan/binding.h"
#include "state/sort/sorter.h"

namespace weir {
namespace {

struct SortConfig {
  NodePtr by;
  int64_t limit = -1;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<SortConfig>("Sort")
      .Summary("Put the rows of a bounded collection into one order.")
      .Doc(
          "The only step that orders rows across lanes; whoever reads its output directly (a file without shards, "
          "Print) "
          "sees that order. Nulls come last in either direction, NaN after every number. Rows with equal keys keep the "
          "order "
          "in which they arrive.")
      .Guarantees(
          "Needs the whole input before it gives the first row; past its share of the memory budget it sorts in "
          "runs on disk. With `limit` it keeps only that many rows.")
      .KeepsFields()
      .Field("by", &SortConfig::by,
             FieldDoc("Fields in order of importance; a leading `-` sorts downwards.")
                 .Required()
                 .Type("list of string")
                 .JsonSchema(R"({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})")
                 .Example("[day, -amount]"))
      .Field("limit", &SortConfig::limit,
             FieldDoc("Give only the first so many rows; -1 gives all.").Default("-1").Min("-1"))
      .Example("dearest first", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{name: apple, price: 3}, {name: pear, price: 4}]
  - type: Sort
    config: {by: [-price]}
  - type: Print
)");
}

class Sort final : public Operator {
 public:
  Sort(SchemaPtr schema, SorterOptions options) : sorter_(std::move(schema), std::move(options)) {}

  Status Process(int, Batch batch, Emitter& out) override {
    const int64_t before = sorter_.spilled_bytes();
    WEIR_RETURN_NOT_OK(sorter_.Add(std::move(batch)));
    out.CountSpill(sorter_.spilled_bytes() - before);
    return Status::OK();
  }

  Status Finish(Emitter& out) override {
    const int64_t before = sorter_.spilled_bytes();
    WEIR_RETURN_NOT_OK(sorter_.Finish());
    out.CountSpill(sorter_.spilled_bytes() - before);
    return Resume(out);
  }

  Status Resume(Emitter& out) override {
    for (;;) {
      if (out.full()) {
        out.Yield();
        return Status::OK();
      }
      WEIR_ASSIGN_OR_RETURN(std::optional<Batch> batch, sorter_.Next());
      if (!batch) return Status::OK();
      WEIR_RETURN_NOT_OK(out.Emit(std::move(*batch)));
    }
  }

 private:
  Sorter sorter_;
};

bool ParseKey(const NodePtr& node, const arrow::Schema& schema, BindContext& context, std::vector<SortKey>* keys) {
  if (!node->is_scalar()) {
    context.Error(node, "a sort key must be the name of a field, not " + node->Describe());
    return false;
  }
  SortKey key;
  std::string name = node->text();
  // A field whose own name begins with a minus wins over "downwards".
  if (schema.GetFieldIndex(name) < 0 && name.starts_with("-")) {
    key.descending = true;
    name.erase(0, 1);
  }
  key.column = context.FindColumn(schema, name, node);
  if (key.column < 0) return false;
  const TypePtr& type = schema.field(key.column)->type();
  if (!IsSortable(*type)) {
    context.Error(node, "field '" + name + "' cannot be sorted by: " + TypeName(*type) + " has no order");
    return false;
  }
  keys->push_back(key);
  return true;
}

std::optional<StepBinding> BindSort(const SortConfig& config, BindContext& context) {
  if (RefuseChanges("Sort", context)) return std::nullopt;
  const CollectionInfo& in = context.inputs()[0].info;
  if (!in.bounded) {
    context.StepError("Sort needs a bounded input: an endless one has no last row",
                      "window and group it first, or keep the largest rows with Top");
    return std::nullopt;
  }
  SorterOptions options;
  std::vector<NodePtr> items{config.by};
  if (config.by->is_sequence()) items = config.by->items();
  bool good = !items.empty();
  if (items.empty()) context.Error(config.by, "'by' must name at least one field");
  for (const NodePtr& item : items) good &= ParseKey(item, *in.schema, context, &options.keys);
  if (!good) return std::nullopt;
  options.limit = config.limit;

  std::vector<int> reads, pass_through(in.schema->num_fields());
  for (const SortKey& key : options.keys) reads.push_back(key.column);
  for (int i = 0; i < in.schema->num_fields(); ++i) pass_through[i] = i;
  StepBinding binding =
      RowWiseBinding(context, in.schema, reads, pass_through,
                     [schema = in.schema, options](const OperatorContext& lane) -> Result<std::unique_ptr<Operator>> {
                       SorterOptions here = options;
                       here.batch_rows = lane.batch_rows;
                       here.temp_dir = lane.temp_dir;
                       here.memory = lane.memory;
                       return std::make_unique<Sort>(schema, here);
                     });
  binding.operators[0].max_lanes = 1;
  binding.operators[0].inputs = {Exchange{ExchangeKind::kGather, {}}};
  binding.operators[0].keeps = StateKeeping::kUndeclared;
  binding.can_reject = false;
  return binding;
}

}  // namespace

void RegisterSort(Registry& registry) { registry.Add<SortConfig>(Spec(), {1, 1}, BindSort); }

}  // namespace weir
