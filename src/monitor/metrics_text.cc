// Metric families, each with its help and type before its samples, as the format asks.
#include "monitor/metrics_text.h"

#include <cstdio>
#include <functional>
#include <optional>

namespace weir {
namespace {

std::string Escaped(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string NumberText(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  double back = 0;
  for (int digits = 6; digits < 17; ++digits) {
    char shorter[40];
    std::snprintf(shorter, sizeof shorter, "%.*g", digits, value);
    if (std::sscanf(shorter, "%lf", &back) == 1 && back == value) return shorter;
  }
  return text;
}

class Writer {
 public:
  explicit Writer(const RunSnapshot& run) : run_(run) {}

  void Family(const char* name, const char* type, const char* help) {
    out_ += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
    name_ = name;
  }
  void Sample(const std::string& labels, double value) {
    out_ += name_ + (labels.empty() ? "" : "{" + labels + "}") + " " + NumberText(value) + "\n";
  }
  void Single(const char* name, const char* type, const char* help, double value) {
    Family(name, type, help);
    Sample("", value);
  }
  using Value = std::function<std::optional<double>(const StepSnapshot&)>;
  void PerStep(const char* name, const char* type, const char* help, const Value& value) {
    Family(name, type, help);
    for (const StepSnapshot& step : run_.steps) {
      if (step.scan >= 0) continue;
      if (const auto v = value(step)) Sample(StepLabel(step), *v);
    }
  }
  void RowsOut() {
    Family("weir_rows_out_total", "counter", "Rows that a step gave, by output.");
    for (const StepSnapshot& step : run_.steps) {
      if (step.scan >= 0) continue;
      Sample(StepLabel(step) + ",port=\"output\"", static_cast<double>(step.facts.rows_out));
      if (step.facts.errors > 0) Sample(StepLabel(step) + ",port=\"errors\"", static_cast<double>(step.facts.errors));
      if (step.facts.late_rows > 0) {
        Sample(StepLabel(step) + ",port=\"late\"", static_cast<double>(step.facts.late_rows));
      }
    }
  }
  std::string Take() { return std::move(out_); }

 private:
  static std::string StepLabel(const StepSnapshot& step) { return "step=\"" + Escaped(step.name) + "\""; }

  const RunSnapshot& run_;
  std::string out_, name_;
};

bool Known(EventTime watermark) { return watermark > kMinEventTime && watermark < kEndOfGlobalWindow; }

void AddProcess(const RunSnapshot& run, Writer* to) {
  to->Family("weir_run_info", "gauge", "The run that this process carries out.");
  to->Sample("run=\"" + Escaped(run.run_id) + "\",pipeline=\"" + Escaped(run.file) + "\"", 1);
  to->Single("weir_run_ready", "gauge", "1 when every source, operator and sink is open.", run.ready);
  to->Single("weir_run_uptime_seconds", "gauge", "Time since the run began.",
             static_cast<double>(run.time_us - run.started_us) * 1e-6);
  to->Single("weir_memory_limit_bytes", "gauge", "The memory budget.", static_cast<double>(run.memory_limit_bytes));
  to->Single("weir_memory_state_bytes", "gauge", "What operators hold, by the account of the memory budget.",
             static_cast<double>(run.state_bytes));
  to->Single("process_resident_memory_bytes", "gauge", "Resident memory of the process.",
             static_cast<double>(run.resident_bytes));
  to->Single("process_cpu_seconds_total", "counter", "Processor time of the process, user and system.", run.cpu_s);
}

}  // namespace

std::string MetricsText(const RunSnapshot& run) {
  Writer to(run);
  AddProcess(run, &to);
  auto count = [&](const char* name, const char* help, int64_t StepFacts::*member) {
    to.PerStep(name, "counter", help, [member](const StepSnapshot& s) { return static_cast<double>(s.facts.*member); });
  };
  auto gauge = [&](const char* name, const char* help, int64_t StepFacts::*member) {
    to.PerStep(name, "gauge", help, [member](const StepSnapshot& s) { return static_cast<double>(s.facts.*member); });
  };
  auto seconds = [&](const char* name, const char* help, double StepFacts::*member) {
    to.PerStep(name, "counter", help, [member](const StepSnapshot& s) { return s.facts.*member; });
  };
  auto ratio = [&](const char* name, const char* help, double StepSnapshot::*member) {
    to.PerStep(name, "gauge", help, [member](const StepSnapshot& s) { return s.*member; });
  };
  count("weir_rows_in_total", "Rows that a step took.", &StepFacts::rows_in);
  to.RowsOut();
  count("weir_bytes_in_total", "Bytes in memory of the rows that a step took.", &StepFacts::bytes_in);
  count("weir_bytes_out_total", "Bytes in memory of the rows that a step gave.", &StepFacts::bytes_out);
  count("weir_errors_total", "Rows that a step rejected.", &StepFacts::errors);
  count("weir_late_rows_total", "Rows that came after their window was over.", &StepFacts::late_rows);
  count("weir_spilled_bytes_total", "Bytes written to temporary files.", &StepFacts::spilled_bytes);
  gauge("weir_queue_bytes", "Bytes that wait in channels to a step.", &StepFacts::queue_bytes);
  gauge("weir_state_bytes", "Bytes that a step keeps.", &StepFacts::state_bytes);
  to.PerStep("weir_lanes", "gauge", "Parallel lanes of a step.",
             [](const StepSnapshot& s) { return static_cast<double>(s.facts.lanes); });
  to.PerStep("weir_watermark_seconds", "gauge", "Input watermark as seconds since 1970.",
             [](const StepSnapshot& s) -> std::optional<double> {
               if (!Known(s.facts.watermark)) return std::nullopt;
               return static_cast<double>(s.facts.watermark) * 1e-6;
             });
  to.PerStep("weir_watermark_lag_seconds", "gauge", "Processing time minus the input watermark.",
             [&run](const StepSnapshot& s) -> std::optional<double> {
               if (!Known(s.facts.watermark)) return std::nullopt;
               return static_cast<double>(run.time_us - s.facts.watermark) * 1e-6;
             });
  seconds("weir_busy_seconds_total", "Time that a step worked, over its lanes.", &StepFacts::busy_s);
  seconds("weir_idle_seconds_total", "Time that the lanes of a step waited for input.", &StepFacts::idle_s);
  seconds("weir_blocked_seconds_total", "Time that the lanes of a step waited for room behind them (back pressure).",
          &StepFacts::blocked_s);
  ratio("weir_busy_ratio", "Share of its lanes' time that a step worked, over the last second.", &StepSnapshot::busy);
  ratio("weir_idle_ratio", "Share of time without input, over the last second.", &StepSnapshot::idle);
  ratio("weir_blocked_ratio", "Share of time held by back pressure, over the last second.", &StepSnapshot::blocked);
  return to.Take();
}

}  // namespace weir
