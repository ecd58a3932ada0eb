// Binds steps in topological order: inputs' schemas are known when a step is asked for its own.
#include "plan/binder.h"

#include <arrow/type.h>

#include <algorithm>
#include <map>

#include "plan/physical.h"
#include "plan/pipeline_text.h"

namespace weir {
namespace {

/// By resource: the step that writes it.
using OutputClaims = std::map<std::string, std::string>;

/// What one component sees while it binds.
class StepContext final : public BindContext {
 public:
  StepContext(const LogicalStep& step, std::string name, std::vector<StepInputInfo> inputs, const BindOptions& options,
              OutputClaims* claims, Diagnostics* diagnostics)
      : step_(step),
        name_(std::move(name)),
        inputs_(std::move(inputs)),
        options_(options),
        claims_(*claims),
        diagnostics_(*diagnostics) {
    if (step.windowing) windowing_ = step.windowing;
  }
  const std::string& step_name() const override { return name_; }
  const std::string& type() const { return step_.type; }
  void set_written(SchemaPtr schema) { written_ = std::move(schema); }
  const NodePtr& step_node() const override { return step_.node; }
  const std::vector<StepInputInfo>& inputs() const override { return inputs_; }
  Diagnostics& diagnostics() override { return diagnostics_; }
  Env& env() override { return *options_.env; }
  int lanes() const override { return options_.lanes; }
  const std::string& base_dir() const override { return options_.base_dir; }
  const std::optional<WindowingStrategy>& windowing() const override { return windowing_; }

  std::shared_ptr<const CompiledExpr> Compile(const ExprSource& expression, const std::string& language,
                                              const arrow::Schema& schema) override {
    std::vector<ExprError> errors;
    const ExprLanguage kind = language == "sql"      ? ExprLanguage::kSql
                              : language == "python" ? ExprLanguage::kPython
                                                     : ExprLanguage::kGeneric;
    auto compiled = CompiledExpr::Compile(expression.text, kind, schema, &errors);
    for (const ExprError& error : errors) {
      diagnostics_.Error(expression.node->source(), expression.node->SpanOfText(error.begin, error.end), error.message,
                         error.hint);
    }
    return errors.empty() ? compiled : nullptr;
  }

  SchemaPtr known_schema() const override {
    if (written_ != nullptr) return written_;
    const auto known = options_.known_schemas.find(name_);
    return known == options_.known_schemas.end() ? nullptr : known->second;
  }

  bool ClaimOutput(const std::string& resource, const NodePtr& place) override {
    const auto [it, fresh] = claims_.emplace(resource, name_);
    if (fresh || it->second == name_) return true;
    Error(place, "step '" + it->second + "' writes '" + resource + "' too",
          "give each step a path of its own, or put both collections into one with Flatten");
    return false;
  }

  void StepError(std::string message, std::string hint) override {
    const NodePtr& at = step_.type_node ? step_.type_node : step_.node;
    diagnostics_.Error(at->source(), at->span(), std::move(message), std::move(hint));
  }

 private:
  const LogicalStep& step_;
  const std::string name_;
  const std::vector<StepInputInfo> inputs_;
  const BindOptions& options_;
  OutputClaims& claims_;
  Diagnostics& diagnostics_;
  std::optional<WindowingStrategy> windowing_;
  SchemaPtr written_;  // of what another task writes and this step reads
};

class Binder {
 public:
  Binder(const LogicalGraph& graph, const Registry& registry, const BindOptions& options, Diagnostics* diagnostics)
      : graph_(graph), registry_(registry), options_(options), diagnostics_(*diagnostics) {}

  BoundGraph Run() {
    bound_.bound_of_logical.assign(graph_.steps.size(), -1);
    ReadOptions();
    for (const LogicalStep& step : graph_.steps) BindLogical(step);
    return std::move(bound_);
  }

 private:
  struct Resolved {
    BoundInput input;
    StepInputInfo info;
  };

