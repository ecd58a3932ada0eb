// ReadFromJson: rows of JSON files, a line per record or arrays of records.
#include <arrow/type.h>

#include "connectors/files/file_paths.h"
#include "connectors/files/text_source.h"
#include "formats/json/json_parser.h"
#include "formats/json/json_scanner.h"
#include "formats/json/json_schema.h"
#include "plan/declared_type.h"

namespace weir {
namespace {

constexpr int64_t kSampleBytes = 1 << 20;

struct ReadFromJsonConfig : TextSourceConfig {
  std::optional<bool> lines;
  SchemaDecl schema;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<ReadFromJsonConfig>("ReadFromJson")
      .Summary("Read rows from JSON files.")
      .Doc(
          "A file holds one object per line, or arrays of objects and objects in any layout; its beginning says which. "
          "Fields and types come from a sample of the first file: integers and numbers together are `number`, objects "
          "and "
          "arrays keep their shape, text that looks like a date stays text. A field whose values differ in kind is a "
          "`string` that holds JSON text. Keys may come in any order; a missing one is null, of a repeated one the "
          "last "
          "counts, one that is not in the schema is passed over. A line that is no JSON, and a value that does not fit "
          "later on, go to the error output with file and line.")
      .Guarantees("Rows keep the order of the files, which are read in the order of their names.")
      .Fields(TextSourceConfig::Fields())
      .Field(
          "lines", &ReadFromJsonConfig::lines,
          FieldDoc("true: one object per line; false: arrays or objects in any layout. By default the text says it."))
      .Field("schema", &ReadFromJsonConfig::schema,
             FieldDoc("The fields to read and their types; nothing is then inferred.")
                 .Example("{id: integer, tags: array<string>}"))
      .Example("show what a log holds", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromJson
    config:
      path: /tmp/weir-example/log.json
      schema: {level: string, message: string}
  - type: Print
)");
}

class JsonFormat final : public TextFileFormat {
 public:
  JsonFormat(TextSourceConfig config, std::shared_ptr<const JsonReadPlan> plan, std::optional<bool> lines)
      : TextFileFormat(std::move(config)), plan_(std::move(plan)), lines_(lines) {}

  static Result<JsonLayout> LayoutOf(BlockFeeder& feeder, const std::string& path, std::optional<bool> lines) {
    WEIR_ASSIGN_OR_RETURN(auto sample, feeder.Peek(kSampleBytes));
    WEIR_ASSIGN_OR_RETURN(const int64_t mark, ByteOrderMark(sample, path));
    feeder.Skip(mark);
    sample.remove_prefix(mark);
    if (lines) return *lines ? JsonLayout::kLines : JsonLayout::kDocument;
    return DetectJsonLayout(sample, feeder.peeked_all());
  }

  Result<TextParserFactory> Begin(BlockFeeder& feeder, const std::string& path) const override {
    auto plan = std::make_shared<JsonReadPlan>(*plan_);
    WEIR_ASSIGN_OR_RETURN(plan->layout, LayoutOf(feeder, path, lines_));
    if (plan->layout == JsonLayout::kLines) {
      feeder.set_scanner(std::make_unique<LineScanner>());
    } else {
      feeder.set_scanner(std::make_unique<JsonDocumentScanner>());
    }
    return TextParserFactory([plan]() -> Result<TextBlockParser> {
      WEIR_ASSIGN_OR_RETURN(std::shared_ptr<JsonBlockParser> parser, JsonBlockParser::Make(plan));
      return TextBlockParser(
          [parser](const TextBlock& block, std::vector<RecordError>* errors) { return parser->Parse(block, errors); });
    });
  }

 private:
  const std::shared_ptr<const JsonReadPlan> plan_;
  const std::optional<bool> lines_;
};

Result<SchemaPtr> InferredSchema(BlockFeeder& first, const std::string& file, std::optional<bool> lines) {
  WEIR_ASSIGN_OR_RETURN(const JsonLayout layout, JsonFormat::LayoutOf(first, file, lines));
  WEIR_ASSIGN_OR_RETURN(const auto sample, first.Peek(kSampleBytes));
  WEIR_ASSIGN_OR_RETURN(SchemaPtr schema, InferJsonSchema(sample, first.peeked_all(), layout, file));
  if (schema->num_fields() == 0) return Status::Invalid(file, ": no JSON object with fields in it; give a schema");
  return schema;
}

std::optional<StepBinding> BindReadFromJson(const ReadFromJsonConfig& config, BindContext& context) {
  auto files = OpenTextFiles(config, {".json", ".ndjson", ".jsonl"}, context);
  SchemaPtr file_schema = config.schema.empty() ? nullptr : DeclaredSchema(config.schema, &context.diagnostics());
  if (!files || (!config.schema.empty() && !file_schema)) return std::nullopt;
  if (!file_schema && !files->first) {
    NeedsSchema(config, context);
    return std::nullopt;
  }
  if (!file_schema) {
    auto inferred = InferredSchema(*files->first, files->first->file()->name(), config.lines);
    if (!inferred.ok()) {
      ConfigError(context, "path", inferred.status().message());
      return std::nullopt;
    }
    file_schema = *inferred;
  }
  int filename_column;
  SchemaPtr marked = WithFilenameColumn(config, file_schema, context, &filename_column);
  if (!marked) return std::nullopt;
  return TextSourceBinding(
      config, *files, WithoutJsonMarks(*marked), filename_column,
      [=, settings = static_cast<const TextSourceConfig&>(config), lines = config.lines,
       files = *files](const ScanRequest& request) -> Result<std::shared_ptr<TextFileFormat>> {
        auto plan = std::make_shared<JsonReadPlan>();
        plan->schema = marked;
        plan->needed = NeededColumns(request, filename_column);
        plan->filter = request.filter;
        auto format = std::make_shared<JsonFormat>(settings, plan, lines);
        if (files.keep_first) format->Keep(files.paths[0], files.first);
        return format;
      },
      context);
}

}  // namespace

void RegisterReadFromJson(Registry& registry) { registry.Add<ReadFromJsonConfig>(Spec(), {0, 0}, BindReadFromJson); }

}  // namespace weir
