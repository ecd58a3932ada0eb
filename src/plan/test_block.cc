// `tests:` blocks: reading them, and the graph that runs for one of them.
#include <algorithm>
#include <map>
#include <utility>

#include "plan/pipeline_text.h"
#include "plan/pipeline_tree.h"

namespace weir {
namespace {

std::vector<TestData> ReadData(const NodePtr& test, const char* key, Diagnostics* diagnostics) {
  std::vector<TestData> list;
  NodePtr node = test->Find(key);
  if (!node) return list;
  if (!node->is_sequence()) {
    ErrorAt(node, std::string("'") + key + "' is a list of {name, elements}; this is " + node->Describe(), diagnostics);
    return list;
  }
  for (const NodePtr& entry : node->items()) {
    if (!entry->is_map()) {
      ErrorAt(entry, "expected {name, elements}; this is " + entry->Describe(), diagnostics);
      continue;
    }
    CheckKeys(entry, {{"name", "elements"}, {}}, key, diagnostics);
    TestData data;
    data.name_node = FindText(entry, "name", diagnostics);
    if (data.name_node) data.name = data.name_node->text();
    if (!entry->Find("name"))
      ErrorAt(entry, std::string(key) + " needs a 'name': the step that it is about", diagnostics);
    data.elements = entry->Find("elements");
    if (!data.elements) {
      ErrorAt(entry, std::string(key) + " needs 'elements'", diagnostics);
    } else if (!data.elements->is_sequence()) {
      ErrorAt(data.elements, "'elements' is a list; this is " + data.elements->Describe(), diagnostics);
      data.elements = nullptr;
    }
    if (data.name_node && data.elements) list.push_back(std::move(data));
  }
  return list;
}

TestBlock ReadTest(const NodePtr& node, size_t index, Diagnostics* diagnostics) {
  TestBlock test;
  test.node = node;
  test.name = "test " + std::to_string(index + 1);
  if (!node->is_map()) {
    ErrorAt(node, "a test is a mapping; this is " + node->Describe(), diagnostics);
    return test;
  }
  CheckKeys(node,
            {{"name", "mock_inputs", "mock_outputs", "expected_inputs", "expected_outputs", "allowed_sources"},
             {"transcript"}},
            "a test", diagnostics);
  if (NodePtr name = FindText(node, "name", diagnostics)) test.name = name->text();
  test.mock_inputs = ReadData(node, "mock_inputs", diagnostics);
  test.mock_outputs = ReadData(node, "mock_outputs", diagnostics);
  test.expected_inputs = ReadData(node, "expected_inputs", diagnostics);
  test.expected_outputs = ReadData(node, "expected_outputs", diagnostics);
  if (NodePtr allowed = node->Find("allowed_sources")) {
    if (allowed->is_sequence()) {
      test.allowed_sources = allowed->items();
    } else {
      ErrorAt(allowed, "'allowed_sources' is a list of step names or types; this is " + allowed->Describe(),
              diagnostics);
    }
  }
  if (!node->Find("expected_inputs") && !node->Find("expected_outputs") && !node->Find("transcript")) {
    ErrorAt(node, "a test needs expected_outputs or expected_inputs", diagnostics);
  }
  return test;
}

/// The item that a name in a test means, or -1; `output` gets what follows the name.
int FindItem(const NameIndex& names, const NodePtr& name, std::string* output, Diagnostics* diagnostics) {
  NameIndex::Match match = names.Find(name->text());
  if (match.items.size() == 1) {
    *output = match.output;
    return match.items[0];
  }
  if (match.items.size() > 1) {
    ErrorAt(name, "'" + name->text() + "' is ambiguous", diagnostics, "give the steps names");
  } else {
    std::string close = ClosestMatch(name->text(), names.Names());
    ErrorAt(name, "unknown step '" + name->text() + "'", diagnostics,
            close.empty() ? "" : "did you mean '" + close + "'?");
  }
  return -1;
}

/// Builds the root of one test: Beam's algorithm, which walks from the expectations back to the mocks.
class TestTree {
 public:
  TestTree(const PipelineTree& tree, const TestBlock& test, Diagnostics* diagnostics)
      : tree_(tree), test_(test), diagnostics_(diagnostics), names_(tree.root) {
    root_.is_composite = true;
    root_.type = "composite";
    root_.node = root_.type_node = test.node;
    root_.windowing = tree.root.windowing;
    root_.windowing_node = tree.root.windowing_node;
  }

