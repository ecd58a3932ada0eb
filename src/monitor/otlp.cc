// The JSON mapping of OTLP 1.3: 64-bit integers are strings, ids are hexadecimal.
#include "monitor/otlp.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>

#include "env/env.h"
#include "monitor/local_client.h"

namespace weir {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kCumulative = 2;

Json Attribute(const std::string& key, const std::string& value) {
  return {{"key", key}, {"value", {{"stringValue", value}}}};
}

Json Resource(const RunSnapshot& run, const std::string& service) {
  return {{"attributes", Json::array({Attribute("service.name", service), Attribute("weir.run", run.run_id),
                                      Attribute("weir.pipeline", run.file)})}};
}

std::string Nanos(int64_t micros) { return std::to_string(micros) + "000"; }

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// One metric with a point per step.
class MetricMaker {
 public:
  MetricMaker(const RunSnapshot& run, Json* metrics) : run_(run), metrics_(*metrics) {}

  void Sum(const char* name, const char* unit, int64_t StepFacts::*member) {
    Add(
        name, unit, true, [member](const StepSnapshot& s) { return Json(std::to_string(s.facts.*member)); }, "asInt");
  }
  void Gauge(const char* name, const char* unit, int64_t StepFacts::*member) {
    Add(
        name, unit, false, [member](const StepSnapshot& s) { return Json(std::to_string(s.facts.*member)); }, "asInt");
  }
  void Gauge(const char* name, const char* unit, const std::function<Json(const StepSnapshot&)>& value) {
    Add(name, unit, false, value, "asDouble");
  }

 private:
  void Add(const char* name, const char* unit, bool sum, const std::function<Json(const StepSnapshot&)>& value,
           const char* as) {
    Json points = Json::array();
    for (const StepSnapshot& step : run_.steps) {
      Json number = step.scan >= 0 ? Json(nullptr) : value(step);
      if (number.is_null()) continue;
      points.push_back({{"attributes", Json::array({Attribute("step", step.name)})},
                        {"startTimeUnixNano", Nanos(run_.started_us)},
                        {"timeUnixNano", Nanos(run_.time_us)},
                        {as, std::move(number)}});
    }
    if (points.empty()) return;
    Json metric = {{"name", name}, {"unit", unit}};
    if (sum) {
      metric["sum"] = {{"aggregationTemporality", kCumulative}, {"isMonotonic", true}, {"dataPoints", points}};
    } else {
      metric["gauge"] = {{"dataPoints", points}};
    }
    metrics_.push_back(std::move(metric));
  }

  const RunSnapshot& run_;
  Json& metrics_;
};

std::string Trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(' '), end = text.find_last_not_of(' ');
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

std::vector<std::pair<std::string, std::string>> Headers(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> out;
  for (size_t at = 0; at < text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    const std::string entry = text.substr(at, comma - at);
    if (const size_t equals = entry.find('='); equals != std::string::npos) {
      out.emplace_back(Trimmed(entry.substr(0, equals)), Trimmed(entry.substr(equals + 1)));
    }
    at = comma + 1;
  }
  return out;
}

std::string Hex(uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace

std::string OtlpMetricsJson(const RunSnapshot& run, const std::string& service) {
  Json metrics = Json::array();
  MetricMaker make(run, &metrics);
  make.Sum("weir.rows_in", "{row}", &StepFacts::rows_in);
  make.Sum("weir.rows_out", "{row}", &StepFacts::rows_out);
  make.Sum("weir.bytes_in", "By", &StepFacts::bytes_in);
  make.Sum("weir.bytes_out", "By", &StepFacts::bytes_out);
  make.Sum("weir.errors", "{row}", &StepFacts::errors);
  make.Sum("weir.late_rows", "{row}", &StepFacts::late_rows);
  make.Sum("weir.spilled", "By", &StepFacts::spilled_bytes);
  make.Gauge("weir.queue", "By", &StepFacts::queue_bytes);
  make.Gauge("weir.state", "By", &StepFacts::state_bytes);
  make.Gauge("weir.busy", "1", [](const StepSnapshot& s) { return Json(s.busy); });
  make.Gauge("weir.idle", "1", [](const StepSnapshot& s) { return Json(s.idle); });
  make.Gauge("weir.blocked", "1", [](const StepSnapshot& s) { return Json(s.blocked); });
  make.Gauge("weir.watermark_lag", "s", [&run](const StepSnapshot& s) -> Json {
    if (s.facts.watermark <= kMinEventTime || s.facts.watermark >= kEndOfGlobalWindow) return nullptr;
    return static_cast<double>(run.time_us - s.facts.watermark) * 1e-6;
  });
  const Json scope = {{"scope", {{"name", "weir"}}}, {"metrics", metrics}};
  return Dump({{"resourceMetrics",
                Json::array({{{"resource", Resource(run, service)}, {"scopeMetrics", Json::array({scope})}}})}});
}

bool OtlpExporter::IsWanted(Env* env) { return !env->Variable("OTEL_EXPORTER_OTLP_ENDPOINT").value_or("").empty(); }

Result<std::unique_ptr<OtlpExporter>> OtlpExporter::FromEnvironment(RunWatcher* watcher, Env* env) {
  if (!IsWanted(env)) return nullptr;
  const std::string endpoint = *env->Variable("OTEL_EXPORTER_OTLP_ENDPOINT");
  const std::string scheme = "http://";
  if (!endpoint.starts_with(scheme)) {
    return Status::Invalid(
        "OTEL_EXPORTER_OTLP_ENDPOINT is an address like http://localhost:4318, without TLS; this is '", endpoint, "'");
  }
  Settings settings;
  const size_t slash = std::min(endpoint.find('/', scheme.size()), endpoint.size());
  std::string host = endpoint.substr(scheme.size(), slash - scheme.size());
  if (host.find(':', host.rfind(']') == std::string::npos ? 0 : host.rfind(']')) == std::string::npos) host += ":4318";
  WEIR_ASSIGN_OR_RETURN(settings.collector, ParseSocketAddress(host));
  settings.path = endpoint.substr(slash);
  while (settings.path.ends_with('/')) settings.path.pop_back();
  settings.service = env->Variable("OTEL_SERVICE_NAME").value_or("weir");
  settings.headers = Headers(env->Variable("OTEL_EXPORTER_OTLP_HEADERS").value_or(""));
  if (const auto text = env->Variable("OTEL_METRIC_EXPORT_INTERVAL"); text && !text->empty()) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), settings.interval_ms);
    if (error != std::errc() || end != text->data() + text->size() || settings.interval_ms < 100) {
      return Status::Invalid("OTEL_METRIC_EXPORT_INTERVAL is a number of milliseconds, 100 or more; this is '", *text,
                             "'");
    }
  }
  return std::unique_ptr<OtlpExporter>(new OtlpExporter(watcher, env, std::move(settings)));
}

