// weir list, describe, schema, test: hands the words behind the verb to what answers them.
#include <memory>

#include "cli/components/component_verbs.h"
#include "cli/test_runner.h"
#include "cli/verb.h"

namespace weir {
namespace {

using Answer = std::function<int(const std::vector<std::string>&)>;

/// The answers read their own flags, --help included.
void AddPassingVerb(CLI::App& app, CliContext& context, const char* name, const char* summary, Answer answer) {
  CLI::App* verb = app.add_subcommand(name, summary);
  verb->set_help_flag();
  verb->allow_extras();
  verb->callback([verb, &context, answer] { context.exit_code = answer(verb->remaining()); });
}

}  // namespace

void AddListVerb(CLI::App& app, CliContext& context) {
  AddPassingVerb(app, context, "list", "List components and functions",
                 [&context](const std::vector<std::string>& args) { return RunList(context.registry(), args); });
}
void AddDescribeVerb(CLI::App& app, CliContext& context) {
  AddPassingVerb(app, context, "describe", "Describe a component or function: settings, examples, guarantees",
                 [&context](const std::vector<std::string>& args) { return RunDescribe(context.registry(), args); });
}
void AddSchemaVerb(CLI::App& app, CliContext& context) {
  AddPassingVerb(app, context, "schema", "Print the JSON Schema of a component or of whole pipeline files",
                 [&context](const std::vector<std::string>& args) { return RunSchema(context.registry(), args); });
}

void AddTestVerb(CLI::App& app, CliContext& context) {
  AddPassingVerb(app, context, "test", "Run the tests that stand in pipeline files", RunTestVerb);
}

}  // namespace weir
