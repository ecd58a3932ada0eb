// OrderedGate: puts what several lanes make back into the order of the source.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <utility>

#include "engine/operator.h"

namespace weir {

/// Items carry the number of the source's piece (morsel) that they come from. Items of the earliest piece that is still
/// in work pass at once, items of later pieces wait until every earlier piece has been handed over completely. An item
/// without a piece
/// (-1), or any item when the sink is not fused with its source, passes at once: there is no order to keep.
/// Not thread-safe: the owner locks.
template <class T>
class OrderedGate {
 public:
  explicit OrderedGate(std::shared_ptr<MorselTracker> morsels) : morsels_(std::move(morsels)) {}

  /// `item` is the newest of `morsel`. Call Pass() afterwards.
  void Push(int64_t morsel, T item) { held_[morsels_ ? morsel : -1].push_back(std::move(item)); }

  /// Calls pass(T&) for each item whose turn has come, in order, until it returns false: then that item and what is
  /// behind it wait for the next call.
  template <class F>
  void Pass(F pass) {
    int64_t front = morsels_ ? morsels_->CompleteBelow() : -1;
    PassUpTo(front, pass);
  }
  /// The same at the end, when every lane has finished: nothing waits for earlier pieces any more.
  template <class F>
  void PassAll(F pass) {
    PassUpTo(INT64_MAX, pass);
  }

 private:
  template <class F>
  void PassUpTo(int64_t front, F& pass) {
    while (!held_.empty() && held_.begin()->first <= front) {
      std::deque<T>& items = held_.begin()->second;
      while (!items.empty()) {
        if (!pass(items.front())) return;
        items.pop_front();
      }
      held_.erase(held_.begin());
    }
  }

  const std::shared_ptr<MorselTracker> morsels_;
  std::map<int64_t, std::deque<T>> held_;
};

}  // namespace weir
