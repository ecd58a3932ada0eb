// A folder of one small file per run.
#include "monitor/run_files.h"

#include <arrow/io/interfaces.h>
#include <signal.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "env/env.h"

namespace weir {
namespace {

constexpr int64_t kMaxFileBytes = 64 << 10;

std::string Folder(Env& env) {
  if (auto runtime = env.Variable("XDG_RUNTIME_DIR"); runtime && !runtime->empty()) {
    return JoinPath(JoinPath(*runtime, "weir"), "runs");
  }
  const std::string temp = env.Variable("TMPDIR").value_or("");
  const std::string own = "weir-" + std::to_string(getuid());
  return JoinPath(JoinPath(temp.empty() ? "/tmp" : temp, own), "runs");
}

bool Alive(int64_t pid) { return pid > 0 && (kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM); }

}  // namespace

Result<std::unique_ptr<RunFile>> RunFile::Write(Env& env, const RunEntry& entry) {
  const std::string folder = Folder(env);
  WEIR_RETURN_NOT_OK(env.files().MakeDirectories(folder));
  const std::string path = JoinPath(folder, std::to_string(entry.pid) + ".json");
  const nlohmann::json content = {
      {"pid", entry.pid}, {"http", entry.http}, {"file", entry.file}, {"run", entry.run_id}};
  const std::string text = content.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  // Written aside: a reader sees the whole file or none.
  WEIR_ASSIGN_OR_RETURN(auto out, env.files().Create(path + ".new"));
  WEIR_RETURN_NOT_OK(out->Write(text.data(), static_cast<int64_t>(text.size())));
  WEIR_RETURN_NOT_OK(out->Close());
  WEIR_RETURN_NOT_OK(env.files().Rename(path + ".new", path));
  return std::unique_ptr<RunFile>(new RunFile(env, path));
}

RunFile::~RunFile() {
  if (Status status = env_.files().Remove(path_); !status.ok()) status.Warn();
}

Result<std::vector<RunEntry>> FindRuns(Env& env) {
  const std::string folder = Folder(env);
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, env.files().Stat(folder));
  std::vector<RunEntry> out;
  if (info.kind == FileKind::kNone) return out;
  WEIR_ASSIGN_OR_RETURN(const auto entries, env.files().List(folder));
  for (const DirectoryEntry& entry : entries) {
    if (!entry.name.ends_with(".json")) continue;
    const std::string path = JoinPath(folder, entry.name);
    const auto text = ReadFile(env.files(), path, kMaxFileBytes);
    if (!text.ok()) continue;  // its run has just ended
    const auto json = nlohmann::json::parse(*text, nullptr, false);
    if (!json.is_object() || !json.contains("pid") || !json["pid"].is_number_integer()) continue;
    RunEntry run{json["pid"].get<int64_t>(), json.value("http", ""), json.value("file", ""), json.value("run", "")};
    if (Alive(run.pid)) {
      out.push_back(std::move(run));
    } else {
      WEIR_RETURN_NOT_OK(env.files().Remove(path));
    }
  }
  return out;
}

}  // namespace weir