  void Build() {
    for (const TestData& mock : test_.mock_inputs) {
      std::string output;
      const int item = FindItem(names_, mock.name_node, &output, diagnostics_);
      if (item >= 0) mock_inputs_[item] = &mock;
    }
    for (const TestData& mock : test_.mock_outputs) {
      std::string output;
      const int item = FindItem(names_, mock.name_node, &output, diagnostics_);
      if (item >= 0) mock_outputs_[item][output] = &mock;
    }
    for (const TestData& data : test_.expected_outputs) ExpectOutput(data);
    for (const TestData& data : test_.expected_inputs) ExpectInput(data);
    LinkUsed();
    CheckSources();
  }

  TreeItem& root() { return root_; }
  const std::vector<std::pair<std::string, PipelineFile::TestGraph::Expectation>>& expectations() const {
    return expectations_;
  }

 private:
  void ExpectOutput(const TestData& data) {
    std::string output;
    const int item = FindItem(names_, data.name_node, &output, diagnostics_);
    if (item < 0) return;
    TreeRef ref = Require(item, output, data.name_node);
    if (ref.source) AddExpectation(data, false, {{"", {std::move(ref)}}});
  }

  void ExpectInput(const TestData& data) {
    std::string output;
    const int item = FindItem(names_, data.name_node, &output, diagnostics_);
    if (item < 0) return;
    std::vector<TreeInput> inputs = InputsOf(item);
    if (inputs.size() != 1) {
      ErrorAt(data.name_node, "'" + data.name + "' has " + (inputs.empty() ? "no input" : "several inputs"),
              diagnostics_, "expect the outputs of the steps before it");
      return;
    }
    inputs[0].alias.clear();
    AddExpectation(data, true, std::move(inputs));
  }

  void AddExpectation(const TestData& data, bool of_input, std::vector<TreeInput> inputs) {
    TreeItem item;
    item.type = kTestExpectType;
    item.name = std::string(of_input ? "expected_inputs " : "expected_outputs ") + data.name;
    item.name_node = item.node = item.type_node = data.name_node;
    item.config = MakeMapNode({{MakeScalarNode("elements", data.elements), data.elements}}, data.elements);
    item.inputs = std::move(inputs);
    for (auto& [name, expectation] : expectations_) {
      if (name != item.name) continue;
      ErrorAt(data.name_node, "'" + data.name + "' is expected twice", diagnostics_);
      return;
    }
    expectations_.push_back({item.name, {-1, of_input, &data}});
    root_.items.push_back(std::move(item));
  }

  /// A reference, in the test's root, to an output of an item of the file's root. Without source after an error.
  TreeRef Require(int item, const std::string& output, const NodePtr& at) {
    if (auto mocks = mock_outputs_.find(item); mocks != mock_outputs_.end()) {
      auto mock = mocks->second.find(output);
      if (mock == mocks->second.end()) {
        const std::string what = output.empty() ? "the main output" : "output '" + output + "'";
        ErrorAt(mocks->second.begin()->second->name_node,
                what + " of '" + tree_.root.items[item].EffectiveName() + "' is used but not mocked", diagnostics_,
                "mock every output of a step that is used, or none");
        return {};
      }
      return {Create("mock_outputs " + mock->second->name, *mock->second), "", at->span(), at->source()};
    }
    return {Use(item), output, at->span(), at->source()};
  }

  std::vector<TreeInput> InputsOf(int item) {
    if (auto mock = mock_inputs_.find(item); mock != mock_inputs_.end()) {
      const NodePtr& at = mock->second->name_node;
      return {{"", {{Create("mock_inputs " + mock->second->name, *mock->second), "", at->span(), at->source()}}}};
    }
    std::vector<TreeInput> inputs = tree_.root.items[item].inputs;
    for (TreeInput& input : inputs) {
      for (TreeRef& ref : input.refs) {
        NodePtr at = MakeScalarNode(ref.text, tree_.root.items[item].type_node);
        TreeRef found = ref;
        if (ref.item < 0) {
          NameIndex::Match match = names_.Find(ref.text);
          if (match.items.size() != 1) continue;  // the file's own graph reports it
          found.item = match.items[0];
          found.text = match.output;
        }
        ref = Require(found.item, found.text, at);
        if (!ref.source) continue;
        ref.span = found.span;
        ref.source = found.source;
      }
      input.refs.erase(std::remove_if(input.refs.begin(), input.refs.end(), [](const TreeRef& r) { return !r.source; }),
                       input.refs.end());
    }
    return inputs;
  }

