// LogForTesting: writes each row to standard error and hands it on.
#include <arrow/type.h>

#include <cstdio>

#include "batch/print.h"
#include "engine/operator.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct LogForTestingConfig {
  std::string level;
  std::string prefix;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<LogForTestingConfig>("LogForTesting")
      .Summary("Write each row to standard error and hand it on.")
      .Doc("One line a row: the level, the prefix, the row as JSON. For looking into a pipeline; Print is for results.")
      .KeepsFields()
      .Field("level", &LogForTestingConfig::level,
             FieldDoc("The word that the lines begin with.").Default("INFO").OneOf({"ERROR", "INFO", "DEBUG"}))
      .Field("prefix", &LogForTestingConfig::prefix,
             FieldDoc("What stands before each row.").Default("\"\"").Example("raw: "))
      .Example("between two steps", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{x: 1}, {x: 2}]
  - type: LogForTesting
    config: {prefix: "created: "}
  - type: Filter
    config: {keep: x > 1}
  - type: Print
)");
}

class LogForTesting final : public Operator {
 public:
  explicit LogForTesting(std::string head) : head_(std::move(head)) {}

  Status Process(int, Batch batch, Emitter& out) override {
    std::string text;
    for (int64_t row = 0; row < batch.num_rows(); ++row) text += head_ + RowToJson(batch, row) + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr);  // one call, so that lanes do not mix within a line
    return out.Emit(std::move(batch));
  }

 private:
  const std::string head_;
};

std::optional<StepBinding> BindLogForTesting(const LogForTestingConfig& config, BindContext& context) {
  const SchemaPtr& schema = context.inputs()[0].info.schema;
  std::vector<int> all(schema->num_fields());
  for (int i = 0; i < schema->num_fields(); ++i) all[i] = i;
  StepBinding binding = RowWiseBinding(
      context, schema, all, all,
      [head = config.level + ": " + config.prefix](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
        return std::make_unique<LogForTesting>(head);
      });
  binding.can_reject = false;
  return binding;
}

}  // namespace

void RegisterLogForTesting(Registry& registry) { registry.Add<LogForTestingConfig>(Spec(), {1, 1}, BindLogForTesting); }

}  // namespace weir
