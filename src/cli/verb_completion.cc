// weir completion: a script that teaches a shell the verbs and their options.
#include <cstdio>
#include <memory>
#include <string>

#include "cli/verb.h"

namespace weir {
namespace {

std::string OptionNames(const Command& command) {
  std::string out;
  for (const std::string& name : command.option_names()) out += (out.empty() ? "" : " ") + name;
  return out;
}

std::string BashScript(const Command& program) {
  std::string verbs, cases;
  for (const Command& verb : program.verbs()) {
    verbs += (verbs.empty() ? "" : " ") + verb.name();
    cases += "    " + verb.name() + ") words='" + OptionNames(verb) + "' ;;\n";
  }
  return "_weir() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} words=''\n"
         "  if [ \"$COMP_CWORD\" = 1 ]; then COMPREPLY=($(compgen -W '" +
         verbs +
         "' -- \"$word\")); return; fi\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases +
         "  esac\n"
         "  case $word in\n"
         "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
         "    *) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n"
         "  esac\n"
         "}\n"
         "complete -o filenames -F _weir weir ./weir\n";
}

}  // namespace

void AddCompletionVerb(Command app, CliContext&) {
  auto shell = std::make_shared<std::string>("bash");
  Command verb = app.AddVerb("completion", "Print a completion script for the shell");
  verb.AddOption("SHELL", shell.get(), "bash or zsh").OneOf({"bash", "zsh"});
  verb.SetFooter("Examples:\n  source <(weir completion bash)\n  source <(weir completion zsh)");
  verb.OnRun([shell, app] {
    if (*shell == "zsh") std::printf("autoload -U +X bashcompinit && bashcompinit\n");
    std::printf("%s", BashScript(app).c_str());
  });
}

}  // namespace weir
