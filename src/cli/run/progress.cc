// Redraws the progress line five times a second.
#include "cli/run/progress.h"

#include <chrono>
#include <cstdio>
#include <string>

namespace weir {
namespace {

std::string Scaled(double value, const char* unit) {
  static const char* const kPrefixes[] = {"", "K", "M", "G", "T"};
  int prefix = 0;
  while (value >= 1000 && prefix < 4) {
    value /= 1000;
    ++prefix;
  }
  char text[64];
  std::snprintf(text, sizeof text, prefix == 0 ? "%.0f %s%s" : "%.1f %s%s", value, kPrefixes[prefix], unit);
  return text;
}

}  // namespace

ProgressLine::ProgressLine(const Run& run, bool enabled) : run_(run) {
  if (enabled) thread_ = std::thread([this] { Loop(); });
}

ProgressLine::~ProgressLine() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stop_.notify_all();
  thread_.join();
  std::fprintf(stderr, "\r\033[K");
}

void ProgressLine::Loop() {
  const auto start = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, std::chrono::milliseconds(200), [this] { return stopped_; })) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const RunProgress p = run_.progress();
    std::string line = Scaled(static_cast<double>(p.rows), "rows") + "  " +
                       Scaled(static_cast<double>(p.rows) / seconds, "rows/s") + "  " +
                       Scaled(static_cast<double>(p.bytes_done) / seconds, "B/s");
    if (p.bytes_total > 0) {
      char share[32];
      std::snprintf(share, sizeof share, "  %3.0f %%",
                    100.0 * static_cast<double>(p.bytes_done) / static_cast<double>(p.bytes_total));
      line += share;
    }
    std::fprintf(stderr, "\r\033[K%.1f s  %s", seconds, line.c_str());
    std::fflush(stderr);
  }
}

}  // namespace weir
