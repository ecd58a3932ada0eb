// WriteToText: the only field of each row as a line.
#include <arrow/type.h>

#include "connectors/files/sinks/text_sink.h"
#include "formats/text/line_format.h"

namespace weir {
namespace {

struct WriteToTextConfig : TextSinkConfig {};

ComponentSpec Spec() {
  return ComponentSpec::Sink<WriteToTextConfig>("WriteToText")
      .Summary("Write the only field of each row as a line of text.")
      .Doc(
          "Values that are not text are written as JSON has them, without quotes; null is an empty line. Text with a "
          "line "
          "break ends the run: it would come back as two rows.")
      .Guarantees(
          "Files are written aside and renamed when the whole run has succeeded: nobody sees a part of one, and a "
          "failed run leaves none. Rows that come straight from a file keep its order. "
          "A durable run goes on with the files of an earlier one, cut to what was committed; files that roll appear "
          "when their epoch is committed.")
      .Fields(TextSinkConfig::Fields())
      .Example("two lines", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [hello, world]
  - type: WriteToText
    config:
      path: /tmp/weir-example/hello.txt
)");
}

std::optional<StepBinding> BindWriteToText(const WriteToTextConfig& config, BindContext& context) {
  const SchemaPtr& schema = context.inputs()[0].info.schema;
  const int lines = schema->num_fields() - static_cast<int>(config.partition_by.size());
  if (lines != 1) {
    context.StepError("the input must have exactly one field to write, not " + std::to_string(lines),
                      "choose it in a MapToFields before this step");
    return std::nullopt;
  }
  TextLayout layout;
  layout.extension = "txt";
  layout.make_renderer = [](const SchemaPtr&) {
    return [](const Batch& batch, TextOutput* out) { return WriteLines(batch.column(0), out); };
  };
  return TextSinkBinding(config, schema, std::move(layout), context);
}

}  // namespace

void RegisterWriteToText(Registry& registry) { registry.Add<WriteToTextConfig>(Spec(), {1, 1}, BindWriteToText); }

}  // namespace weir
