// The reader of pipeline files: every form of the graph's syntax becomes the right flat graph.
#include "plan/pipeline_text.h"

#include <gtest/gtest.h>

#include "unit/plan/graph_text.h"

namespace weir {
namespace {

using Lines = std::vector<std::string>;

void ExpectGraph(const std::string& text, const Lines& expected) {
  ReadFile read = Read(text);
  EXPECT_EQ(Said(*read.diagnostics), Lines{}) << text;
  EXPECT_EQ(GraphText(read.graph), expected) << text;
}

TEST(PipelineText, CompositeByDefaultNamesAndTypes) {
  ExpectGraph(R"(
pipeline:
  transforms:
  - {type: Create, name: A}
  - {type: Filter, input: A}
  - {type: LogForTesting, input: Filter}
)",
              {"A:Create", "Filter < A", "LogForTesting < Filter"});
}

TEST(PipelineText, BareListIsAComposite) {
  ExpectGraph("pipeline: [{type: Create}, {type: Print, input: Create}]", {"Create", "Print < Create"});
}

TEST(PipelineText, ForwardReferencesAreSorted) {
  ExpectGraph(R"(
pipeline:
  transforms:
  - {type: Print, input: F}
  - {type: Filter, name: F, input: A}
  - {type: Create, name: A}
)",
              {"A:Create", "F:Filter < A", "Print < F"});
}

TEST(PipelineText, EveryFormOfInput) {
  ExpectGraph(
      R"(
pipeline:
  transforms:
  - {type: Create, name: A}
  - {type: Create, name: B, input: {}}
  - {type: Partition, name: P, input: A}
  - {type: Flatten, input: [A, P.x, B]}
  - {type: Join, input: {left: A, right: [B, P.y]}}
  - {type: Print, input: P.x}
)",
      {"A:Create", "B:Create", "P:Partition < A", "Flatten < A+P.x+B", "Join < left=A < right=B+P.y", "Print < P.x"});
}

TEST(PipelineText, NamesWithDotsTakeTheLongestMatch) {
  ExpectGraph(
      R"(
pipeline:
  transforms:
  - {type: Create, name: a.b}
  - {type: Partition, name: a.b.c, input: a.b}
  - {type: Print, name: one, input: a.b.c}
  - {type: Print, name: two, input: a.b.c.d}
  - {type: Print, name: three, input: a.b.x}
)",
      {"a.b:Create", "a.b.c:Partition < a.b", "one:Print < a.b.c", "two:Print < a.b.c.d", "three:Print < a.b.x"});
}

TEST(PipelineText, TypeOfANamedLanguageTransformYieldsToAnUnnamedOne) {
  ExpectGraph(R"(
pipeline:
  transforms:
  - {type: Create}
  - {type: Filter, name: F, input: Create}
  - {type: Filter, input: F}
  - {type: Print, input: Filter}
)",
              {"Create", "F:Filter < Create", "Filter < F", "Print < Filter"});
}

TEST(PipelineText, ChainWithSourceSinkAndExtras) {
  ExpectGraph(R"(
pipeline:
  type: chain
  source: {type: Create}
  transforms:
  - {type: Filter, name: F, config: {keep: x, error_handling: {output: bad}}}
  - {type: MapToFields}
  sink: {type: WriteToJson}
  extra_transforms:
  - {type: Print, input: F.bad}
)",
              {"Create", "F:Filter < Create", "MapToFields < F", "WriteToJson < MapToFields", "Print < F.bad!"});
}

TEST(PipelineText, SourceAndSinkOfACompositeAreOrdinarySteps) {
  ExpectGraph(R"(
pipeline:
  source: {type: Create, name: S}
  transforms: [{type: Filter, input: S}]
  sink: {type: Print, input: Filter}
)",
              {"S:Create", "Filter < S", "Print < Filter"});
}

TEST(PipelineText, NestedCompositesWithInputsAndOutputs) {
  ExpectGraph(
      R"(
pipeline:
  transforms:
  - {type: Create, name: A}
  - type: composite
    name: Outer
    input: {rows: A}
    transforms:
    - {type: Partition, name: P, input: rows}
    - type: chain
      name: Inner
      input: P.x
      transforms: [{type: Filter}, {type: MapToFields, name: M}]
    output: {good: Inner, rest: P.y, same: rows}
  - {type: Print, name: one, input: Outer.good}
  - {type: Print, name: two, input: [Outer.rest, Outer.same]}
)",
      {"A:Create", "Outer/P:Partition < A", "Outer/Inner/Filter:Filter < Outer/P.x",
       "Outer/Inner/M:MapToFields < Outer/Inner/Filter", "one:Print < Outer/Inner/M", "two:Print < Outer/P.y+A"});
}

