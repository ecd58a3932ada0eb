// Reading transforms: the shape of steps, composites and chains. A chain leaves here as a composite whose steps name
// their inputs, so that nothing behind knows chains.
#include <string>
#include <utility>

#include "plan/pipeline_text.h"
#include "plan/pipeline_tree.h"

namespace weir {
namespace {

constexpr int kMaxDepth = 64;
constexpr const char* kStageCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kMaxSteps = 100'000;
const std::vector<std::string>& StepReserved() {
  static const std::vector<std::string> keys = {"edges", "on_error", "retry", "providers"};
  return keys;
}

TreeRef RefTo(int item, const NodePtr& origin) { return {item, "", origin->span(), origin->source()}; }

class TreeReader {
 public:
  explicit TreeReader(Diagnostics* diagnostics) : diagnostics_(diagnostics) {}

  void ReadRoot(const NodePtr& node, TreeItem* root) {
    root->is_composite = true;
    root->type = "composite";
    root->node = node;
    root->type_node = node;
    if (node->is_sequence()) {  // a bare list of transforms
      ReadItems(node, 1, root);
      LinkChains(root);
      return;
    }
    if (!node->is_map()) {
      ErrorAt(node, "'pipeline' is a mapping with 'transforms', or a list of transforms; this is " + node->Describe(),
              diagnostics_);
      return;
    }
    if (NodePtr type = FindText(node, "type", diagnostics_)) {
      root->type = type->text();
      root->type_node = type;
      if (root->type != "chain" && root->type != "composite") {
        std::string close = ClosestMatch(root->type, {"chain", "composite"});
        ErrorAt(type, "the type of a pipeline is composite or chain; this is '" + root->type + "'", diagnostics_,
                close.empty() ? "" : "did you mean '" + close + "'?");
      }
    }
    CheckKeys(
        node,
        {{"type", "transforms", "extra_transforms", "source", "sink", "windowing", "resource_hints"}, {"providers"}},
        "the pipeline", diagnostics_,
        node->Find("transforms") || node->Find("source") ? "" : "a pipeline's steps are listed under 'transforms'");
    ReadCommon(node, root);
    ReadComposite(node, 1, root);
    LinkChains(root);
  }

 private:
  void Error(const NodePtr& node, std::string message, std::string hint = "") {
    ErrorAt(node, std::move(message), diagnostics_, std::move(hint));
  }

  void ReadItems(const NodePtr& list, int depth, TreeItem* composite) {
    if (!list->is_sequence()) {
      Error(list, "expected a list of transforms; this is " + list->Describe(),
            list->is_map() ? "begin each transform with '- '" : "");
      return;
    }
    composite->items.reserve(composite->items.size() + list->items().size());
    for (const NodePtr& node : list->items()) {
      if (++num_steps_ > kMaxSteps) {
        if (num_steps_ == kMaxSteps + 1) Error(node, "a pipeline has at most " + std::to_string(kMaxSteps) + " steps");
        return;
      }
      ReadItem(node, depth, &composite->items.emplace_back());
    }
  }

  void ReadItem(const NodePtr& node, int depth, TreeItem* item) {
    item->node = node;
    item->type_node = node;
    if (!node->is_map()) {
      Error(node, "a transform is a mapping with a 'type'; this is " + node->Describe());
      return;
    }
    if (NodePtr type = FindText(node, "type", diagnostics_)) {
      item->type = type->text();
      item->type_node = type;
    } else if (!node->Find("type")) {
      MissingType(node);
    }
    item->is_composite = item->type == "composite" || item->type == "chain";
    if (NodePtr name = FindText(node, "name", diagnostics_)) {
      item->name = name->text();
      item->name_node = name;
    }
    ReadCommon(node, item);
    ReadInputs(node->Find("input"), item);
    if (item->is_composite) {
      ReadCompositeKeys(node, item);
      if (depth >= kMaxDepth) {
        Error(item->type_node, "composites are nested more than " + std::to_string(kMaxDepth) + " deep");
        return;
      }
      ReadComposite(node, depth + 1, item);
    } else {
      ReadLeaf(node, item);
    }
  }

