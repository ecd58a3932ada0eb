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

#include "batch/batch.h"
#include "config/component_spec.h"
#include "config/diagnostic.h"
#include "config/node.h"
#include "expr/expr.h"
#include "plan/column_set.h"
#include "time/windowing.h"

namespace weir {

class Env;
class Operator;
class Sink;
class Source;
struct OperatorContext;

/// What is known of a collection before it flows.
struct CollectionInfo {
  SchemaPtr schema;
  WindowingStrategy windowing;
  bool has_window = false;  // rows carry an explicit window: they come from a grouping step
  bool bounded = true;
  bool changes = false;  // rows carry weights
};

enum class ExchangeKind {
  kForward,    // same lane, no copy
  kHash,       // rows with equal keys (and, if asked, equal windows) meet in one lane
  kBroadcast,  // every lane sees every row
  kRebalance,  // any lane; spreads work
  kGather,     // one lane sees all
};

struct Exchange {
  ExchangeKind kind = ExchangeKind::kForward;
  std::vector<int> keys;  // kHash: columns of the input
};

/// One physical operator of a step. A step is one operator, or a chain with exchanges between (partial → final).
struct OperatorSpec {
  std::string name;                // "Combine (partial)": for explain
  std::vector<Exchange> inputs;    // one per port: how rows get here
  std::vector<SchemaPtr> outputs;  // schema per output port, without the error port
  int max_lanes = 0;               // 0: as many as the run has
  std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)> make;
  /// Columns of each input that are needed to make `outputs` (per port). Default: all columns of all inputs.
  std::function<std::vector<ColumnSet>(const std::vector<ColumnSet>& outputs)> needs;
  std::vector<std::string> notes;  // lines for explain
};

/// What the planner asks of a source after it has seen the whole graph.
struct ScanRequest {
  ColumnSet columns;                                  // others may stay pruned
  std::shared_ptr<const CompiledExpr> filter;         // rows for which this is not true may be left out; or null
  int64_t limit = -1;                                 // no more rows than this are needed; -1: all
};

struct StepOutput {
  std::string name;  // "" = the main output
  CollectionInfo info;
};

struct StepBinding {
  std::vector<StepOutput> outputs;
  /// Exactly one of the three is set.
  std::vector<OperatorSpec> operators;
  std::function<Result<std::shared_ptr<Source>>(const ScanRequest&)> source;
  std::function<Result<std::shared_ptr<Sink>>()> sink;
  int sink_max_lanes = 0;
  /// The needs of a sink are all columns of its input.

  /// Sources: what a ScanRequest may use.
  bool can_project = false;
  /// Whether this source applies this predicate exactly (no row more, no row less). Null: takes no filter.
  std::function<bool(const CompiledExpr&)> can_filter;
  /// Row errors can occur (decides whether a filter may move below the error check).
  bool can_reject = true;
  /// A transform that hands on its rows unchanged where this is true: the planner may move it into the scan.
  std::shared_ptr<const CompiledExpr> filter;
  std::vector<std::string> notes;  // lines for explain: files, sizes, guarantees
};

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
  virtual const NodePtr& step_node() const = 0;    // the whole transform mapping
  virtual const std::vector<StepInputInfo>& inputs() const = 0;
  virtual Diagnostics& diagnostics() = 0;
  virtual Env& env() = 0;
  virtual int lanes() const = 0;
  /// Folder that relative paths of the pipeline start from: the working directory of the command.
  virtual const std::string& base_dir() const = 0;
  /// "generic" unless the config says otherwise. Reports mistakes inside the expression; null then.
  virtual std::shared_ptr<const CompiledExpr> Compile(const ExprSource& expression, const std::string& language,
                                                      const arrow::Schema& schema) = 0;
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
};

/// All components by type name. Filled once at start by explicit register lists; then read-only.
class Registry {
 public:
  /// `Bind` is `std::optional<StepBinding> (const Config&, BindContext&)`; called only with a config that parsed.
  template <class Config>
  void Add(ComponentSpec spec, InputArity inputs, std::optional<StepBinding> (*bind)(const Config&, BindContext&)) {
    std::string name = spec.name();
    auto component = std::make_unique<Component>(Component{std::move(spec), inputs, nullptr});
    component->bind = [bind, raw = component.get()](const NodePtr& node,
                                                    BindContext& context) -> std::optional<StepBinding> {
      Config config{};
      if (!ParseStepConfig(raw->spec, node, context.step_node(), &config, &context.diagnostics())) return std::nullopt;
      return bind(config, context);
    };
    components_[name] = std::move(component);
  }
  const Component* Find(const std::string& type) const;
  std::vector<std::string> Names() const;
  const std::map<std::string, std::unique_ptr<Component>>& components() const { return components_; }

 private:
  /// ParseConfig of config/component_spec.h, leaving alone the keys that every step takes.
  template <class Config>
  static bool ParseStepConfig(const ComponentSpec& spec, const NodePtr& node, const NodePtr& step, Config* config,
                              Diagnostics* diagnostics) {
    return ParseConfig(spec, node, step, CommonStepKeys(), config, diagnostics);
  }
  static const std::vector<std::string>& CommonStepKeys();

  std::map<std::string, std::unique_ptr<Component>> components_;
};

/// Bindings of the commonest shape: one input, one output, one operator in the same lane, windowing unchanged.
/// `needs_columns`: input columns read by the operator itself, besides those passed on by `pass_through` (input column per
/// output column, -1 = computed).
StepBinding RowWiseBinding(const BindContext& context, SchemaPtr output_schema, std::vector<int> reads,
                           std::vector<int> pass_through,
                           std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)> make);

}  // namespace weir
