// From the tree to the graph: composites are dissolved, every reference becomes a step and an output of it.
// A composite's input that joins several collections, or that is windowed, becomes a step of its own
// ("Comp/Flatten[a]", "Comp/WindowInto[a]"), so that a reference is always exactly one output and the graph stays
// linear in the file's size.
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "plan/pipeline_tree.h"
#include "plan/topological_order.h"

namespace weir {
namespace {

constexpr int kMaxSuggestions = 20;  // a suggestion looks at every name: not for thousands of mistakes

struct Resolved {
  int step = -1;  // -1: could not be resolved, and was reported
  std::string output;
};

/// A slot that is resolved on first use; kBusy while that goes on, to find composites that only pass each other on.
struct Lazy {
  enum class State { kNew, kBusy, kDone };
  State state = State::kNew;
  Resolved value;
};

struct Scope {
  Scope(const TreeItem& composite, Scope* parent, std::string path)
      : composite(composite), parent(parent), path(std::move(path)), names(composite) {}

  const TreeItem& composite;
  Scope* parent;
  std::string path;   // "Outer/Inner/", "" for the root
  std::string stage;  // of its steps that name none; may be ""
  NameIndex names;
  std::vector<int> steps;                        // per item: its step, or -1 for a composite
  std::vector<std::unique_ptr<Scope>> children;  // per item: null for a leaf
  std::unordered_map<std::string, Lazy> inputs;  // by alias; filled at once, resolved on first use
  std::unordered_map<std::string, Lazy> outputs;
  std::unordered_map<std::string, const TreeInput*> declared;
  std::unordered_map<std::string, const TreeOutput*> exported;
};

class GraphBuilder {
 public:
  GraphBuilder(const TreeItem& root, UnreadErrors unread_errors, Diagnostics* diagnostics)
      : root_(root), unread_errors_(unread_errors), diagnostics_(diagnostics) {}

  LogicalGraph Build() {
    Scope root(root_, nullptr, "");
    AddItems(&root, root_.windowing ? &root_ : nullptr);
    ResolveScope(&root);
    if (unread_errors_ == UnreadErrors::kRefused) CheckErrorsConsumed();
    LogicalGraph graph;
    graph.steps = Ordered();
    return graph;
  }

 private:
  struct Pending {  // a step whose references are not resolved yet
    Scope* scope = nullptr;
    const TreeItem* item = nullptr;    // null for an implied step
    const TreeInput* input = nullptr;  // of an implied step: the composite's declared input
  };

  void Error(const NodePtr& node, std::string message, std::string hint = "") {
    ErrorAt(node, std::move(message), diagnostics_, std::move(hint));
  }
  void Error(const TreeRef& ref, std::string message, std::string hint = "") {
    diagnostics_->Error(ref.source, ref.span, std::move(message), std::move(hint));
  }

  // Names and steps.

  int AddStep(LogicalStep step, Pending pending) {
    step.id = static_cast<int>(steps_.size());
    paths_.insert(step.name);
    steps_.push_back(std::move(step));
    pending_.push_back(pending);
    return steps_.back().id;
  }

  /// The full path of an item, unique in the graph.
  std::string PathOf(const Scope& scope, const TreeItem& item,
                     std::unordered_map<std::string, const TreeItem*>* named) {
    std::string path = scope.path + item.EffectiveName();
    if (!item.name.empty()) {
      auto [it, fresh] = named->emplace(item.name, &item);
      if (!fresh) {
        const NodePtr& first = it->second->name_node;
        Error(item.name_node, "the name '" + item.name + "' is given twice",
              "first at line " + std::to_string(first->source()->PositionOf(first->span().begin).line));
      }
    }
    if (paths_.count(path) == 0) return path;
    const Position at = item.node->source()->PositionOf(item.node->span().begin);
    path += "@" + std::to_string(at.line);
    if (paths_.count(path) != 0) path += ":" + std::to_string(at.column);
    while (paths_.count(path) != 0) path += "'";
    return path;
  }