  void MissingType(const NodePtr& node) {
    std::string hint;
    for (const NodeEntry& entry : node->entries()) {
      if (!ClosestMatch(entry.key->text(), {"type"}).empty())
        hint = "did you mean 'type' by '" + entry.key->text() + "'?";
    }
    if (hint.empty() && node->Find("transforms")) hint = "'type: composite' or 'type: chain' has transforms";
    const NodePtr& place = node->entries().empty() ? node : node->entries()[0].key;
    Error(place, "a transform needs a 'type'", std::move(hint));
  }

  void ReadCommon(const NodePtr& node, TreeItem* item) {
    if (NodePtr windowing = node->Find("windowing")) SetWindowing(windowing, item);
    item->stage = FindText(node, "stage", diagnostics_);
    if (item->stage && (item->stage->text().size() > 64 ||
                        item->stage->text().find_first_not_of(kStageCharacters) != std::string::npos)) {
      Error(item->stage, "the name of a stage has letters, digits, '-' and '_', at most 64");
    }
    if (NodePtr hints = node->Find("resource_hints")) {
      item->resource_hints = hints;
      if (!hints->is_map()) Error(hints, "'resource_hints' is a mapping; this is " + hints->Describe());
    }
  }

  void SetWindowing(const NodePtr& node, TreeItem* item) {
    WindowingStrategy windowing;
    item->windowing_node = node;
    if (ParseWindowing(node, &windowing, diagnostics_)) item->windowing = windowing;
  }

  void ReadCompositeKeys(const NodePtr& node, TreeItem* item) {
    KeySet keys{
        {"type", "name", "input", "output", "windowing", "resource_hints", "stage", "transforms", "source", "sink"},
        StepReserved()};
    if (item->type == "chain") keys.known.push_back("extra_transforms");
    std::string hint;
    if (node->Find("config")) hint = "a " + item->type + " has no config; its transforms have";
    if (node->Find("extra_transforms") && item->type != "chain") hint = "only a chain has extra_transforms";
    CheckKeys(node, keys, "a " + item->type, diagnostics_, hint);
  }

  void ReadLeaf(const NodePtr& node, TreeItem* item) {
    KeySet keys{{"type", "name", "input", "output", "windowing", "config", "resource_hints", "output_schema", "after",
                 "when", "state", "stage"},
                StepReserved()};
    const bool nested = node->Find("transforms") || node->Find("source") || node->Find("sink");
    CheckKeys(node, keys, "a transform", diagnostics_,
              nested ? "only 'type: composite' and 'type: chain' have transforms, source and sink"
                     : "the settings of a transform stand under 'config'");
    if (NodePtr output = node->Find("output")) {
      diagnostics_->Warning(output->source(), output->span(),
                            "'output' is only for composites and chains; it has no effect here");
    }
    if (NodePtr config = node->Find("config"); config && !(config->is_scalar() && config->IsNull())) {
      if (config->is_map()) {
        item->config = config;
      } else {
        Error(config, "'config' is a mapping; this is " + config->Describe());
      }
    }
    ReadOutputSchema(node, item);
    ReadErrorHandling(item);
    item->when = node->Find("when");
    item->state = node->Find("state");
    if (item->state && !item->state->is_map()) {
      Error(item->state,
            "'state' is a mapping like {name: balances, key: account}; this is " + item->state->Describe());
      item->state = nullptr;
    }
    if (NodePtr after = node->Find("after")) ReadRefList(after, "after", &item->after);
    if (item->type == "WindowInto") ReadWindowInto(item);
  }

  void ReadWindowInto(TreeItem* item) {
    NodePtr windowing = item->config ? item->config->Find("windowing") : nullptr;
    if (windowing && !item->windowing_node) {
      SetWindowing(windowing, item);
    } else if (!item->windowing_node) {
      Error(item->type_node, "WindowInto needs 'windowing'", "for example {type: fixed, size: 1h}");
    }
  }

