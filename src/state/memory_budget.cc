// Accounts state and measures the rest.
#include "state/memory_budget.h"

#include <arrow/memory_pool.h>
#include <fcntl.h>
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>

namespace weir {
namespace {

constexpr int64_t kMinLimit = 64 << 20;
constexpr int64_t kMeasureEveryNs = 10'000'000;
constexpr int64_t kReleaseEveryNs = 100'000'000;
/// Less than this is not worth an announcement.
constexpr int64_t kLeastAnnounced = 4 << 20;

int64_t NowNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

/// Resident bytes that are the process's own. Pages of files (code, mapped data) can be dropped by the system at any
/// time, but a limit on the process counts them too, so they count here.
int64_t ResidentBytes() {
  static const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  static const int64_t page = sysconf(_SC_PAGESIZE);
  char text[128];
  const ssize_t got = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
  if (got <= 0) return 0;
  text[got] = '\0';
  char* end = text;
  std::strtoll(text, &end, 10);  // total size
  return std::strtoll(end, nullptr, 10) * page;
}

int64_t ReadLimit(const char* path) {
  std::ifstream in(path);  // allowed: the kernel's view of this process; no test replaces it
  std::string word;
  if (!(in >> word) || word == "max") return std::numeric_limits<int64_t>::max();
  const int64_t value = std::strtoll(word.c_str(), nullptr, 10);
  return value > 0 ? value : std::numeric_limits<int64_t>::max();
}

int64_t MachineBytes() {
  const int64_t physical = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
  return std::min(
      {physical, ReadLimit("/sys/fs/cgroup/memory.max"), ReadLimit("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
}

}  // namespace

MemoryBudget::MemoryBudget(int64_t limit_bytes) : limit_(limit_bytes), state_limit_(limit_bytes / 2) {}

Result<std::unique_ptr<MemoryBudget>> MemoryBudget::Make(int64_t limit_bytes) {
  if (limit_bytes == 0) limit_bytes = std::max(kMinLimit, MachineBytes() / 10 * 6);
  if (limit_bytes < kMinLimit) {
    return Status::Invalid("a memory budget of ", limit_bytes, " bytes is too small; the least is 64MiB");
  }
  return std::unique_ptr<MemoryBudget>(new MemoryBudget(limit_bytes));
}

std::unique_ptr<MemoryBudget> MemoryBudget::Fixed(int64_t state_limit_bytes) {
  std::unique_ptr<MemoryBudget> budget(new MemoryBudget(state_limit_bytes));
  budget->state_limit_.store(state_limit_bytes, std::memory_order_relaxed);
  budget->measures_ = false;
  return budget;
}

void MemoryBudget::Measure() {
  if (!measures_) return;
  const int64_t now = NowNs();
  int64_t due = next_measure_ns_.load(std::memory_order_relaxed);
  if (now < due || !next_measure_ns_.compare_exchange_strong(due, now + kMeasureEveryNs)) return;
  int64_t resident = ResidentBytes();
  // What was freed stays resident until the allocators let go of it; near the limit they are asked to.
  if (resident > limit_ / 100 * 85 && now >= next_release_ns_.load(std::memory_order_relaxed)) {
    next_release_ns_.store(now + kReleaseEveryNs, std::memory_order_relaxed);
    arrow::default_memory_pool()->ReleaseUnused();
    malloc_trim(0);
    resident = ResidentBytes();
  }
  // While a table doubles nobody knows how much of it is resident: the last measure stands.
  if (announced_.load(std::memory_order_relaxed) > 0) return;
  const int64_t other = std::max<int64_t>(resident - state_bytes(), 0);
  // Never less than an eighth: below that every operator would spill single batches and nothing would get done.
  state_limit_.store(std::max(limit_ - other - limit_ / 16, limit_ / 8), std::memory_order_relaxed);
}

void MemoryReservation::Announce(int64_t bytes) {
  if (bytes < kLeastAnnounced) bytes = 0;
  if (budget_ == nullptr || bytes == announced_) return;
  budget_->announced_.fetch_add(bytes - announced_, std::memory_order_relaxed);
  announced_ = bytes;
}

void MemoryReservation::Set(int64_t bytes) {
  Announce(0);
  if (budget_ == nullptr || bytes == bytes_) {
    bytes_ = bytes;
    return;
  }
  if (bytes_ == 0) budget_->holders_.fetch_add(1, std::memory_order_relaxed);
  if (bytes == 0) budget_->holders_.fetch_sub(1, std::memory_order_relaxed);
  budget_->state_.fetch_add(bytes - bytes_, std::memory_order_relaxed);
  bytes_ = bytes;
  budget_->Measure();
}

int64_t MemoryReservation::share_bytes() const {
  if (budget_ == nullptr) return std::numeric_limits<int64_t>::max();
  return budget_->state_limit_bytes() / std::max(1, budget_->holders_.load(std::memory_order_relaxed));
}

bool MemoryReservation::ShouldSpill(int64_t more_bytes) const {
  if (budget_ == nullptr || bytes_ == 0) return false;
  const int64_t wanted = budget_->state_bytes() + budget_->announced_.load(std::memory_order_relaxed) + more_bytes;
  return wanted > budget_->state_limit_bytes() && bytes_ + more_bytes >= share_bytes();
}

}  // namespace weir
