// Puts the monitor's parts together.
#include "cli/run/inside.h"

#include <unistd.h>

#include <cstdio>

#include "batch/print.h"
#include "env/env.h"

namespace weir {
namespace {

/// "20261121T184500-1f2e": when it began, and what tells it from one of the same second.
std::string NewRunId(Env* env) {
  std::string time = FormatTimestamp(env->WallTime() / 1'000'000 * 1'000'000);
  std::string id;
  for (const char c : time) {
    if (c != '-' && c != ':' && c != 'Z') id += c;
  }
  char tail[8];
  std::snprintf(tail, sizeof tail, "-%04x", static_cast<unsigned>(env->RandomSeed() & 0xFFFF));
  return id + tail;
}

}  // namespace

void AddInsideFlags(Command verb, InsideFlags* flags) {
  const std::string group = "A look inside";
  verb.AddOption("--http", &flags->http, "serve figures, taps and queries at HOST:PORT; :PORT is this machine only")
      .Group(group);
  verb.AddOption("--status-every", &flags->status_every,
                 "how often STEP.status says how a step is, though nothing changes")
      .Group(group);
  verb.AddOption("--log-format", &flags->log_format, "json: what happens as lines of JSON on standard error")
      .OneOf({"text", "json"})
      .Group(group);
}

Result<std::unique_ptr<RunInside>> RunInside::Start(const InsideFlags& flags, const std::string& file,
                                                    const BoundGraph& graph, Run* run, const MemoryBudget* memory,
                                                    Env* env) {
  std::unique_ptr<RunInside> inside(new RunInside);
  const std::string id = NewRunId(env);
  inside->watcher_ = std::make_unique<RunWatcher>(id, file, run, memory, env);
  if (flags.log_format == "json") inside->log_ = std::make_unique<LogWriter>(inside->watcher_.get(), env);
  WEIR_ASSIGN_OR_RETURN(inside->otlp_, OtlpExporter::FromEnvironment(inside->watcher_.get(), env));
  if (flags.http.empty()) return inside;
  WEIR_ASSIGN_OR_RETURN(const SocketAddress address, ParseSocketAddress(flags.http));
  std::vector<std::shared_ptr<StateTable>> tables;
  for (const BoundStep& step : graph.steps) {
    if (step.binding.table != nullptr) tables.push_back(step.binding.table);
  }
  inside->server_ = std::make_unique<MonitorServer>(inside->watcher_.get(), std::move(tables));
  WEIR_RETURN_NOT_OK(inside->server_->Listen(address));
  const std::string at = inside->server_->address();
  WEIR_ASSIGN_OR_RETURN(inside->file_, RunFile::Write(*env, {getpid(), at, file, id}));
  if (inside->log_ == nullptr) std::fprintf(stderr, "weir: a look inside: http://%s\n", at.c_str());
  return inside;
}

bool InsideFlags::wanted() const {
  return !http.empty() || log_format == "json" || OtlpExporter::IsWanted(&Env::Real());
}

void RunInside::SetEnded(const Status& status) {
  watcher_->SetEnded(status);
  if (log_ != nullptr) log_->SetEnded(status);
}

}  // namespace weir
