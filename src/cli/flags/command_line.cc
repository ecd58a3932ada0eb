// The only file that knows CLI11.
#include "cli/flags/command_line.h"

#include <CLI/CLI.hpp>
#include <utility>

namespace weir {

Option& Option::Required() {
  option_->required();
  return *this;
}

Option& Option::Group(const std::string& heading) {
  option_->group(heading);
  return *this;
}

Option& Option::Range(int64_t low, int64_t high) {
  option_->check(CLI::Range(low, high));
  return *this;
}

Option& Option::OneOf(const std::vector<std::string>& words) {
  option_->check(CLI::IsMember(words));
  return *this;
}

Option& Option::OneWordEach() {
  option_->allow_extra_args(false);
  return *this;
}

Command Command::AddVerb(const std::string& name, const std::string& summary) {
  app_->require_subcommand(1);
  return Command(app_->add_subcommand(name, summary));
}

Option Command::AddFlag(const std::string& names, bool* value, const std::string& doc) {
  return Option(app_->add_flag(names, *value, doc));
}
Option Command::AddOption(const std::string& names, std::string* value, const std::string& doc) {
  return Option(app_->add_option(names, *value, doc));
}
Option Command::AddOption(const std::string& names, std::vector<std::string>* values, const std::string& doc) {
  return Option(app_->add_option(names, *values, doc));
}
Option Command::AddOption(const std::string& names, int* value, const std::string& doc) {
  return Option(app_->add_option(names, *value, doc));
}
Option Command::AddOption(const std::string& names, int64_t* value, const std::string& doc) {
  return Option(app_->add_option(names, *value, doc));
}
Option Command::AddOption(const std::string& names, uint64_t* value, const std::string& doc) {
  return Option(app_->add_option(names, *value, doc));
}

void Command::SetFooter(const std::string& text) { app_->footer(text); }

void Command::OnRun(std::function<void()> action) { app_->callback(std::move(action)); }

void Command::OnWords(std::function<void(const std::vector<std::string>& words)> action) {
  app_->set_help_flag();
  app_->allow_extras();
  app_->callback([app = app_, action = std::move(action)] { action(app->remaining()); });
}

std::string Command::name() const { return app_->get_name(); }

std::vector<Command> Command::verbs() const {
  std::vector<Command> out;
  for (CLI::App* verb : app_->get_subcommands([](CLI::App*) { return true; })) out.emplace_back(verb);
  return out;
}

std::vector<std::string> Command::option_names() const {
  std::vector<std::string> out;
  for (const CLI::Option* option : std::as_const(*app_).get_options()) {
    for (const std::string& name : option->get_lnames()) out.push_back("--" + name);
  }
  return out;
}

CommandLine::CommandLine(const std::string& name, const std::string& summary)
    : app_(std::make_unique<CLI::App>(summary, name)) {}

CommandLine::~CommandLine() = default;

Command CommandLine::program() { return Command(app_.get()); }

CommandLine::Outcome CommandLine::Parse(int argc, const char* const* argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app_->exit(error) == 0 ? Outcome::kHelped : Outcome::kWrongUse;
  }
  return Outcome::kDone;
}

}  // namespace weir
