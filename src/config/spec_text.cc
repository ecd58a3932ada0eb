// Reference pages and terminal descriptions of components.
#include "config/spec_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/utf8.h"

namespace weir {
namespace {

constexpr size_t kTextWidth = 100;

std::string Join(const std::vector<std::string>& words, const std::string& separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

// "required", "default 10m", "one of a, b", "at least 1s": what stands behind a setting's type.
std::vector<std::string> Notes(const FieldInfo& field) {
  const FieldDoc& doc = field.doc;
  std::vector<std::string> notes;
  if (doc.required) notes.push_back("required");
  if (doc.has_default) notes.push_back("default " + (doc.default_text.empty() ? "''" : doc.default_text));
  if (!doc.choices.empty()) notes.push_back("one of " + Join(doc.choices, ", "));
  if (!doc.min.empty()) notes.push_back("at least " + doc.min);
  if (!doc.max.empty()) notes.push_back("at most " + doc.max);
  if (field.IsSecret()) notes.push_back("secret");
  if (!doc.aliases.empty()) notes.push_back("also " + Join(doc.aliases, ", "));
  if (!doc.deprecated.empty()) notes.push_back("deprecated: " + doc.deprecated);
  return notes;
}

// "a string" → "string" where an article reads badly.
std::string ShortType(const FieldInfo& field) {
  const std::string name = field.TypeName();
  for (const char* article : {"a ", "an "}) {
    const std::string prefix = article;
    if (name.compare(0, prefix.size(), prefix) == 0) return name.substr(prefix.size());
  }
  return name;
}

const FieldList* NestedFields(const TypeInfo& type) {
  if (type.fields != nullptr) return &type.fields();
  return type.element ? NestedFields(*type.element) : nullptr;
}

// Lines of at most kTextWidth columns, each behind `indent` blanks.
std::string Wrap(const std::string& text, size_t indent) {
  std::string out, line;
  const std::string margin(indent, ' ');
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!line.empty() && indent + CountCodePoints(line) + 1 + CountCodePoints(word) > kTextWidth) {
      out += margin + line + "\n";
      line.clear();
    }
    if (!word.empty()) line += (line.empty() ? "" : " ") + word;
    at = end + 1;
    // An empty line and a list item stay where they are.
    const bool paragraph = end < text.size() && text[end] == '\n' && at < text.size() &&
                           (text[at] == '\n' || text[at] == '-' || text[at] == '|');
    if (paragraph) {
      out += line.empty() ? "\n" : margin + line + "\n";
      line.clear();
    }
  }
  if (!line.empty()) out += margin + line + "\n";
  return out;
}

std::string IndentLines(const std::string& text, const std::string& margin) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) out += margin + text.substr(at, end - at);
    out += "\n";
    at = end + 1;
  }
  return out;
}

std::string Trimmed(const std::string& text) {
  const size_t first = text.find_first_not_of("\n");
  const size_t last = text.find_last_not_of(" \n");
  return first == std::string::npos ? "" : text.substr(first, last + 1 - first);
}

class TextRenderer {
 public:
  TextRenderer(bool all, bool color) : all_(all), color_(color) {}

  std::string Render(const ComponentSpec& spec) {
    out_ = Bold(spec.name()) + "  (" + KindName(spec.kind()) + ")\n" + Wrap(spec.summary(), 2);
    if (!spec.doc().empty()) out_ += "\n" + Wrap(spec.doc(), 2);
    if (!spec.guarantees().empty()) out_ += "\n" + Bold("Guarantees") + "\n" + Wrap(spec.guarantees(), 2);
    out_ += "\n" + Bold("Settings") + "\n";
    if (spec.fields().empty()) out_ += "  none\n";
    Fields(spec.fields(), 2, 0);
    if (hidden_ > 0) out_ += "  (" + std::to_string(hidden_) + " more with --all)\n";
    for (const ComponentExample& example : spec.examples()) {
      out_ += "\n" + Bold("Example: " + example.title) + "\n" + IndentLines(Trimmed(example.yaml), "  ");
    }
    return out_;
  }

 private:
  void Fields(const FieldList& fields, size_t indent, int depth) {
    for (const FieldInfo& field : fields) {
      if (field.doc.advanced && !all_) {
        ++hidden_;
        continue;
      }
      const std::vector<std::string> notes = Notes(field);
      out_ += std::string(indent, ' ') + Bold(field.name) + "  " + ShortType(field) +
              (notes.empty() ? "" : "; " + Join(notes, "; ")) + "\n";
      out_ += Wrap(field.doc.text, indent + 4);
      if (!field.doc.example.empty())
        out_ += std::string(indent + 4, ' ') + "e.g. " + field.name + ": " + field.doc.example + "\n";
      const FieldList* nested = NestedFields(field.type);
      if (nested != nullptr && depth < 2) Fields(*nested, indent + 4, depth + 1);
    }
  }
  std::string Bold(const std::string& text) const { return color_ ? "\x1b[1m" + text + "\x1b[0m" : text; }

