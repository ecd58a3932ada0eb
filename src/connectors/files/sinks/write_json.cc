// WriteToJson: rows into JSON files, a line per row or one array.
#include "connectors/files/sinks/text_sink.h"
#include "formats/json/json_writer.h"

namespace weir {
namespace {

struct WriteToJsonConfig : TextSinkConfig {
  bool lines = true;
};

ComponentSpec Spec() {
  return ComponentSpec::Sink<WriteToJsonConfig>("WriteToJson")
      .Summary("Write rows to JSON files.")
      .Doc(
          "Integers are exact, numbers the shortest text that reads back the same (NaN and infinities, which JSON "
          "lacks, "
          "are null), timestamps RFC 3339, dates and decimals strings, bytes base64; objects, arrays and maps keep "
          "their "
          "shape. Text is UTF-8 as it is.")
      .Guarantees(
          "Files are written aside and renamed when the whole run has succeeded: nobody sees a part of one, and a "
          "failed run leaves none. Rows that come straight from a file keep its order. "
          "A durable run goes on with the files of an earlier one, cut to what was committed; files that roll appear "
          "when their epoch is committed.")
      .Fields(TextSinkConfig::Fields())
      .Field("lines", &WriteToJsonConfig::lines,
             FieldDoc("true: an object per line; false: one array of objects.").Default("true"))
      .Example("two rows", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{name: apple, price: 3}, {name: pear, price: 4}]
  - type: WriteToJson
    config:
      path: /tmp/weir-example/fruit.json
)");
}

std::optional<StepBinding> BindWriteToJson(const WriteToJsonConfig& config, BindContext& context) {
  const JsonForm form = config.lines ? JsonForm::kLines : JsonForm::kArray;
  TextLayout layout;
  layout.extension = "json";
  layout.make_renderer = [form](const SchemaPtr& schema) {
    auto writer = std::make_shared<JsonWriter>(schema, form);
    return [writer](const Batch& batch, TextOutput* out) { return writer->Write(batch, out); };
  };
  if (form == JsonForm::kArray) {
    layout.mark_first = [](char* text) { text[0] = '['; };
    layout.end = "\n]\n";
    layout.end_empty = "[]\n";
  }
  return TextSinkBinding(config, context.inputs()[0].info.schema, std::move(layout), context);
}

}  // namespace

void RegisterWriteToJson(Registry& registry) { registry.Add<WriteToJsonConfig>(Spec(), {1, 1}, BindWriteToJson); }

}  // namespace weir
