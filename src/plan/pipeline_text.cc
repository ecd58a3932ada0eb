// The top level of a pipeline file.
#include "plan/pipeline_text.h"

#include <utility>

#include "plan/pipeline_tree.h"

namespace weir {
namespace {

/// `providers:` belongs to a later version: each entry is refused with what can be done instead.
void RefuseProviders(const NodePtr& node, Diagnostics* diagnostics) {
  if (!node->is_sequence()) {
    ErrorAt(node, "'providers' is a list; this is " + node->Describe(), diagnostics);
    return;
  }
  for (const NodePtr& provider : node->items()) {
    NodePtr type = provider->is_map() ? provider->Find("type") : nullptr;
    NodePtr include = provider->is_map() ? provider->Find("include") : nullptr;
    if (include) {
      ErrorAt(include, "included providers are not in this version", diagnostics);
    } else if (!type || !type->is_scalar()) {
      ErrorAt(provider, "a provider is a mapping with a 'type', or an 'include'", diagnostics);
    } else if (type->text() == "yaml" || type->text() == "renaming") {
      ErrorAt(type, "providers of type '" + type->text() + "' are not in this version", diagnostics,
              "write the transforms where they are used, as a composite or a chain");
    } else {
      ErrorAt(type, "providers of type '" + type->text() + "' run foreign code, which Weir does not", diagnostics,
              "see 'weir list' for the transforms that are built in");
    }
  }
}

void ReadTopLevel(const NodePtr& root, PipelineTree* tree, Diagnostics* diagnostics) {
  KeySet keys{{"providers", "options", "tests", "params", "name", "description"},
              {"schedule", "triggers", "notify", "assets"}};
  const bool has_tasks = root->Find("tasks") != nullptr;
  if (has_tasks) {
    keys.known.insert(keys.known.end(), TasksFileKeys().begin(), TasksFileKeys().end());
  } else {
    keys.known.push_back("pipeline");
  }
  CheckKeys(root, keys, has_tasks ? "a file with tasks" : "a pipeline file", diagnostics,
            has_tasks || root->Find("pipeline") ? "" : "a pipeline file begins with 'pipeline:'");
  if (NodePtr name = FindText(root, "name", diagnostics)) tree->name = name->text();
  if (NodePtr description = FindText(root, "description", diagnostics)) tree->description = description->text();
  for (auto [key, target] : {std::pair{"options", &tree->options}, std::pair{"params", &tree->params}}) {
    NodePtr value = root->Find(key);
    if (!value || (value->is_scalar() && value->IsNull())) continue;
    if (value->is_map()) {
      *target = value;
    } else {
      ErrorAt(value, std::string("'") + key + "' is a mapping; this is " + value->Describe(), diagnostics);
    }
  }
  if (NodePtr providers = root->Find("providers")) RefuseProviders(providers, diagnostics);
}

}  // namespace

PipelineFile PipelineFile::Parse(const NodePtr& root, Diagnostics* diagnostics, const TasksFileOptions& tasks) {
  auto tree = std::make_shared<PipelineTree>();
  tree->root.is_composite = true;
  tree->root.type = "composite";
  tree->root.node = tree->root.type_node = root;
  if (!root->is_map()) {
    ErrorAt(root, "a pipeline file is a mapping with 'pipeline'; this is " + root->Describe(), diagnostics,
            root->is_sequence() ? "put the list of transforms under 'pipeline:'" : "");
  } else {
    ReadTopLevel(root, tree.get(), diagnostics);
    if (root->Find("tasks")) {
      tree->tasks = ReadTasksFile(root, tasks, diagnostics);
      if (tree->tasks.pipeline) ReadPipelineRoot(tree->tasks.pipeline, &tree->root, diagnostics);
    } else if (NodePtr pipeline = root->Find("pipeline")) {
      ReadPipelineRoot(pipeline, &tree->root, diagnostics);
    } else {
      const NodePtr& place = root->entries().empty() ? root : root->entries()[0].key;
      ErrorAt(place, "a pipeline file needs 'pipeline'", diagnostics);
    }
    if (NodePtr tests = root->Find("tests")) {
      tree->tests = ReadTests(tests, diagnostics);
      LinkTests(tree.get(), diagnostics);
    }
  }
  PipelineFile file;
  file.tree_ = std::move(tree);
  return file;
}

const std::vector<TestBlock>& PipelineFile::tests() const { return tree_->tests; }
const std::string& PipelineFile::name() const { return tree_->name; }
const NodePtr& PipelineFile::params() const { return tree_->params; }
const TasksFile& PipelineFile::tasks() const { return tree_->tasks; }

LogicalGraph PipelineFile::Build(Diagnostics* diagnostics) const {
  LogicalGraph graph = BuildGraph(tree_->root, UnreadErrors::kRefused, diagnostics);
  graph.name = tree_->name;
  graph.description = tree_->description;
  graph.options = tree_->options;
  graph.params = tree_->params;
  graph.written_by = tree_->tasks.written_by;
  return graph;
}

std::optional<PipelineFile> ReadPipelineText(const SourcePtr& source, const SubstitutionOptions& options,
                                             Diagnostics* diagnostics) {
  if (!CheckNoTemplates(source, diagnostics)) return std::nullopt;
  NodePtr root = LoadYaml(source, YamlLimits(), diagnostics);
  if (!root) return std::nullopt;
  return PipelineFile::Parse(SubstituteParams(root, options, diagnostics), diagnostics);
}

bool CheckNoTemplates(const SourcePtr& source, Diagnostics* diagnostics) {
  const std::string& text = source->text();
  for (size_t at = text.find('{'); at != std::string::npos && at + 1 < text.size(); at = text.find('{', at + 1)) {
    const char next = text[at + 1];
    if (next != '{' && next != '%' && next != '#') continue;
    diagnostics->Error(source, {at, at + 2}, "Jinja templates ('" + text.substr(at, 2) + "') are not in this version",
                       "use 'params:' and ${param.NAME}; where the braces mean themselves, put a space between them");
    return false;
  }
  return true;
}

}  // namespace weir
