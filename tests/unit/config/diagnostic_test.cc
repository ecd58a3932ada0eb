// Diagnostics: what a person sees of a mistake.
#include "config/diagnostic.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

SourcePtr File(std::string text) { return std::make_shared<SourceFile>("f.yaml", std::move(text)); }

TEST(Diagnostics, RendersLineCaretAndHelp) {
  const SourcePtr file = File("a: 1\n  procesors: 3\n");
  Diagnostics diagnostics;
  diagnostics.Error(file, {7, 16}, "unknown field 'procesors'", "did you mean 'processors'?");
  diagnostics.Warning(file, {0, 1}, "odd");
  EXPECT_EQ(diagnostics.Render(false),
            "f.yaml:1:1: warning: odd\n"
            " 1 | a: 1\n"
            "   | ^\n"
            "f.yaml:2:3: error: unknown field 'procesors'\n"
            " 2 |   procesors: 3\n"
            "   |   ^~~~~~~~~\n"
            "  = help: did you mean 'processors'?\n"
            "1 error, 1 warning\n");
  EXPECT_EQ(diagnostics.error_count(), 1);
}

TEST(Diagnostics, CaretStandsRightBehindWideCharactersTabsAndInLongLines) {
  Diagnostics diagnostics;
  diagnostics.Error(File("日本\tx: 1\n"), {7, 8}, "m");
  EXPECT_EQ(diagnostics.Render(false), "f.yaml:1:4: error: m\n 1 | 日本 x: 1\n   |      ^\n1 error\n");
  Diagnostics in_long;
  in_long.Error(File(std::string(1000, 'a') + "b" + std::string(1000, 'c')), {1000, 1001}, "m");
  const std::string text = in_long.Render(false);
  EXPECT_LT(text.size(), 400u);
  const size_t line = text.find(" 1 | ") + 5, caret = text.find("   | ") + 5;
  EXPECT_EQ(text.substr(line, 3), "…");
  const size_t column = text.find('^') - caret;
  EXPECT_EQ(text[line + column + 2], 'b') << "the ellipsis is three bytes in one column";
}

TEST(Diagnostics, EndOfFileAndMissingPlace) {
  Diagnostics diagnostics;
  diagnostics.Error(File("a: 1"), {4, 4}, "m");
  diagnostics.Error(nullptr, {}, "nothing to run");
  EXPECT_EQ(diagnostics.Render(false),
            "error: nothing to run\nf.yaml:1:5: error: m\n 1 | a: 1\n   |     ^\n2 errors\n");
  Diagnostics beyond;
  beyond.Error(File("a\n"), {100, 200}, "m");
  EXPECT_EQ(beyond.Render(false), "f.yaml:2:1: error: m\n 2 | \n   | ^\n1 error\n");
}

TEST(Diagnostics, SortedWithoutRepetitions) {
  const SourcePtr file = File("abc\n");
  Diagnostics diagnostics;
  diagnostics.Error(file, {2, 3}, "second");
  diagnostics.Error(file, {0, 1}, "first");
  diagnostics.Error(file, {2, 3}, "second");
  const auto sorted = diagnostics.Sorted();
  ASSERT_EQ(sorted.size(), 2u);
  EXPECT_EQ(sorted[0].message, "first");
}

TEST(Diagnostics, JsonHasPlaces) {
  Diagnostics diagnostics;
  diagnostics.Error(File("é: 1\nb: 2\n"), {6, 7}, "say \"no\"", "h");
  EXPECT_EQ(diagnostics.RenderJson(),
            "[\n  {\n    \"file\": \"f.yaml\",\n    \"line\": 2,\n    \"column\": 1,\n    \"end_line\": 2,\n    "
            "\"end_column\": 2,\n"
            "    \"severity\": \"error\",\n    \"message\": \"say \\\"no\\\"\",\n    \"hint\": \"h\"\n  }\n]");
}

TEST(Diagnostics, ManyMistakesAreCut) {
  const SourcePtr file = File(std::string(1000, '\n'));
  Diagnostics diagnostics;
  for (size_t i = 0; i < 500; ++i) diagnostics.Error(file, {i, i}, "m");
  const std::string text = diagnostics.Render(false);
  EXPECT_NE(text.find("… and 400 more\n500 errors\n"), std::string::npos);
}

TEST(ClosestMatch, FindsSlipsOnly) {
  const std::vector<std::string> words = {"processors", "input", "keep", "language", "k"};
  EXPECT_EQ(ClosestMatch("procesors", words), "processors");
  EXPECT_EQ(ClosestMatch("inptu", words), "input");
  EXPECT_EQ(ClosestMatch("Input", words), "input");
  EXPECT_EQ(ClosestMatch("langage", words), "language");
  EXPECT_EQ(ClosestMatch("windowing", words), "");
  EXPECT_EQ(ClosestMatch("x", words), "");
  EXPECT_EQ(ClosestMatch("", words), "");
}

TEST(SourceFile, LinesAndColumns) {
  const SourceFile file("f", "ab\r\ncé\rd\n");
  EXPECT_EQ(file.LineText(1), "ab");
  EXPECT_EQ(file.LineText(2), "cé");
  EXPECT_EQ(file.LineText(3), "d");
  EXPECT_EQ(file.LineText(4), "");
  EXPECT_EQ(file.LineText(9), "");
  EXPECT_EQ(file.PositionOf(8).line, 3);
  EXPECT_EQ(file.PositionOf(7).column, 3);
  EXPECT_EQ(file.PositionOf(1000).line, 4);
}

}  // namespace
}  // namespace weir
