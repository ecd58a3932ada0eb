// JSON Schema (draft 2020-12) of components and of whole pipeline files.
#include <nlohmann/json.hpp>

#include "config/spec_text.h"

namespace weir {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDialect = "https://json-schema.org/draft/2020-12/schema";

Json ObjectSchema(const FieldList& fields, int depth);

Json AnyOf(std::vector<Json> schemas) { return {{"anyOf", std::move(schemas)}}; }

Json ValueOf(const NodePtr& node) {
  if (node->is_sequence()) {
    Json list = Json::array();
    for (const NodePtr& item : node->items()) list.push_back(ValueOf(item));
    return list;
  }
  if (node->is_map()) {
    Json map = Json::object();
    for (const NodeEntry& entry : node->entries()) map[entry.key->text()] = ValueOf(entry.value);
    return map;
  }
  if (node->IsNull()) return nullptr;
  if (const auto value = node->AsBool()) return *value;
  if (const auto value = node->AsInt64()) return *value;
  if (const auto value = node->AsDouble()) return *value;
  return node->text();
}

// A default, limit or example as the JSON value that its YAML text is.
Json ValueOf(const std::string& yaml) {
  NodePtr node = MakeScalarNode(yaml, nullptr, ScalarStyle::kPlain);
  if (yaml.find_first_of("[{'\"") == 0) {
    Diagnostics ignored;
    node = LoadYaml(std::make_shared<SourceFile>("value", yaml), YamlLimits{}, &ignored);
    if (!node) return yaml;
  }
  return ValueOf(node);
}

Json TypeSchema(const TypeInfo& type, const FieldDoc& doc, int depth) {
  switch (type.kind) {
    case TypeKind::kString:
      if (!doc.choices.empty()) return {{"enum", doc.choices}};
      return {{"type", Json::array({"string", "number", "boolean"})}};  // a plain 012 is text to us
    case TypeKind::kBool:
      return {{"type", "boolean"}};
    case TypeKind::kInteger:
      return {{"type", "integer"}};
    case TypeKind::kNumber:
      return {{"type", "number"}};
    case TypeKind::kDuration:
    case TypeKind::kByteSize:
      return {{"type", Json::array({"string", "number"})}};
    case TypeKind::kExpression: {
      const Json text = {{"type", Json::array({"string", "number", "boolean"})}};
      const auto form = [](const char* key) {
        return Json{
            {"type", "object"}, {"required", Json::array({key})}, {"properties", {{key, {{"type", "string"}}}}}};
      };
      std::vector<Json> forms = {text, form("expression")};
      if (doc.allow_callable) forms.insert(forms.end(), {form("callable"), form("path")});
      return AnyOf(std::move(forms));
    }
    case TypeKind::kSchema:
      return {{"type", Json::array({"string", "object"})}};
    case TypeKind::kAny:
      return Json::object();
    case TypeKind::kList: {
      const Json item = TypeSchema(*type.element, doc, depth);
      const Json list = {{"type", "array"}, {"items", item}};
      return doc.or_single ? AnyOf({item, list}) : list;
    }
    case TypeKind::kMap:
      return {{"type", "object"}, {"additionalProperties", TypeSchema(*type.element, doc, depth)}};
    case TypeKind::kStruct:
      return depth > 3 ? Json{{"type", "object"}} : ObjectSchema(type.fields(), depth + 1);
  }
  return Json::object();
}

Json FieldSchema(const FieldInfo& field, int depth) {
  const FieldDoc& doc = field.doc;
  Json schema =
      doc.json_schema.empty() ? TypeSchema(field.type, doc, depth) : Json::parse(doc.json_schema, nullptr, false);
  if (!schema.is_object()) schema = Json::object();
  schema["description"] = doc.text;
  if (doc.has_default && field.type.kind != TypeKind::kAny) schema["default"] = ValueOf(doc.default_text);
  const bool is_number = field.type.kind == TypeKind::kInteger || field.type.kind == TypeKind::kNumber;
  if (is_number && !doc.min.empty()) schema["minimum"] = ValueOf(doc.min);
  if (is_number && !doc.max.empty()) schema["maximum"] = ValueOf(doc.max);
  if (!doc.example.empty()) schema["examples"] = Json::array({ValueOf(doc.example)});
  if (!doc.deprecated.empty()) schema["deprecated"] = true;
  if (field.IsSecret()) schema["writeOnly"] = true;
  return schema;
}

Json ObjectSchema(const FieldList& fields, int depth) {
  Json properties = Json::object(), required = Json::array();
  for (const FieldInfo& field : fields) {
    properties[field.name] = FieldSchema(field, depth);
    for (const std::string& alias : field.doc.aliases) properties[alias] = properties[field.name];
    if (field.doc.required && field.doc.aliases.empty()) required.push_back(field.name);
  }
  Json schema = {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = required;
  return schema;
}

Json ConfigSchema(const ComponentSpec& spec) {
  Json schema = ObjectSchema(spec.fields(), 0);
  Json& properties = schema["properties"];
  // What the planner reads for every step.
  if (!properties.contains("error_handling")) properties["error_handling"] = {{"$ref", "#/$defs/error_handling"}};
  if (!properties.contains("output_schema")) properties["output_schema"] = {{"type", "object"}};
  for (const char* key : {"on_error", "retry"}) {
    if (!properties.contains(key)) properties[key] = Json::object();
  }
  return schema;
}

Json ErrorHandlingSchema() {
  return {{"type", "object"},
          {"description", "Rejected rows go to this output as {element, msg, stack}."},
          {"properties",
           {{"output", {{"type", "string"}, {"description", "Name of the output for rejected rows."}}},
            {"threshold",
             {{"type", "number"},
              {"minimum", 0},
              {"maximum", 1},
              {"description", "Share of rejected rows that fails the run."}}}}},
          {"additionalProperties", false}};
}

Json WindowingSchema() {
  const Json duration = {{"type", Json::array({"string", "number"})}};
  return {{"type", "object"},
          {"required", Json::array({"type"})},
          {"properties",
           {{"type", {{"enum", Json::array({"global", "fixed", "sliding", "sessions", "calendar", "count"})}}},
            {"every", {{"enum", Json::array({"day", "week", "month", "quarter", "year"})}}},
            {"size", duration},
            {"period", duration},
            {"offset", duration},
            {"gap", duration},
            {"allowed_lateness", duration},
            {"accumulation", {{"enum", Json::array({"discarding", "accumulating", "retracting"})}}},
            {"output_time", {{"enum", Json::array({"end_of_window", "earliest", "latest"})}}},
            {"timezone", {{"type", "string"}}},
            {"trigger", Json::object()}}},
          {"additionalProperties", false}};
}

Json InputSchema() {
  const Json name = {{"type", "string"}};
  const Json names = {{"anyOf", Json::array({name, {{"type", "array"}, {"items", name}}})}};
  return {{"anyOf",
           Json::array(
               {name, {{"type", "array"}, {"items", name}}, {{"type", "object"}, {"additionalProperties", names}}})}};
}

Json StepSchema(const std::vector<const ComponentSpec*>& specs) {
  Json types = Json::array({"composite", "chain"});
  Json cases = Json::array();
  for (const ComponentSpec* spec : specs) {
    types.push_back(spec->name());
    Json then = {{"properties", {{"config", {{"$ref", "#/$defs/" + spec->name()}}}}}};
    Json required = Json::array();
    for (const FieldInfo& field : spec->fields()) {
      if (field.doc.required) required.push_back(field.name);
    }
    if (!required.empty()) then["required"] = Json::array({"config"});
    cases.push_back(
        {{"if", {{"properties", {{"type", {{"const", spec->name()}}}}}, {"required", Json::array({"type"})}}},
         {"then", then}});
  }
  const Json steps = {{"type", "array"}, {"items", {{"$ref", "#/$defs/step"}}}};
  const Json step = {{"$ref", "#/$defs/step"}};
  return {{"type", "object"},
          {"required", Json::array({"type"})},
          {"properties",
           {{"type", {{"anyOf", Json::array({{{"enum", types}}, {{"type", "string"}}})}}},
            {"name", {{"type", "string"}}},
            {"input", {{"$ref", "#/$defs/input"}}},
            {"output", Json::object()},
            {"windowing", {{"$ref", "#/$defs/windowing"}}},
            {"config", {{"type", "object"}}},
            {"transforms", steps},
            {"extra_transforms", steps},
            {"source", step},
            {"sink", step},
            {"after", {{"type", "array"}, {"items", {{"type", "string"}}}}},
            {"when", Json::object()},
            {"stage", {{"type", "string"}}},
            {"state", {{"type", "object"}, {"required", Json::array({"name", "key"})}}},
            {"resource_hints", {{"type", "object"}}}}},
          {"allOf", cases}};
}

/// A mapping with these keys and no others.
Json Mapping(Json properties) {
  return {{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
}

Json ListOf(Json items) { return {{"type", "array"}, {"items", std::move(items)}}; }

/// `tests:` with its mocks, expectations and transcripts.
Json TestSchema() {
  const Json text = {{"type", "string"}}, flag = {{"type", "boolean"}}, integer = {{"type", "integer"}};
  const Json time = {{"type", Json::array({"string", "number"})}};
  const Json any = Json::object();
  const Json data = ListOf(Mapping({{"name", text}, {"elements", {{"type", "array"}}}}));
  const Json pane = Mapping({{"timing", {{"enum", Json::array({"early", "on_time", "late", "unknown"})}}},
                             {"index", integer},
                             {"is_first", flag},
                             {"is_last", flag}});
  const Json window = {{"anyOf", Json::array({{{"const", "global"}}, ListOf(time)})}};
  const Json given = Mapping({{"at", time}, {"row", any}, {"weight", integer}});
  const Json expected = Mapping(
      {{"row", any}, {"at", time}, {"event_time", time}, {"window", window}, {"pane", pane}, {"weight", integer}});
  const Json watermark = {{"anyOf", Json::array({time, Mapping({{"step", text}, {"at", time}})})}};
  Json item = Mapping({{"input", Mapping({{"step", text}, {"rows", ListOf(given)}})},
                       {"watermark", watermark},
                       {"processing_time", {{"type", Json::array({"string", "number"})}}},
                       {"idle", text},
                       {"end", text},
                       {"expect", Mapping({{"step", text}, {"rows", ListOf(expected)}})}});
  item["minProperties"] = item["maxProperties"] = 1;
  return Mapping({{"name", text},
                  {"mock_inputs", data},
                  {"mock_outputs", data},
                  {"expected_inputs", data},
                  {"expected_outputs", data},
                  {"allowed_sources", ListOf(text)},
                  {"transcript", ListOf(item)}});
}

Json StateManagerSchema() {
  return {{"type", Json::array({"object", "string"})},
          {"required", Json::array({"type"})},
          {"properties", {{"type", {{"enum", Json::array({"memory", "redis", "postgres", "dynamodb"})}}}}}};
}

/// One of `tasks:`. What its ends hold beside these keys are settings of components, which depend on the places.
Json TaskSchema() {
  const Json text = {{"type", "string"}};
  const Json step = {{"$ref", "#/$defs/step"}};
  const Json steps = {{"anyOf", Json::array({step, ListOf(step)})}};
  const Json end = {{"type", "object"},
                    {"properties",
                     {{"type", {{"enum", Json::array({"batch", "streaming"})}}},
                      {"source", text},
                      {"destination", text},
                      {"folder", text},
                      {"bucket", text},
                      {"s3_folder", text},
                      {"topic", text},
                      {"broker", text},
                      {"endpoint", text},
                      {"listen", text},
                      {"format", text},
                      {"schema", Json::object()}}}};
  Json common = {{"inputConfig", end},
                 {"outputConfig", end},
                 {"transform", steps},
                 {"steps", steps},
                 {"extra_transforms", ListOf(step)},
                 {"interval", {{"type", Json::array({"string", "number"})}}},
                 {"stateManager", StateManagerSchema()}};
  const Json config = Mapping(common);
  Json task = Mapping(std::move(common));
  task["properties"]["name"] = task["properties"]["description"] = text;
  task["properties"]["type"] = {{"enum", Json::array({"spout", "bolt"})}};
  task["properties"]["config"] = config;
  task["required"] = Json::array({"name", "type"});
  return task;
}

}  // namespace

std::string JsonSchema(const ComponentSpec& spec) {
  Json schema = {{"$schema", kDialect}, {"title", spec.name()}, {"description", spec.summary()}};
  schema.update(ConfigSchema(spec));
  schema["$defs"] = {{"error_handling", ErrorHandlingSchema()}};
  return schema.dump(2);
}

std::string PipelineJsonSchema(const std::vector<const ComponentSpec*>& specs) {
  Json definitions = {{"error_handling", ErrorHandlingSchema()},
                      {"windowing", WindowingSchema()},
                      {"input", InputSchema()},
                      {"step", StepSchema(specs)}};
  for (const ComponentSpec* spec : specs) {
    definitions[spec->name()] = ConfigSchema(*spec);
    definitions[spec->name()]["description"] = spec->summary();
  }
  const Json steps = {{"type", "array"}, {"items", {{"$ref", "#/$defs/step"}}}};
  const Json step = {{"$ref", "#/$defs/step"}};
  const Json pipeline = {{"type", "object"},
                         {"properties",
                          {{"type", {{"enum", Json::array({"composite", "chain"})}}},
                           {"transforms", steps},
                           {"extra_transforms", steps},
                           {"source", step},
                           {"sink", step},
                           {"windowing", {{"$ref", "#/$defs/windowing"}}}}},
                         {"additionalProperties", false}};
  const Json schema = {
      {"$schema", kDialect},
      {"title", "Weir pipeline"},
      {"type", "object"},
      {"oneOf", Json::array({{{"required", Json::array({"pipeline"})}}, {{"required", Json::array({"tasks"})}}})},
      {"properties",
       {{"tasks", ListOf(TaskSchema())},
        {"broker", {{"type", "string"}}},
        {"endpoint", {{"type", "string"}}},
        {"bucket", {{"type", "string"}}},
        {"stateManager", StateManagerSchema()},
        {"pipeline", {{"anyOf", Json::array({pipeline, steps})}}},
        {"name", {{"type", "string"}}},
        {"description", {{"type", "string"}}},
        {"params", {{"type", "object"}}},
        {"options", {{"type", "object"}}},
        {"providers", {{"type", "array"}}},
        {"tests", {{"type", "array"}, {"items", TestSchema()}}}}},
      {"$defs", definitions}};
  return schema.dump(2);
}

}  // namespace weir
