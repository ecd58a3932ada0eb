// The worked example of a component's declaration, and what comes out of it.
#include "config/component_spec.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "config/spec_text.h"

namespace weir {
namespace {

enum class Mode { kFast, kSafe };

struct Rule {
  std::string name;
  int64_t weight = 1;
  static const FieldSet<Rule>& Fields() {
    static const FieldSet<Rule> fields =
        FieldSet<Rule>()
            .Field("name", &Rule::name, FieldDoc("Name of the rule.").Required())
            .Field("weight", &Rule::weight, FieldDoc("How much it counts.").Default("1").Min("0"));
    return fields;
  }
};

struct SharedConfig {
  std::string path;
  static const FieldSet<SharedConfig>& Fields() {
    static const FieldSet<SharedConfig> fields =
        FieldSet<SharedConfig>().Field("path", &SharedConfig::path, FieldDoc("Where it is.").Alias("file"));
    return fields;
  }
};

struct ThingConfig : SharedConfig {
  ExprSource keep;
  std::string language;
  bool loud = false;
  int64_t count = 0;
  double share = 0;
  Duration horizon;
  ByteSize buffer;
  Secret<std::string> password;
  std::string delimiter;
  NodePtr raw;
  SchemaDecl schema;
  std::optional<int64_t> limit;
  std::vector<std::string> columns;
  std::vector<std::pair<std::string, ExprSource>> fields;
  Mode mode = Mode::kFast;
  std::vector<Rule> rules;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<ThingConfig>("Thing")
      .Summary("Do the thing.")
      .Doc("Longer words about the thing.\n\n- with a list")
      .Guarantees("None at all.")
      .Fields(SharedConfig::Fields())
      .Field("keep", &ThingConfig::keep, FieldDoc("What must be true.").Required().Example("amount > 10"))
      .Field("language", &ThingConfig::language,
             FieldDoc("Of the expression.").Default("generic").OneOf({"generic", "sql", "python"}))
      .Field("loud", &ThingConfig::loud, FieldDoc("Whether to shout.").Default("true"))
      .Field("count", &ThingConfig::count, FieldDoc("How many.").Default("10").Min("1").Max("100"))
      .Field("share", &ThingConfig::share, FieldDoc("Part of one.").Min("0").Max("1"))
      .Field("horizon", &ThingConfig::horizon, FieldDoc("How long.").Default("10m").Min("1s"))
      .Field("buffer", &ThingConfig::buffer, FieldDoc("How big.").Default("64MiB").Advanced())
      .Field("password", &ThingConfig::password, FieldDoc("Of the server."))
      .Field("delimiter", &ThingConfig::delimiter, FieldDoc("Between fields.").Default("','"))
      .Field("raw", &ThingConfig::raw, FieldDoc("Anything.").JsonSchema(R"({"type": "object"})"))
      .Field("schema", &ThingConfig::schema, FieldDoc("Of the rows."))
      .Field("limit", &ThingConfig::limit, FieldDoc("At most.").Deprecated("use count"))
      .Field("columns", &ThingConfig::columns, FieldDoc("Which | or.").OrSingle().Default("[a, b]"))
      .Field("fields", &ThingConfig::fields, FieldDoc("What comes out.").AllowCallable())
      .Enum("mode", &ThingConfig::mode, {{"fast", Mode::kFast}, {"safe", Mode::kSafe}},
            FieldDoc("How.").Default("safe"))
      .Field("rules", &ThingConfig::rules, FieldDoc("By which rules."))
      .Example("small", "\npipeline:\n  - type: Thing\n");
}

struct Parsed {
  bool ok = false;
  ThingConfig config;
  Diagnostics diagnostics;
  NodePtr node;
  std::vector<std::string> Said() const {
    std::vector<std::string> said;
    for (const Diagnostic& d : diagnostics.Sorted()) {
      const Position at = d.source->PositionOf(d.span.begin);
      said.push_back(std::to_string(at.line) + ":" + std::to_string(at.column) + " " + d.message +
                     (d.hint.empty() ? "" : " [" + d.hint + "]"));
    }
    return said;
  }
};

Parsed Parse(const std::string& text) {
  Parsed parsed;
  const auto source = std::make_shared<SourceFile>("t.yaml", text);
  const NodePtr step = LoadYaml(source, YamlLimits{}, &parsed.diagnostics);
  EXPECT_TRUE(step) << parsed.diagnostics.Render(false);
  parsed.node = step->Find("config");
  parsed.ok = ParseConfig(Spec(), parsed.node, step, {"error_handling"}, &parsed.config, &parsed.diagnostics);
  return parsed;
}

TEST(ComponentSpec, DefaultsAreApplied) {
  const Parsed p = Parse("type: Thing\nconfig: {keep: a > 1, error_handling: {output: e}}\n");
  ASSERT_TRUE(p.ok) << p.diagnostics.Render(false);
  EXPECT_EQ(p.config.keep.text, "a > 1");
  EXPECT_EQ(p.config.language, "generic");
  EXPECT_TRUE(p.config.loud);
  EXPECT_EQ(p.config.count, 10);
  EXPECT_EQ(p.config.horizon, Duration::Seconds(600));
  EXPECT_EQ(p.config.buffer.bytes, 64 << 20);
  EXPECT_EQ(p.config.mode, Mode::kSafe);
  EXPECT_EQ(p.config.columns, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(p.config.limit, std::nullopt);
  EXPECT_EQ(p.config.delimiter, ",") << "a default is YAML and may be quoted";
  EXPECT_EQ(p.config.raw, nullptr);
  EXPECT_TRUE(p.config.schema.empty());
}

TEST(ComponentSpec, EveryTypeIsRead) {
  const Parsed p = Parse(R"(type: Thing
config:
  file: out.csv
  keep: {expression: 'a'}
  loud: off
  count: 7
  share: 0.25
  horizon: 1.5h
  buffer: 1GiB
  password: hunter2
  raw: {x: [1]}
  schema: {type: object, properties: {id: {type: integer}, tags: {type: array, items: {type: string}}, n: {type: [string, "null"]}}, required: [id]}
  columns: only
  fields: {z: 1, b: {callable: 'lambda row: 1'}, a: {path: f.py, name: g}}
  mode: fast
  rules: [{name: r1}, {name: r2, weight: 3}]
)");
  ASSERT_TRUE(p.ok) << p.diagnostics.Render(false);
  EXPECT_EQ(p.config.path, "out.csv");
  EXPECT_EQ(p.config.keep.text, "a");
  EXPECT_FALSE(p.config.loud);
  EXPECT_EQ(p.config.share, 0.25);
  EXPECT_EQ(p.config.horizon, Duration::Seconds(5400));
  EXPECT_EQ(p.config.password.Reveal(), "hunter2");
  std::ostringstream printed;
  printed << p.config.password;
  EXPECT_EQ(printed.str(), "***");
  EXPECT_EQ(p.config.raw->Find("x")->items().size(), 1u);
  ASSERT_EQ(p.config.schema.row.fields.size(), 3u);
  EXPECT_EQ(p.config.schema.row.fields[0].second.name, "integer");
  EXPECT_EQ(p.config.schema.row.fields[1].second.element[0].name, "string");
  EXPECT_TRUE(p.config.schema.row.fields[2].second.nullable);
  EXPECT_EQ(p.config.schema.row.required, std::vector<std::string>{"id"});
  EXPECT_EQ(p.config.columns, std::vector<std::string>{"only"});
  ASSERT_EQ(p.config.fields.size(), 3u);
  EXPECT_EQ(p.config.fields[0].second.text, "1");
  EXPECT_EQ(p.config.fields[1].second.form, ExprForm::kCallable);
  EXPECT_EQ(p.config.fields[2].second.function_name, "g");
  EXPECT_EQ(p.config.mode, Mode::kFast);
  ASSERT_EQ(p.config.rules.size(), 2u);
  EXPECT_EQ(p.config.rules[0].weight, 1);
  EXPECT_EQ(p.config.rules[1].weight, 3);
}

TEST(ComponentSpec, AllMistakesAtOnceEachAtItsPlace) {
  const Parsed p = Parse(R"(type: Thing
config:
  langage: sql
  language: slq
  loud: 3
  count: 0
  share: 1.5
  horizon: 10x
  buffer: big
  password: [a]
  schema: [a]
  limit: many
  columns: {a: 1}
  fields: [a]
  mode: quick
  rules: [{nam: r1, weight: -1}]
  path: a
  file: b
  horizn: 1
)");
  EXPECT_FALSE(p.ok);
  const std::vector<std::string> expected = {
      "1:7 Thing needs 'keep' (an expression) [What must be true. Example: keep: amount > 10]",
      "3:3 unknown key 'langage' in Thing [did you mean 'language'?]",
      "4:13 'language' must be generic, sql or python, not 'slq' [did you mean 'sql'?]",
      "5:9 'loud' must be true or false, not an integer (3)",
      "6:10 'count' must be at least 1, not 0",
      "7:10 'share' must be at most 1, not 1.5",
      "8:12 'horizon': '10x' is not a duration; write a number with us, ms, s, m, h or d, such as 30s or 1.5h",
      "9:11 'buffer': 'big' is not a size; write a number of bytes with B, KiB, MiB, GiB or TiB, such as 64MiB",
      "10:13 'password' must be a string, not a list",
      "11:11 'schema' must be a schema such as {id: integer, name: string}, not a list",
      "12:3 'limit' is deprecated [use count]",
      "12:10 'limit' must be an integer, not a string (many)",
      "13:12 'columns' must be a string, not a mapping",
      "14:11 'fields' must be a mapping of names to expressions, not a list",
      "15:9 'mode' must be fast or safe, not 'quick'",
      "16:12 unknown key 'nam' in 'rules' item 1 [did you mean 'name'?]",
      "16:29 'weight' must be at least 0, not -1",
      "18:3 'file' and 'path' are the same setting [give one of them]",
      "19:3 unknown key 'horizn' in Thing [did you mean 'horizon'?]"};
  EXPECT_EQ(p.Said(), expected);
}

TEST(ComponentSpec, ConfigOfTheWrongShape) {
  EXPECT_EQ(Parse("type: Thing\nconfig: [a]\n").Said(),
            std::vector<std::string>{"2:9 the settings of Thing must be a mapping, not a list"});
  EXPECT_EQ(Parse("name: x\ntype: Thing\n").Said(),
            std::vector<std::string>{
                "2:7 Thing needs 'keep' (an expression) [What must be true. Example: keep: amount > 10]"});
  EXPECT_EQ(Parse("type: Thing\nconfig: {keep: }\n").Said(),
            std::vector<std::string>{"2:10 'keep' must be an expression, not null"});
  EXPECT_EQ(Parse("type: Thing\nconfig: {keep: {expresion: a}}\n").Said(),
            std::vector<std::string>{"2:16 'keep' must be an expression or {expression: …}"});
}

TEST(ComponentSpec, SecretsAreHiddenFromPrintsAndMessages) {
  const Parsed p = Parse("type: Thing\nconfig: {keep: 'a, b', password: hunter2, count: 3, rules: [{name: x}]}\n");
  EXPECT_EQ(Redacted(p.node, Spec()), "{keep: \"a, b\", password: ***, count: 3, rules: [{name: x}]}");
}

TEST(ComponentSpec, DocumentsComeFromTheDeclaration) {
  const std::string text = RenderText(Spec(), false, false);
  EXPECT_NE(text.find("Thing  (transform)\n  Do the thing.\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  keep  expression; required\n      What must be true.\n      e.g. keep: amount > 10\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("(1 more with --all)"), std::string::npos) << text;
  EXPECT_EQ(text.find("buffer"), std::string::npos) << text;
  EXPECT_NE(RenderText(Spec(), true, false).find("buffer"), std::string::npos);
  const std::string page = RenderMarkdown(Spec());
  EXPECT_NE(page.find("| `keep` | expression | What must be true. Example: `amount > 10`. *(required)* |\n"),
            std::string::npos)
      << page;
  EXPECT_NE(page.find("| `rules[].weight` | integer | How much it counts. *(default 1; at least 0)* |\n"),
            std::string::npos)
      << page;
  EXPECT_NE(page.find("Which \\| or."), std::string::npos) << page;
  EXPECT_NE(page.find("```yaml\npipeline:\n  - type: Thing\n```\n"), std::string::npos) << page;
  const auto json = nlohmann::json::parse(RenderSpecJson(Spec()));
  EXPECT_EQ(json["fields"].size(), Spec().fields().size());
  EXPECT_EQ(json["fields"][1]["required"], true);
}

TEST(ComponentSpec, JsonSchema) {
  const auto schema = nlohmann::json::parse(JsonSchema(Spec()));
  EXPECT_EQ(schema["required"], nlohmann::json::array({"keep"}));
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(schema["properties"]["count"]["minimum"], 1);
  EXPECT_EQ(schema["properties"]["language"]["enum"].size(), 3u);
  EXPECT_EQ(schema["properties"]["password"]["writeOnly"], true);
  EXPECT_EQ(schema["properties"]["rules"]["items"]["required"], nlohmann::json::array({"name"}));
  const ComponentSpec spec = Spec();
  const auto pipeline = nlohmann::json::parse(PipelineJsonSchema({&spec}));
  EXPECT_EQ(pipeline["$defs"]["step"]["allOf"][0]["then"]["properties"]["config"]["$ref"], "#/$defs/Thing");
  EXPECT_TRUE(pipeline["$defs"].contains("Thing"));
}

}  // namespace
}  // namespace weir
