// weir list, describe, schema: hands the words behind the verb to what answers them.
#include <memory>

#include "cli/component_verbs.h"
#include "cli/verb.h"

namespace weir {
namespace {

using Answer = int (*)(const Registry&, const std::vector<std::string>&);

/// The answers read their own flags, --help included.
void AddPassingVerb(CLI::App& app, CliContext& context, const char* name, const char* summary, Answer answer) {
  CLI::App* verb = app.add_subcommand(name, summary);
  verb->set_help_flag();
  verb->allow_extras();
  verb->callback([verb, &context, answer] { context.exit_code = answer(context.registry(), verb->remaining()); });
}

}  // namespace

void AddListVerb(CLI::App& app, CliContext& context) {
  AddPassingVerb(app, context, "list", "List components and functions", RunList);
}
void AddDescribeVerb(CLI::App& app, CliContext& context) {
  AddPassingVerb(app, context, "describe", "Describe a component or function: settings, examples, guarantees", RunDescribe);
}
void AddSchemaVerb(CLI::App& app, CliContext& context) {
  AddPassingVerb(app, context, "schema", "Print the JSON Schema of a component or of whole pipeline files", RunSchema);
}

}  // namespace weir
