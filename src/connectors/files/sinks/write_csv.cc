// WriteToCsv: rows into CSV files.
#include <arrow/type.h>

#include "connectors/files/file_paths.h"
#include "connectors/files/sinks/text_sink.h"
#include "formats/csv/csv_writer.h"

namespace weir {
namespace {

struct WriteToCsvConfig : TextSinkConfig {
  std::string delimiter;
  bool header = true;
  std::string null_text;
};

ComponentSpec Spec() {
  return ComponentSpec::Sink<WriteToCsvConfig>("WriteToCsv")
      .Summary("Write rows to CSV files.")
      .Doc(
          "Fields are quoted where they must be, as RFC 4180 says; lines end in a line feed. Numbers are the shortest "
          "text "
          "that reads back the same, timestamps RFC 3339, bytes base64, objects and arrays JSON text; null is an empty "
          "field, empty text is `\"\"`.")
      .Guarantees(
          "Files are written aside and renamed when the whole run has succeeded: nobody sees a part of one, and a "
          "failed run leaves none. Rows that come straight from a file keep its order. "
          "A durable run goes on with the files of an earlier one, cut to what was committed; files that roll appear "
          "when their epoch is committed.")
      .Fields(TextSinkConfig::Fields())
      .Field("delimiter", &WriteToCsvConfig::delimiter,
             FieldDoc("The byte between fields.").Default("','").Alias("sep").Example("';'"))
      .Field("header", &WriteToCsvConfig::header,
             FieldDoc("Begin each file with the names of its fields.").Default("true"))
      .Field("null_text", &WriteToCsvConfig::null_text,
             FieldDoc("What is written for null; a text of that value is quoted.").Default("''").Alias("na_rep"))
      .Example("two rows", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{name: apple, price: 3}, {name: pear, price: 4}]
  - type: WriteToCsv
    config:
      path: /tmp/weir-example/fruit.csv
)");
}

std::optional<StepBinding> BindWriteToCsv(const WriteToCsvConfig& config, BindContext& context) {
  CsvWriteOptions options;
  const std::string delimiter = config.delimiter == "\\t" ? "\t" : config.delimiter;
  if (delimiter.size() != 1 || static_cast<uint8_t>(delimiter[0]) >= 0x80 || delimiter == "\"" || delimiter == "\n") {
    ConfigError(context, "delimiter", "'delimiter' must be one ASCII character, not '" + config.delimiter + "'");
    return std::nullopt;
  }
  options.delimiter = delimiter[0];
  options.null_text = config.null_text;
  TextLayout layout;
  layout.extension = "csv";
  layout.make_renderer = [options](const SchemaPtr& schema) {
    auto writer = std::make_shared<CsvWriter>(schema, options);
    return [writer](const Batch& batch, TextOutput* out) { return writer->Write(batch, out); };
  };
  if (config.header) {
    layout.begin = [options](const SchemaPtr& schema, TextOutput* out) { CsvWriter(schema, options).WriteHeader(out); };
  }
  return TextSinkBinding(config, context.inputs()[0].info.schema, std::move(layout), context);
}

}  // namespace

void RegisterWriteToCsv(Registry& registry) { registry.Add<WriteToCsvConfig>(Spec(), {1, 1}, BindWriteToCsv); }

}  // namespace weir
