// ReadFromText: the lines of text files.
#include <arrow/type.h>

#include "connectors/files/text_source.h"
#include "formats/text/line_format.h"

namespace weir {
namespace {

struct ReadFromTextConfig : TextSourceConfig {};

ComponentSpec Spec() {
  return ComponentSpec::Source<ReadFromTextConfig>("ReadFromText")
      .Summary("Read the lines of text files.")
      .Doc(
          "Each line is a row with the one field `line`, without its line break. Empty lines are rows too. Lines that "
          "are "
          "not UTF-8 go to the error output.")
      .Guarantees("Rows keep the order of the files, which are read in the order of their names.")
      .Fields(TextSourceConfig::Fields())
      .Example("show a log", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromText
    config:
      path: /tmp/weir-example/*.log
  - type: Print
)")
      .Example("follow logs", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromText
    config: {path: /tmp/weir-example/*.log, tail: true, from: end, filename_column: file}
  - type: Print
)");
}

class LineFormat final : public TextFileFormat {
 public:
  LineFormat(TextSourceConfig config, SchemaPtr schema)
      : TextFileFormat(std::move(config)), schema_(std::move(schema)) {}

  Result<TextParserFactory> Begin(BlockFeeder& feeder, const std::string& path) const override {
    feeder.set_scanner(std::make_unique<LineScanner>());
    WEIR_ASSIGN_OR_RETURN(const auto sample, feeder.Peek(4));
    WEIR_ASSIGN_OR_RETURN(const int64_t mark, ByteOrderMark(sample, path));
    feeder.Skip(mark);
    return TextParserFactory([schema = schema_]() -> Result<TextBlockParser> {
      return TextBlockParser([schema](const TextBlock& block, std::vector<RecordError>* errors) -> Result<Batch> {
        WEIR_ASSIGN_OR_RETURN(const Batch lines, ParseLines(block, errors));
        std::vector<ArrayDataPtr> columns{lines.column(0)};
        columns.resize(schema->num_fields());
        return Batch(schema, std::move(columns), lines.num_rows());
      });
    });
  }

 private:
  const SchemaPtr schema_;
};

std::optional<StepBinding> BindReadFromText(const ReadFromTextConfig& config, BindContext& context) {
  auto files = OpenTextFiles(config, {}, context);
  if (!files) return std::nullopt;
  int filename_column;
  SchemaPtr schema = WithFilenameColumn(config, LineSchema(), context, &filename_column);
  if (!schema) return std::nullopt;
  auto binding = TextSourceBinding(
      config, *files, schema, filename_column,
      [=, settings = static_cast<const TextSourceConfig&>(config),
       files = *files](const ScanRequest&) -> Result<std::shared_ptr<TextFileFormat>> {
        auto format = std::make_shared<LineFormat>(settings, schema);
        if (files.keep_first) format->Keep(files.paths[0], files.first);
        return format;
      },
      context);
  if (binding) binding->can_filter = nullptr;
  return binding;
}

}  // namespace

void RegisterReadFromText(Registry& registry) { registry.Add<ReadFromTextConfig>(Spec(), {0, 0}, BindReadFromText); }

}  // namespace weir
