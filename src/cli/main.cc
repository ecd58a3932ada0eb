// The program `weir`: one verb per file, listed here.
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "base/cpu.h"
#include "cli/verb.h"

namespace weir {
namespace {

int Main(int argc, char** argv) {
  if (Status status = CheckCpu(); !status.ok()) {
    std::fprintf(stderr, "weir: %s\n", status.message().c_str());
    return kExitRunFailed;
  }
  CliContext context;
  // The program may be called geniusrise as well: files of that tool run unchanged.
  const std::string called = argc > 0 ? std::string(argv[0]).substr(std::string(argv[0]).rfind('/') + 1) : "";
  CommandLine command_line(called == "geniusrise" ? called : "weir",
                           "Weir runs data pipelines that are written as YAML files.");
  Command app = command_line.program();
  app.SetFooter(
      "Start with:\n"
      "  weir run examples/flights/delays.yaml      run a pipeline\n"
      "  weir validate FILE                         find every mistake in it\n"
      "  weir list                                  what a pipeline can be made of\n"
      "  weir VERB --help                           options and examples of one verb");
  AddRunVerb(app, context);
  AddResumeVerb(app, context);
  AddValidateVerb(app, context);
  AddExplainVerb(app, context);
  AddTestVerb(app, context);
  AddListVerb(app, context);
  AddDescribeVerb(app, context);
  AddSchemaVerb(app, context);
  AddGraphVerb(app, context);
  AddTopVerb(app, context);
  AddTapVerb(app, context);
  AddQueryVerb(app, context);
  AddStoreVerb(app, context);
  AddLogVerb(app, context);
  AddStateVerb(app, context);
  AddVersionVerb(app, context);
  AddCompletionVerb(app, context);
  switch (command_line.Parse(argc, argv)) {
    case CommandLine::Outcome::kDone:
      return context.exit_code;
    case CommandLine::Outcome::kHelped:
      return kExitOk;
    case CommandLine::Outcome::kWrongUse:
      break;
  }
  return kExitUsage;
}

}  // namespace
}  // namespace weir

int main(int argc, char** argv) {
  try {
    return weir::Main(argc, argv);
  } catch (const std::exception& error) {
    // Our code throws nothing; this is a library's last word (out of memory).
    std::fprintf(stderr, "weir: %s\n", error.what());
    return weir::kExitRunFailed;
  }
}
