// `tests:` blocks: reading them, and the graph that runs for one of them.
#include <algorithm>
#include <map>
#include <set>
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
  CheckKeys(
      node,
      {{"name", "mock_inputs", "mock_outputs", "expected_inputs", "expected_outputs", "allowed_sources", "transcript"},
       {}},
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
  if (NodePtr transcript = node->Find("transcript")) {
    test.transcript = ReadTranscript(transcript, diagnostics);
    for (const char* key : {"mock_inputs", "mock_outputs", "expected_inputs", "expected_outputs"}) {
      const NodeEntry* entry = node->FindEntry(key);
      if (entry == nullptr) continue;
      ErrorAt(entry->key, std::string("a test with a transcript has no '") + key + "'", diagnostics,
              "say it in the transcript, or write a test of its own");
    }
  } else if (!node->Find("expected_inputs") && !node->Find("expected_outputs")) {
    ErrorAt(node, "a test needs expected_outputs or expected_inputs", diagnostics);
  }
  return test;
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
    FindErrorReaders();
  }

  void Build() {
    if (test_.transcript) BuildTranscript(*test_.transcript);
    for (const TestData& mock : test_.mock_inputs) {
      std::string output;
      const int item = FindTestedStep(names_, mock.name_node, &output, diagnostics_);
      if (item >= 0) mock_inputs_[item] = &mock;
    }
    for (const TestData& mock : test_.mock_outputs) {
      std::string output;
      const int item = FindTestedStep(names_, mock.name_node, &output, diagnostics_);
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
  /// Names of the steps that stand for what the transcript names; empty: not in the graph.
  const std::vector<std::string>& mocked() const { return mocked_; }
  const std::vector<std::string>& expected() const { return expected_; }

 private:
  void BuildTranscript(const Transcript& transcript) {
    scripts_.resize(transcript.mocked.size());
    mocked_.resize(transcript.mocked.size());
    for (size_t i = 0; i < scripts_.size(); ++i) {
      const TranscriptCollection& mocked = transcript.mocked[i];
      std::vector<NodePtr> rows;
      for (const TranscriptItem& item : transcript.items) {
        if (item.kind != TranscriptItem::Kind::kInput || item.collection != static_cast<int>(i)) continue;
        for (const TranscriptRow& row : item.rows) {
          rows.push_back(row.row);
          scripts_[i].changes |= row.weight.has_value();
        }
      }
      scripts_[i].data = {mocked.name, mocked.name_node, MakeSequenceNode(std::move(rows), mocked.name_node)};
      mock_outputs_[mocked.item][mocked.output] = &scripts_[i].data;
    }
    for (const TranscriptCollection& expected : transcript.expected) {
      expected_.emplace_back();
      TreeRef ref = Require(expected.item, expected.output, expected.name_node);
      if (!ref.source) continue;
      TreeItem item;
      item.type = kTestExpectType;
      item.name = expected_.back() = "expect " + expected.name;
      item.name_node = item.node = item.type_node = expected.name_node;
      NodePtr nothing = MakeSequenceNode({}, expected.name_node);
      item.config = MakeMapNode({{MakeScalarNode("elements", nothing), nothing}}, nothing);
      item.inputs = {{"", {std::move(ref)}}};
      root_.items.push_back(std::move(item));
    }
  }

  /// The index of a mock that a transcript speaks for, or -1.
  int ScriptOf(const TestData& data) const {
    for (size_t i = 0; i < scripts_.size(); ++i) {
      if (&scripts_[i].data == &data) return static_cast<int>(i);
    }
    return -1;
  }

  /// Makes of the Create step that stands for `original` a scripted one.
  void MakeScript(int script, const TreeItem& original, TreeItem* item) {
    if (item->type == kTestScriptType) return;  // another step reads it too
    item->type = kTestScriptType;
    item->name = mocked_[script] = "input " + scripts_[script].data.name;
    NodePtr changes = MakeScalarNode(scripts_[script].changes ? "true" : "false", item->node, ScalarStyle::kPlain);
    std::vector<NodeEntry> entries = item->config->entries();
    entries.push_back({MakeScalarNode("changes", item->node), changes});
    item->config = MakeMapNode(std::move(entries), item->node);
    item->windowing = original.windowing;
    item->windowing_node = original.windowing_node;
  }

  /// A row that goes to the errors of a step in the file does not end a test either, where the reader is left aside.
  void FindErrorReaders() {
    for (const TreeItem& item : tree_.root.items) {
      for (const TreeInput& input : item.inputs) {
        for (const TreeRef& ref : input.refs) {
          if (ref.item >= 0 && ref.text == "errors") errors_read_.insert(ref.item);
          if (ref.item >= 0) continue;
          const NameIndex::Match match = names_.Find(ref.text);
          if (match.items.size() == 1 && match.output == "errors") errors_read_.insert(match.items[0]);
        }
      }
    }
  }

  void ExpectOutput(const TestData& data) {
    std::string output;
    const int item = FindTestedStep(names_, data.name_node, &output, diagnostics_);
    if (item < 0) return;
    TreeRef ref = Require(item, output, data.name_node);
    if (ref.source) AddExpectation(data, false, {{"", {std::move(ref)}}});
  }

  void ExpectInput(const TestData& data) {
    std::string output;
    const int item = FindTestedStep(names_, data.name_node, &output, diagnostics_);
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
      const int created = Create("mock_outputs " + mock->second->name, *mock->second);
      const int script = ScriptOf(*mock->second);
      if (script >= 0) MakeScript(script, tree_.root.items[item], &root_.items[created]);
      return {created, "", at->span(), at->source()};
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
      copy.keeps_errors = errors_read_.count(item) > 0;
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

  struct Script {
    TestData data;
    bool changes = false;  // some row says its weight
  };

  const PipelineTree& tree_;
  const TestBlock& test_;
  Diagnostics* diagnostics_;
  NameIndex names_;
  TreeItem root_;
  std::map<int, const TestData*> mock_inputs_;
  std::map<int, std::map<std::string, const TestData*>> mock_outputs_;
  std::map<int, int> used_;  // item of the file's root → item of the test's root
  std::vector<int> waiting_;
  std::set<int> errors_read_;  // items of the file's root
  std::map<const TestData*, int> created_;
  std::vector<std::pair<std::string, PipelineFile::TestGraph::Expectation>> expectations_;
  std::vector<Script> scripts_;  // one per collection that the transcript mocks
  std::vector<std::string> mocked_, expected_;
};

}  // namespace

int FindTestedStep(const NameIndex& names, const NodePtr& name, std::string* output, Diagnostics* diagnostics) {
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

std::vector<TestBlock> ReadTests(const NodePtr& node, Diagnostics* diagnostics) {
  std::vector<TestBlock> tests;
  if (!node->is_sequence()) {
    ErrorAt(node, "'tests' is a list; this is " + node->Describe(), diagnostics);
    return tests;
  }
  for (size_t i = 0; i < node->items().size(); ++i) tests.push_back(ReadTest(node->items()[i], i, diagnostics));
  return tests;
}

void LinkTests(PipelineTree* tree, Diagnostics* diagnostics) {
  NameIndex names(tree->root);
  std::string output;
  for (TestBlock& test : tree->tests) {
    if (test.transcript) LinkTranscript(names, &*test.transcript, diagnostics);
    for (const auto* list : {&test.mock_inputs, &test.mock_outputs, &test.expected_inputs, &test.expected_outputs}) {
      for (const TestData& data : *list) FindTestedStep(names, data.name_node, &output, diagnostics);
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
  auto step_of = [&](const std::string& name) { return ids.count(name) != 0 ? ids.at(name) : -1; };
  for (const std::string& name : test.mocked()) result.mocked.push_back(step_of(name));
  for (const std::string& name : test.expected()) result.expected.push_back(step_of(name));
  return result;
}

}  // namespace weir
