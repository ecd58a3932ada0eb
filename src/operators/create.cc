// Create: rows written in the pipeline file.
#include <arrow/record_batch.h>

#include <atomic>

#include "engine/operator.h"
#include "operators/support/literal_rows.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct CreateConfig {
  NodePtr elements;
  bool reshuffle = true;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<CreateConfig>("Create")
      .Summary("Make a collection of the rows that are written here.")
      .Doc(
          "A mapping is a row; any other value `x` becomes the row `{element: x}`. A key that is missing in some "
          "elements is null there. Nested mappings and lists keep their shape.")
      .Field("elements", &CreateConfig::elements,
             FieldDoc("The rows.").Required().Type("list").JsonSchema(R"({"type": "array"})").Example("[1, 2, 3]"))
      .Field("reshuffle", &CreateConfig::reshuffle,
             FieldDoc("Accepted as Beam has it; changes nothing.").Default("true"))
      .Example("two rows", R"(pipeline:
  transforms:
  - type: Create
    config:
      elements:
      - {name: apple, price: 3}
      - {name: pear, price: 4}
  - type: Print
    input: Create
)");
}

/// One lane gives all rows; there are few.
class LiteralSource final : public Source {
 public:
  explicit LiteralSource(Batch rows) : rows_(std::move(rows)) {}

  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override {
    return std::make_unique<Reader>(this, lane);
  }
  Result<std::string> Position() override { return std::string(taken_ ? R"({"given":true})" : R"({"given":false})"); }
  Status Restore(const std::string& position) override {
    taken_ = position == R"({"given":true})";
    return Status::OK();
  }

 private:
  class Reader final : public SourceReader {
   public:
    Reader(LiteralSource* source, const OperatorContext& lane) : source_(source), lane_(lane) {}
    Result<PollResult> Poll(Emitter& out) override {
      if (source_->taken_.exchange(true)) return PollResult::kExhausted;
      if (lane_.morsels) lane_.morsels->Start(lane_.lane, 0);
      Batch rows = source_->rows_;
      rows.set_morsel(0);
      WEIR_RETURN_NOT_OK(out.Emit(std::move(rows)));
      return PollResult::kProduced;
    }

   private:
    LiteralSource* const source_;
    const OperatorContext lane_;
  };

  const Batch rows_;
  std::atomic<bool> taken_{false};
};

std::optional<StepBinding> BindCreate(const CreateConfig& config, BindContext& context) {
  if (!config.elements->is_sequence()) {
    context.Error(config.elements, "'elements' must be a list, not " + config.elements->Describe());
    return std::nullopt;
  }
  Batch rows;
  if (!LiteralRows(config.elements, &rows, &context.diagnostics())) return std::nullopt;
  if (rows.num_rows() == 0 && context.known_schema() != nullptr) {
    auto empty = arrow::RecordBatch::MakeEmpty(context.known_schema());
    auto known = empty.ok() ? Batch::FromRecordBatch(**empty) : Result<Batch>(empty.status());
    if (!known.ok()) {
      context.StepError(known.status().message());
      return std::nullopt;
    }
    rows = known.MoveValueUnsafe();
  }
  StepBinding binding;
  CollectionInfo info;
  info.schema = rows.schema();
  info.expected_rows = info.unfiltered_rows = static_cast<double>(rows.num_rows());
  binding.outputs = {{"", info}};
  binding.source = [rows](const ScanRequest&) -> Result<std::shared_ptr<Source>> {
    return std::make_shared<LiteralSource>(rows);
  };
  binding.can_reject = false;
  binding.source_repositions = true;
  return binding;
}

}  // namespace

void RegisterCreate(Registry& registry) { registry.Add<CreateConfig>(Spec(), {0, 0}, BindCreate); }

}  // namespace weir
