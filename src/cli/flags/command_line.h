// The words of a command line: verbs and their options. CLI11 reads them, behind these handles: it costs seconds in
// every file that includes it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace weir {

/// A handle to one option; each call narrows what it takes.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  Option& Required();
  /// The heading that --help lists it under.
  Option& Group(const std::string& heading);
  /// Takes whole numbers from `low` to `high`, both included.
  Option& Range(int64_t low, int64_t high);
  Option& OneOf(const std::vector<std::string>& words);
  /// Takes one word each time it is given, where the value is a list.
  Option& OneWordEach();

 private:
  CLI::Option* option_;
};

/// A handle to the program or one of its verbs. Values are written by CommandLine::Parse, and must live until then.
class Command {
 public:
  explicit Command(CLI::App* app) : app_(app) {}

  /// Where a verb has verbs, one of them must be given.
  Command AddVerb(const std::string& name, const std::string& summary);
  /// `names` as "-q,--quiet"; a name without dashes is a positional argument.
  Option AddFlag(const std::string& names, bool* value, const std::string& doc);
  Option AddOption(const std::string& names, std::string* value, const std::string& doc);
  Option AddOption(const std::string& names, std::vector<std::string>* values, const std::string& doc);
  Option AddOption(const std::string& names, int* value, const std::string& doc);
  Option AddOption(const std::string& names, int64_t* value, const std::string& doc);
  Option AddOption(const std::string& names, uint64_t* value, const std::string& doc);
  /// Text below the options in --help.
  void SetFooter(const std::string& text);

  /// What to do when this verb is given; called by CommandLine::Parse.
  void OnRun(std::function<void()> action);
  /// The same, for a verb that reads its own words, --help included.
  void OnWords(std::function<void(const std::vector<std::string>& words)> action);

  std::string name() const;
  std::vector<Command> verbs() const;
  /// The long ones, as "--quiet".
  std::vector<std::string> option_names() const;

 private:
  CLI::App* app_;
};

/// What `main` was given.
class CommandLine {
 public:
  CommandLine(const std::string& name, const std::string& summary);
  ~CommandLine();

  Command program();
  enum class Outcome { kDone, kHelped, kWrongUse };
  /// Runs the action of the verb that is named. Prints help where it is asked for, and what is wrong with the words.
  Outcome Parse(int argc, const char* const* argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace weir
