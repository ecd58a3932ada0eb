// OtlpExporter: sends a run's figures and, at its end, its spans to an OpenTelemetry collector, by OTLP over HTTP in
// JSON.
//
// As the OpenTelemetry environment variables say: OTEL_EXPORTER_OTLP_ENDPOINT (http://HOST:PORT, to which /v1/metrics
// and /v1/traces are added; without it nothing is sent), OTEL_EXPORTER_OTLP_HEADERS (NAME=VALUE,…), OTEL_SERVICE_NAME
// ("weir"), OTEL_METRIC_EXPORT_INTERVAL (ms; 10000). Without TLS: a collector stands beside the program.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "monitor/snapshot.h"
#include "net/socket.h"

namespace weir {

class OtlpExporter {
 public:
  /// Null when the environment asks for none. `watcher` outlives it. Errors: Invalid for an endpoint or interval that
  /// is none.
  static Result<std::unique_ptr<OtlpExporter>> FromEnvironment(RunWatcher* watcher, Env* env);
  /// Whether FromEnvironment would send anything.
  static bool IsWanted(Env* env);
  /// Sends the last figures, and the spans: one of the run, and one below it of each step. A collector that does not
  /// answer is told of once, on standard error; it never fails a run.
  ~OtlpExporter();

 private:
  struct Settings {
    SocketAddress collector;
    std::string path;  // before /v1/…
    std::string service;
    std::vector<std::pair<std::string, std::string>> headers;
    int64_t interval_ms = 10'000;
  };
  OtlpExporter(RunWatcher* watcher, Env* env, Settings settings);
  void Loop();
  void NoteEnds(const RunSnapshot& run);
  void Post(const std::string& signal, std::string body);
  std::string TracesJson(const RunSnapshot& run) const;

  RunWatcher* const watcher_;
  Env* const env_;
  const Settings settings_;
  std::map<std::string, int64_t> ended_us_;  // by step
  bool complained_ = false;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopped_ = false;
  std::thread thread_;
};

/// The body of a request to /v1/metrics.
std::string OtlpMetricsJson(const RunSnapshot& run, const std::string& service);

}  // namespace weir