  /// The item, in the test's root. Its inputs follow when its turn comes: a chain may be longer than the stack is deep.
  int Use(int item) {
    auto [it, fresh] = used_.emplace(item, static_cast<int>(root_.items.size()));
    if (fresh) {
      TreeItem& copy = root_.items.emplace_back(tree_.root.items[item]);
      copy.after.clear();
      waiting_.push_back(item);
    }
    return it->second;
  }

  void LinkUsed() {
    while (!waiting_.empty()) {
      const int item = waiting_.back();
      waiting_.pop_back();
      std::vector<TreeInput> inputs = InputsOf(item);
      root_.items[used_[item]].inputs = std::move(inputs);
    }
  }

  int Create(const std::string& name, const TestData& data) {
    if (auto it = created_.find(&data); it != created_.end()) return it->second;
    TreeItem item;
    item.type = "Create";
    item.name = name;
    item.name_node = item.node = item.type_node = data.name_node;
    item.config = MakeMapNode({{MakeScalarNode("elements", data.elements), data.elements}}, data.elements);
    root_.items.push_back(std::move(item));
    return created_[&data] = static_cast<int>(root_.items.size()) - 1;
  }

  void CheckSources() {
    for (const auto& [from, to] : used_) {
      const TreeItem& item = root_.items[to];
      if (!item.inputs.empty() || item.type == "Create") continue;
      const bool allowed =
          std::any_of(test_.allowed_sources.begin(), test_.allowed_sources.end(), [&](const NodePtr& node) {
            return node->is_scalar() && (node->text() == item.name || node->text() == item.type);
          });
      if (allowed) continue;
      ErrorAt(test_.node,
              "test '" + test_.name + "' needs the source '" + item.EffectiveName() + "', which is not mocked",
              diagnostics_, "give it mock_outputs, or name it in allowed_sources");
    }
  }

  const PipelineTree& tree_;
  const TestBlock& test_;
  Diagnostics* diagnostics_;
  NameIndex names_;
  TreeItem root_;
  std::map<int, const TestData*> mock_inputs_;
  std::map<int, std::map<std::string, const TestData*>> mock_outputs_;
  std::map<int, int> used_;  // item of the file's root → item of the test's root
  std::vector<int> waiting_;
  std::map<const TestData*, int> created_;
  std::vector<std::pair<std::string, PipelineFile::TestGraph::Expectation>> expectations_;
};

}  // namespace

std::vector<TestBlock> ReadTests(const NodePtr& node, Diagnostics* diagnostics) {
  std::vector<TestBlock> tests;
  if (!node->is_sequence()) {
    ErrorAt(node, "'tests' is a list; this is " + node->Describe(), diagnostics);
    return tests;
  }
  for (size_t i = 0; i < node->items().size(); ++i) tests.push_back(ReadTest(node->items()[i], i, diagnostics));
  return tests;
}

void CheckTestNames(const PipelineTree& tree, Diagnostics* diagnostics) {
  NameIndex names(tree.root);
  std::string output;
  for (const TestBlock& test : tree.tests) {
    for (const auto* list : {&test.mock_inputs, &test.mock_outputs, &test.expected_inputs, &test.expected_outputs}) {
      for (const TestData& data : *list) FindItem(names, data.name_node, &output, diagnostics);
    }
  }
}

PipelineFile::TestGraph PipelineFile::BuildTest(size_t index, Diagnostics* diagnostics) const {
  TestTree test(*tree_, tree_->tests.at(index), diagnostics);
  test.Build();
  TestGraph result;
  // A test may leave aside what the file does with errors.
  result.graph = BuildGraph(test.root(), UnreadErrors::kAllowed, diagnostics);
  result.graph.name = tree_->name;
  result.graph.options = tree_->options;
  result.graph.params = tree_->params;
  std::unordered_map<std::string, int> ids;
  for (const LogicalStep& step : result.graph.steps) ids[step.name] = step.id;
  for (const auto& [name, expectation] : test.expectations()) {
    result.expectations.push_back(expectation);
    result.expectations.back().step = ids.at(name);
  }
  return result;
}

}  // namespace weir
