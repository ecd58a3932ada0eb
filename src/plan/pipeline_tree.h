// PipelineTree: a pipeline file as it is written, with chains already turned into composites whose steps name their
// inputs. Internal to the reader of pipeline files.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/diagnostic.h"
#include "config/node.h"
#include "plan/logical_graph.h"
#include "plan/tasks/tasks_file.h"

namespace weir {

/// A reference to a collection, resolved in the composite that it stands in.
struct TreeRef {
  int item = -1;     // a sibling by its index: then `text` is the name of its output; -1: `text` names all
  std::string text;  // "Step", "Step.output", or the alias of an input of the composite
  Span span;
  SourcePtr source;
};

struct TreeInput {
  std::string alias;  // "" when the file gives none
  std::vector<TreeRef> refs;
};

struct TreeOutput {
  std::string name;
  TreeRef ref;
};

/// One transform. Values are those of LogicalStep unless said otherwise.
struct TreeItem {
  std::string name;  // "" when the file gives none
  NodePtr name_node;
  std::string type;
  NodePtr type_node, node, config;
  std::vector<TreeInput> inputs;
  bool explicit_no_input = false;
  std::optional<WindowingStrategy> windowing;
  NodePtr windowing_node;
  std::optional<ErrorHandling> error_handling;
  bool keeps_errors = false;  // see LogicalStep
  NodePtr output_schema, when, resource_hints, state, stage;
  std::vector<TreeRef> after;

  bool is_composite = false;  // chains as well
  std::vector<TreeItem> items;
  std::vector<TreeOutput> outputs;
  int num_chained = 0;       // of a chain: so many items follow each other; extra_transforms come after them
  int implicit_output = -1;  // index of the item whose outputs are the composite's; then `outputs` is empty

  const std::string& EffectiveName() const { return name.empty() ? type : name; }
};

struct PipelineTree {
  TreeItem root;  // a composite without name
  NodePtr options, params;
  std::string name, description;
  std::vector<TestBlock> tests;
  TasksFile tasks;
};

/// Looks up what a composite's steps and tests refer to: by name, and by type where that is not ambiguous.
class NameIndex {
 public:
  explicit NameIndex(const TreeItem& composite);

  struct Match {
    std::vector<int> items;  // one when found; none when unknown; several when ambiguous
    std::string output;      // what stands after the name and a dot
  };
  /// The longest name wins, so that names may contain dots: all of `text`, else up to the last dot, and so on.
  Match Find(const std::string& text) const;
  /// Every name and type, for suggestions.
  std::vector<std::string> Names() const;

 private:
  std::vector<int> Candidates(const std::string& name) const;
  const TreeItem& composite_;
  std::unordered_map<std::string, std::vector<int>> by_name_, by_type_;
};

/// Reads `transforms`, `source`, `sink` … of the pipeline's root (a map or a bare list) into `root`.
void ReadPipelineRoot(const NodePtr& node, TreeItem* root, Diagnostics* diagnostics);

/// Reads `tests:`. Shape only: names are looked up in the tree by LinkTests.
std::vector<TestBlock> ReadTests(const NodePtr& node, Diagnostics* diagnostics);
/// Checks what tests name, and resolves it in transcripts.
void LinkTests(PipelineTree* tree, Diagnostics* diagnostics);

/// Reads what stands under `transcript:`; shape only.
Transcript ReadTranscript(const NodePtr& node, Diagnostics* diagnostics);
/// Resolves the names, then reads it in order: watermarks never go back, nothing comes after an end.
void LinkTranscript(const NameIndex& names, Transcript* transcript, Diagnostics* diagnostics);
/// The step at the top that a name in a test means, or -1 after an error; `output` gets what follows the name.
int FindTestedStep(const NameIndex& names, const NodePtr& name, std::string* output, Diagnostics* diagnostics);

/// Whether an error output that nobody takes is a mistake.
enum class UnreadErrors { kRefused, kAllowed };

/// Flattens, resolves and orders one tree.
LogicalGraph BuildGraph(const TreeItem& root, UnreadErrors unread_errors, Diagnostics* diagnostics);

/// An error at `entry`'s key for each key of `map` that is not in `known`; `hint` (may be empty) is added where no
/// known key is near. False when there was one. Reserved keys get their own message.
struct KeySet {
  std::vector<std::string> known;
  std::vector<std::string> reserved;  // "not in this version"
};
bool CheckKeys(const NodePtr& map, const KeySet& keys, const std::string& where, Diagnostics* diagnostics,
               const std::string& hint = "");

/// The text of a non-null scalar at `key`, or null after an error when it is something else. Null without error if
/// absent.
NodePtr FindText(const NodePtr& map, std::string_view key, Diagnostics* diagnostics);
/// The text of a scalar in quotes, or what kind of thing it is.
std::string Shown(const NodePtr& node);
void ErrorAt(const NodePtr& node, std::string message, Diagnostics* diagnostics, std::string hint = "");

}  // namespace weir
