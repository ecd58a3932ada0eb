// The graph with its live figures.
#include "monitor/pipeline_json.h"

#include <nlohmann/json.hpp>

#include "batch/print.h"

namespace weir {
namespace {

using Json = nlohmann::ordered_json;

Json StepJson(const RunSnapshot& run, const StepSnapshot& step) {
  const StepFacts& f = step.facts;
  Json out = {{"name", step.name}, {"type", step.type}, {"inputs", step.inputs}};
  if (step.scan >= 0) {
    out["done_in"] = run.steps[step.scan].name;
    return out;
  }
  const bool known = f.watermark > kMinEventTime && f.watermark < kEndOfGlobalWindow;
  out["status"] = StepStatusName(step.status);
  out["lanes"] = f.lanes;
  out["rows_in"] = f.rows_in;
  out["rows_out"] = f.rows_out;
  out["bytes_in"] = f.bytes_in;
  out["bytes_out"] = f.bytes_out;
  out["errors"] = f.errors;
  out["late"] = f.late_rows;
  out["rows_in_per_s"] = step.rows_in_per_s;
  out["rows_out_per_s"] = step.rows_out_per_s;
  out["bytes_in_per_s"] = step.bytes_in_per_s;
  out["bytes_out_per_s"] = step.bytes_out_per_s;
  out["watermark"] = known ? Json(FormatTimestamp(f.watermark)) : Json(nullptr);
  out["lag_s"] = known ? Json(static_cast<double>(run.time_us - f.watermark) * 1e-6) : Json(nullptr);
  out["busy"] = step.busy;
  out["idle"] = step.idle;
  out["blocked"] = step.blocked;
  out["busy_s"] = f.busy_s;
  out["queue_bytes"] = f.queue_bytes;
  out["state_bytes"] = f.state_bytes;
  out["spilled_bytes"] = f.spilled_bytes;
  out["bottleneck"] = step.bottleneck;
  return out;
}

}  // namespace

std::string PipelineJson(const RunSnapshot& run) {
  Json out = {{"run", run.run_id}, {"file", run.file}, {"time", FormatTimestamp(run.time_us)}};
  out["uptime_s"] = static_cast<double>(run.time_us - run.started_us) * 1e-6;
  out["status"] = !run.error.empty() ? "failed" : run.ended ? "finished" : run.ready ? "running" : "starting";
  out["error"] = run.error.empty() ? Json(nullptr) : Json(run.error);
  out["memory"] = {{"limit_bytes", run.memory_limit_bytes},
                   {"state_bytes", run.state_bytes},
                   {"resident_bytes", run.resident_bytes}};
  out["cpu_s"] = run.cpu_s;
  out["steps"] = Json::array();
  for (const StepSnapshot& step : run.steps) out["steps"].push_back(StepJson(run, step));
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace weir
