// Substitution: types, places, secrets, and what is left alone.
#include "config/params.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

struct Substituted {
  NodePtr root;
  Diagnostics diagnostics;
  std::vector<std::string> Said() const {
    std::vector<std::string> said;
    for (const Diagnostic& d : diagnostics.Sorted()) {
      const Position at = d.source ? d.source->PositionOf(d.span.begin) : Position{};
      said.push_back(std::to_string(at.line) + ":" + std::to_string(at.column) + " " + d.message +
                     (d.hint.empty() ? "" : " [" + d.hint + "]"));
    }
    return said;
  }
};

Substituted Apply(const std::string& text, std::vector<std::pair<std::string, std::string>> overrides = {}) {
  Substituted result;
  const NodePtr root = LoadYaml(std::make_shared<SourceFile>("t.yaml", text), YamlLimits{}, &result.diagnostics);
  EXPECT_TRUE(root) << result.diagnostics.Render(false);
  SubstitutionOptions options;
  options.overrides = std::move(overrides);
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "PORT") return "8080";
    if (name == "EMPTY") return "";
    if (name == "WORD") return "null";
    return std::nullopt;
  };
  options.read_file = [](const std::string& path) -> Result<std::string> {
    if (path == "/run/token") return std::string("s3cret\n");
    return Status::IOError("no such file");
  };
  result.root = SubstituteParams(root, options, &result.diagnostics);
  return result;
}

TEST(Params, AWholeScalarTakesTheTypeOfItsValue) {
  const Substituted s = Apply(
      "params: {n: 10, f: 0.5, b: true, s: '7', l: [1, 2], d: {type: duration, default: 10m}}\n"
      "a: ['${param.n}', \"${param.f}\", '${param.b}', '${param.s}', '${param.l}', '${param.d}', 'x${param.n}y']\n");
  ASSERT_TRUE(s.Said().empty()) << s.diagnostics.Render(false);
  const auto& items = s.root->Find("a")->items();
  EXPECT_EQ(items[0]->AsInt64(), 10);
  EXPECT_EQ(items[1]->AsDouble(), 0.5);
  EXPECT_EQ(items[2]->AsBool(), true);
  EXPECT_EQ(items[3]->AsInt64(), std::nullopt) << "a string parameter stays text";
  EXPECT_EQ(items[3]->text(), "7");
  EXPECT_EQ(items[4]->items().size(), 2u);
  EXPECT_EQ(items[5]->text(), "10m");
  EXPECT_EQ(items[6]->text(), "x10y");
}

TEST(Params, OverridesAreTyped) {
  const std::string text = "params: {n: 10, l: {type: array}, s: x}\na: ${param.n}\nb: ${param.l}\nc: ${param.s}\n";
  const Substituted s = Apply(text, {{"n", "3"}, {"n", "4"}, {"l", "[a, b]"}, {"s", "012"}});
  ASSERT_TRUE(s.Said().empty()) << s.diagnostics.Render(false);
  EXPECT_EQ(s.root->Find("a")->AsInt64(), 4);
  EXPECT_EQ(s.root->Find("b")->items()[1]->text(), "b");
  EXPECT_EQ(s.root->Find("c")->AsInt64(), std::nullopt);
  EXPECT_EQ(s.root->Find("c")->text(), "012");
  EXPECT_EQ(
      Apply(text, {{"n", "many"}, {"l", "[]"}, {"m", "1"}}).Said(),
      (std::vector<std::string>{"0:0 -p m: the file declares no parameter of this name [declare it under 'params:']",
                                "0:0 -p n=many: 'n' must be integer"}));
}

