// Columns to the right are figures: rates of the last second, shares of time, lag, bytes.
#include "cli/inside/top_table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

namespace weir {
namespace {

using Json = nlohmann::json;

std::string Scaled(double value, double base, const std::vector<const char*>& units) {
  size_t unit = 0;
  while (std::abs(value) >= base && unit + 1 < units.size()) {
    value /= base;
    ++unit;
  }
  char text[48];
  std::snprintf(text, sizeof text, unit == 0 || value >= 100 ? "%.0f%s" : "%.1f%s", value, units[unit]);
  return text;
}

std::string Count(double value) { return Scaled(value, 1000, {"", "K", "M", "G", "T"}); }
std::string Bytes(double value) { return value == 0 ? "0" : Scaled(value, 1024, {"B", "K", "M", "G", "T"}); }

std::string Percent(double share) { return std::to_string(std::lround(share * 100)); }

std::string Lag(const Json& seconds) {
  if (!seconds.is_number()) return "-";
  const double s = seconds.get<double>();
  char text[32];
  if (std::abs(s) < 120) {
    std::snprintf(text, sizeof text, "%.1fs", s);
  } else if (std::abs(s) < 7200) {
    std::snprintf(text, sizeof text, "%.0fm", s / 60);
  } else if (std::abs(s) < 172'800) {
    std::snprintf(text, sizeof text, "%.0fh", s / 3600);
  } else {
    std::snprintf(text, sizeof text, "%.0fd", s / 86'400);
  }
  return text;
}

/// How many columns of a terminal the text takes, for letters of any alphabet.
size_t Width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::vector<std::string> RowOf(const Json& step) {
  std::string name = step.value("name", "");
  if (step.contains("done_in")) return {name, "in scan of " + step["done_in"].get<std::string>()};
  if (step.value("bottleneck", false)) name += " ◀";
  const double errors = step.value("errors", 0.0), late = step.value("late", 0.0);
  return {name,
          step.value("status", ""),
          Count(step.value("rows_in_per_s", 0.0)),
          Count(step.value("rows_out_per_s", 0.0)),
          Count(step.value("rows_in", 0.0)),
          Count(step.value("rows_out", 0.0)),
          errors == 0 ? "-" : Count(errors),
          late == 0 ? "-" : Count(late),
          Percent(step.value("busy", 0.0)),
          Percent(step.value("idle", 0.0)),
          Percent(step.value("blocked", 0.0)),
          Lag(step.contains("lag_s") ? step["lag_s"] : Json()),
          Bytes(step.value("queue_bytes", 0.0)),
          Bytes(step.value("state_bytes", 0.0))};
}

std::string Line(const std::vector<std::string>& cells, const std::vector<size_t>& widths) {
  std::string out;
  for (size_t i = 0; i < cells.size(); ++i) {
    const std::string pad(widths[i] - std::min(widths[i], Width(cells[i])), ' ');
    const bool left = i < 2;
    out += (i == 0 ? "" : "  ") + (left ? cells[i] + pad : pad + cells[i]);
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

std::string Heading(const Json& run) {
  char text[256];
  const Json memory = run.value("memory", Json::object());
  std::snprintf(text, sizeof text, "  %s  %.0f s  memory %s of %s, state %s  cpu %.1f s\n",
                run.value("status", "").c_str(), run.value("uptime_s", 0.0),
                Bytes(memory.value("resident_bytes", 0.0)).c_str(), Bytes(memory.value("limit_bytes", 0.0)).c_str(),
                Bytes(memory.value("state_bytes", 0.0)).c_str(), run.value("cpu_s", 0.0));
  return run.value("file", "") + text;
}

}  // namespace

std::string TopTable(const std::string& pipeline_json, bool color) {
  const Json run = Json::parse(pipeline_json, nullptr, false);
  if (!run.is_object() || !run.contains("steps") || !run["steps"].is_array()) return "";
  std::vector<std::vector<std::string>> rows = {{"STEP", "STATUS", "IN/s", "OUT/s", "IN", "OUT", "ERRORS", "LATE",
                                                 "BUSY%", "IDLE%", "BLOCKED%", "LAG", "QUEUE", "STATE"}};
  std::vector<bool> marked = {false};
  for (const Json& step : run["steps"]) {
    rows.push_back(RowOf(step));
    marked.push_back(step.value("bottleneck", false));
  }
  std::vector<size_t> widths(rows[0].size(), 0);
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size() && row.size() == widths.size(); ++i) {
      widths[i] = std::max(widths[i], Width(row[i]));
    }
    widths[0] = std::max(widths[0], Width(row[0]));
  }
  std::string out = Heading(run);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::string line = Line(rows[i], widths);
    if (color && (i == 0 || marked[i])) {
      line = (i == 0 ? "\033[1m" : "\033[33m") + line.substr(0, line.size() - 1) + "\033[0m\n";
    }
    out += line;
  }
  return out;
}

}  // namespace weir
