// ReadFromCsv: rows of CSV files.
#include <arrow/type.h>

#include <algorithm>

#include "batch/types.h"
#include "connectors/files/file_paths.h"
#include "connectors/files/text_source.h"
#include "formats/csv/csv_index.h"
#include "formats/csv/csv_parser.h"
#include "formats/csv/csv_schema.h"
#include "plan/declared_type.h"

namespace weir {
namespace {

struct ReadFromCsvConfig : TextSourceConfig {
  std::string delimiter, comment, quote, escape;
  bool header = true;
  std::vector<std::string> names;
  std::optional<std::vector<std::string>> null_values;
  bool empty_is_null = true;
  bool allow_short_rows = false;
  SchemaDecl schema;
  std::vector<std::pair<std::string, TypeDecl>> types;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<ReadFromCsvConfig>("ReadFromCsv")
      .Summary("Read rows from CSV files.")
      .Doc(
          "Names come from the first line, types from a sample of the first file: `integer`, `number`, `boolean`, else "
          "`string`. Numbers with leading zeros stay text. `NA`, `null`, `NaN` and the like are null in columns that "
          "are "
          "not text; an empty field is null, a quoted `\"\"` is empty text. A value that does not fit its column later "
          "on, "
          "and a record with too few or too many fields, go to the error output with file and line.\n\n"
          "Only the columns that later steps use are parsed, and a filter behind it moves into the scan.")
      .Guarantees("Rows keep the order of the files, which are read in the order of their names.")
      .Fields(TextSourceConfig::Fields())
      .Field("delimiter", &ReadFromCsvConfig::delimiter,
             FieldDoc("The byte between fields.").Default("','").Alias("sep").Example("';'"))
      .Field("comment", &ReadFromCsvConfig::comment,
             FieldDoc("The rest of a line behind this byte is ignored.").Example("'#'"))
      .Field("quote", &ReadFromCsvConfig::quote,
             FieldDoc("The byte around fields that hold delimiters or line breaks; doubled inside them. Empty: none.")
                 .Default("'\"'")
                 .Alias("quotechar"))
      .Field("escape", &ReadFromCsvConfig::escape,
             FieldDoc("The byte that makes the next one ordinary.").Alias("escapechar").Advanced())
      .Field("header", &ReadFromCsvConfig::header,
             FieldDoc("The first line of each file names the fields.").Default("true"))
      .Field("names", &ReadFromCsvConfig::names,
             FieldDoc("Names of the fields: instead of the header's, or of column0, column1 … without one."))
      .Field(
          "null_values", &ReadFromCsvConfig::null_values,
          FieldDoc("Texts that mean null, in every column, instead of the usual ones.").OrSingle().Alias("na_values"))
      .Field("empty_is_null", &ReadFromCsvConfig::empty_is_null,
             FieldDoc("An empty field of a text column is null; if not, it is empty text.").Default("true"))
      .Field("allow_short_rows", &ReadFromCsvConfig::allow_short_rows,
             FieldDoc("Fill records that have too few fields with nulls instead of rejecting them.").Default("false"))
      .Field(
          "types", &ReadFromCsvConfig::types,
          FieldDoc("Types of single columns, instead of what the sample says.").Alias("dtype").Example("{zip: string}"))
      .Field("schema", &ReadFromCsvConfig::schema,
             FieldDoc("The columns to read and their types; nothing is then inferred.")
                 .Example("{id: integer, at: timestamp}"))
      .Example("count rows by carrier", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromCsv
    config:
      path: /tmp/weir-example/flights-*.csv
      schema: {carrier: string, delay: integer}
  - type: Filter
    config: {keep: delay > 10}
  - type: Print
)");
}

/// A setting that is one byte. False after an error.
bool ReadByte(const std::string& text, const char* key, BindContext& context, char* out) {
  const std::string byte = text == "\\t" ? "\t" : text;
  if (byte.size() == 1 && static_cast<uint8_t>(byte[0]) < 0x80 && byte != "\n" && byte != "\r") {
    *out = byte[0];
    return true;
  }
  ConfigError(context, key, std::string("'") + key + "' must be one ASCII character, not '" + text + "'");
  return false;
}

std::optional<CsvReadOptions> OptionsOf(const ReadFromCsvConfig& config, BindContext& context) {
  CsvReadOptions options;
  bool ok = ReadByte(config.delimiter, "delimiter", context, &options.dialect.delimiter);
  options.dialect.quote = '\0';
  if (!config.quote.empty()) ok &= ReadByte(config.quote, "quote", context, &options.dialect.quote);
  char byte;
  if (!config.escape.empty() && (ok &= ReadByte(config.escape, "escape", context, &byte)))
    options.dialect.escape = byte;
  if (!config.comment.empty() && (ok &= ReadByte(config.comment, "comment", context, &byte))) {
    options.dialect.comment = byte;
  }
  options.header = config.header;
  options.names = config.names;
  options.null_values = config.null_values;
  options.empty_is_null = config.empty_is_null;
  options.allow_short_rows = config.allow_short_rows;
  for (const auto& [name, declared] : config.types) {
    TypePtr type = DeclaredType(declared, &context.diagnostics());
    ok &= type != nullptr;
    options.types.emplace_back(name, std::move(type));
  }
  if (!config.schema.empty()) {
    options.schema = DeclaredSchema(config.schema, &context.diagnostics());
    ok &= options.schema != nullptr;
  }
  if (!ok) return std::nullopt;
  return options;
}

/// Names and types, from a sample.
Result<SchemaPtr> SchemaOf(const CsvReadOptions& options, BlockFeeder& first, const std::string& file) {
  WEIR_ASSIGN_OR_RETURN(const auto sample, first.Peek(options.sample_bytes));
  WEIR_ASSIGN_OR_RETURN(const CsvHead head, ReadCsvHead(sample, first.peeked_all(), file, options));
  if (head.names.empty()) return Status::Invalid(file, ": the file is empty; give a schema to read it all the same");
  return InferCsvSchema(sample, first.peeked_all(), file, head, options);
}

class CsvFormat final : public TextFileFormat {
 public:
  /// The first `file_columns` columns of the plan's schema come from the file.
  CsvFormat(TextSourceConfig config, std::shared_ptr<const CsvReadPlan> plan, int file_columns)
      : TextFileFormat(std::move(config)), plan_(std::move(plan)), file_columns_(file_columns) {}