  /// `windowing_from`: the composite whose windowing its roots inherit, or null.
  void AddItems(Scope* scope, const TreeItem* windowing_from) {
    const std::vector<TreeItem>& items = scope->composite.items;
    std::unordered_map<std::string, const TreeItem*> named;
    scope->steps.assign(items.size(), -1);
    scope->children.resize(items.size());
    for (size_t i = 0; i < items.size(); ++i) {
      const TreeItem& item = items[i];
      const bool inherits = item.inputs.empty() && !item.windowing_node;
      const TreeItem* windowing = item.windowing ? &item : inherits ? windowing_from : nullptr;
      std::string path = PathOf(*scope, item, &named);
      const std::string& stage = item.stage ? item.stage->text() : scope->stage;
      if (item.is_composite) {
        paths_.insert(path);
        scope->children[i] = std::make_unique<Scope>(item, scope, path + "/");
        scope->children[i]->stage = stage;
        DeclareInputs(scope->children[i].get(), item);
        AddItems(scope->children[i].get(), windowing);
      } else {
        scope->steps[i] = AddLeaf(std::move(path), item, windowing, scope, stage);
      }
    }
  }

  int AddLeaf(std::string path, const TreeItem& item, const TreeItem* windowing, Scope* scope,
              const std::string& stage) {
    LogicalStep step;
    step.stage = stage;
    step.name = std::move(path);
    step.type = item.type;
    step.node = item.node;
    step.type_node = item.type_node;
    step.config = item.config;
    step.explicit_no_input = item.explicit_no_input;
    if (windowing != nullptr) {
      step.windowing = windowing->windowing;
      step.windowing_node = windowing->windowing_node;
    }
    step.error_handling = item.error_handling;
    step.keeps_errors = item.keeps_errors || item.error_handling.has_value();
    step.output_schema = item.output_schema;
    step.when = item.when;
    step.resource_hints = item.resource_hints;
    step.state = item.state;
    const std::string name = step.name;
    const int id = AddStep(std::move(step), {scope, &item, nullptr});
    if (item.output_schema) AddValidation(id, name, item, stage);
    return id;
  }

  /// `output_schema` is a ValidateWithSchema after the step; its errors are errors of the step.
  void AddValidation(int id, const std::string& name, const TreeItem& item, const std::string& stage) {
    LogicalStep step;
    step.stage = stage;
    step.type = "ValidateWithSchema";
    step.name = name + "/" + step.type;
    step.node = item.node;
    step.type_node = item.type_node;
    step.config = MakeMapNode({{MakeScalarNode("schema", item.output_schema), item.output_schema}}, item.output_schema);
    step.error_handling = item.error_handling;
    step.keeps_errors = item.keeps_errors || item.error_handling.has_value();
    const Span span = item.output_schema->span();
    step.inputs.push_back({"", {{id, "", false, span, item.output_schema->source()}}});
    const int validation = AddStep(std::move(step), {});
    validation_of_[id] = validation;
  }

  /// The step that joins the errors of a step and of its validation.
  int AllErrors(int id, int validation, const TreeRef& ref) {
    auto [it, fresh] = all_errors_of_.emplace(id, -1);
    if (!fresh) return it->second;
    LogicalStep step;
    step.type = "Flatten";
    step.name = steps_[id].name + "/Flatten[errors]";
    step.stage = steps_[id].stage;
    step.node = steps_[id].node;
    step.type_node = steps_[id].type_node;
    step.inputs.push_back(
        {"", {{id, "errors", true, ref.span, ref.source}, {validation, "errors", true, ref.span, ref.source}}});
    return it->second = AddStep(std::move(step), {});
  }

  void DeclareInputs(Scope* scope, const TreeItem& item) {
    for (const TreeInput& input : item.inputs) {
      const std::string alias = input.alias.empty() ? "input" : input.alias;
      scope->declared[alias] = &input;
      Lazy& slot = scope->inputs[alias];
      if (!item.windowing && input.refs.size() == 1) continue;
      LogicalStep step;
      step.type = item.windowing ? "WindowInto" : "Flatten";
      step.name = scope->path + step.type + "[" + alias + "]";
      step.stage = scope->stage;
      step.node = item.node;
      step.type_node = item.type_node;
      step.windowing = item.windowing;
      step.windowing_node = item.windowing ? item.windowing_node : nullptr;
      if (item.windowing) {
        step.config = MakeMapNode({{MakeScalarNode("windowing", item.windowing_node), item.windowing_node}}, item.node);
      }
      slot.value.step = AddStep(std::move(step), {scope->parent, nullptr, &input});
      slot.state = Lazy::State::kDone;
    }
    for (const TreeOutput& output : item.outputs) scope->exported[output.name] = &output;
  }

