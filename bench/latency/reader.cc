// weir_bench_latency RATE WARM_UP_S: reads lines {"id":…,"at":µs,…} from standard input and tells how old they are when
// they arrive.
//
// {"rows":…, "seconds":…, "since_at":{"p50":ms,"p99":…,"p99.9":…,"max":…}, "since_due":{…}}
// `since_at`: since the time in the row. `since_due`: since the moment at which row number `id` was due at RATE rows
// per second after the first, so a source that falls behind its rate does not hide it; absent where RATE is 0. Rows of
// the first WARM_UP_S seconds do not count.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

int64_t NowUs() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

/// Counts of whole microseconds, up to four seconds.
class Histogram {
 public:
  void Add(int64_t us) {
    ++counts_[static_cast<size_t>(std::clamp<int64_t>(us, 0, kMaxUs))];
    ++total_;
    max_us_ = std::max(max_us_, us);
  }
  double QuantileMs(double share) const {
    const auto wanted = static_cast<uint64_t>(static_cast<double>(total_) * share);
    uint64_t seen = 0;
    for (size_t us = 0; us < counts_.size(); ++us) {
      seen += counts_[us];
      if (seen > wanted) return static_cast<double>(us) / 1000;
    }
    return static_cast<double>(max_us_) / 1000;
  }
  void Print(const char* name) const {
    std::printf(", \"%s\": {\"p50\": %.3f, \"p99\": %.3f, \"p99.9\": %.3f, \"max\": %.3f}", name, QuantileMs(0.5),
                QuantileMs(0.99), QuantileMs(0.999), static_cast<double>(max_us_) / 1000);
  }

 private:
  static constexpr int64_t kMaxUs = 4'000'000;
  std::vector<uint32_t> counts_ = std::vector<uint32_t>(kMaxUs + 1);
  uint64_t total_ = 0;
  int64_t max_us_ = 0;
};

/// The integer behind `name` in a line; -1 where there is none.
int64_t Field(std::string_view line, std::string_view name) {
  size_t at = line.find(name);
  if (at == line.npos) return -1;
  at = line.find_first_not_of(' ', at + name.size());
  int64_t value = -1;
  if (at != line.npos) std::from_chars(line.data() + at, line.data() + line.size(), value);
  return value;
}

class Reader {
 public:
  Reader(double rate, double warm_up_s) : rate_(rate), warm_up_us_(static_cast<int64_t>(warm_up_s * 1e6)) {}

  void Take(std::string_view line, int64_t now_us) {
    const int64_t id = Field(line, "\"id\":"), at_us = Field(line, "\"at\":");
    if (at_us < 0) return;
    // Lanes may be out of order; the due time is that of the earliest start that any row speaks for.
    if (rate_ > 0) start_us_ = std::min(start_us_, at_us - static_cast<int64_t>(static_cast<double>(id) / rate_ * 1e6));
    if (first_us_ < 0) first_us_ = now_us;
    if (now_us - first_us_ < warm_up_us_) return;
    if (rows_++ == 0) measured_from_us_ = now_us;
    last_us_ = now_us;
    since_at_.Add(now_us - at_us);
    if (rate_ > 0) since_due_.Add(now_us - start_us_ - static_cast<int64_t>(static_cast<double>(id) / rate_ * 1e6));
  }

  void Print() const {
    std::printf("{\"rows\": %lld, \"seconds\": %.3f", static_cast<long long>(rows_),
                static_cast<double>(last_us_ - measured_from_us_) / 1e6);
    since_at_.Print("since_at");
    if (rate_ > 0) since_due_.Print("since_due");
    std::printf("}\n");
  }

 private:
  const double rate_;
  const int64_t warm_up_us_;
  Histogram since_at_, since_due_;
  int64_t rows_ = 0, first_us_ = -1, measured_from_us_ = 0, last_us_ = 0, start_us_ = INT64_MAX;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: weir_bench_latency RATE WARM_UP_S <lines\n");
    return 2;
  }
  Reader reader(std::atof(argv[1]), std::atof(argv[2]));
  std::vector<char> buffer(1 << 20);
  size_t kept = 0;
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, buffer.data() + kept, buffer.size() - kept);
    if (got <= 0) break;
    const int64_t now_us = NowUs();
    std::string_view text(buffer.data(), kept + static_cast<size_t>(got));
    for (size_t end; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
      reader.Take(text.substr(0, end), now_us);
    }
    kept = text.size();
    std::memmove(buffer.data(), text.data(), kept);
  }
  reader.Print();
  return 0;
}
