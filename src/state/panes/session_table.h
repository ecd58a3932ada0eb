// SessionTable: groups whose windows grow and merge: a session of a key lasts until no row came for the gap. Not
// thread-safe.
#pragma once

#include <memory>
#include <queue>
#include <vector>

#include "state/panes/pane_table.h"

namespace weir {

class SessionTable {
 public:
  static Result<std::unique_ptr<SessionTable>> Make(std::shared_ptr<const PaneRules> rules);

  /// A row that came when every session that it could be part of was over.
  struct LateRow {
    int32_t row;
    Window window;
  };
  /// Adds rows; a row may begin, extend or merge sessions. Panes that rows set off go to `ready`.
  Status Add(const PaneRows& rows, EventTime watermark, int64_t processing_us, std::deque<PaneBatch>* ready,
             std::vector<LateRow>* late);
  /// Sessions that end up to `watermark` give their panes; call Sweep() once those are out.
  void Advance(EventTime watermark, int64_t processing_us, PaneQueue* out);
  /// Frees the sessions that are over.
  Status Sweep();
  Status RunTimers(int64_t processing_us, std::deque<PaneBatch>* ready);
  int64_t next_timer_us() const { return cells_->next_timer_us(); }
  EventTime hold() const { return cells_->hold(); }
  int64_t size_bytes() const;
  // As PaneTable's.
  void TrackChanges() { cells_->TrackChanges(); }
  Status PutChanges(StateCells* out) { return cells_->PutChanges(out); }
  Status Restore(const StateCells& all, std::span<const int64_t> cells);

 private:
  explicit SessionTable(std::shared_ptr<const PaneRules> rules) : rules_(std::move(rules)) {}

  struct Entry {
    EventTime time;
    uint32_t cell, generation;
    bool operator>(const Entry& other) const { return time > other.time; }
  };

  EventTime ExpiryOf(EventTime end) const;
  /// The cell of a row of `key`; kNone: too late. Merging needs the rows before to be in their cells: `flush`.
  template <class Flush>
  Result<uint32_t> CellOf(uint32_t key, Window window, EventTime watermark, std::deque<PaneBatch>* ready, Flush flush);
  Status Flush(const PaneRows& rows, int64_t begin, int64_t end, const TriggerMachine::Now& now,
               std::deque<PaneBatch>* ready, std::vector<LateRow>* late);
  Status DropKeys();

  static constexpr uint32_t kNone = UINT32_MAX;
  const std::shared_ptr<const PaneRules> rules_;
  std::shared_ptr<PaneTable> cells_;
  std::vector<std::vector<uint32_t>> of_key_;  // cells of a key's sessions
  std::vector<uint32_t> generation_;           // by cell: counts its sessions
  // When something happens next to a session: its end or the end of its lateness. That may be too early, since sessions
  // grow; entries of an earlier generation are of sessions that are gone.
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ends_;
  std::vector<uint32_t> over_;  // to be freed
  std::vector<uint32_t> keys_of_rows_, cells_of_rows_;
  size_t live_ = 0;  // keys that have sessions
};

}  // namespace weir