  // References.

  Resolved Resolve(Scope* scope, const TreeRef& ref) {
    if (ref.item >= 0) return OutputOf(scope, ref.item, ref.text, ref);
    if (Lazy* input = FindInput(scope, ref.text)) {
      return ResolveLazy(input, ref, [&] { return ResolveInput(scope, ref.text); });
    }
    NameIndex::Match match = scope->names.Find(ref.text);
    if (match.items.size() == 1) return OutputOf(scope, match.items[0], match.output, ref);
    if (match.items.empty()) {
      ReportUnknown(*scope, ref);
    } else {
      ReportAmbiguous(*scope, ref, match);
    }
    return {};
  }

  /// A composite without inputs of its own sees those of the composites around it, as in Beam.
  static Lazy* FindInput(Scope*& scope_of, const std::string& alias) {
    for (Scope* scope = scope_of; scope != nullptr; scope = scope->parent) {
      if (auto it = scope->inputs.find(alias); it != scope->inputs.end()) {
        scope_of = scope;
        return &it->second;
      }
      if (!scope->inputs.empty()) return nullptr;
    }
    return nullptr;
  }

  template <class F>
  Resolved ResolveLazy(Lazy* slot, const TreeRef& ref, F&& resolve) {
    if (slot->state == Lazy::State::kBusy) {
      Error(ref, "'" + ref.text + "' refers to itself through composites that only hand on their input");
      slot->state = Lazy::State::kDone;
    }
    if (slot->state == Lazy::State::kNew) {
      slot->state = Lazy::State::kBusy;
      Resolved value = resolve();
      slot->value = std::move(value);
      slot->state = Lazy::State::kDone;
    }
    return slot->value;
  }

  Resolved ResolveInput(Scope* scope, const std::string& alias) {
    const TreeInput& input = *scope->declared.at(alias);
    return input.refs.empty() ? Resolved{} : Resolve(scope->parent, input.refs[0]);
  }

  /// Output `output` ("" = main) of an item of `scope`.
  Resolved OutputOf(Scope* scope, int index, const std::string& output, const TreeRef& ref) {
    if (scope->steps[index] >= 0) {
      const int step = scope->steps[index];
      const auto& handling = steps_[step].error_handling;
      const bool is_errors = output == "errors" || (handling && handling->output == output);
      if (is_errors) consumed_errors_.insert(step);
      auto validation = validation_of_.find(step);
      if (validation == validation_of_.end()) return {step, output};
      if (is_errors) return {AllErrors(step, validation->second, ref), ""};
      return output.empty() ? Resolved{validation->second, ""} : Resolved{step, output};
    }
    Scope* inner = scope->children[index].get();
    if (inner->composite.implicit_output >= 0) {
      return OutputOf(inner, inner->composite.implicit_output, output, ref);
    }
    const auto& outputs = inner->composite.outputs;
    const std::string name = !output.empty() ? output : outputs.size() == 1 ? outputs[0].name : "";
    auto it = inner->exported.find(name);
    if (it != inner->exported.end()) {
      return ResolveLazy(&inner->outputs[name], ref, [&] { return Resolve(inner, it->second->ref); });
    }
    ReportNoOutput(*inner, output, ref);
    return {};
  }

  void ReportNoOutput(const Scope& inner, const std::string& output, const TreeRef& ref) {
    const TreeItem& composite = inner.composite;
    const std::string who = composite.type + " '" + composite.EffectiveName() + "'";
    std::vector<std::string> names;
    std::string list;
    for (const TreeOutput& o : composite.outputs) {
      names.push_back(o.name);
      list += (list.empty() ? "'" : ", '") + o.name + "'";
    }
    if (names.empty()) {
      Error(ref, who + " has no output", "give it 'output: STEP'");
    } else if (output.empty()) {
      Error(ref, who + " has several outputs: " + list, "write '" + ref.text + "." + names[0] + "'");
    } else {
      std::string close = ClosestMatch(output, names);
      Error(ref, who + " has no output '" + output + "', only " + list,
            close.empty() ? "" : "did you mean '" + close + "'?");
    }
  }