  void BindLogical(const LogicalStep& step);
  bool ResolveRef(const OutputRef& ref, const std::string& alias, Resolved* out);
  bool ResolveInput(const LogicalStep& step, const StepInput& input, Resolved* out);
  /// What step `from` says of itself: `status`, `metadata` or `messages`. -1 after an error.
  int AddReport(int from, const OutputRef& ref);
  std::string StageOf(const LogicalStep& step) const;
  void ReadOptions();
  int AddTable(const LogicalStep& step, int of);
  /// The step of another task that writes what `step` reads; null where there is none, or it has mistakes.
  const BoundStep* WriterOf(const LogicalStep& step) const;
  /// A source that stands for one whose data is not there yet.
  void StandIn(const LogicalStep& step, const Component& component, const BoundStep& writer);
  void DropImpossibleErrors(std::vector<Resolved>* parts) const;
  void CheckSink(const StepBinding& binding, StepContext& context) const;
  bool CheckArity(const LogicalStep& step, const Component& component, size_t inputs);
  /// Adds a bound step and returns its index, or -1 after an error.
  int AddStep(const LogicalStep& step, const Component& component, const std::string& name, const NodePtr& config,
              std::vector<Resolved> inputs, bool implied);
  int AddWindowing(const LogicalStep& step, const std::string& name, Resolved input);
  const CollectionInfo& InfoOf(const BoundInput& input) const {
    const BoundStep& from = bound_.steps[input.step];
    return input.output == BoundInput::kErrors ? from.errors : from.binding.outputs[input.output].info;
  }

  const LogicalGraph& graph_;
  const Registry& registry_;
  const BindOptions& options_;
  Diagnostics& diagnostics_;
  BoundGraph bound_;
  OutputClaims claims_;
  bool stage_by_step_ = false;          // each step is a stage of its own
  std::map<int, int> windowed_output_;  // bound step → the step behind it whose output stands for its main one
  std::map<std::pair<int, std::string>, int> reports_;
};

/// Type of the implied source that gives what every step says of itself; "" where `output` is none of these.
std::string ReportType(const std::string& output) {
  if (output == "status") return "StepStatus";
  if (output == "metadata") return "StepMetadata";
  return output == "messages" ? "StepMessages" : "";
}

int Binder::AddReport(int from, const OutputRef& ref) {
  const auto [known, fresh] = reports_.try_emplace({from, ref.output}, -1);
  if (!fresh) return known->second;
  bound_.steps[from].observed = true;
  const std::string name = bound_.steps[from].name;
  const NodePtr& origin = bound_.steps[from].node;
  const auto entry = [&](const char* key, const std::string& value) {
    return NodeEntry{MakeScalarNode(key, origin), MakeScalarNode(value, origin)};
  };
  const auto& outputs = bound_.steps[from].binding.outputs;
  std::vector<NodeEntry> config;
  config.reserve(2);
  config.push_back(entry("step", name));
  if (ref.output == "metadata") {
    config.push_back(entry("schema", outputs.empty() ? "" : outputs[0].info.schema->ToString()));
  }
  bool bounded = true;
  if (!outputs.empty()) bounded = outputs[0].info.bounded;
  for (const BoundInput& input : bound_.steps[from].inputs) bounded = bounded && InfoOf(input).bounded;
  LogicalStep step;
  step.id = bound_.steps[from].logical;
  step.type = ReportType(ref.output);
  step.node = origin;
  const int index = AddStep(step, *registry_.FindImplied(step.type), name + "." + ref.output,
                            MakeMapNode(std::move(config), origin), {}, true);
  if (index >= 0) {
    bound_.steps[index].binding.outputs[0].info.bounded = bounded;
    bound_.steps[index].errors.bounded = bounded;
  }
  return reports_[{from, ref.output}] = index;
}

// Steps that others imply run where those run.
std::string Binder::StageOf(const LogicalStep& step) const {
  const LogicalStep* owner = &step;
  if (step.id >= 0 && step.id < static_cast<int>(graph_.steps.size())) owner = &graph_.steps[step.id];
  if (!owner->stage.empty()) return owner->stage;
  return stage_by_step_ ? owner->name : "main";
}

void Binder::ReadOptions() {
  const NodePtr durability = graph_.options != nullptr ? graph_.options->Find("durability") : nullptr;
  if (durability == nullptr) return;
  stage_by_step_ = durability->is_scalar() && durability->text() == "step";
  if (stage_by_step_ || (durability->is_scalar() && durability->text() == "stage")) return;
  diagnostics_.Error(durability->source(), durability->span(),
                     "'durability' is 'stage' (rows are kept between stages) or 'step' (between all steps)");
}

int Binder::AddTable(const LogicalStep& step, int of) {
  const Component* component = registry_.FindImplied("state");
  const auto windowed = windowed_output_.find(of);
  const int from = windowed == windowed_output_.end() ? of : windowed->second;
  if (component == nullptr || bound_.steps[from].binding.outputs.empty()) {
    diagnostics_.Error(step.state->source(), step.state->span(),
                       "step '" + step.name + "' has no output that a table could be kept of");
    return -1;
  }
  std::vector<NodeEntry> config;
  config.reserve(step.state->entries().size() + 1);
  for (const NodeEntry& entry : step.state->entries()) config.push_back(entry);
  // Of a running sum, what was true at an earlier event time follows from the changes up to then.
  const bool sums = step.type == "Sum";
  config.push_back(
      {MakeScalarNode("sums", step.state), MakeScalarNode(sums ? "true" : "false", step.state, ScalarStyle::kPlain)});
  Resolved input{{from, 0}, {"", step.name, bound_.steps[from].binding.outputs[0].info}};
  LogicalStep implied;
  implied.id = step.id;
  implied.type = "state";
  implied.node = implied.type_node = step.state;
  std::vector<Resolved> inputs;
  inputs.push_back(std::move(input));
  const int index = AddStep(implied, *component, step.name + "/state", MakeMapNode(std::move(config), step.state),
                            std::move(inputs), true);
  if (index >= 0) windowed_output_[of] = index;
  return index;
}

bool Binder::ResolveRef(const OutputRef& ref, const std::string& alias, Resolved* out) {
  const int index = bound_.bound_of_logical[ref.step];
  if (index < 0) return false;  // said already, where that step stands
  BoundStep& from = bound_.steps[index];
  const std::string& name = graph_.steps[ref.step].name;
  if (ref.is_errors) {
    out->input = {index, BoundInput::kErrors};
    from.errors_read = true;
  } else {
    int found = -1;
    const auto& outputs = from.binding.outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i].name == ref.output) found = static_cast<int>(i);
    }
    if (found < 0 && ref.output.empty() && outputs.size() == 1) found = 0;
    if (found < 0 && ref.output == "output" && outputs.size() == 1) found = 0;
    if (found < 0 && !ReportType(ref.output).empty() && registry_.FindImplied(ReportType(ref.output)) != nullptr) {
      const int report = AddReport(index, ref);
      if (report < 0) return false;
      out->input = {report, 0};
      out->info = {alias, name + "." + ref.output, InfoOf(out->input)};
      return true;
    }
    if (found < 0) {
      std::vector<std::string> names;
      std::string list;
      for (const StepOutput& output : outputs) {
        if (output.name.empty()) continue;
        names.push_back(output.name);
        list += (list.empty() ? "'" : ", '") + name + "." + output.name + "'";
      }
      if (outputs.empty()) {
        diagnostics_.Error(ref.source, ref.span, "step '" + name + "' has no output that could be read");
      } else if (ref.output.empty()) {
        diagnostics_.Error(ref.source, ref.span, "step '" + name + "' has several outputs, say which one",
                           "one of " + list);
      } else {
        names.insert(names.end(), {"status", "metadata", "messages"});
        std::string near = ClosestMatch(ref.output, names);
        diagnostics_.Error(ref.source, ref.span, "step '" + name + "' has no output '" + ref.output + "'",
                           !near.empty()  ? "did you mean '" + name + "." + near + "'?"
                           : list.empty() ? "read it as '" + name + "'"
                                          : "it has " + list);
      }
      return false;
    }
    out->input = {index, found};
    auto windowed = windowed_output_.find(index);
    if (found == 0 && windowed != windowed_output_.end()) out->input = {windowed->second, 0};
  }
  out->info.alias = alias;
  out->info.origin = name + (ref.output.empty() ? "" : "." + ref.output);
  out->info.info = InfoOf(out->input);
  return true;
}

