// weir query: SQL over the tables that a running pipeline keeps.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/inside/find_run.h"
#include "monitor/local_client.h"

namespace weir {
namespace {

struct QueryFlags {
  std::string sql, as_of, http;
  bool json = false;
};

void Query(const QueryFlags& flags, CliContext& context) {
  const auto address = FindRunAddress(flags.http, context);
  if (!address) return;
  nlohmann::json body = {{"sql", flags.sql}, {"format", flags.json ? "json" : "table"}};
  if (!flags.as_of.empty()) body["as_of"] = flags.as_of;
  LocalRequest request;
  request.method = "POST";
  request.target = "/api/query";
  request.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const Result<std::string> answer = FetchLocal(*address, request);
  if (!answer.ok()) return ReportRequest(answer.status(), context);
  std::fputs(answer->c_str(), stdout);
}

}  // namespace

void AddQueryVerb(Command app, CliContext& context) {
  auto flags = std::make_shared<QueryFlags>();
  Command verb = app.AddVerb("query", "Ask the tables that a running pipeline keeps, in SQL");
  verb.AddOption("SQL", &flags->sql, "one SELECT over the tables that 'state:' names").Required();
  verb.AddOption("--as-of", &flags->as_of, "as they were at this event time, as 2026-03-01T12:00:00Z; default: now");
  AddRunAddressFlag(verb, &flags->http);
  verb.AddFlag("--json", &flags->json, "the answer as JSON");
  verb.SetFooter(
      "Examples:\n"
      "  weir run --http :8080 pipeline.yaml &          where a step has state: {name: balances, key: account}\n"
      "  weir query 'select * from balances order by balance desc limit 10'\n"
      "  weir query 'select sum(balance) from balances' --as-of 2026-03-01T00:00:00Z\n"
      "\n"
      "The answer has at most 10,000 rows and is given up after 10 s. Queries read; they change nothing.");
  verb.OnRun([flags, &context] { Query(*flags, context); });
}

}  // namespace weir
