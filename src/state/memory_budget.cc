// Accounting by atomics; the resident size comes from /proc/self/statm.
#include "state/memory_budget.h"

#include <arrow/memory_pool.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace weir {

namespace {

constexpr int64_t kWatchEveryNs = 5'000'000;
constexpr int64_t kReleaseEveryNs = 200'000'000;
constexpr int64_t kSmall = int64_t{256} << 10;  // consumers below this do not count as such

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

/// Resident memory that is not backed by files, or -1 where it cannot be read.
int64_t ResidentBytes() {
  static const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  char text[128];
  const ssize_t size = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
  if (size <= 0) return -1;
  text[size] = 0;
  long long total = 0, resident = 0, shared = 0;
  if (std::sscanf(text, "%lld %lld %lld", &total, &resident, &shared) != 3) return -1;
  static const int64_t page = sysconf(_SC_PAGESIZE);
  return (resident - shared) * page;
}

}  // namespace

void MemoryBudget::Add(int64_t bytes) {
  const int64_t used = used_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  int64_t peak = peak_.load(std::memory_order_relaxed);
  while (used > peak && !peak_.compare_exchange_weak(peak, used, std::memory_order_relaxed)) {
  }
  Watch();
}

void MemoryBudget::Watch() {
  if (!options_.watch_process || options_.limit_bytes == INT64_MAX) return;
  const int64_t now = NowNs();
  int64_t due = next_watch_ns_.load(std::memory_order_relaxed);
  if (now < due || !next_watch_ns_.compare_exchange_strong(due, now + kWatchEveryNs, std::memory_order_relaxed)) return;
  const int64_t limit = options_.limit_bytes;
  int64_t resident = ResidentBytes();
  if (resident < 0) return;
  // The allocator keeps what was freed; before others must spill for that, it is asked to give it back.
  int64_t release = next_release_ns_.load(std::memory_order_relaxed);
  if (resident > limit - limit / 8 && now >= release &&
      next_release_ns_.compare_exchange_strong(release, now + kReleaseEveryNs, std::memory_order_relaxed)) {
    arrow::default_memory_pool()->ReleaseUnused();
    resident = ResidentBytes();
  }
  const int64_t unaccounted = resident - used_.load(std::memory_order_relaxed);
  unaccounted_.store(std::clamp<int64_t>(unaccounted, 0, limit - limit / 8), std::memory_order_relaxed);
}

void MemoryReservation::Set(int64_t bytes) {
  if (budget_ == nullptr || bytes == bytes_) return;
  const int before = bytes_ > kSmall, after = bytes > kSmall;
  if (before != after) budget_->consumers_.fetch_add(after - before, std::memory_order_relaxed);
  budget_->Add(bytes - bytes_);
  bytes_ = bytes;
}

bool MemoryReservation::ShouldSpill(int64_t more_bytes) const {
  if (budget_ == nullptr) return false;
  const int64_t limit = budget_->effective_limit_bytes();
  if (budget_->used_bytes() + more_bytes <= limit) return false;
  const int consumers = std::max(1, budget_->consumers_.load(std::memory_order_relaxed));
  return bytes_ > 0 && bytes_ + more_bytes >= limit / (2 * consumers);
}

int64_t MemoryReservation::WriteBufferBytes() const {
  constexpr int64_t kMost = int64_t{8} << 20;
  return budget_ == nullptr ? kMost : std::clamp<int64_t>(budget_->limit_bytes() / 32, int64_t{64} << 10, kMost);
}

}  // namespace weir
