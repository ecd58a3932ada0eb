// Graphs of tests blocks: only what lies between mocks and expectations, by Beam's rules.
#include <gtest/gtest.h>

#include "unit/plan/graph_text.h"

namespace weir {
namespace {

using Lines = std::vector<std::string>;

const std::string kPipeline = R"(pipeline:
  transforms:
  - {type: ReadFromCsv, name: Read}
  - {type: Filter, name: F, input: Read, config: {keep: x, error_handling: {output: bad}}}
  - {type: MapToFields, name: M, input: F}
  - {type: WriteToJson, name: W, input: [M, F.bad]}
)";

struct Built {
  Lines said, graph;
  std::vector<std::string> expectations;
};

Built BuildTest(const std::string& tests, const std::string& pipeline = kPipeline) {
  ReadFile read = Read(pipeline + "tests:\n" + tests);
  Built built;
  if (read.diagnostics->has_errors()) return {Said(*read.diagnostics), {}, {}};
  PipelineFile::TestGraph test = read.file.BuildTest(0, read.diagnostics.get());
  built.said = Said(*read.diagnostics);
  built.graph = GraphText(test.graph);
  for (const auto& e : test.expectations) {
    built.expectations.push_back(test.graph.steps[e.step].name + (e.of_input ? " input of " : " output of ") +
                                 e.data->name);
  }
  return built;
}

TEST(TestBlock, MockedOutputIsNotRunAndExpectedOutputIs) {
  Built built = BuildTest(R"(
- name: t
  mock_outputs: [{name: Read, elements: [{x: 1}]}]
  expected_outputs: [{name: M, elements: [{x: 1}]}]
)");
  EXPECT_EQ(built.said, Lines{});
  EXPECT_EQ(built.graph, (Lines{"mock_outputs Read:Create", "F:Filter < mock_outputs Read", "M:MapToFields < F",
                                "expected_outputs M:(expect) < M"}));
  EXPECT_EQ(built.expectations, (Lines{"expected_outputs M output of M"}));
}

TEST(TestBlock, MockedInputRunsTheStepAndExpectedInputDoesNot) {
  Built built = BuildTest(R"(
- mock_inputs: [{name: F, elements: [{x: 1}]}]
  expected_inputs: [{name: W, elements: [{x: 1}]}]
  expected_outputs: [{name: F.bad, elements: []}]
)");
  EXPECT_EQ(built.said, Lines{});
  EXPECT_EQ(built.graph,
            (Lines{"mock_inputs F:Create", "F:Filter < mock_inputs F", "expected_outputs F.bad:(expect) < F.bad!",
                   "M:MapToFields < F", "expected_inputs W:(expect) < M+F.bad!"}));
}

TEST(TestBlock, EveryUsedOutputOfAMockedStepMustBeMocked) {
  Built built = BuildTest(R"(
- mock_outputs: [{name: F, elements: []}]
  expected_inputs: [{name: W, elements: []}]
)");
  ASSERT_EQ(built.said.size(), 1u);
  EXPECT_NE(built.said[0].find("output 'bad' of 'F' is used but not mocked"), std::string::npos) << built.said[0];
}

TEST(TestBlock, SourcesMustBeMockedOrAllowed) {
  const std::string expected = "  expected_outputs: [{name: F, elements: []}]\n";
  Built refused = BuildTest("- name: t\n" + expected);
  ASSERT_EQ(refused.said.size(), 1u);
  EXPECT_NE(refused.said[0].find("needs the source 'Read', which is not mocked"), std::string::npos) << refused.said[0];
  EXPECT_EQ(BuildTest("- allowed_sources: [Read]\n" + expected).said, Lines{});
  EXPECT_EQ(BuildTest("- allowed_sources: [ReadFromCsv]\n" + expected).said, Lines{});
}

TEST(TestBlock, StepsOfAChainCanBeMocked) {
  Built built =
      BuildTest(R"(
- mock_outputs: [{name: Filter, elements: [{x: 1}]}]
  expected_outputs: [{name: MapToFields, elements: [{x: 1}]}]
)",
                "pipeline: {type: chain, transforms: [{type: Create}, {type: Filter}, {type: MapToFields}]}\n");
  EXPECT_EQ(built.said, Lines{});
  EXPECT_EQ(built.graph, (Lines{"mock_outputs Filter:Create", "MapToFields < mock_outputs Filter",
                                "expected_outputs MapToFields:(expect) < MapToFields"}));
}

TEST(TestBlock, MistakesAreSaidWithTheFile) {
  EXPECT_EQ(BuildTest(R"(- name: t
  mock_outputs: [{nam: F, elements: 3}]
  expected_output: []
- expected_outputs: [{name: MM, elements: []}]
)")
                .said,
            (Lines{"8:3 a test needs expected_outputs or expected_inputs",
                   "9:18 mock_outputs needs a 'name': the step that it is about",
                   "9:19 unknown key 'nam' in mock_outputs [did you mean 'name'?]",
                   "9:37 'elements' is a list; this is an integer",
                   "10:3 unknown key 'expected_output' in a test [did you mean 'expected_outputs'?]",
                   "11:29 unknown step 'MM'"}));
}

}  // namespace
}  // namespace weir