TEST(PipelineText, CompositeWithoutInputSeesThoseAroundIt) {
  ExpectGraph(R"(
pipeline:
  transforms:
  - {type: Create}
  - type: composite
    name: O
    input: Create
    transforms:
    - type: composite
      name: I
      transforms: [{type: Filter, input: input}]
      output: Filter
    - {type: Print, input: I}
    output: I
  - {type: Print, input: O}
)",
              {"Create", "O/I/Filter:Filter < Create", "O/Print:Print < O/I/Filter", "Print < O/I/Filter"});
}

TEST(PipelineText, CompositeWithInputChainsStepsThatNameNone) {
  ExpectGraph(R"(
pipeline:
  transforms:
  - {type: Create}
  - {type: composite, name: C, input: Create, transforms: [{type: Filter}, {type: MapToFields}]}
  - {type: Print, input: C}
)",
              {"Create", "C/Filter:Filter < Create", "C/MapToFields:MapToFields < C/Filter", "Print < C/MapToFields"});
}

TEST(PipelineText, ChainOutputsNameOutputsOfTheLastStep) {
  ExpectGraph(R"(
pipeline:
  transforms:
  - {type: Create}
  - {type: chain, name: C, input: Create, transforms: [{type: Filter}, {type: Partition, name: P}], output: {a: x, b: P.y}}
  - {type: chain, name: D, input: Create, transforms: [{type: Partition}]}
  - {type: Print, input: [C.a, C.b, D.z]}
)",
              {"Create", "C/Filter:Filter < Create", "C/P:Partition < C/Filter", "D/Partition:Partition < Create",
               "Print < C/P.x+C/P.y+D/Partition.z"});
}

TEST(PipelineText, SeveralInputsOfACompositeAreFlattenedOnce) {
  ExpectGraph(R"(
pipeline:
  transforms:
  - {type: Create, name: A}
  - {type: Create, name: B}
  - type: composite
    name: C
    input: [A, B]
    transforms: [{type: Print, input: input}, {type: Filter, input: [input, input]}]
)",
              {"A:Create", "B:Create", "C/Flatten[input]:Flatten < A+B", "C/Print:Print < C/Flatten[input]",
               "C/Filter:Filter < C/Flatten[input]+C/Flatten[input]"});
}

TEST(PipelineText, UnnamedStepsOfOneTypeGetTheirLine) {
  ReadFile read =
      Read("pipeline:\n  type: chain\n  transforms:\n  - type: Create\n  - type: Filter\n  - type: Filter\n");
  EXPECT_EQ(GraphText(read.graph), (Lines{"Create", "Filter < Create", "Filter@6:Filter < Filter"}));
}

TEST(PipelineText, WindowingOfThePipelineGoesToRootsWithoutTheirOwn) {
  ExpectGraph(R"(
pipeline:
  transforms:
  - {type: Create, name: A}
  - {type: Create, name: B, windowing: {type: sessions, gap: 5m}}
  - {type: Combine, input: [A, B]}
  - {type: chain, name: C, transforms: [{type: Create}, {type: Filter}]}
  windowing: {type: fixed, size: 60}
)",
              {"A:Create ~fixed(size 1m)", "B:Create ~sessions(gap 5m)", "Combine < A+B",
               "C/Create:Create ~fixed(size 1m)", "C/Filter:Filter < C/Create"});
}

TEST(PipelineText, WindowingOfACompositeWithInputWindowsTheInputAndTheRoots) {
  ExpectGraph(R"(
pipeline:
  transforms:
  - {type: Create}
  - type: composite
    name: C
    input: Create
    windowing: {type: sliding, size: 10s, period: 5s}
    transforms: [{type: Create, name: R}, {type: Filter, input: [input, R]}]
)",
              {"Create", "C/WindowInto[input]:WindowInto < Create ~sliding(size 10s, period 5s)",
               "C/R:Create ~sliding(size 10s, period 5s)", "C/Filter:Filter < C/WindowInto[input]+C/R"});
}

TEST(PipelineText, WindowIntoTakesItsConfig) {
  ExpectGraph(R"(
pipeline:
  type: chain
  transforms:
  - {type: Create}
  - {type: WindowInto, config: {windowing: {type: fixed, size: 2h, offset: 30m}}}
)",
              {"Create", "WindowInto < Create ~fixed(size 2h, offset 30m)"});
}

TEST(PipelineText, AfterIsAnOrderWithoutData) {
  ExpectGraph(
      R"(
pipeline:
  transforms:
  - {type: Create, name: A, after: [C, B]}
  - {type: chain, name: C, transforms: [{type: Create}, {type: Print}]}
  - {type: Create, name: B}
)",
      {"C/Create:Create", "C/Print:Print < C/Create", "B:Create", "A:Create after C/Create after C/Print after B"});
}