  void ReportUnknown(const Scope& scope, const TreeRef& ref) {
    std::string hint;
    if (suggestions_++ < kMaxSuggestions) {
      std::vector<std::string> names = scope.names.Names();
      for (const Scope* s = &scope; s != nullptr; s = s->inputs.empty() ? s->parent : nullptr) {
        for (const auto& [alias, slot] : s->inputs) names.push_back(alias);
      }
      std::string close = ClosestMatch(ref.text, names);
      const size_t dot = ref.text.rfind('.');
      if (close.empty() && dot != std::string::npos) {
        close = ClosestMatch(ref.text.substr(0, dot), names);
        if (!close.empty()) close += ref.text.substr(dot);
      }
      if (!close.empty()) {
        hint = "did you mean '" + close + "'?";
      } else {
        hint = HintFromOutside(scope, ref);
      }
    }
    Error(ref, "unknown step or input '" + ref.text + "'" + Where(scope), std::move(hint));
  }

  static std::string Where(const Scope& scope) {
    return scope.parent ? " in " + scope.composite.type + " '" + scope.composite.EffectiveName() + "'" : "";
  }

  static std::string HintFromOutside(const Scope& scope, const TreeRef& ref) {
    for (const Scope* outer = scope.parent; outer != nullptr; outer = outer->parent) {
      if (outer->names.Find(ref.text).items.empty()) continue;
      return "steps outside of a composite are seen only through its 'input': add 'input: {" + ref.text + ": " +
             ref.text + "}'";
    }
    return "";
  }

  void ReportAmbiguous(const Scope& scope, const TreeRef& ref, const NameIndex::Match& match) {
    std::string hint = "it could be";
    for (size_t i = 0; i < match.items.size() && i < 3; ++i) {
      const TreeItem& item = scope.composite.items[match.items[i]];
      hint += (i == 0 ? " '" : ", '") + item.EffectiveName() + "' at line " +
              std::to_string(item.node->source()->PositionOf(item.node->span().begin).line);
    }
    if (match.items.size() > 3) hint += ", …";
    Error(ref, "'" + ref.text + "' is ambiguous" + Where(scope), hint + "; give the steps names");
  }

  OutputRef Finish(Resolved resolved, const TreeRef& ref) const {
    OutputRef out{resolved.step, std::move(resolved.output), false, ref.span, ref.source};
    const auto& handling = steps_[out.step].error_handling;
    out.is_errors = out.output == "errors" || (handling && handling->output == out.output);
    return out;
  }

  void ResolveStep(int id) {
    const Pending pending = pending_[id];
    auto resolve = [&](const TreeInput& input, StepInput* out) {
      out->refs.reserve(input.refs.size());
      for (const TreeRef& ref : input.refs) {
        Resolved resolved = Resolve(pending.scope, ref);
        if (resolved.step == id) {
          Error(ref, "step '" + steps_[id].name + "' takes itself as input");
        } else if (resolved.step >= 0) {
          out->refs.push_back(Finish(std::move(resolved), ref));
        }
      }
    };
    LogicalStep& step = steps_[id];
    if (pending.scope == nullptr) return;  // made with its inputs
    if (pending.item == nullptr) {
      resolve(*pending.input, &step.inputs.emplace_back());
      return;
    }
    step.inputs.reserve(pending.item->inputs.size());
    for (const TreeInput& input : pending.item->inputs) {
      step.inputs.push_back({input.alias, {}});
      resolve(input, &step.inputs.back());
    }
    for (const TreeRef& ref : pending.item->after) ResolveAfter(pending.scope, ref, &step);
  }

  void ResolveAfter(Scope* scope, const TreeRef& ref, LogicalStep* step) {
    NameIndex::Match match = scope->names.Find(ref.text);
    if (match.items.size() > 1) return ReportAmbiguous(*scope, ref, match);
    if (match.items.empty() || !match.output.empty()) return ReportUnknown(*scope, ref);
    std::function<void(const Scope&, int)> add = [&](const Scope& s, int item) {
      if (s.steps[item] < 0) {
        for (size_t i = 0; i < s.children[item]->steps.size(); ++i) add(*s.children[item], static_cast<int>(i));
      } else if (s.steps[item] == step->id) {
        Error(ref, "step '" + step->name + "' cannot come after itself");
      } else {
        step->after.push_back(s.steps[item]);
      }
    };
    add(*scope, match.items[0]);
  }