  bool all_, color_;
  int hidden_ = 0;
  std::string out_;
};

// In a table cell a bar and a line break would end the cell.
std::string Cell(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void MarkdownFields(const FieldList& fields, const std::string& prefix, int depth, std::string* out) {
  for (const FieldInfo& field : fields) {
    const std::string name = prefix + field.name;
    std::vector<std::string> notes = Notes(field);
    std::string text = field.doc.text;
    if (!field.doc.example.empty()) text += " Example: `" + field.doc.example + "`.";
    if (!notes.empty()) text += " *(" + Join(notes, "; ") + ")*";
    *out += "| `" + name + "` | " + Cell(ShortType(field)) + " | " + Cell(text) + " |\n";
    const FieldList* nested = NestedFields(field.type);
    const bool list = field.type.kind == TypeKind::kList, map = field.type.kind == TypeKind::kMap;
    if (nested != nullptr && depth < 2)
      MarkdownFields(*nested, name + (list ? "[]." : map ? ".*." : "."), depth + 1, out);
  }
}

nlohmann::ordered_json FieldsJson(const FieldList& fields, int depth) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const FieldInfo& field : fields) {
    const FieldDoc& doc = field.doc;
    nlohmann::ordered_json item = {
        {"name", field.name}, {"type", ShortType(field)}, {"doc", doc.text}, {"required", doc.required}};
    if (doc.has_default) item["default"] = doc.default_text;
    if (!doc.choices.empty()) item["choices"] = doc.choices;
    if (!doc.min.empty()) item["min"] = doc.min;
    if (!doc.max.empty()) item["max"] = doc.max;
    if (!doc.example.empty()) item["example"] = doc.example;
    if (!doc.aliases.empty()) item["aliases"] = doc.aliases;
    if (!doc.deprecated.empty()) item["deprecated"] = doc.deprecated;
    if (field.IsSecret()) item["secret"] = true;
    if (doc.advanced) item["advanced"] = true;
    const FieldList* nested = NestedFields(field.type);
    if (nested != nullptr && depth < 2) item["fields"] = FieldsJson(*nested, depth + 1);
    list.push_back(std::move(item));
  }
  return list;
}

}  // namespace

const char* KindName(ComponentKind kind) {
  switch (kind) {
    case ComponentKind::kSource:
      return "source";
    case ComponentKind::kTransform:
      return "transform";
    case ComponentKind::kSink:
      return "sink";
  }
  return "";
}

std::string RenderText(const ComponentSpec& spec, bool all, bool color) {
  return TextRenderer(all, color).Render(spec);
}

std::string RenderMarkdown(const ComponentSpec& spec) {
  std::string out = "# " + spec.name() + "\n\n*" + KindName(spec.kind()) + "* · " + spec.summary() + "\n";
  if (!spec.doc().empty()) out += "\n" + Trimmed(spec.doc()) + "\n";
  if (!spec.guarantees().empty()) out += "\n**Guarantees.** " + Trimmed(spec.guarantees()) + "\n";
  out += "\n## Settings\n\n";
  if (spec.fields().empty()) {
    out += "None.\n";
  } else {
    out += "| name | type | meaning |\n|---|---|---|\n";
    MarkdownFields(spec.fields(), "", 0, &out);
  }
  for (const ComponentExample& example : spec.examples()) {
    out += "\n## Example: " + example.title + "\n\n```yaml\n" + Trimmed(example.yaml) + "\n```\n";
  }
  return out;
}

std::string RenderSpecJson(const ComponentSpec& spec) {
  nlohmann::ordered_json json = {{"name", spec.name()}, {"kind", KindName(spec.kind())}, {"summary", spec.summary()}};
  if (!spec.doc().empty()) json["doc"] = Trimmed(spec.doc());
  if (!spec.guarantees().empty()) json["guarantees"] = Trimmed(spec.guarantees());
  json["fields"] = FieldsJson(spec.fields(), 0);
  json["examples"] = nlohmann::ordered_json::array();
  for (const ComponentExample& example : spec.examples())
    json["examples"].push_back({{"title", example.title}, {"yaml", Trimmed(example.yaml) + "\n"}});
  return json.dump(2);
}

}  // namespace weir
