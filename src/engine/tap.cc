// Handing samples from lanes to those who look, without waiting.
#include "engine/tap.h"

#include <algorithm>

namespace weir {

std::vector<Batch> Tap::Take() {
  std::lock_guard lock(mutex_);
  return std::exchange(batches_, {});
}

void Tap::Offer(const Batch& batch) {
  std::unique_lock lock(mutex_, std::try_to_lock);
  if (lock.owns_lock() && batches_.size() < kMaxBatches) {
    batches_.push_back(batch);
  } else {
    missed_.fetch_add(batch.num_rows(), std::memory_order_relaxed);
  }
}

void TapPoint::Attach(std::shared_ptr<Tap> tap) {
  std::lock_guard lock(mutex_);
  taps_.push_back(std::move(tap));
  watched_ = true;
}

void TapPoint::Detach(const Tap* tap) {
  std::lock_guard lock(mutex_);
  taps_.erase(std::remove_if(taps_.begin(), taps_.end(), [tap](const auto& t) { return t.get() == tap; }), taps_.end());
  watched_ = !taps_.empty();
}

void TapPoint::Offer(int port, const Batch& batch) {
  std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock()) return;  // somebody attaches or detaches, or another lane offers: this one is not seen
  for (const auto& tap : taps_) {
    if (tap->port() == port) tap->Offer(batch);
  }
}

}  // namespace weir
