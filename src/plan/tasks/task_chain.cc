// A task as a chain of steps: the component that reads, what the task does, the component that writes.
#include <utility>

#include "plan/tasks/task_reader.h"

namespace weir {
namespace {

using Kind = TaskEnd::Kind;

bool Has(const TaskEnd& end, const char* key) {
  for (const NodeEntry& entry : end.config) {
    if (entry.key->text() == key) return true;
  }
  return false;
}

NodeEntry Entry(const char* key, const NodePtr& value) { return {MakeScalarNode(key, value), value}; }

NodeEntry Entry(const char* key, const std::string& text, const NodePtr& origin,
                ScalarStyle style = ScalarStyle::kDoubleQuoted) {
  return {MakeScalarNode(key, origin), MakeScalarNode(text, origin, style)};
}

/// "Json" of "json", as in ReadFromJson.
std::string WordOf(const std::string& format) {
  if (format == "csv") return "Csv";
  if (format == "parquet") return "Parquet";
  return format == "text" ? "Text" : "Json";
}

NodePtr Step(const std::string& type, const char* name, std::vector<NodeEntry> config, const TaskEnd& end) {
  const NodePtr& origin = end.place_node;
  std::vector<NodeEntry> step = {Entry("type", type, origin),
                                 Entry("name", name, origin),
                                 {MakeScalarNode("config", origin), MakeMapNode(std::move(config), end.node)}};
  return MakeMapNode(std::move(step), end.node);
}

NodePtr Reader(const TaskSpec& task, const std::string& format, bool is_written) {
  const TaskEnd& input = task.input;
  const NodePtr& origin = input.place_node;
  std::vector<NodeEntry> config = input.config;
  const auto add = [&](const char* key, const std::string& text) { config.push_back(Entry(key, text, origin)); };
  const auto add_flag = [&](const char* key) { config.push_back(Entry(key, "true", origin, ScalarStyle::kPlain)); };
  std::string type;
  switch (input.kind) {
    case Kind::kNone:
    case Kind::kFiles:
      type = "ReadFrom" + WordOf(format);
      // Any file can be text: of a folder that a task writes, those that it writes as text are meant.
      add("path", is_written && format == "text" && input.place.ends_with('/') ? input.place + "*.txt*" : input.place);
      if (task.endless && !Has(input, "watch") && !Has(input, "tail") && !Has(input, "mode")) add_flag("watch");
      break;
    case Kind::kKafka:
      type = "ReadFromKafka";
      add("topic", input.place);
      add("format", format);
      if (!task.endless) add("stop_at", "end");
      break;
    case Kind::kHttpListen: {
      type = "ReadFromHttp";
      const size_t slash = input.place.find('/');
      add("listen", input.place.substr(0, slash));
      if (slash != std::string::npos) add("path", input.place.substr(slash));
      add("format", format);
      break;
    }
    case Kind::kHttpPoll:
      type = "PollHttp";
      add("url", input.place);
      add("format", format);
      if (!task.endless) config.push_back(Entry("rounds", "1", origin, ScalarStyle::kPlain));
      if (task.endless && task.interval) config.push_back(Entry("every", task.interval));
      break;
    case Kind::kTcp:
      type = "ReadFromTcp";
      add("listen", input.place);
      add("format", format);
      break;
  }
  return Step(type, kTaskReader, std::move(config), input);
}

NodePtr Writer(const TaskSpec& task, const std::string& format) {
  const TaskEnd& output = task.output;
  const NodePtr& origin = output.place_node;
  std::vector<NodeEntry> config = output.config;
  if (output.kind == Kind::kKafka) {
    config.push_back(Entry("topic", output.place, origin));
    config.push_back(Entry("format", format, origin));
    return Step("WriteToKafka", kTaskWriter, std::move(config), output);
  }
  config.push_back(Entry("path", output.place, origin));
  if (task.endless && task.interval && !Has(output, "roll")) {
    config.push_back(
        {MakeScalarNode("roll", task.interval), MakeMapNode({Entry("every", task.interval)}, task.interval)});
  }
  return Step("WriteTo" + WordOf(format), kTaskWriter, std::move(config), output);
}

}  // namespace

std::string InputFormat(const TaskSpec& task, const std::string& written) {
  const TaskEnd& input = task.input;
  if (!input.format.empty()) return input.format;
  const bool is_open = input.kind == Kind::kFiles || input.kind == Kind::kNone;
  if (is_open) return written.empty() ? "json" : written;
  if (!written.empty()) return written;
  // Records of unknown fields are lines of text, handed on as they are.
  if (!Has(input, "schema")) return "text";
  return input.kind == Kind::kKafka || input.kind == Kind::kTcp ? "json" : "auto";
}

std::string OutputFormat(const TaskSpec& task, const std::string& input_format) {
  const TaskEnd& output = task.output;
  if (!output.format.empty()) return output.format;
  const bool is_text = input_format == "text" && task.steps.empty();
  if (output.kind == Kind::kKafka) return is_text ? "text" : "json";
  if (is_text) return "text";
  return input_format == "csv" || input_format == "parquet" ? input_format : "json";
}

NodePtr ChainOfTask(const TaskSpec& task, bool is_written, const std::string& input_format,
                    const std::string& output_format) {
  const NodePtr& origin = task.name_node;
  std::vector<NodePtr> steps = {Reader(task, input_format, is_written)};
  steps.insert(steps.end(), task.steps.begin(), task.steps.end());
  steps.push_back(Writer(task, output_format));
  std::vector<NodeEntry> chain = {
      Entry("type", "chain", origin),
      Entry("name", task.name_node),
      {MakeScalarNode("transforms", origin), MakeSequenceNode(std::move(steps), task.node)}};
  if (task.extra_transforms) chain.push_back(Entry("extra_transforms", task.extra_transforms));
  return MakeMapNode(std::move(chain), task.node);
}

}  // namespace weir