  /// Resolves what composites declare and export even if nobody uses it, so that mistakes there are found.
  void ResolveScope(Scope* scope) {
    if (scope->parent == nullptr) {
      for (size_t id = 0; id < steps_.size(); ++id) ResolveStep(static_cast<int>(id));
    }
    for (auto& child : scope->children) {
      if (!child) continue;
      for (auto& [alias, input] : child->declared) {
        TreeRef ref = input->refs.empty() ? TreeRef{} : input->refs[0];
        if (ref.source)
          ResolveLazy(&child->inputs[alias], ref, [&, &a = alias] { return ResolveInput(child.get(), a); });
      }
      for (auto& [name, output] : child->exported) {
        ResolveLazy(&child->outputs[name], output->ref, [&, o = output] { return Resolve(child.get(), o->ref); });
      }
      ResolveScope(child.get());
    }
  }

  void CheckErrorsConsumed() {
    for (const LogicalStep& step : steps_) {
      if (!step.error_handling || consumed_errors_.count(step.id) || !pending_[step.id].item) continue;
      NodePtr at = step.error_handling->node->Find("output");
      const std::string name = pending_[step.id].item->EffectiveName() + "." + step.error_handling->output;
      Error(at, "unconsumed error output: nothing takes '" + name + "'",
            "name it as the input of a step or as an output of the composite, or leave out error_handling");
    }
  }

  /// Steps sorted and renumbered; cycles are reported.
  std::vector<LogicalStep> Ordered() {
    std::vector<std::vector<int>> before(steps_.size());
    for (const LogicalStep& step : steps_) {
      for (const StepInput& input : step.inputs) {
        for (const OutputRef& ref : input.refs) before[step.id].push_back(ref.step);
      }
      before[step.id].insert(before[step.id].end(), step.after.begin(), step.after.end());
    }
    TopologicalOrder order = SortTopologically(before);
    if (!order.cycle.empty()) ReportCycle(order.cycle);
    std::vector<int> new_id(steps_.size(), -1);
    for (size_t i = 0; i < order.order.size(); ++i) new_id[order.order[i]] = static_cast<int>(i);
    std::vector<LogicalStep> sorted;
    sorted.reserve(order.order.size());
    for (int old : order.order) {
      LogicalStep& step = sorted.emplace_back(std::move(steps_[old]));
      step.id = new_id[old];
      for (StepInput& input : step.inputs) {
        for (OutputRef& ref : input.refs) ref.step = new_id[ref.step];
      }
      for (int& id : step.after) id = new_id[id];
    }
    return sorted;
  }

  void ReportCycle(const std::vector<int>& cycle) {
    std::string path;
    for (int id : cycle) path += "'" + steps_[id].name + "' → ";
    path += "'" + steps_[cycle[0]].name + "'";
    // The place of the reference by which the cycle's first step takes its last.
    const LogicalStep& first = steps_[cycle[0]];
    for (const StepInput& input : first.inputs) {
      for (const OutputRef& ref : input.refs) {
        if (ref.step != cycle.back()) continue;
        diagnostics_->Error(ref.source, ref.span, "steps form a cycle: " + path);
        return;
      }
    }
    Error(first.type_node, "steps form a cycle: " + path);
  }

  const TreeItem& root_;
  UnreadErrors unread_errors_;
  Diagnostics* diagnostics_;
  std::deque<LogicalStep> steps_;  // grows while references to its elements are held
  std::deque<Pending> pending_;
  std::unordered_set<std::string> paths_;
  std::unordered_set<int> consumed_errors_;
  std::unordered_map<int, int> validation_of_, all_errors_of_;
  int suggestions_ = 0;
};

}  // namespace

LogicalGraph BuildGraph(const TreeItem& root, UnreadErrors unread_errors, Diagnostics* diagnostics) {
  return GraphBuilder(root, unread_errors, diagnostics).Build();
}

}  // namespace weir
