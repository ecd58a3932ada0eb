// weir tap: shows some of the rows that flow out of a step right now.
#include <cstdio>
#include <cstdlib>

#include "cli/inside/find_run.h"
#include "monitor/local_client.h"

namespace weir {
namespace {

struct TapFlags {
  std::string step, where, http;
  int64_t limit = 0;
};

/// Takes a stream of server-sent events apart.
class EventReader {
 public:
  /// False once standard output is gone.
  bool Take(std::string_view piece) {
    buffer_ += piece;
    size_t end;
    while ((end = buffer_.find("\n\n")) != std::string::npos) {
      const std::string event = buffer_.substr(0, end);
      buffer_.erase(0, end + 2);
      if (event.starts_with("event: missed\ndata: ")) {
        missed_ = std::strtoll(event.c_str() + 20, nullptr, 10);
      } else if (event.starts_with("data: ")) {
        if (std::fprintf(stdout, "%s\n", event.c_str() + 6) < 0) return false;
      }
    }
    return std::fflush(stdout) == 0;
  }
  int64_t missed() const { return missed_; }

 private:
  std::string buffer_;
  int64_t missed_ = 0;
};

void ShowTap(const TapFlags& flags, CliContext& context) {
  const auto address = FindRunAddress(flags.http, context);
  if (!address) return;
  LocalRequest request;
  request.accept = "text/event-stream";
  request.target = "/api/tap/" + UrlEncoded(flags.step) + "?limit=" + std::to_string(flags.limit);
  if (!flags.where.empty()) request.target += "&where=" + UrlEncoded(flags.where);
  EventReader reader;
  std::string head;  // of the answer, for an error
  const Result<int> status = SendLocal(*address, request, [&](std::string_view piece) {
    if (piece.starts_with("{\"error\"") || !head.empty()) {
      head += piece;
      return true;
    }
    return reader.Take(piece);
  });
  if (!status.ok()) return ReportRequest(status.status(), context);
  if (*status != 200) {
    LocalRequest again = request;  // refused before any row: the same answer, read for its message
    const auto refused = FetchLocal(*address, again);
    return ReportRequest(refused.ok() ? Status::Invalid("refused with ", *status) : refused.status(), context);
  }
  if (reader.missed() > 0) {
    std::fprintf(stderr, "weir: %lld rows more went by; a tap shows samples\n",
                 static_cast<long long>(reader.missed()));
  }
}

}  // namespace

void AddTapVerb(Command app, CliContext& context) {
  auto flags = std::make_shared<TapFlags>();
  Command verb = app.AddVerb("tap", "Show rows that flow out of a step of a running pipeline");
  verb.AddOption("STEP", &flags->step, "name of the step, or STEP.OUTPUT").Required();
  verb.AddOption("--where", &flags->where, "only rows for which this is true, as \"price > 3\"");
  verb.AddOption("--limit", &flags->limit, "end after so many rows; default: when the step ends").Range(1, 1 << 30);
  AddRunAddressFlag(verb, &flags->http);
  verb.SetFooter(
      "Examples:\n"
      "  weir run --http :8080 pipeline.yaml &\n"
      "  weir tap Orders --where 'amount > 1000' --limit 5\n"
      "  weir tap Orders.errors\n"
      "\n"
      "Rows come as JSON, one per line. A tap never slows the pipeline: when more flows than it can show, it misses\n"
      "some. Fields that no step reads are not made, and so are not there.");
  verb.OnRun([flags, &context] { ShowTap(*flags, context); });
}

}  // namespace weir