TEST(Params, EnvironmentAndFilesAreSecretAndKeepTheirPlace) {
  const Substituted s = Apply(
      "a: ${env:PORT}\nb: pre ${env:PORT} post\nc: ${file:/run/token}\nd: ${env:NOPE:-7}\ne: ${env:EMPTY:-x}\nf: "
      "${env:WORD}\ng: '${env:PORT}'\n");
  ASSERT_TRUE(s.Said().empty()) << s.diagnostics.Render(false);
  EXPECT_EQ(s.root->Find("a")->AsInt64(), 8080);
  EXPECT_TRUE(s.root->Find("a")->is_secret());
  const NodePtr b = s.root->Find("b");
  EXPECT_EQ(b->text(), "pre 8080 post");
  EXPECT_TRUE(b->is_secret());
  EXPECT_EQ(b->SpanOfText(9, 13).begin, std::string("a: ${env:PORT}\nb: pre ${env:PORT} ").size())
      << "'post' stands where it is written";
  EXPECT_EQ(b->SpanOfText(5, 6).begin, std::string("a: ${env:PORT}\nb: pre ").size());
  EXPECT_EQ(s.root->Find("c")->text(), "s3cret");
  EXPECT_TRUE(s.root->Find("c")->is_secret());
  EXPECT_EQ(s.root->Find("d")->AsInt64(), 7);
  EXPECT_FALSE(s.root->Find("d")->is_secret());
  EXPECT_EQ(s.root->Find("e")->text(), "x");
  EXPECT_FALSE(s.root->Find("f")->IsNull()) << "a variable is never null";
  EXPECT_EQ(s.root->Find("g")->AsInt64(), std::nullopt) << "quoted: text";
}

TEST(Params, EscapesAndForeignBracesAreLeftAlone) {
  const Substituted s = Apply("a: $${param.x}\nb: \"`${row.name}` ${x} $ {param.y} ${\"\nc: ${PATH}\n");
  ASSERT_TRUE(s.Said().empty()) << s.diagnostics.Render(false);
  EXPECT_EQ(s.root->Find("a")->text(), "${param.x}");
  EXPECT_EQ(s.root->Find("b")->text(), "`${row.name}` ${x} $ {param.y} ${");
  EXPECT_EQ(s.root->Find("c")->text(), "${PATH}");
}

TEST(Params, AllMistakesWithTheirPlaces) {
  const Substituted s = Apply(
      "params:\n"
      "  day: 1\n"
      "  bad: {type: integr}\n"
      "  none: {type: integer}\n"
      "  wrong: {type: integer, default: x}\n"
      "  mode: {default: a, choices: [b, c]}\n"
      "x: a ${param.dya} b\n"
      "y: ${env:NOPE}\n"
      "z: ${file:/nowhere}\n"
      "w: ${parm.day}\n"
      "v: ${param:day}\n"
      "u: ${secret:a/b}\n"
      "l: |\n"
      "  one\n"
      "  two ${param.nix}\n");
  EXPECT_EQ(s.Said(), (std::vector<std::string>{
                          "3:15 'type' must be string, integer, number, boolean, duration, size, array or object, not "
                          "'integr' [did you mean 'integer'?]",
                          "4:3 parameter 'none' has no value [give it with -p none=VALUE]",
                          "5:35 the default of 'wrong' must be integer, not a string",
                          "6:3 parameter 'mode' may not be 'a' [choices: b, c]",
                          "7:6 the file declares no parameter 'dya' [did you mean 'day'?]",
                          "8:4 the environment has no variable 'NOPE' [set it, or give a default: ${env:NOPE:-…}]",
                          "9:4 '/nowhere' cannot be read: no such file",
                          "10:4 '${parm.day}' is not a known form [did you mean 'param'? ($${ writes a literal ${)]",
                          "11:4 '${param:day}' is not a known form [write ${param.NAME}]",
                          "12:4 '${secret:…}' is not in this version [use ${env:NAME} or ${file:PATH}]",
                          "15:7 the file declares no parameter 'nix' [declare it under 'params:']"}));
}

TEST(Params, DefaultsMayUseTheEnvironmentAndEarlierParameters) {
  const Substituted s = Apply(
      "params:\n  port: ${env:PORT}\n  url: http://h:${param.port}/\n  early: ${param.late}\n  late: 1\na: "
      "${param.url}\n");
  EXPECT_EQ(s.Said(), std::vector<std::string>{
                          "4:10 no parameter is declared before this one as 'late' [declare it under 'params:']"});
  EXPECT_EQ(s.root->Find("a")->text(), "http://h:8080/");
  EXPECT_TRUE(s.root->Find("a")->is_secret()) << "what holds a secret is secret";
}

TEST(Params, NothingToDoGivesTheSameTree) {
  Diagnostics diagnostics;
  const NodePtr root = LoadYaml(std::make_shared<SourceFile>("t.yaml", "a: 1\n"), YamlLimits{}, &diagnostics);
  EXPECT_EQ(SubstituteParams(root, {}, &diagnostics), root);
}

}  // namespace
}  // namespace weir
