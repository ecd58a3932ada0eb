// weir top: a live table of the steps of a running pipeline.
#include <poll.h>
#include <unistd.h>

#include <cstdio>

#include "cli/inside/find_run.h"
#include "cli/inside/top_table.h"
#include "monitor/local_client.h"

namespace weir {
namespace {

struct TopFlags {
  std::string http;
  bool once = false, json = false;
};

constexpr int kRedrawMs = 1000;

Result<std::string> FetchPipeline(const SocketAddress& address) {
  LocalRequest request;
  request.target = "/api/pipeline";
  return FetchLocal(address, request);
}

/// Redraws until the run ends, or until Ctrl-C ends this process.
Status Watch(const SocketAddress& address, bool color) {
  for (bool first = true;; first = false) {
    const Result<std::string> answer = FetchPipeline(address);
    if (!answer.ok()) {
      if (first) return answer.status();
      std::fputs("the run has ended\n", stdout);
      return Status::OK();
    }
    const std::string table = TopTable(*answer, color);
    if (table.empty()) return Status::Invalid("the answer of ", address.ToString(), " is not of a run");
    std::fputs(("\033[H\033[2J" + table).c_str(), stdout);
    std::fflush(stdout);
    poll(nullptr, 0, kRedrawMs);
  }
}

void Top(const TopFlags& flags, CliContext& context) {
  const auto address = FindRunAddress(flags.http, context);
  if (!address) return;
  const bool live = !flags.once && !flags.json && isatty(STDOUT_FILENO) != 0;
  if (live) {
    if (Status status = Watch(*address, context.color_stdout()); !status.ok()) ReportRequest(status, context);
    return;
  }
  const Result<std::string> answer = FetchPipeline(*address);
  if (!answer.ok()) return ReportRequest(answer.status(), context);
  std::fputs((flags.json ? *answer : TopTable(*answer, context.color_stdout())).c_str(), stdout);
}

}  // namespace

void AddTopVerb(Command app, CliContext& context) {
  auto flags = std::make_shared<TopFlags>();
  Command verb = app.AddVerb("top", "Show the steps of a running pipeline: rows, time, lag, and where it is slow");
  AddRunAddressFlag(verb, &flags->http);
  verb.AddFlag("--once", &flags->once, "one table, then end");
  verb.AddFlag("--json", &flags->json, "what /api/pipeline answers, then end");
  verb.SetFooter(
      "Examples:\n"
      "  weir run --http :8080 pipeline.yaml &\n"
      "  weir top\n"
      "  weir top --once --http 127.0.0.1:8080\n"
      "\n"
      "IN/s and OUT/s are rows in the last second; BUSY, IDLE and BLOCKED are shares of the time of a step's lanes:\n"
      "working, without input, held by back pressure. LAG is the time of day minus the watermark. The step that most\n"
      "time goes to is marked with ◀.");
  verb.OnRun([flags, &context] { Top(*flags, context); });
}

}  // namespace weir