/// In a union, errors of a step that cannot reject rows add nothing, but their `element` could have a type of its own.
void Binder::DropImpossibleErrors(std::vector<Resolved>* parts) const {
  for (size_t i = parts->size(); i-- > 0 && parts->size() > 1;) {
    const BoundInput& input = (*parts)[i].input;
    if (input.output == BoundInput::kErrors && !bound_.steps[input.step].binding.can_reject) {
      parts->erase(parts->begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
}

bool Binder::ResolveInput(const LogicalStep& step, const StepInput& input, Resolved* out) {
  if (input.refs.empty()) return false;  // refers to nothing that exists: already said
  std::vector<Resolved> parts(input.refs.size());
  bool good = true;
  for (size_t i = 0; i < input.refs.size(); ++i) good &= ResolveRef(input.refs[i], "", &parts[i]);
  if (!good) return false;
  DropImpossibleErrors(&parts);
  if (parts.size() == 1) {
    *out = std::move(parts[0]);
  } else {
    const Component* flatten = registry_.Find("Flatten");
    const int index = AddStep(step, *flatten, step.name + "/Flatten", nullptr, std::move(parts), true);
    if (index < 0) return false;
    out->input = {index, 0};
    out->info.info = InfoOf(out->input);
    out->info.origin = step.name + "/Flatten";
  }
  out->info.alias = input.alias;
  return true;
}

bool Binder::CheckArity(const LogicalStep& step, const Component& component, size_t inputs) {
  const int count = static_cast<int>(inputs);
  const InputArity& arity = component.inputs;
  if (count >= arity.min && (arity.max < 0 || count <= arity.max)) return true;
  const NodePtr& at = step.type_node ? step.type_node : step.node;
  std::string wants = arity.max == 0           ? "no input"
                      : arity.min == arity.max ? std::to_string(arity.min) + (arity.min == 1 ? " input" : " inputs")
                      : arity.max < 0          ? "at least " + std::to_string(arity.min) + " inputs"
                                      : std::to_string(arity.min) + " to " + std::to_string(arity.max) + " inputs";
  diagnostics_.Error(at->source(), at->span(),
                     step.type + " takes " + wants + ", but step '" + step.name + "' has " + std::to_string(count),
                     count == 0 ? "add 'input: NAME', or put the step into a chain" : "");
  return false;
}

// What sinks write has no place for weights: a row that is taken back would be one row more.
void Binder::CheckSink(const StepBinding& binding, StepContext& context) const {
  if (!binding.sink) return;
  for (const StepInputInfo& input : context.inputs()) {
    if (!input.info.changes || binding.sink_takes_changes) continue;
    context.StepError(context.type() + " needs rows that stay; those of '" + input.origin + "' can be taken back",
                      "write the changes into the rows with ToChanges, or reduce them before, with Combine in windows");
  }
}

int Binder::AddStep(const LogicalStep& step, const Component& component, const std::string& name, const NodePtr& config,
                    std::vector<Resolved> inputs, bool implied) {
  BoundStep bound;
  bound.name = name;
  bound.type = component.spec.name();
  bound.logical = step.id;
  bound.implied = implied;
  bound.node = step.node;
  bound.stage = StageOf(step);
  std::vector<StepInputInfo> infos;
  for (Resolved& input : inputs) {
    bound.inputs.push_back(input.input);
    infos.push_back(std::move(input.info));
  }
  TypePtr element = infos.empty() ? arrow::utf8() : arrow::struct_(infos[0].info.schema->fields());
  bound.errors.schema = ErrorSchema(element);
  if (!infos.empty()) {
    bound.errors.windowing = infos[0].info.windowing;
    bound.errors.has_window = infos[0].info.has_window;
  }
  for (const StepInputInfo& input : infos) {
    bound.errors.bounded &= input.info.bounded;
    bound.errors.changes |= input.info.changes;
  }
  StepContext context(step, name, std::move(infos), options_, &claims_, &diagnostics_);
  if (const BoundStep* writer = WriterOf(step)) context.set_written(InfoOf(writer->inputs[0]).schema);
  // After mistakes the graph never runs; what is known of its schemas serves to find the mistakes further down.
  std::optional<StepBinding> binding = component.bind(config, context);
  if (binding) {
    for (size_t i = 0; options_.as_stream && binding->source && i < binding->outputs.size(); ++i) {
      CollectionInfo& info = binding->outputs[i].info;
      if (info.bounded) info.as_stream = true;
      info.bounded = false;
    }
    CheckSink(*binding, context);
    if (context.inputs().empty() && !binding->outputs.empty()) bound.errors.bounded = binding->outputs[0].info.bounded;
    bound.binding = std::move(*binding);
  } else if (component.spec.keeps_fields() && !context.inputs().empty()) {
    bound.binding.outputs = {{"", context.inputs()[0].info}};
  } else {
    return -1;
  }
  const int index = static_cast<int>(bound_.steps.size());
  std::vector<int> sources;
  for (const StepInputInfo& input : context.inputs()) {
    sources.insert(sources.end(), input.info.sources.begin(), input.info.sources.end());
  }
  if (sources.empty()) sources.push_back(index);
  std::sort(sources.begin(), sources.end());
  sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
  bound.errors.sources = sources;
  for (StepOutput& output : bound.binding.outputs) output.info.sources = sources;
  bound_.steps.push_back(std::move(bound));
  return index;
}

const BoundStep* Binder::WriterOf(const LogicalStep& step) const {
  const auto writer = graph_.written_by.find(step.name);
  if (writer == graph_.written_by.end()) return nullptr;
  for (const BoundStep& bound : bound_.steps) {
    if (bound.name == writer->second.step && !bound.inputs.empty()) return &bound;
  }
  return nullptr;
}

void Binder::StandIn(const LogicalStep& step, const Component& component, const BoundStep& writer) {
  component.check(step.config, step.node, &diagnostics_);
  BoundStep bound;
  bound.name = step.name;
  bound.type = component.spec.name();
  bound.logical = step.id;
  bound.node = step.node;
  CollectionInfo info = InfoOf(writer.inputs[0]);
  info.windowing = {};
  info.has_window = info.changes = false;
  bound.errors.schema = ErrorSchema(arrow::utf8());
  bound.errors.bounded = info.bounded;
  info.sources = bound.errors.sources = {static_cast<int>(bound_.steps.size())};
  bound.binding.outputs = {{"", std::move(info)}};
  bound.binding.notes = {"what " + writer.name + " writes"};
  bound.binding.source = [name = step.name](const ScanRequest&) -> Result<std::shared_ptr<Source>> {
    return Status::Invalid("step '", name, "' reads what another task has yet to write");
  };
  bound.errors_read = step.keeps_errors;
  bound_.bound_of_logical[step.id] = static_cast<int>(bound_.steps.size());
  bound_.steps.push_back(std::move(bound));
}

int Binder::AddWindowing(const LogicalStep& step, const std::string& name, Resolved input) {
  input.info.alias.clear();
  std::vector<Resolved> inputs;
  inputs.push_back(std::move(input));
  return AddStep(step, *registry_.Find("WindowInto"), name, nullptr, std::move(inputs), true);
}

void Binder::BindLogical(const LogicalStep& step) {
  if (step.type.empty()) return;  // already said
  // Read and kept by the language, without effect in the engine: refused rather than ignored.
  for (const auto& [key, given] : {std::pair{"after", !step.after.empty()}, std::pair{"when", step.when != nullptr}}) {
    const NodeEntry* entry = given && step.node != nullptr ? step.node->FindEntry(key) : nullptr;
    if (entry == nullptr) continue;
    diagnostics_.Error(entry->key->source(), entry->key->span(), std::string("'") + key + "' is not in this version",
                       "leave it out; order steps by their data");
  }
  const Component* component = registry_.Find(step.type);
  if (component == nullptr) {
    const std::string near = ClosestMatch(step.type, registry_.Names());
    const NodePtr& at = step.type_node ? step.type_node : step.node;
    diagnostics_.Error(at->source(), at->span(), "unknown transform '" + step.type + "'",
                       near.empty() ? "'weir list' shows all transforms" : "did you mean '" + near + "'?");
    return;
  }
  std::vector<Resolved> inputs(step.inputs.size());
  bool good = true;
  for (size_t i = 0; i < step.inputs.size(); ++i) good &= ResolveInput(step, step.inputs[i], &inputs[i]);
  if (!good || !CheckArity(step, *component, inputs.size()))
    return component->check(step.config, step.node, &diagnostics_);

  if (options_.describe_only && inputs.empty() && WriterOf(step) != nullptr &&
      graph_.written_by.at(step.name).by_files) {
    return StandIn(step, *component, *WriterOf(step));
  }
  const bool windows_itself = step.type == "WindowInto";
  if (step.windowing && !windows_itself) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      std::string alias = inputs[i].info.alias;
      const int index = AddWindowing(step, step.name + "/WindowInto", std::move(inputs[i]));
      if (index < 0) return;
      inputs[i] = Resolved{{index, 0}, {alias, step.name, bound_.steps[index].binding.outputs[0].info}};
    }
  }
  const bool source = inputs.empty();
  int index = AddStep(step, *component, step.name, step.config, std::move(inputs), false);
  if (index < 0) return;
  bound_.steps[index].errors_read = step.keeps_errors;
  if (step.error_handling && step.error_handling->threshold) {
    bound_.steps[index].error_threshold = *step.error_handling->threshold;
  }
  if (step.windowing && !windows_itself && source && !bound_.steps[index].binding.outputs.empty()) {
    Resolved output{{index, 0}, {"", step.name, bound_.steps[index].binding.outputs[0].info}};
    const int windowed = AddWindowing(step, step.name + "/WindowInto", std::move(output));
    if (windowed < 0) return;
    windowed_output_[index] = windowed;
  }
  if (step.state != nullptr && AddTable(step, index) < 0) return;
  bound_.bound_of_logical[step.id] = index;
}

}  // namespace

BoundGraph Bind(const LogicalGraph& graph, const Registry& registry, const BindOptions& options,
                Diagnostics* diagnostics) {
  return Binder(graph, registry, options, diagnostics).Run();
}

}  // namespace weir
