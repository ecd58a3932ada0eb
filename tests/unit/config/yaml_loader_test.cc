// The YAML loader: values, places and everything that it must refuse.
#include <gtest/gtest.h>

#include "config/node.h"

namespace weir {
namespace {

struct Loaded {
  SourcePtr source;
  Diagnostics diagnostics;
  NodePtr root;
};

Loaded Load(std::string text, YamlLimits limits = {}) {
  Loaded loaded;
  loaded.source = std::make_shared<SourceFile>("t.yaml", std::move(text));
  loaded.root = LoadYaml(loaded.source, limits, &loaded.diagnostics);
  return loaded;
}

// "line:column message" of every diagnostic, with the hint in brackets.
std::vector<std::string> Said(const Loaded& loaded) {
  std::vector<std::string> said;
  for (const Diagnostic& d : loaded.diagnostics.Sorted()) {
    const Position at = d.source->PositionOf(d.span.begin);
    said.push_back(std::to_string(at.line) + ":" + std::to_string(at.column) + " " + d.message +
                   (d.hint.empty() ? "" : " [" + d.hint + "]"));
  }
  return said;
}

std::string Place(const Loaded& loaded, Span span) {
  const Position begin = loaded.source->PositionOf(span.begin), end = loaded.source->PositionOf(span.end);
  return std::to_string(begin.line) + ":" + std::to_string(begin.column) + "-" + std::to_string(end.line) + ":" +
         std::to_string(end.column);
}

void ExpectRefused(const std::string& text, const std::vector<std::string>& expected, YamlLimits limits = {}) {
  const Loaded loaded = Load(text, limits);
  EXPECT_EQ(Said(loaded), expected) << text;
}

TEST(YamlLoader, KeepsPlacesOfKeysAndValues) {
  const Loaded loaded = Load("a: 1\nb:\n  - x\n  - {c: 'd'}\ne:\n");
  ASSERT_TRUE(loaded.root) << loaded.diagnostics.Render(false);
  EXPECT_EQ(Place(loaded, loaded.root->span()), "1:1-5:2");
  EXPECT_EQ(Place(loaded, loaded.root->FindEntry("b")->key->span()), "2:1-2:2");
  const NodePtr b = loaded.root->Find("b");
  ASSERT_TRUE(b->is_sequence());
  EXPECT_EQ(Place(loaded, b->span()), "3:3-4:13");
  EXPECT_EQ(Place(loaded, b->items()[1]->span()), "4:5-4:13");
  EXPECT_EQ(Place(loaded, b->items()[1]->Find("c")->span()), "4:9-4:12");
  EXPECT_EQ(Place(loaded, loaded.root->Find("e")->span()), "5:1-5:2") << "an empty value stands at its key";
  EXPECT_EQ(loaded.root->Find("nothing"), nullptr);
}

TEST(YamlLoader, ScalarsMeanWhatBeamsLoaderMakesOfThem) {
  const Loaded loaded = Load(
      "[1, -2, 0x1F, 012, 1_000, 0b11, 1.5, 1e3, .5, -.inf, yes, Off, ~, 'yes', \"1\", 1.2.3, 9223372036854775808, "
      "-9223372036854775808, 0o17]");
  ASSERT_TRUE(loaded.root) << loaded.diagnostics.Render(false);
  const auto& items = loaded.root->items();
  EXPECT_EQ(items[0]->AsInt64(), 1);
  EXPECT_EQ(items[1]->AsInt64(), -2);
  EXPECT_EQ(items[2]->AsInt64(), 31);
  EXPECT_EQ(items[3]->AsInt64(), 10);
  EXPECT_EQ(items[4]->AsInt64(), 1000);
  EXPECT_EQ(items[5]->AsInt64(), 3);
  EXPECT_EQ(items[6]->AsInt64(), std::nullopt);
  EXPECT_EQ(items[6]->AsDouble(), 1.5);
  EXPECT_EQ(items[7]->AsDouble(), 1000);
  EXPECT_EQ(items[8]->AsDouble(), 0.5);
  EXPECT_EQ(items[9]->AsDouble(), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(items[10]->AsBool(), true);
  EXPECT_EQ(items[11]->AsBool(), false);
  EXPECT_TRUE(items[12]->IsNull());
  EXPECT_EQ(items[13]->AsBool(), std::nullopt);
  EXPECT_EQ(items[13]->text(), "yes");
  EXPECT_EQ(items[14]->AsInt64(), std::nullopt) << "quoted: text";
  EXPECT_EQ(items[15]->AsDouble(), std::nullopt);
  EXPECT_EQ(items[16]->AsInt64(), std::nullopt) << "beyond 64 bits";
  EXPECT_EQ(items[16]->AsDouble(), 9223372036854775808.0);
  EXPECT_EQ(items[17]->AsInt64(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(items[18]->AsInt64(), 15);
}

TEST(YamlLoader, WordsThatLookLikeNumbersAreText) {
  for (const char* word :
       {"inf", "nan", "-", "+", ".", "e3", "0x", "1_", "0xZZ", "08", "1:30", "1 2", "--1", "infinity", "1e", "_1"}) {
    const Loaded loaded = Load("- '" + std::string(word) + "'\n- !!int '" + std::string(word) + "'\n");
    ASSERT_TRUE(loaded.root);
    const NodePtr plain = loaded.root->items()[1];
    if (std::string(word) == "1_") continue;  // an integer in YAML 1.1
    if (std::string(word) == "08") continue;  // no octal digit; as a float it is 8
    EXPECT_EQ(plain->AsInt64(), std::nullopt) << word;
    EXPECT_EQ(plain->AsDouble(), std::nullopt) << word;
    EXPECT_EQ(loaded.root->items()[0]->Describe(), "a string");
  }
}

TEST(YamlLoader, OffsetsInsideScalarsLeadToTheFile) {
  const std::string text =
      "plain: amount > 10\n"
      "single: 'it''s x'\n"
      "double: \"a\\tb \\u00e9 c\"\n"
      "literal: |\n"
      "  one\n"
      "    two three\n"
      "folded: >-\n"
      "  one\n"
      "  two\n"
      "\n"
      "  three\n";
  const Loaded loaded = Load(text);
  ASSERT_TRUE(loaded.root) << loaded.diagnostics.Render(false);
  const auto find = [&](const char* key, const std::string& part) {
    const NodePtr node = loaded.root->Find(key);
    const size_t at = node->text().find(part);
    EXPECT_NE(at, std::string::npos) << node->text();
    return Place(loaded, node->SpanOfText(at, at + part.size()));
  };
  EXPECT_EQ(find("plain", "10"), "1:17-1:19");
  EXPECT_EQ(find("single", "s x"), "2:14-2:17");
  EXPECT_EQ(find("double", "b"), "3:13-3:14");
  EXPECT_EQ(find("double", "c"), "3:22-3:23");
  EXPECT_EQ(loaded.root->Find("literal")->text(), "one\n  two three\n");
  EXPECT_EQ(find("literal", "three"), "6:9-6:14");
  EXPECT_EQ(loaded.root->Find("folded")->text(), "one two\nthree");
  EXPECT_EQ(find("folded", "two"), "9:3-9:6");
  EXPECT_EQ(find("folded", "three"), "11:3-11:8");
  const NodePtr literal = loaded.root->Find("literal");
  EXPECT_EQ(Place(loaded, literal->SpanOfText(literal->text().size(), literal->text().size())), "6:14-6:14")
      << "the end of a block scalar is behind its last visible character";
}

TEST(YamlLoader, BlockScalars) {
  const struct {
    const char* text;
    const char* value;
  } cases[] = {
      {"a: |\n  x\n  y\n", "x\ny\n"},
      {"a: |-\n  x\n", "x"},
      {"a: |+\n  x\n\n\n", "x\n\n\n"},
      {"a: |2\n    x\n  y\n", "  x\ny\n"},
      {"a: >\n  x\n  y\n\n  z\n", "x y\nz\n"},
      {"a: >\n  x\n\n    more\n\n  y\n", "x\n\n  more\n\ny\n"},
      {"a: >\n\n\n  x\n", "\n\nx\n"},
      {"a: |\n\n\n", ""},
      {"a: |+\n\n\n", "\n\n"},
      {"a: | # why\n  x\n", "x\n"},
      {"a: |\n  x\n# comment\nb: 1\n", "x\n"},
      {"a: |\n  \xc3\xa9t\xc3\xa9\n", "\xc3\xa9t\xc3\xa9\n"},
      {"a: |\n  x", "x"},
      {"a: |\n  x\n   ", "x\n "},
      {"a: |+\n   \n \n", "\n\n"},
      {"a: |\n  \tx\n", "\tx\n"},
  };
  for (const auto& c : cases) {
    const Loaded loaded = Load(c.text);
    ASSERT_TRUE(loaded.root) << c.text << loaded.diagnostics.Render(false);
    EXPECT_EQ(loaded.root->Find("a")->text(), c.value) << c.text;
  }
}

TEST(YamlLoader, FlowScalarsFold) {
  const struct {
    const char* text;
    const char* value;
  } cases[] = {
      {"a: one\n  two\n\n  three\n", "one two\nthree"},
      {"a: \"one\n  two\\\n  three\\n\"\n", "one twothree\n"},
      {"a: \"x\\\\\\\n  y\"\n", "x\\y"},
      {"a: 'one\n\n  two '\n", "one\ntwo "},
      {"a: \"\\ud83d\\ude00\"\n", "\xf0\x9f\x98\x80"},
      {"a: \"\\x41\\u00e9\\_\"\n", "A\xc3\xa9\xc2\xa0"},
      {"a: \"\\\"\\/\\e\\0\"\n", nullptr},
      {"a: ''\n", ""},
  };
  for (const auto& c : cases) {
    const Loaded loaded = Load(c.text);
    ASSERT_TRUE(loaded.root) << c.text << loaded.diagnostics.Render(false);
    const std::string expected = c.value ? std::string(c.value) : std::string("\"/\x1b\0", 4);
    EXPECT_EQ(loaded.root->Find("a")->text(), expected) << c.text;
  }
}

TEST(YamlLoader, CarriageReturnsAndByteOrderMark) {
  const Loaded loaded = Load(
      "\xEF\xBB\xBF"
      "a: x\r\nb: |\r\n  l1\r\n  l2\r\nc: \"p\r\n  q\"\r\nd: e\r\n");
  ASSERT_TRUE(loaded.root) << loaded.diagnostics.Render(false);
  EXPECT_EQ(loaded.root->Find("b")->text(), "l1\nl2\n");
  EXPECT_EQ(loaded.root->Find("c")->text(), "p q");
  EXPECT_EQ(Place(loaded, loaded.root->FindEntry("a")->key->span()), "1:1-1:2");
  EXPECT_EQ(Place(loaded, loaded.root->Find("d")->span()), "7:4-7:5");
  EXPECT_EQ(Place(loaded, loaded.root->Find("b")->SpanOfText(3, 5)), "4:3-4:5");
}

TEST(YamlLoader, UnicodeColumnsCountCodePoints) {
  const Loaded loaded = Load("größe: {日本: \"ü\", b: 2}\n");
  ASSERT_TRUE(loaded.root);
  EXPECT_EQ(Place(loaded, loaded.root->Find("größe")->Find("b")->span()), "1:21-1:22");
}

TEST(YamlLoader, AliasesShareTheirNodeAndMergeKeysFollowBeamsOrder) {
  const Loaded loaded =
      Load("base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\nuse: *b\nall: {<<: [*b, *o], x: 9, w: 0}\n");
  ASSERT_TRUE(loaded.root) << loaded.diagnostics.Render(false);
  EXPECT_EQ(loaded.root->Find("use"), loaded.root->Find("base"));
  std::string all;
  for (const NodeEntry& e : loaded.root->Find("all")->entries()) all += e.key->text() + e.value->text() + " ";
  EXPECT_EQ(all, "y2 z4 x9 w0 ");
}

TEST(YamlLoader, BracketsMayCloseAtAnyIndentation) {
  const Loaded loaded = Load("p:\n  a: [\n    1,\n  ]\n  b: {\n x: 1\n}\n  c: \"x\n y\"\n");
  ASSERT_TRUE(loaded.root) << loaded.diagnostics.Render(false);
  EXPECT_EQ(loaded.root->Find("p")->Find("a")->items().size(), 1u);
  EXPECT_EQ(loaded.root->Find("p")->Find("c")->text(), "x y");
}

TEST(YamlLoader, Tags) {
  const Loaded loaded = Load("- !!str 12\n- !!int '12'\n- ! yes\n- !!map {a: 1}\n");
  ASSERT_TRUE(loaded.root) << loaded.diagnostics.Render(false);
  EXPECT_EQ(loaded.root->items()[0]->AsInt64(), std::nullopt);
  EXPECT_EQ(loaded.root->items()[1]->AsInt64(), 12);
  EXPECT_EQ(loaded.root->items()[2]->AsBool(), std::nullopt);
  ExpectRefused("a: !python/object x\n", {"1:4 the tag '!python/object' is not known here [pipeline files know !!str, "
                                          "!!int, !!float, !!bool, !!null, !!map and !!seq]"});
}

TEST(YamlLoader, RefusesWithPlaceAndAdvice) {
  ExpectRefused("", {"1:1 the file holds no YAML [a pipeline file starts with 'pipeline:']"});
  ExpectRefused("a: 1\nb:\n  a: 1\na: 2\n",
                {"4:1 the key 'a' is given twice [the first one is at 1:1; remove one of them]"});
  ExpectRefused("a: 1\n---\nb: 2\n",
                {"2:1 a second YAML document starts here [a file holds one pipeline; remove the '---']"});
  ExpectRefused("a: [1, 2\nb: 3\n", {"1:4 this '[' is never closed [add ']' where it ends]"});
  ExpectRefused("a: {b: [1, 2]\n", {"1:4 this '{' is never closed [add '}' where it ends]"});
  ExpectRefused("a:\n  - x: [1, {y: 2}\n  - z\n", {"2:8 this '[' is never closed [add ']' where it ends]"});
  ExpectRefused(
      "a:\n  - x\n b: 1\n",
      {"3:2 this line's indentation fits none of the lines above it [keys of one mapping start in the same column]"});
  ExpectRefused("a: \"abc\n", {"1:4 this string has no closing quote"});
  ExpectRefused(
      "a:\n  - b\n c: 1\n",
      {"3:2 this line's indentation fits none of the lines above it [keys of one mapping start in the same column]"});
  ExpectRefused(
      "a: |0\n  x\n",
      {"1:1 the YAML behind this cannot be read [is the indentation indicator of a block scalar from 1 to 9?]"});
  ExpectRefused("a: b: c\n", {"1:5 a second ':' in one line [put a text with ': ' in it in quotes]"});
  ExpectRefused("a:\n\t- b\n", {"2:1 a tab may not indent a line [use spaces]"});
  ExpectRefused("a:\n  b: 1\n\tc: 2\n", {"3:1 a tab may not indent a line [use spaces]"});
  ExpectRefused("a: @x\n", {"1:4 a text may not start with '@' [put it in quotes]"});
  ExpectRefused("a: *nme\nb: &name 1\n", {"1:4 no anchor '&nme' stands before this alias"});
  ExpectRefused("b: &name 1\na: *nme\n", {"2:4 no anchor '&nme' stands before this alias [did you mean '*name'?]"});
  ExpectRefused("a: &x [1, *x]\n", {"1:11 the alias '*x' stands inside the value that it refers to"});
  ExpectRefused("a: {<<: 3}\n", {"1:9 '<<' merges mappings; this is an integer"});
  ExpectRefused("? [a]\n: b\n", {"1:3 a key must be a single word or string, not a list"});
  ExpectRefused(
      "a: {{x}: 1}\n",
      {"1:5 a key must be a single word or string, not a mapping [put a text that starts with '{' in quotes]"});
  ExpectRefused("a: b\xff\n", {"1:5 this byte is not valid UTF-8 [save the file as UTF-8]"});
  ExpectRefused(
      "\xff\xfe"
      "a",
      {"1:1 the file is UTF-16 [save it as UTF-8]"});
  ExpectRefused(std::string("a: b\0\n", 6), {"1:5 a control character (byte 0) may not stand in a YAML file [in a "
                                             "double-quoted string it can be written as an escape: \"\\x1b\"]"});
  ExpectRefused(
      "a: \"\\q\"\n",
      {"1:5 this escape is not known in a double-quoted string [write \\\\ for a backslash, or use single quotes]"});
}

TEST(YamlLoader, ReportsSeveralSemanticMistakesAtOnceAndKeepsTheTree) {
  const Loaded loaded = Load("a: 1\na: 2\nb: {c: 1, c: 2}\nd: *no\n");
  EXPECT_EQ(Said(loaded).size(), 3u);
  ASSERT_TRUE(loaded.root);
  EXPECT_EQ(loaded.root->Find("a")->text(), "1");
}

TEST(YamlLoader, Limits) {
  YamlLimits limits;
  limits.max_bytes = 10;
  ExpectRefused("a: 123456789\n", {"1:1 the file has 13 bytes; a pipeline file may have 10"}, limits);
  std::string deep(65, '[');
  ExpectRefused(deep + std::string(65, ']'), {"1:65 the file nests deeper than 64 levels"});
  EXPECT_TRUE(Load(deep.substr(1) + std::string(64, ']')).root);
  ExpectRefused(std::string(100'000, '['), {"1:65 the file nests deeper than 64 levels"});
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += std::string(k ? ", " : "") + "*a" + std::to_string(i - 1);
    bomb += "]\n";
  }
  const Loaded loaded = Load(bomb);
  EXPECT_FALSE(loaded.root);
  ASSERT_EQ(Said(loaded).size(), 1u);
  EXPECT_NE(Said(loaded)[0].find("with this alias the file has more than 1000000 values"), std::string::npos)
      << Said(loaded)[0];
}

TEST(YamlLoader, DepthCountsThroughAliases) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 70; ++i)
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  const Loaded loaded = Load(text);
  EXPECT_FALSE(loaded.root);
  ASSERT_EQ(Said(loaded).size(), 1u);
  EXPECT_NE(Said(loaded)[0].find("this alias nests deeper than 64 levels"), std::string::npos) << Said(loaded)[0];
}

}  // namespace
}  // namespace weir
