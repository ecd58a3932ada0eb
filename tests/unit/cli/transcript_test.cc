// What `weir test` says of a transcript that does not come true, and how it is fixed: golden pipelines only ever pass.
#include <gtest/gtest.h>

#include <memory>

#include "cli/test_fix.h"
#include "cli/test_runner.h"
#include "connectors/register.h"
#include "env/env.h"
#include "operators/register.h"
#include "plan/binding.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

using Lines = std::vector<std::string>;

const std::string kHead = R"(pipeline:
  transforms:
  - {type: Create, name: Read, config: {elements: []}}
  - {type: Filter, name: Good, input: Read, config: {keep: n < 9}}
tests:
- transcript:
  - input: {step: Read, rows: [{at: 60, row: {n: 1}}, {at: 120, row: {n: 2}, weight: -1}, {at: 180, row: {n: 3}}]}
)";

struct Ran {
  TestResult result;
  std::string said, fixed;
};

/// Runs the first test of kHead and `expects`.
Ran RunTranscript(const std::string& expects, const std::string& head = kHead) {
  Ran ran;
  Diagnostics diagnostics;
  auto source = std::make_shared<SourceFile>("p.yaml", head + expects);
  std::optional<PipelineFile> file = ReadPipelineText(source, {}, &diagnostics);
  Registry registry;
  RegisterOperators(registry);
  RegisterConnectors(registry);
  RegisterTestSteps(registry);
  auto memory = MemoryBudget::Make(0).MoveValueUnsafe();
  TestRunOptions options;
  options.run.lanes = 2;
  options.env = &Env::Real();
  options.memory = memory.get();
  if (file) ran.result = RunTest(*file, 0, registry, options, &diagnostics);
  ran.said = diagnostics.Render(false);
  ran.fixed = FixedText(*source, {ran.result});
  return ran;
}

TEST(Transcript, SaysWhatIsMissingAndWhatIsTooMuch) {
  Ran ran = RunTranscript(R"(  - expect:
      step: Good
      rows:
      - {row: {n: 1}, at: 61}
      - {row: {n: 2}}
      - {row: {n: 3}, window: global, pane: {timing: late}}
)");
  EXPECT_EQ(ran.said, "");
  EXPECT_EQ(ran.result.error, "");
  ASSERT_EQ(ran.result.expectations.size(), 1u);
  const ExpectationResult& result = ran.result.expectations[0];
  EXPECT_EQ(result.step, "Good");
  EXPECT_EQ(result.missing, (Lines{R"({"row":{"n":1},"at":"1970-01-01T00:01:01Z"})", R"({"row":{"n":2}})",
                                   R"({"row":{"n":3},"window":"global","pane":{"timing":"late"}})"}));
  EXPECT_EQ(
      result.unexpected,
      (Lines{R"({"row":{"n":1},"at":"1970-01-01T00:01:00Z","window":"global","pane":{"timing":"unknown"}})",
             R"({"row":{"n":2},"at":"1970-01-01T00:02:00Z","window":"global","pane":{"timing":"unknown"},"weight":-1})",
             R"({"row":{"n":3},"at":"1970-01-01T00:03:00Z","window":"global","pane":{"timing":"unknown"}})"}));
}

TEST(Transcript, AnOpenExpectationLeavesRowsToOthers) {
  // The first could take n = 1, which only the second can take.
  Ran ran = RunTranscript(R"(  - expect: {step: Good, rows: [{window: global}, {row: {n: 1}}, {weight: -1}]}
)");
  EXPECT_TRUE(ran.result.passed());
}

TEST(Transcript, EachExpectationIsJudgedOnItsOwn) {
  Ran ran = RunTranscript(R"(  - expect: {step: Good, rows: []}
  - expect: {step: Good, rows: []}
  - input: {step: Read, rows: [{row: {n: 4}}]}
  - expect: {step: Good, rows: [{row: {n: 4}}]}
)");
  ASSERT_EQ(ran.result.expectations.size(), 3u);
  EXPECT_EQ(ran.result.expectations[0].unexpected,
            (Lines{R"({"row":{"n":1}})", R"({"row":{"n":2},"weight":-1})", R"({"row":{"n":3}})"}));
  EXPECT_TRUE(ran.result.expectations[1].passed());
  EXPECT_TRUE(ran.result.expectations[2].passed());
}

TEST(Transcript, RowsThatCanBeTakenBackDoNotReachStepsThatForgetIt) {
  Ran ran = RunTranscript("  - expect: {step: Few, rows: []}\n",
                          "pipeline:\n  transforms:\n  - {type: Create, name: Read, config: {elements: []}}\n"
                          "  - {type: Limit, name: Few, input: Read, config: {rows: 1}}\ntests:\n- transcript:\n"
                          "  - input: {step: Read, rows: [{row: {n: 1}, weight: 1}]}\n");
  EXPECT_EQ(ran.result.error, "the test is invalid");
  EXPECT_NE(ran.said.find("p.yaml:4:12: error: Limit needs rows that stay; those of 'input Read' can be taken back"),
            std::string::npos)
      << ran.said;
}

TEST(Transcript, ARunThatFailsFailsTheTest) {
  Ran ran =
      RunTranscript("  - expect: {step: Bad, rows: []}\n",
                    "pipeline:\n  transforms:\n  - {type: Create, name: Read, config: {elements: []}}\n"
                    "  - {type: Filter, name: Bad, input: Read, config: {keep: 1 // n > 0}}\ntests:\n- transcript:\n"
                    "  - input: {step: Read, rows: [{row: {n: 0}}]}\n");
  EXPECT_NE(ran.result.error.find("step 'Bad'"), std::string::npos) << ran.result.error;
  EXPECT_FALSE(ran.result.passed());
}

TEST(Transcript, IsFixedWithTheKeysThatItHad) {
  Ran ran = RunTranscript("  - expect: {step: Good, rows: [{row: {n: 7}, at: 0}]}  # why\n");
  EXPECT_EQ(ran.fixed,
            kHead +
                "  - expect: {step: Good, rows: [{row: {\"n\": 1}, at: \"1970-01-01T00:01:00Z\"},\n"
                "                                {row: {\"n\": 2}, at: \"1970-01-01T00:02:00Z\", weight: -1},\n"
                "                                {row: {\"n\": 3}, at: \"1970-01-01T00:03:00Z\"}]}  # why\n");
}

}  // namespace
}  // namespace weir
