// Binding: what a component tells the planner about one step. A component's Bind function gets its typed config and the
// schemas of its inputs, checks everything that can be checked before data flows, and returns a StepBinding.
//
// Bind runs once per step, in one thread, in topological order, and touches no data (a file source may read a sample).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/component_spec.h"
#include "config/diagnostic.h"
#include "config/node.h"
#include "plan/step_binding.h"

namespace weir {

class Env;

/// One input of a step as Bind sees it.
struct StepInputInfo {
  std::string alias;   // "" for the unnamed input; tag for a map of inputs
  std::string origin;  // "Step.output", for messages
  CollectionInfo info;
};

/// Given to Bind. Everything reported here carries its place in the file.
class BindContext {
 public:
  virtual ~BindContext() = default;
  virtual const std::string& step_name() const = 0;
  virtual const NodePtr& step_node() const = 0;  // the whole transform mapping
  virtual const std::vector<StepInputInfo>& inputs() const = 0;
  virtual Diagnostics& diagnostics() = 0;
  virtual Env& env() = 0;
  virtual int lanes() const = 0;
  /// The `windowing` written on this very step (WindowInto reads it here); others find it already applied to inputs().
  virtual const std::optional<WindowingStrategy>& windowing() const = 0;
  /// Folder that relative paths of the pipeline start from: the working directory of the command.
  virtual const std::string& base_dir() const = 0;
  /// "generic" unless the config says otherwise. Reports mistakes inside the expression; null then.
  virtual std::shared_ptr<const CompiledExpr> Compile(const ExprSource& expression, const std::string& language,
                                                      const arrow::Schema& schema) = 0;
  /// The schema that the rows of this step have where they stand in for those of another (an empty mock in a test), or
  /// where another task of the file writes what this source reads; mostly null.
  virtual SchemaPtr known_schema() const = 0;
  /// Says that this step writes `resource` (a file, a folder), which no other step of the file may. False after an
  /// error at `place`.
  virtual bool ClaimOutput(const std::string& resource, const NodePtr& place) = 0;
  void Error(const NodePtr& node, std::string message, std::string hint = "") {
    diagnostics().Error(node->source(), node->span(), std::move(message), std::move(hint));
  }
  /// An error about the step as a whole, placed at its type.
  virtual void StepError(std::string message, std::string hint = "") = 0;
  /// The column `name` of `schema`, or -1 after an error at `node` with a suggestion.
  int FindColumn(const arrow::Schema& schema, const std::string& name, const NodePtr& node);
};

using BindFunction = std::function<std::optional<StepBinding>(const NodePtr& config, BindContext&)>;

/// How many inputs a component takes.
struct InputArity {
  int min = 1;
  int max = 1;  // -1: any number
};

struct Component {
  ComponentSpec spec;
  InputArity inputs;
  BindFunction bind;
  /// Only reads the config: finds its mistakes where Bind cannot run because an input is wrong.
  std::function<void(const NodePtr& config, const NodePtr& step, Diagnostics* diagnostics)> check;
};

/// Keys of a `config` that the planner reads for every step, whatever its type.
const std::vector<std::string>& StepConfigKeys();

/// All components by type name. Filled once at start by explicit register lists; then read-only.
class Registry {
 public:
  /// `Bind` is `std::optional<StepBinding> (const Config&, BindContext&)`; called only with a config that parsed.
  template <class Config>
  void Add(ComponentSpec spec, InputArity inputs, std::optional<StepBinding> (*bind)(const Config&, BindContext&)) {
    std::string name = spec.name();
    auto component = std::make_unique<Component>(Component{std::move(spec), inputs, nullptr, nullptr});
    component->check = [raw = component.get()](const NodePtr& node, const NodePtr& step, Diagnostics* diagnostics) {
      Config config{};
      ParseConfig(raw->spec, node, step, StepConfigKeys(), &config, diagnostics);
    };
    component->bind = [bind, raw = component.get()](const NodePtr& node,
                                                    BindContext& context) -> std::optional<StepBinding> {
      Config config{};
      if (!ParseConfig(raw->spec, node, context.step_node(), StepConfigKeys(), &config, &context.diagnostics())) {
        return std::nullopt;
      }
      return bind(config, context);
    };
    components_[name] = std::move(component);
  }
  /// A component that pipelines do not name, and lists do not show: the binder finds it, where it implies it.
  template <class Config>
  void AddImplied(ComponentSpec spec, InputArity inputs,
                  std::optional<StepBinding> (*bind)(const Config&, BindContext&)) {
    const std::string name = spec.name();
    Add<Config>(std::move(spec), inputs, bind);
    implied_[name] = std::move(components_[name]);
    components_.erase(name);
  }
  /// Null where there is none. FindImplied: only those of AddImplied.
  const Component* Find(const std::string& type) const;
  const Component* FindImplied(const std::string& type) const;
  std::vector<std::string> Names() const;
  const std::map<std::string, std::unique_ptr<Component>>& components() const { return components_; }

 private:
  std::map<std::string, std::unique_ptr<Component>> components_, implied_;
};

/// What is known of a step that has mistakes: the fields of its output, so that the steps behind it can be checked in
/// the same run. A field whose type is not known has type null. Such a graph never runs.
StepBinding OutputOnlyBinding(const BindContext& context, SchemaPtr output_schema);

/// Bindings of the commonest shape: one input, one output, one operator in the same lane, windowing unchanged.
/// `needs_columns`: input columns read by the operator itself, besides those passed on by `pass_through` (input column
/// per output column, -1 = computed).
StepBinding RowWiseBinding(const BindContext& context, SchemaPtr output_schema, std::vector<int> reads,
                           std::vector<int> pass_through,
                           std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)> make);

}  // namespace weir