  void ReadOutputSchema(const NodePtr& node, TreeItem* item) {
    NodePtr outer = node->Find("output_schema");
    NodePtr inner = item->config ? item->config->Find("output_schema") : nullptr;
    if (outer && inner) Error(outer, "'output_schema' is given twice, here and in 'config'");
    item->output_schema = inner ? inner : outer;
    if (!item->output_schema) return;
    if (!item->output_schema->is_map()) {
      Error(item->output_schema, "'output_schema' is a mapping like {type: object, properties: {…}}; this is " +
                                     item->output_schema->Describe());
      item->output_schema = nullptr;
    }
  }

  void ReadErrorHandling(TreeItem* item) {
    NodePtr node = item->config ? item->config->Find("error_handling") : nullptr;
    NodePtr schema_node = item->output_schema ? item->output_schema->Find("error_handling") : nullptr;
    if (node && schema_node) {
      Error(schema_node, "error_handling of 'output_schema' and of the config are the same; give one of them");
    }
    if (!node) node = schema_node;
    if (!node) return;
    if (!node->is_map()) {
      Error(node, "'error_handling' is a mapping like {output: bad_rows}; this is " + node->Describe());
      return;
    }
    CheckKeys(node, {{"output", "threshold"}, {}}, "error_handling", diagnostics_);
    ErrorHandling handling;
    handling.node = node;
    if (NodePtr output = FindText(node, "output", diagnostics_)) {
      handling.output = output->text();
    } else if (!node->Find("output")) {
      Error(node, "error_handling needs an 'output', the name of the output that failing rows go to");
    }
    if (NodePtr threshold = node->Find("threshold")) {
      handling.threshold = threshold->is_scalar() ? threshold->AsDouble() : std::nullopt;
      if (!handling.threshold || !(*handling.threshold >= 0 && *handling.threshold <= 1)) {
        Error(threshold, "'threshold' is a share of failing rows from 0 to 1; this is " + Shown(threshold));
      }
    }
    if (!handling.output.empty()) item->error_handling = std::move(handling);
  }

  bool ReadRef(const NodePtr& node, const std::string& key, TreeRef* ref) {
    if (!node->is_scalar() || node->IsNull() || node->text().empty()) {
      Error(node, "'" + key + "' names a step, like Step or Step.output; this is " + node->Describe());
      return false;
    }
    *ref = {-1, node->text(), node->span(), node->source()};
    return true;
  }

  void ReadRefList(const NodePtr& node, const std::string& key, std::vector<TreeRef>* refs) {
    if (!node->is_sequence()) {
      TreeRef ref;
      if (ReadRef(node, key, &ref)) refs->push_back(std::move(ref));
      return;
    }
    refs->reserve(node->items().size());
    for (const NodePtr& part : node->items()) {
      TreeRef ref;
      if (ReadRef(part, key, &ref)) refs->push_back(std::move(ref));
    }
  }

  void ReadInputs(const NodePtr& node, TreeItem* item) {
    if (!node || (node->is_scalar() && node->IsNull())) return;
    if (node->is_map()) {
      item->explicit_no_input = node->entries().empty();
      for (const NodeEntry& entry : node->entries()) {
        TreeInput input{entry.key->text(), {}};
        ReadRefList(entry.value, "input", &input.refs);
        item->inputs.push_back(std::move(input));
      }
      return;
    }
    if (node->is_sequence() && node->items().empty()) {
      item->explicit_no_input = true;
      return;
    }
    TreeInput input;
    ReadRefList(node, "input", &input.refs);
    item->inputs.push_back(std::move(input));
  }

  void ReadComposite(const NodePtr& node, int depth, TreeItem* composite) {
    NodePtr source = node->Find("source"), sink = node->Find("sink"), transforms = node->Find("transforms");
    if (!transforms && !(source && sink)) {
      Error(composite->type_node, "a " + composite->type + " needs 'transforms', or a 'source' and a 'sink'");
    }
    if (source) {
      ++num_steps_;
      TreeItem& item = composite->items.emplace_back();
      ReadItem(source, depth, &item);
      if (item.inputs.empty()) item.explicit_no_input = true;
    }
    if (transforms) ReadItems(transforms, depth, composite);
    if (sink) {
      ++num_steps_;
      ReadItem(sink, depth, &composite->items.emplace_back());
    }
    const size_t chained = composite->items.size();
    if (chained == 0 && transforms && transforms->is_sequence()) Error(transforms, "there are no transforms");
    composite->num_chained = static_cast<int>(chained);
    const bool is_chain = composite->type == "chain";
    if (is_chain) {
      for (size_t i = 0; i < chained; ++i) RefuseExplicitInput(composite->items[i]);
    }
    if (NodePtr extra = node->Find("extra_transforms"); extra && is_chain) ReadItems(extra, depth, composite);
    ReadOutputs(node->Find("output"), composite);
  }