TEST(PipelineText, ErrorHandlingIsRead) {
  ReadFile read = Read(R"(
pipeline:
  transforms:
  - {type: Create}
  - type: Filter
    input: Create
    config: {keep: x, error_handling: {output: bad, threshold: 0.25}}
  - {type: Print, input: Filter.bad}
  - {type: Print, name: P, input: Filter.errors}
options: {streaming: false}
name: n
description: d
)");
  ASSERT_EQ(Said(*read.diagnostics), Lines{});
  ASSERT_TRUE(read.graph.steps[1].error_handling.has_value());
  EXPECT_EQ(read.graph.steps[1].error_handling->output, "bad");
  EXPECT_EQ(read.graph.steps[1].error_handling->threshold, 0.25);
  EXPECT_TRUE(read.graph.steps[2].inputs[0].refs[0].is_errors);
  EXPECT_TRUE(read.graph.steps[3].inputs[0].refs[0].is_errors);
  EXPECT_EQ(read.graph.name + read.graph.description, "nd");
  EXPECT_TRUE(read.graph.options != nullptr);
}

TEST(PipelineText, OutputSchemaIsAValidationBehindTheStep) {
  ExpectGraph(R"(
pipeline:
  transforms:
  - {type: Create}
  - type: Filter
    input: Create
    config: {keep: x, error_handling: {output: bad}, output_schema: {type: object}}
  - {type: Print, name: A, input: Filter}
  - {type: Print, name: B, input: Filter.bad}
)",
              {"Create", "Filter < Create", "Filter/ValidateWithSchema:ValidateWithSchema < Filter",
               "A:Print < Filter/ValidateWithSchema",
               "Filter/Flatten[errors]:Flatten < Filter.errors!+Filter/ValidateWithSchema.errors!",
               "B:Print < Filter/Flatten[errors]"});
}

TEST(PipelineText, ChainsInsideChains) {
  ExpectGraph(R"(
pipeline:
  type: chain
  transforms:
  - {type: Create}
  - {type: chain, name: C, transforms: [{type: Filter}, {type: chain, name: D, transforms: [{type: Top}]}]}
  - {type: composite, name: E, transforms: [{type: Sort}, {type: Limit}]}
  - {type: Print}
)",
              {"Create", "C/Filter:Filter < Create", "C/D/Top:Top < C/Filter", "E/Sort:Sort < C/D/Top",
               "E/Limit:Limit < E/Sort", "Print < E/Limit"});
}

TEST(PipelineText, TriggersAreRead) {
  ReadFile read = Read(R"(
pipeline:
  transforms:
  - type: Create
    windowing:
      type: fixed
      size: 1d
      allowed_lateness: 2h
      accumulation: retracting
      output_time: earliest
      trigger: {repeat: {any: [{after_count: 3}, {processing_time: 30s}]}}
  - {type: Create, name: B, windowing: {type: global, trigger: {early: {every: 1m}, late: {count: 1}}}}
)");
  ASSERT_EQ(Said(*read.diagnostics), Lines{});
  const WindowingStrategy& a = *read.graph.steps[0].windowing;
  EXPECT_EQ(a.size_us, 86'400'000'000);
  EXPECT_EQ(a.allowed_lateness_us, 7'200'000'000);
  EXPECT_EQ(a.accumulation, Accumulation::kRetracting);
  EXPECT_EQ(a.output_time, OutputTime::kEarliest);
  ASSERT_EQ(a.trigger.kind, TriggerSpec::Kind::kRepeat);
  ASSERT_EQ(a.trigger.parts.at(0).parts.size(), 2u);
  EXPECT_EQ(a.trigger.parts[0].parts[0].count, 3);
  EXPECT_EQ(a.trigger.parts[0].parts[1].delay_us, 30'000'000);
  const TriggerSpec& b = read.graph.steps[1].windowing->trigger;
  EXPECT_EQ(b.early.at(0).delay_us, 60'000'000);
  EXPECT_EQ(b.late.at(0).count, 1);
}

// The cost per step does not grow with the number of steps; a quadratic reader would need minutes for this.
TEST(PipelineText, HundredThousandStepsArePossibleAndOneMoreIsNot) {
  std::string text = "pipeline:\n  type: chain\n  transforms:\n  - {type: Create}\n";
  for (int i = 1; i < 100'000; ++i) text += "  - {type: Filter, name: F" + std::to_string(i) + "}\n";
  EXPECT_EQ(Read(text).graph.steps.size(), 100'000u);
  const Lines said = Said(*Read(text + "  - {type: Print}\n").diagnostics);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_NE(said[0].find("at most 100000 steps"), std::string::npos) << said[0];
}

}  // namespace
}  // namespace weir
