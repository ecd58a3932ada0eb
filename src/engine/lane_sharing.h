// What the lanes of one task or one step have in common.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace weir {

/// What a run and its lanes tell each other, from any thread.
struct RunSignals {
  enum Drain : int { kRun, kDrain, kDrainAndClose };
  std::atomic<bool> cancelled{false};
  std::atomic<bool> any_done{false};  // some instance needs no more input
  std::atomic<bool> pausing{false};   // an epoch ends: sources are not polled
  /// Tests that count rows to epochs: those that sources may still give before the next, which ends at 0.
  std::atomic<int64_t> epoch_rows_left{INT64_MAX};
  std::atomic<int> drain{kRun};  // unbounded sources end; their windows stay open, or are closed
};

/// Which morsels (numbered pieces of a source, in source order) the lanes of one task are working on. A sink that is
/// fused with its source uses it to write in source order. Thread-safe.
class MorselTracker {
 public:
  explicit MorselTracker(int lanes) : in_flight_(lanes, kNone) {}
  /// The lane starts `morsel`; its earlier one is complete through the whole chain.
  void Start(int lane, int64_t morsel) { Set(lane, morsel); }
  /// The lane has no further morsel.
  void End(int lane) { Set(lane, kEnded); }
  /// Every morsel below this has been passed to the sink completely.
  int64_t CompleteBelow() const;
  /// No lane works on an earlier morsel than `lane` does: what waits for its turn waits for this one.
  bool IsEarliest(int lane) const;

  static constexpr int64_t kNone = -1;  // not started: could still take morsel 0
  static constexpr int64_t kEnded = INT64_MAX;

 private:
  void Set(int lane, int64_t value);
  int64_t Earliest() const;
  mutable std::mutex mutex_;
  std::vector<int64_t> in_flight_;
};

/// State that all operators and lanes of one step share (an ordered writer, a row limit). Thread-safe.
class SharedState {
 public:
  /// The object called `name`, made by `make` the first time. The caller names the same T each time.
  template <class T>
  std::shared_ptr<T> Get(const std::string& name, const std::function<std::shared_ptr<T>()>& make) {
    std::lock_guard lock(mutex_);
    for (auto& [known, object] : objects_) {
      if (known == name) return std::static_pointer_cast<T>(object);
    }
    auto object = make();
    objects_.emplace_back(name, object);
    return object;
  }
  /// Objects so far.
  int size() const {
    std::lock_guard lock(mutex_);
    return static_cast<int>(objects_.size());
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::pair<std::string, std::shared_ptr<void>>> objects_;
};

}  // namespace weir