  void RefuseExplicitInput(const TreeItem& item) {
    if (!item.node->is_map()) return;
    for (const char* key : {"input", "output"}) {
      const NodeEntry* entry = item.node->FindEntry(key);
      if (!entry || (item.is_composite && std::string(key) == "output")) continue;
      Error(entry->key, std::string("a step of a chain has no '") + key + "': it takes the step before",
            "use 'type: composite', or list the step under 'extra_transforms'");
    }
  }

  /// Beam chains the steps of a composite that has an input when none of them says where its own come from.
  static bool ChainsImplicitly(const TreeItem& composite) {
    if (composite.inputs.empty()) return false;
    for (const TreeItem& item : composite.items) {
      if (!item.inputs.empty() || !item.outputs.empty()) return false;
    }
    return true;
  }

  /// Gives the steps of chains their inputs, outermost first: a chain inside a chain gets its own from the one around
  /// it.
  static void LinkChains(TreeItem* composite) {
    if (composite->type == "chain" || ChainsImplicitly(*composite)) LinkChain(composite);
    for (TreeItem& item : composite->items) {
      if (item.is_composite) LinkChains(&item);
    }
  }

  static void LinkChain(TreeItem* composite) {
    for (int i = 0; i < composite->num_chained; ++i) {
      TreeItem& item = composite->items[i];
      item.inputs.clear();
      if (i > 0) {
        item.inputs.push_back({"", {RefTo(i - 1, item.type_node)}});
      } else if (composite->explicit_no_input) {
        item.explicit_no_input = true;
      } else if (!item.explicit_no_input) {
        for (const TreeInput& input : composite->inputs) {
          const NodePtr& at = item.type_node;
          const std::string name = input.alias.empty() ? "input" : input.alias;
          item.inputs.push_back({input.alias, {{-1, name, at->span(), at->source()}}});
        }
      }
    }
    if (composite->num_chained > 0 && composite->outputs.empty())
      composite->implicit_output = composite->num_chained - 1;
  }

  void ReadOutputs(const NodePtr& node, TreeItem* composite) {
    if (!node || (node->is_scalar() && node->IsNull())) return;
    if (node->is_sequence()) {
      Error(node, "'output' is one reference or a mapping from names to references; this is a list");
      return;
    }
    auto add = [&](const std::string& name, const NodePtr& value) {
      TreeOutput output{name, {}};
      if (!ReadRef(value, "output", &output.ref)) return;
      if (composite->type == "chain" && composite->num_chained > 0) NameLastOutput(*composite, &output.ref);
      composite->outputs.push_back(std::move(output));
    };
    if (node->is_map()) {
      for (const NodeEntry& entry : node->entries()) add(entry.key->text(), entry.value);
    } else {
      add("output", node);
    }
  }

  /// A chain's output names the last step, an output of it, or both ("Last.good"). Extra transforms may be named as
  /// well.
  static void NameLastOutput(const TreeItem& composite, TreeRef* ref) {
    const int last = composite.num_chained - 1;
    const TreeItem& item = composite.items[last];
    if (ref->text == item.name || ref->text == item.type) {
      *ref = {last, "", ref->span, ref->source};
    } else if (NameIndex(composite).Find(ref->text).items.empty()) {
      ref->item = last;
    }
  }

  Diagnostics* diagnostics_;
  size_t num_steps_ = 0;
};

}  // namespace

void ReadPipelineRoot(const NodePtr& node, TreeItem* root, Diagnostics* diagnostics) {
  TreeReader(diagnostics).ReadRoot(node, root);
}

}  // namespace weir
