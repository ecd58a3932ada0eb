// `weir test --fix` edits only the elements of failed expectations, in the style in which they were written.
#include "cli/test_fix.h"

#include <gtest/gtest.h>

#include <memory>

#include "plan/pipeline_text.h"

namespace weir {
namespace {

/// The text after every expectation of its first test "gave" the rows of `actual`, in their order.
std::string Fixed(const std::string& text, const std::vector<std::vector<std::string>>& actual) {
  Diagnostics diagnostics;
  auto source = std::make_shared<SourceFile>("p.yaml", text);
  std::optional<PipelineFile> file = ReadPipelineText(source, {}, &diagnostics);
  EXPECT_FALSE(diagnostics.has_errors()) << diagnostics.Render(false);
  TestResult result;
  for (size_t i = 0; i < actual.size(); ++i) {
    ExpectationResult& expectation = result.expectations.emplace_back();
    expectation.rows = file->tests()[0].expected_outputs[i].elements;
    expectation.actual = actual[i];
    expectation.unexpected = {"differs"};
  }
  return FixedText(*source, {result});
}

const std::string kHead = "pipeline: [{type: Create, name: A}, {type: Create, name: B}]  # two\ntests:\n";

TEST(TestFix, FlowStaysOnItsLine) {
  EXPECT_EQ(Fixed(kHead + "- expected_outputs: [{name: A, elements: [{a: 1}]}]  # why\n",
                  {{R"({"a":2,"b":"x y"})", R"({"a":1})"}}),
            kHead + "- expected_outputs: [{name: A, elements: [{a: 1}, {a: 2, b: x y}]}]  # why\n");
}

TEST(TestFix, BlocksKeepTheirIndentationAndWhatFollows) {
  EXPECT_EQ(Fixed(kHead + "- expected_outputs:\n  - name: A\n    elements:\n    - {a: 1}\n    - a: 2\n  - name: B\n    "
                          "elements: []\n",
                  {{R"({"a":7})", R"({"a":8})"}, {R"({"b":null})"}}),
            kHead +
                "- expected_outputs:\n  - name: A\n    elements:\n    - {a: 7}\n    - {a: 8}\n  - name: B\n    "
                "elements: [{b: null}]\n");
}

TEST(TestFix, NothingLeftIsAnEmptyList) {
  EXPECT_EQ(Fixed(kHead + "- expected_outputs:\n  - name: A\n    elements:\n    - {a: 1}\n# end\n", {{}}),
            kHead + "- expected_outputs:\n  - name: A\n    elements:\n    []\n# end\n");
}

TEST(TestFix, TextsThatWouldReadAsSomethingElseAreQuoted) {
  EXPECT_EQ(Fixed(kHead + "- expected_outputs: [{name: A, elements: []}]\n",
                  {{R"({"a":"yes","b":"1","c":"x: y","d":"","null":[true,"é"]})"}}),
            kHead +
                "- expected_outputs: [{name: A, elements: [{a: \"yes\", b: \"1\", c: \"x: y\", d: \"\", \"null\": "
                "[true, \"é\"]}]}]\n");
}

}  // namespace
}  // namespace weir
