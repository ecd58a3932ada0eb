// Pipeline files: from YAML nodes to a LogicalGraph, for a run or for one test of the file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostic.h"
#include "config/node.h"
#include "config/params.h"
#include "plan/logical_graph.h"
#include "plan/tasks/tasks_file.h"

namespace weir {

struct PipelineTree;

/// A parsed file: what it says, before anything is resolved. Immutable; copies share it.
class PipelineFile {
 public:
  /// Checks the shape of `root` (keys, kinds of values, reserved words) and says every mistake to `diagnostics`. Always
  /// returns what could be understood, so that Build() can report the mistakes of references as well.
  /// A file with `tasks` becomes a pipeline of one chain for each task (plan/tasks/tasks_file.h).
  static PipelineFile Parse(const NodePtr& root, Diagnostics* diagnostics, const TasksFileOptions& tasks = {});

  const std::vector<TestBlock>& tests() const;
  const std::string& name() const;
  const NodePtr& params() const;  // null when not given
  /// The tasks of the file; none where it has a `pipeline`.
  const TasksFile& tasks() const;

  /// Flattens composites and chains, resolves references, orders steps. Names in tests are checked as well.
  /// The graph is complete only if `diagnostics` has no errors afterwards.
  LogicalGraph Build(Diagnostics* diagnostics) const;

  struct TestGraph {
    /// Only what lies between mocks and expectations. Each expectation is a step of type kTestExpectType whose single
    /// input is what is expected; mocks are Create steps.
    LogicalGraph graph;
    struct Expectation {
      int step;              // the kTestExpectType step
      bool of_input;         // expected_inputs rather than expected_outputs
      const TestData* data;  // in tests()
    };
    std::vector<Expectation> expectations;
    /// Of a test with a transcript: the steps of type kTestScriptType that stand for Transcript::mocked (-1: nobody
    /// reads it), and those of type kTestExpectType that read Transcript::expected.
    std::vector<int> mocked, expected;
  };
  /// The graph of tests()[index]. Beam's rules: mocks replace, expected inputs stop, sources must be mocked or allowed.
  TestGraph BuildTest(size_t index, Diagnostics* diagnostics) const;

 private:
  std::shared_ptr<const PipelineTree> tree_;
};

/// Type of the steps that stand for expectations in a test's graph; no pipeline file can name it.
inline constexpr const char kTestExpectType[] = "(expect)";
/// Type of the steps that give what a transcript says. Config: `elements`, all rows of its script; `changes`, whether
/// they have weights.
inline constexpr const char kTestScriptType[] = "(script)";

/// False, with a diagnostic at the first marker, when the text uses Jinja (`{{`, `{%`, `{#`), which Beam would render
/// before it parses. To be asked before LoadYaml, whose message would be about braces.
bool CheckNoTemplates(const SourcePtr& source, Diagnostics* diagnostics);

/// From text to a file, mistakes of every layer said in turn: templates, YAML, parameters, shape. Nothing where the
/// text could not be read as YAML at all.
std::optional<PipelineFile> ReadPipelineText(const SourcePtr& source, const SubstitutionOptions& options,
                                             Diagnostics* diagnostics);

/// A `windowing:` map, Beam's keys and ours. False when something is wrong with it.
bool ParseWindowing(const NodePtr& node, WindowingStrategy* windowing, Diagnostics* diagnostics);

}  // namespace weir