  Result<TextParserFactory> Begin(BlockFeeder& feeder, const std::string& path) const override {
    const CsvReadOptions& options = plan_->options;
    feeder.set_scanner(std::make_unique<CsvScanner>(options.dialect));
    WEIR_ASSIGN_OR_RETURN(const auto sample, feeder.Peek(options.sample_bytes));
    WEIR_ASSIGN_OR_RETURN(const CsvHead head, ReadCsvHead(sample, feeder.peeked_all(), path, options));
    feeder.Skip(head.data_begin);
    if (head.names.empty()) {  // an empty file has no rows, whatever its fields would be
      return TextParserFactory([]() -> Result<TextBlockParser> {
        return TextBlockParser([](const TextBlock&, std::vector<RecordError>*) { return Batch(); });
      });
    }
    arrow::FieldVector fields = plan_->schema->fields();
    fields.resize(file_columns_);
    WEIR_ASSIGN_OR_RETURN(auto field_of_column, MapCsvFields(arrow::Schema(fields), head, path, options,
                                                             /*allow_extra=*/options.schema != nullptr));
    field_of_column.resize(plan_->schema->num_fields(), -1);
    return TextParserFactory(
        [plan = plan_, field_of_column, num_fields = static_cast<int>(head.names.size())]() -> Result<TextBlockParser> {
          WEIR_ASSIGN_OR_RETURN(std::shared_ptr<CsvBlockParser> parser,
                                CsvBlockParser::Make(plan, field_of_column, num_fields));
          return TextBlockParser([parser](const TextBlock& block, std::vector<RecordError>* errors) {
            return parser->Parse(block, errors);
          });
        });
  }

 private:
  const std::shared_ptr<const CsvReadPlan> plan_;
  const int file_columns_;
};

std::optional<StepBinding> BindReadFromCsv(const ReadFromCsvConfig& config, BindContext& context) {
  auto options = OptionsOf(config, context);
  auto files = OpenTextFiles(config, {".csv", ".tsv"}, context);
  if (!options || !files) return std::nullopt;
  if (!files->first && !options->schema) {
    NeedsSchema(config, context);
    return std::nullopt;
  }
  auto file_schema = options->schema ? Result<SchemaPtr>(options->schema)
                                     : SchemaOf(*options, *files->first, files->first->file()->name());
  if (!file_schema.ok()) {
    ConfigError(context, "path", file_schema.status().message());
    return std::nullopt;
  }
  for (const auto& [name, type] : config.types) {
    if ((*file_schema)->GetFieldIndex(name) < 0) context.FindColumn(**file_schema, name, type.node);
  }
  int filename_column;
  SchemaPtr schema = WithFilenameColumn(config, *file_schema, context, &filename_column);
  if (!schema) return std::nullopt;
  // A declared type is a decision: 007 may become 7 where somebody asked for an integer.
  const bool strict_zeros = !options->schema;
  return TextSourceBinding(
      config, *files, schema, filename_column,
      [=, settings = static_cast<const TextSourceConfig&>(config), options = *options, files = *files,
       columns = (*file_schema)->num_fields()](const ScanRequest& request) -> Result<std::shared_ptr<TextFileFormat>> {
        auto plan = std::make_shared<CsvReadPlan>();
        plan->options = options;
        plan->schema = schema;
        plan->needed = NeededColumns(request, filename_column);
        plan->filter = request.filter;
        plan->strict_zeros = strict_zeros;
        auto format = std::make_shared<CsvFormat>(settings, plan, columns);
        if (files.keep_first) format->Keep(files.paths[0], files.first);
        return format;
      },
      context);
}

}  // namespace

void RegisterReadFromCsv(Registry& registry) { registry.Add<ReadFromCsvConfig>(Spec(), {0, 0}, BindReadFromCsv); }

}  // namespace weir
