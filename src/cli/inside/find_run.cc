// By the files that runs keep, unless the user says where.
#include "cli/inside/find_run.h"

#include <cstdio>

#include "env/env.h"
#include "monitor/run_files.h"

namespace weir {
namespace {

std::optional<SocketAddress> Fail(const std::string& message, CliContext& context) {
  std::fprintf(stderr, "weir: %s\n", message.c_str());
  context.exit_code = kExitUsage;
  return std::nullopt;
}

}  // namespace

void AddRunAddressFlag(Command verb, std::string* http) {
  verb.AddOption("--http", http, "HOST:PORT or :PORT of the run; default: the only one that serves here");
}

std::optional<SocketAddress> FindRunAddress(const std::string& http, CliContext& context) {
  std::string text = http;
  if (text.empty()) {
    const auto runs = FindRuns(Env::Real());
    if (!runs.ok()) return Fail(runs.status().message(), context);
    if (runs->empty()) return Fail("no run of yours serves here; start one with 'weir run --http :8080 …'", context);
    if (runs->size() > 1) {
      std::string list;
      for (const RunEntry& run : *runs) list += "\n  --http " + run.http + "   " + run.file;
      return Fail("there are several runs; say which one:" + list, context);
    }
    text = (*runs)[0].http;
  }
  Result<SocketAddress> address = ParseSocketAddress(text);
  if (!address.ok()) return Fail("--http: " + address.status().message(), context);
  return *address;
}

void ReportRequest(const Status& status, CliContext& context) {
  std::fprintf(stderr, "weir: %s\n", status.message().c_str());
  context.exit_code = kExitRunFailed;
}

}  // namespace weir
