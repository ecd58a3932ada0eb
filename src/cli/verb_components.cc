// weir list, describe, schema: hands the words behind the verb to what answers them.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cli/components/component_verbs.h"
#include "cli/verb.h"

namespace weir {
namespace {

using Answer = std::function<int(const std::vector<std::string>&)>;

/// The answers read their own flags, --help included.
void AddPassingVerb(Command app, CliContext& context, const char* name, const char* summary, Answer answer) {
  Command verb = app.AddVerb(name, summary);
  verb.OnWords([&context, answer = std::move(answer)](const std::vector<std::string>& words) {
    context.exit_code = answer(words);
  });
}

}  // namespace

void AddListVerb(Command app, CliContext& context) {
  AddPassingVerb(app, context, "list", "List components and functions",
                 [&context](const std::vector<std::string>& args) { return RunList(context.registry(), args); });
}
void AddDescribeVerb(Command app, CliContext& context) {
  AddPassingVerb(app, context, "describe", "Describe a component or function: settings, examples, guarantees",
                 [&context](const std::vector<std::string>& args) { return RunDescribe(context.registry(), args); });
}
void AddSchemaVerb(Command app, CliContext& context) {
  AddPassingVerb(app, context, "schema", "Print the JSON Schema of a component or of whole pipeline files",
                 [&context](const std::vector<std::string>& args) { return RunSchema(context.registry(), args); });
}

}  // namespace weir
