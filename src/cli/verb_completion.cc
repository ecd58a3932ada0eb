// weir completion: a script that teaches a shell the verbs and their options.
#include <cstdio>
#include <memory>
#include <string>

#include "cli/verb.h"

namespace weir {
namespace {

std::string OptionNames(const CLI::App& app) {
  std::string out;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) out += (out.empty() ? "--" : " --") + name;
  }
  return out;
}

std::string BashScript(const CLI::App& app) {
  std::string verbs, cases;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    verbs += (verbs.empty() ? "" : " ") + verb->get_name();
    cases += "    " + verb->get_name() + ") words='" + OptionNames(*verb) + "' ;;\n";
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

void AddCompletionVerb(CLI::App& app, CliContext&) {
  auto shell = std::make_shared<std::string>("bash");
  CLI::App* verb = app.add_subcommand("completion", "Print a completion script for the shell");
  verb->add_option("SHELL", *shell, "bash or zsh")->check(CLI::IsMember({"bash", "zsh"}));
  verb->footer("Examples:\n  source <(weir completion bash)\n  source <(weir completion zsh)");
  verb->callback([shell, &app] {
    if (*shell == "zsh") std::printf("autoload -U +X bashcompinit && bashcompinit\n");
    std::printf("%s", BashScript(app).c_str());
  });
}

}  // namespace weir
