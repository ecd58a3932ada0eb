// weir.json, and the stores of stages.
#include "cli/run/durable.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/duration.h"
#include "connectors/edges/edge.h"
#include "env/env.h"

namespace weir {
namespace {

constexpr int kFormat = 1;
constexpr const char* kLockName = "weir.lock";  // held while weir.json is made
constexpr int kMaxLockTries = 500;

std::string FileOf(const std::string& folder) { return JoinPath(folder, "weir.json"); }

/// Written aside and renamed, so that it is there whole or not at all.
Status WriteWhole(FileSystem& files, const std::string& path, const std::string& text) {
  const std::string aside = path + ".new";
  WEIR_ASSIGN_OR_RETURN(auto file, files.Create(aside));
  WEIR_RETURN_NOT_OK(file->Write(text.data(), static_cast<int64_t>(text.size())));
  WEIR_RETURN_NOT_OK(file->Sync());
  WEIR_RETURN_NOT_OK(file->Close());
  WEIR_RETURN_NOT_OK(files.Rename(aside, path));
  return files.SyncDirectory(DirectoryName(path));
}

}  // namespace

void AddDurableFlags(Command verb, DurableFlags* flags) {
  const std::string group = "Durable runs";
  verb.AddOption("--state", &flags->state,
                 "folder that keeps where the run is: whatever happens, the next run with it goes on from there")
      .Group(group);
  verb.AddOption("--epoch", &flags->epoch, "how often that is committed (1s); more often when much comes").Group(group);
  verb.AddOption("--durability", &flags->durability,
                 "what a commit survives: loss of power (default), the end of the process, or nothing")
      .OneOf({"power", "process", "none"})
      .Group(group);
  verb.AddOption("--stage", &flags->stage, "run this stage alone; others may run in other processes").Group(group);
  verb.AddFlag("--drop-state", &flags->drop_state, "forget the state of steps that the file does not have any more")
      .Group(group);
}

std::string StateFolder::FolderName(const std::string& name) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const char c : name) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || (c == '.' && !out.empty());
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

Result<StateFolder::Begun> StateFolder::Read(const std::string& folder) {
  FileSystem& files = Env::Real().files();
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(FileOf(folder)));
  if (info.kind != FileKind::kFile)
    return Status::IOError("'", folder, "' is no folder of a durable run: it has no weir.json");
  WEIR_ASSIGN_OR_RETURN(const std::string text, ReadFile(files, FileOf(folder), 16 << 20));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("format") || !json["format"].is_number_integer()) {
    return Status::Invalid("'", FileOf(folder), "' is damaged");
  }
  if (json["format"].get<int>() > kFormat) {
    return Status::Invalid("'", folder, "' was written by a later version of weir (format ", json["format"].get<int>(),
                           "; this one knows ", kFormat, ")");
  }
  Begun begun;
  begun.id = json.value("id", "");
  begun.file = json.value("file", "");
  for (const auto& [key, words] :
       {std::pair{"params", &begun.params}, std::pair{"set", &begun.set}, std::pair{"tasks", &begun.tasks}}) {
    *words = json.value(key, std::vector<std::string>());
  }
  if (begun.id.empty()) return Status::Invalid("'", FileOf(folder), "' is damaged: it has no id");
  return begun;
}

Result<std::unique_ptr<StateFolder>> StateFolder::Open(const DurableFlags& flags, const Begun& begun) {
  auto out = std::make_unique<StateFolder>();
  out->folder_ = flags.state;
  const Result<Duration> epoch = ParseDuration(flags.epoch);
  if (!epoch.ok() || epoch->us < 1000) return Status::Invalid("--epoch is a time of at least 1ms, like 1s");
  out->epochs_.interval_us = epoch->us;
  out->epochs_.drop_unknown = flags.drop_state;
  WEIR_ASSIGN_OR_RETURN(out->durability_, DurabilityFromName(flags.durability));
  FileSystem& files = Env::Real().files();
  WEIR_RETURN_NOT_OK(files.MakeDirectories(out->folder_));
  // Stages that start at the same time, as processes of their own, agree on one id.
  std::unique_ptr<FileLock> lock;
  for (int tries = 0; lock == nullptr; ++tries) {
    WEIR_ASSIGN_OR_RETURN(lock, files.TryLock(JoinPath(out->folder_, kLockName)));
    if (lock != nullptr) break;
    if (tries == kMaxLockTries) return Status::IOError("--state ", out->folder_, ": another process holds it");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // allowed: the other one writes a line
  }
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, files.Stat(FileOf(out->folder_)));
  if (info.kind == FileKind::kNone) {
    WEIR_ASSIGN_OR_RETURN(const auto entries, files.List(out->folder_));
    for (const DirectoryEntry& entry : entries) {
      if (entry.name != "weir.json.new" && entry.name != kLockName) {
        return Status::Invalid("--state ", out->folder_, ": the folder holds something else ('", entry.name,
                               "'); name one that is empty or not there yet");
      }
    }
    char id[17];
    std::snprintf(id, sizeof id, "%016llx", static_cast<unsigned long long>(Env::Real().RandomSeed()));
    nlohmann::json json;
    json["format"] = kFormat;
    json["id"] = id;
    json["file"] = begun.file == "-" ? begun.file : std::filesystem::absolute(begun.file).lexically_normal().string();
    json["params"] = begun.params;
    if (!begun.set.empty()) json["set"] = begun.set;
    if (!begun.tasks.empty()) json["tasks"] = begun.tasks;
    WEIR_RETURN_NOT_OK(WriteWhole(files, FileOf(out->folder_), json.dump(2) + "\n"));
  }
  WEIR_ASSIGN_OR_RETURN(out->begun_, Read(out->folder_));
  return out;
}

EdgeMaker StateFolder::Edges() const {
  const auto options = [folder = folder_, durability = durability_](const StageEdge& edge) {
    EdgeOptions out;
    out.folder = JoinPath(JoinPath(folder, "edges"), FolderName(edge.name));
    out.durability = durability;
    return out;
  };
  return {[options](const StageEdge& edge) { return MakeEdgeSink(edge, options(edge)); },
          [options](const StageEdge& edge) { return MakeEdgeSource(edge, options(edge)); }};
}

Status StateFolder::Take(const std::string& stage, RunOptions* options) {
  FileSystem& files = Env::Real().files();
  const std::string folder = JoinPath(JoinPath(folder_, "stages"), FolderName(stage));
  options->state_dir = JoinPath(folder, "steps");
  WEIR_RETURN_NOT_OK(files.MakeDirectories(options->state_dir));
  EpochStoreOptions store;
  store.durability = durability_;
  store.holder = "pid " + std::to_string(getpid());
  WEIR_ASSIGN_OR_RETURN(auto opened, LogEpochStore::Open(files, JoinPath(folder, "log"), store));
  options->epochs = opened.get();
  options->epoch_options = epochs_;
  options->durable_id = begun_.id;
  stores_.push_back(std::move(opened));
  return Status::OK();
}

}  // namespace weir