OtlpExporter::OtlpExporter(RunWatcher* watcher, Env* env, Settings settings)
    : watcher_(watcher), env_(env), settings_(std::move(settings)), thread_([this] { Loop(); }) {}

OtlpExporter::~OtlpExporter() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stop_.notify_all();
  thread_.join();
  const RunSnapshot last = watcher_->Now();
  NoteEnds(last);
  Post("metrics", OtlpMetricsJson(last, settings_.service));
  Post("traces", TracesJson(last));
}

void OtlpExporter::Loop() {
  SetThreadName("weir-otlp");
  const int64_t step_ms = std::min<int64_t>(settings_.interval_ms, 1000);
  int64_t waited_ms = 0;
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, std::chrono::milliseconds(step_ms), [this] { return stopped_; })) {
    lock.unlock();
    const RunSnapshot now = watcher_->Now();
    NoteEnds(now);
    waited_ms += step_ms;
    if (waited_ms >= settings_.interval_ms) {
      waited_ms = 0;
      Post("metrics", OtlpMetricsJson(now, settings_.service));
    }
    lock.lock();
  }
}

void OtlpExporter::NoteEnds(const RunSnapshot& run) {
  for (const StepSnapshot& step : run.steps) {
    if (run.ended || step.status == StepStatus::kFinished) ended_us_.try_emplace(step.name, run.time_us);
  }
}

void OtlpExporter::Post(const std::string& signal, std::string body) {
  LocalRequest request;
  request.method = "POST";
  request.target = settings_.path + "/v1/" + signal;
  request.headers = settings_.headers;
  request.body = std::move(body);
  const Result<int> status = SendLocal(settings_.collector, request, [](std::string_view) { return true; });
  if ((status.ok() && *status / 100 == 2) || complained_) return;
  complained_ = true;
  const std::string why = status.ok() ? "it answers " + std::to_string(*status) : status.status().message();
  std::fprintf(stderr, "weir: %s cannot be sent to %s: %s\n", signal.c_str(), settings_.collector.ToString().c_str(),
               why.c_str());
}

std::string OtlpExporter::TracesJson(const RunSnapshot& run) const {
  const std::string trace = Hex(env_->RandomSeed()) + Hex(env_->RandomSeed());
  const std::string root = Hex(env_->RandomSeed());
  Json spans = Json::array();
  const auto add = [&](const std::string& id, const std::string& parent, const std::string& name, int64_t end_us,
                       bool failed, Json attributes) {
    Json span = {{"traceId", trace}, {"spanId", id}};
    if (!parent.empty()) span["parentSpanId"] = parent;
    span["name"] = name;
    span["kind"] = 1;  // internal
    span["startTimeUnixNano"] = Nanos(run.started_us);
    span["endTimeUnixNano"] = Nanos(end_us);
    span["attributes"] = std::move(attributes);
    span["status"] = failed ? Json{{"code", 2}, {"message", run.error}} : Json{{"code", 1}};
    spans.push_back(std::move(span));
  };
  add(root, "", "run " + run.file, run.time_us, !run.error.empty(), Json::array());
  for (const StepSnapshot& step : run.steps) {
    if (step.scan >= 0) continue;
    const auto ended = ended_us_.find(step.name);
    const auto count = [](const char* key, int64_t value) {
      return Json{{"key", key}, {"value", {{"intValue", std::to_string(value)}}}};
    };
    add(Hex(env_->RandomSeed()), root, step.name, ended == ended_us_.end() ? run.time_us : ended->second,
        step.status == StepStatus::kFailed,
        Json::array({Attribute("weir.type", step.type), count("weir.rows_in", step.facts.rows_in),
                     count("weir.rows_out", step.facts.rows_out), count("weir.errors", step.facts.errors)}));
  }
  const Json scope = {{"scope", {{"name", "weir"}}}, {"spans", spans}};
  return Dump({{"resourceSpans", Json::array({{{"resource", Resource(run, settings_.service)},
                                               {"scopeSpans", Json::array({scope})}}})}});
}

}  // namespace weir
