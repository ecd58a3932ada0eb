// weir state: what durable runs have committed: where sources stand, what operators keep.
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/byte_size.h"
#include "batch/print.h"
#include "cli/durable/log_folders.h"
#include "cli/verb.h"
#include "env/env.h"
#include "log/log_epoch_store.h"

namespace weir {
namespace {

struct Flags {
  std::string folder, step;
  bool json = false, yes = false;
};

std::string TimeText(EventTime time) {
  if (time == kMinEventTime) return "none";
  return time == kMaxEventTime ? "end" : FormatTimestamp(time);
}

std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    out += kDigits[static_cast<uint8_t>(byte) >> 4];
    out += kDigits[static_cast<uint8_t>(byte) & 15];
  }
  return out;
}

std::string Line(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

/// JSON where it is JSON, else a string.
nlohmann::json PositionJson(const std::string& position) {
  nlohmann::json json = nlohmann::json::parse(position, nullptr, false);
  return json.is_discarded() ? nlohmann::json(position) : json;
}

struct TableFacts {
  int64_t cells = 0, bytes = 0;
};

std::map<int, TableFacts> TablesOf(const StateCells& cells) {
  std::map<int, TableFacts> tables;
  for (int64_t i = 0; i < cells.size(); ++i) {
    const StateCell cell = cells.at(i);
    ++tables[cell.table].cells;
    tables[cell.table].bytes += static_cast<int64_t>(cell.key.size() + cell.value.size());
  }
  return tables;
}

/// A node is named by its step and what it is of it.
bool IsOfStep(const std::string& node, const std::string& step) {
  return node == step || node.substr(0, node.rfind('/')) == step;
}

/// Calls for every node of every stage that is wanted. Says when there is none.
void ForEachNode(
    const Flags& flags, CliContext& context,
    const std::function<void(const std::string& stage, const EpochState& state)>& begin,
    const std::function<void(const std::string& stage, const std::string& name, const NodeEpoch& node)>& call) {
  const Result<std::vector<LogFolder>> logs = FindLogs(flags.folder);
  if (!context.Usable(logs.status())) return;
  bool found = false, any = false;
  for (const LogFolder& log : *logs) {
    if (log.name.starts_with("edge ")) continue;
    const auto state = ReadEpochState(Env::Real().files(), log.path);
    if (!state.ok()) {
      context.exit_code = kExitRunFailed;
      std::fprintf(stderr, "weir: %s\n", state.status().message().c_str());
      continue;
    }
    if (!*state) continue;
    any = true;
    begin(log.stage, **state);
    for (const auto& [name, node] : (*state)->nodes) {
      if (!flags.step.empty() && !IsOfStep(name, flags.step)) continue;
      call(log.stage, name, node);
      found = true;
    }
  }
  if (context.exit_code != kExitOk) return;
  if (!any) std::fprintf(stderr, "weir: nothing has been committed in '%s'\n", flags.folder.c_str());
  if (any && !found && !flags.step.empty()) {
    (void)context.Usable(Status::Invalid("no step '", flags.step, "' has state there; `weir state ls ", flags.folder,
                                         "` names those that have"));
  }
}

void List(const Flags& flags, CliContext& context) {
  ForEachNode(
      flags, context,
      [&](const std::string& stage, const EpochState& state) {
        if (flags.json) return;
        std::printf("%s%sepoch %lld%s\n", stage.c_str(), stage.empty() ? "" : ": ", static_cast<long long>(state.epoch),
                    state.finished ? ", finished" : "");
      },
      [&](const std::string& stage, const std::string& name, const NodeEpoch& node) {
        int64_t cells = node.cells.size();
        if (flags.json) {
          const nlohmann::json json = {{"stage", stage},      {"step", name},
                                       {"cells", cells},      {"bytes", node.cells.bytes()},
                                       {"ended", node.ended}, {"watermark", TimeText(node.watermark)}};
          std::fputs(Line(json).c_str(), stdout);
          return;
        }
        std::printf("  %-32s %9lld cells %9s  watermark %s%s\n", name.c_str(), static_cast<long long>(cells),
                    FormatByteSize({node.cells.bytes()}).c_str(), TimeText(node.watermark).c_str(),
                    node.ended ? ", ended" : "");
      });
}

void Show(const Flags& flags, CliContext& context) {
  ForEachNode(
      flags, context, [](const std::string&, const EpochState&) {},
      [&](const std::string& stage, const std::string& name, const NodeEpoch& node) {
        nlohmann::json json = {
            {"stage", stage}, {"step", name}, {"watermark", TimeText(node.watermark)}, {"ended", node.ended}};
        if (!node.config_hash.empty()) json["config_hash"] = node.config_hash;
        if (!node.position.empty()) json["position"] = PositionJson(node.position);
        if (!node.token.empty()) json["token"] = node.token;
        for (const auto& [table, facts] : TablesOf(node.cells)) {
          json["tables"].push_back({{"table", table}, {"cells", facts.cells}, {"bytes", facts.bytes}});
        }
        if (flags.json) {
          std::fputs(Line(json).c_str(), stdout);
          return;
        }
        std::printf("%s\n", name.c_str());
        for (const auto& [key, value] : json.items()) {
          if (key == "step" || (key == "stage" && stage.empty())) continue;
          std::printf("  %s: %s\n", key.c_str(),
                      value.is_string() ? value.get<std::string>().c_str()
                                        : value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
        }
      });
}

void Export(const Flags& flags, CliContext& context) {
  ForEachNode(
      flags, context, [](const std::string&, const EpochState&) {},
      [&](const std::string& stage, const std::string& name, const NodeEpoch& node) {
        for (int64_t i = 0; i < node.cells.size(); ++i) {
          const StateCell cell = node.cells.at(i);
          const nlohmann::json json = {{"stage", stage},      {"step", name},         {"table", cell.table},
                                       {"group", cell.group}, {"key", Hex(cell.key)}, {"value", Hex(cell.value)}};
          std::fputs(Line(json).c_str(), stdout);
        }
      });
}

/// Takes every log's lock before anything is removed, so that no run is there.
Status RemoveState(const std::string& folder, const std::vector<LogFolder>& logs) {
  FileSystem& files = Env::Real().files();
  std::vector<std::unique_ptr<FileLock>> locks;
  for (const LogFolder& log : logs) {
    WEIR_ASSIGN_OR_RETURN(auto lock, files.TryLock(JoinPath(log.path, "lock")));
    if (!lock) return Status::IOError("'", log.path, "' is in use by a run: stop it first");
    locks.push_back(std::move(lock));
  }
  // What says that there is a run goes last: a reset that was cut short can be made again.
  if (logs.size() == 1 && logs[0].name.empty()) return RemoveTree(files, folder);
  for (const char* part : {"edges", "stages", "weir.json"}) {
    const std::string path = JoinPath(folder, part);
    WEIR_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(path));
    if (info.kind != FileKind::kNone) WEIR_RETURN_NOT_OK(RemoveTree(files, path));
  }
  return files.SyncDirectory(folder);
}

/// Takes the state of one step out of the stage that has it.
Status ForgetStep(const Flags& flags, const std::vector<LogFolder>& logs) {
  FileSystem& files = Env::Real().files();
  for (const LogFolder& log : logs) {
    if (log.name.starts_with("edge ")) continue;
    WEIR_ASSIGN_OR_RETURN(const auto state, ReadEpochState(files, log.path));
    std::vector<std::string> nodes;
    if (state) {
      for (const auto& [name, node] : state->nodes) {
        if (IsOfStep(name, flags.step)) nodes.push_back(name);
      }
    }
    if (nodes.empty()) continue;
    EpochStoreOptions options;
    options.holder = "weir state reset";
    WEIR_ASSIGN_OR_RETURN(auto store, LogEpochStore::Open(files, log.path, options));
    return store->Forget(nodes);
  }
  return Status::Invalid("no step '", flags.step, "' has state there; `weir state ls ", flags.folder,
                         "` names those that have");
}

void Reset(const Flags& flags, CliContext& context) {
  const Result<std::vector<LogFolder>> logs = FindLogs(flags.folder);
  if (!context.Usable(logs.status())) return;
  if (flags.yes && !flags.step.empty()) {
    const Status forgotten = ForgetStep(flags, *logs);
    if (forgotten.IsInvalid()) return (void)context.Usable(forgotten);
    if (forgotten.ok()) return;
    context.exit_code = kExitRunFailed;
    std::fprintf(stderr, "weir: %s\n", forgotten.message().c_str());
    return;
  }
  if (!flags.yes) {
    (void)context.Usable(Status::Invalid("this removes what ", logs->size(),
                                         logs->size() == 1 ? " log in '" : " logs in '", flags.folder,
                                         "' have committed, for ever; say so with --yes"));
    return;
  }
  const Status removed = RemoveState(flags.folder, *logs);
  if (removed.ok()) return;
  context.exit_code = kExitRunFailed;
  std::fprintf(stderr, "weir: %s\n", removed.message().c_str());
}

using Call = void (*)(const Flags&, CliContext&);

std::shared_ptr<Flags> Add(Command parent, CliContext& context, const char* name, const char* summary,
                           const char* examples, Call call, bool of_step) {
  auto flags = std::make_shared<Flags>();
  Command verb = parent.AddVerb(name, summary);
  verb.AddOption("folder", &flags->folder, "folder of a durable run").Required();
  if (of_step) {
    verb.AddOption("step", &flags->step, "only this step");
    verb.AddFlag("--json", &flags->json, "as JSON objects, one per line");
  } else {
    verb.AddOption("--step", &flags->step, "only what this step keeps, or where this source stands");
    verb.AddFlag("-y,--yes", &flags->yes, "yes, forget it");
  }
  verb.SetFooter(examples);
  verb.OnRun([flags, call, &context] { call(*flags, context); });
  return flags;
}

}  // namespace

void AddStateVerb(Command app, CliContext& context) {
  Command verb = app.AddVerb("state", "Look at what durable runs have committed: ls, show, export, reset");
  verb.SetFooter("A run may go on meanwhile.\nExamples:\n  weir state ls state/\n  weir state show state/ Orders");
  Add(verb, context, "ls", "List the steps that keep state, with cells and bytes",
      "Examples:\n  weir state ls state/\n  weir state ls --json state/ | jq .bytes", List, true);
  Add(verb, context, "show", "Show where sources stand, what sinks have prepared, and the tables of operators",
      "Examples:\n  weir state show state/\n  weir state show --json state/ Orders | jq .position", Show, true);
  Add(verb, context, "export", "Print every cell as a JSON object, keys and values in hexadecimal",
      "Examples:\n  weir state export state/ > cells.ndjson\n  weir state export state/ 'Sum by user' | wc -l", Export,
      true);
  Add(verb, context, "reset", "Forget everything: the next run begins anew, and may give again what it has given",
      "Examples:\n  weir state reset --yes state/\n  weir state reset --yes state/ --step 'Sum by user'", Reset, false);
}

}  // namespace weir
