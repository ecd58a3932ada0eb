// Limit: the first rows that come, and no more.
#include <arrow/type.h>

#include <algorithm>

#include "engine/operator.h"
#include "operators/support/input_checks.h"
#include "plan/binding.h"
#include "state/snapshot/state_bytes.h"
#include "state/snapshot/state_cells.h"

namespace weir {
namespace {

struct LimitConfig {
  int64_t rows = 0;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<LimitConfig>("Limit")
      .Summary("Let so many rows through and stop.")
      .Doc(
          "Sources that feed nothing else stop reading. Which rows come first is not said when several lanes read: for "
          "definite "
          "rows use `Sort` with `limit`, or `Top`.")
      .Field("rows", &LimitConfig::rows, FieldDoc("How many rows.").Required().Min("0").Example("10"))
      .KeepsFields()
      .Example("a look at the beginning", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [1, 2, 3, 4]
  - type: Limit
    config: {rows: 2}
  - type: Print
)");
}

class Limit final : public Operator {
 public:
  explicit Limit(int64_t rows) : left_(rows) {}

  Status Process(int, Batch batch, Emitter& out) override {
    const int64_t take = std::min(left_, batch.num_rows());
    left_ -= take;
    WEIR_RETURN_NOT_OK(out.Emit(batch.Slice(0, take)));
    if (left_ == 0) out.Done();
    return Status::OK();
  }

  Status Snapshot(StateCells* out) override {
    std::string left;
    StateWriter(&left).Int(left_);
    out->Put(0, kNoKeyGroup, "", left);
    return Status::OK();
  }
  Status Restore(const StateCells& cells) override {
    if (!cells.empty()) left_ = StateReader(cells.at(0).value).Int();
    return Status::OK();
  }

 private:
  int64_t left_;
};

std::optional<StepBinding> BindLimit(const LimitConfig& config, BindContext& context) {
  if (RefuseChanges("Limit", context)) return std::nullopt;
  const SchemaPtr& schema = context.inputs()[0].info.schema;
  std::vector<int> pass_through(schema->num_fields());
  for (int i = 0; i < schema->num_fields(); ++i) pass_through[i] = i;
  StepBinding binding =
      RowWiseBinding(context, schema, {}, pass_through,
                     [rows = config.rows](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
                       return std::make_unique<Limit>(rows);
                     });
  CollectionInfo& info = binding.outputs[0].info;
  info.expected_rows = std::min(info.expected_rows, static_cast<double>(config.rows));
  binding.operators[0].max_lanes = 1;
  binding.operators[0].keeps = StateKeeping::kSnapshots;
  binding.operators[0].inputs = {Exchange{ExchangeKind::kGather, {}}};
  binding.can_reject = false;
  return binding;
}

}  // namespace

void RegisterLimit(Registry& registry) { registry.Add<LimitConfig>(Spec(), {1, 1}, BindLimit); }

}  // namespace weir
