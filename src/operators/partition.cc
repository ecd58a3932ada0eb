// Partition: sends each row to the output that an expression names.
#include <arrow/array/data.h>
#include <arrow/type.h>

#include <algorithm>

#include "engine/operator.h"
#include "operators/support/good_rows.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct PartitionConfig {
  ExprSource by;
  std::vector<std::string> outputs;
  std::string unknown_output;
  std::string language;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<PartitionConfig>("Partition")
      .Summary("Send each row to the output that an expression names.")
      .Doc(
          "Later steps read the parts as `NAME.output`. A row whose value names no output, or is null, goes to "
          "`unknown_output`; without one it is a row error.")
      .Field("by", &PartitionConfig::by,
             FieldDoc("The name of the row's output: a string.").Required().AllowCallable().Example("country"))
      .Field("outputs", &PartitionConfig::outputs, FieldDoc("The outputs there are.").Required().Example("[at, de]"))
      .Field("unknown_output", &PartitionConfig::unknown_output,
             FieldDoc("Where rows go whose value is none of `outputs`.").Example("elsewhere"))
      .Field("language", &PartitionConfig::language,
             FieldDoc("The language of the expression.").Default("generic").OneOf({"generic", "sql", "python"}))
      .Example("by country", R"(pipeline:
  transforms:
  - type: Create
    config:
      elements: [{name: Graz, country: at}, {name: Ulm, country: de}, {name: Basel, country: ch}]
  - type: Partition
    input: Create
    config:
      by: country
      outputs: [at, de]
      unknown_output: elsewhere
  - type: Print
    input: Partition.elsewhere
)");
}

/// Rows of one batch, per output.
class Partition final : public Operator {
 public:
  Partition(CompiledExprPtr by, std::vector<std::string> outputs, int unknown)
      : evaluator_(std::move(by)), outputs_(std::move(outputs)), unknown_(unknown), rows_(outputs_.size()) {}

  Status Process(int, Batch batch, Emitter& out) override {
    errors_.clear();
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr values, evaluator_.Eval(batch, &errors_));
    const size_t computed_errors = errors_.size();
    for (auto& rows : rows_) rows.clear();
    if (values->type->id() == arrow::Type::DICTIONARY) {
      SplitDictionary(*values);
    } else {
      const auto* offsets = values->GetValues<int32_t>(1);
      const char* bytes = values->buffers[2] ? reinterpret_cast<const char*>(values->buffers[2]->data()) : "";
      for (int64_t row = 0; row < batch.num_rows(); ++row) {
        const bool valid = values->IsValid(row);
        Add(row, valid, valid ? std::string_view(bytes + offsets[row], offsets[row + 1] - offsets[row]) : "");
      }
    }
    SortRowErrors(&errors_);  // a row that failed was null above; its first error stays
    if (computed_errors > 0) DropFailed();
    WEIR_RETURN_NOT_OK(out.Reject(batch, errors_));
    for (size_t port = 0; port < rows_.size(); ++port) {
      if (rows_[port].empty()) continue;
      WEIR_ASSIGN_OR_RETURN(Selection selection, SelectionOf(rows_[port]));
      WEIR_RETURN_NOT_OK(out.Emit(static_cast<int>(port), batch.Select(selection)));
    }
    return Status::OK();
  }

 private:
  int PortOf(std::string_view name) const {
    for (size_t port = 0; port < outputs_.size(); ++port) {
      if (outputs_[port] == name) return static_cast<int>(port);
    }
    return unknown_;
  }

  void Add(int64_t row, bool valid, std::string_view name) {
    const int port = valid ? PortOf(name) : unknown_;
    if (port >= 0) {
      rows_[port].push_back(static_cast<int32_t>(row));
    } else {
      errors_.push_back({row, valid ? "'" + std::string(name.substr(0, 60)) + "' is none of the outputs"
                                    : "the name of the output is null"});
    }
  }

  void SplitDictionary(const arrow::ArrayData& values) {
    const arrow::ArrayData& names = *values.dictionary;
    const auto* offsets = names.GetValues<int32_t>(1);
    const char* bytes = names.buffers[2] ? reinterpret_cast<const char*>(names.buffers[2]->data()) : "";
    const auto* index = values.GetValues<int32_t>(1);
    for (int64_t row = 0; row < values.length; ++row) {
      const bool valid = values.IsValid(row) && names.IsValid(index[row]);
      Add(row, valid,
          valid ? std::string_view(bytes + offsets[index[row]], offsets[index[row] + 1] - offsets[index[row]]) : "");
    }
  }

  void DropFailed() {
    auto failed = [&](int32_t row) {
      return std::binary_search(errors_.begin(), errors_.end(), RowError{row, ""},
                                [](const RowError& a, const RowError& b) { return a.row < b.row; });
    };
    for (auto& rows : rows_) rows.erase(std::remove_if(rows.begin(), rows.end(), failed), rows.end());
  }

  ExprEvaluator evaluator_;
  const std::vector<std::string> outputs_;
  const int unknown_;
  std::vector<std::vector<int32_t>> rows_;
  std::vector<RowError> errors_;
};

std::optional<StepBinding> BindPartition(const PartitionConfig& config, BindContext& context) {
  const CollectionInfo& in = context.inputs()[0].info;
  if (config.by.form != ExprForm::kExpression) {
    context.Error(config.by.node, "this version runs no Python or JavaScript functions", "write 'by' as an expression");
    return std::nullopt;
  }
  CompiledExprPtr by = context.Compile(config.by, config.language, *in.schema);
  if (by == nullptr) return std::nullopt;
  if (by->type()->id() != arrow::Type::STRING) {
    context.Error(config.by.node, "'by' must be a string, not " + TypeName(*by->type()), "write cast(… as string)");
    return std::nullopt;
  }
  std::vector<std::string> outputs;
  for (const std::string& name : config.outputs) {
    if (std::find(outputs.begin(), outputs.end(), name) != outputs.end()) {
      context.StepError("the output '" + name + "' stands twice in 'outputs'");
      return std::nullopt;
    }
    outputs.push_back(name);
  }
  int unknown = -1;
  if (!config.unknown_output.empty()) {
    auto known = std::find(outputs.begin(), outputs.end(), config.unknown_output);
    unknown = static_cast<int>(known - outputs.begin());
    if (known == outputs.end()) outputs.push_back(config.unknown_output);
  }
  const int columns = in.schema->num_fields();
  StepBinding binding = RowWiseBinding(
      context, in.schema, {}, {}, [by, outputs, unknown](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
        return std::make_unique<Partition>(by, outputs, unknown);
      });
  const CollectionInfo info = binding.outputs[0].info;
  binding.outputs.clear();
  for (const std::string& name : outputs) binding.outputs.push_back({name, info});
  OperatorSpec& op = binding.operators[0];
  op.outputs.assign(outputs.size(), in.schema);
  op.needs = [by, columns](const std::vector<ColumnSet>& needed) {
    ColumnSet all = ColumnSet::None(columns);
    for (const ColumnSet& one : needed) all.AddAll(one);
    all.AddAll(by->columns());
    return std::vector<ColumnSet>{all};
  };
  op.notes = {"by: " + by->ToString()};
  binding.can_reject = by->can_fail() || unknown < 0;
  return binding;
}

}  // namespace

void RegisterPartition(Registry& registry) { registry.Add<PartitionConfig>(Spec(), {1, 1}, BindPartition); }

}  // namespace weir
