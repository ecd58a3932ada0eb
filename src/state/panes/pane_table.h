// PaneTable: the groups of a windowed collection until their window is over: what they add up to, which panes they
// gave, what their triggers wait for. Not thread-safe.
//
// A *cell* is one key in one window. Its sums live in an accumulator, whose number it holds only while it has rows that
// count: in discarding mode a pane gives the accumulator up. Cells and accumulators are arrays, not objects.
//
// Panes: Akidau et al., The Dataflow Model, VLDB 2015.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <span>
#include <vector>

#include "batch/batch.h"
#include "batch/gather_rows.h"
#include "state/cells/cell_marks.h"
#include "state/hash/group_table.h"
#include "state/panes/pane_queue.h"

namespace weir {

class StateCells;
struct StateCell;

class PaneTable : public std::enable_shared_from_this<PaneTable> {
 public:
  ~PaneTable();
  static Result<std::shared_ptr<PaneTable>> Make(std::shared_ptr<const PaneRules> rules, Window window);

  const Window& window() const { return window_; }
  /// Adds rows, which all lie in the window. Panes that they set off go to `ready`. Rows of cells that are finished
  /// count for nothing: their numbers go to `dropped`.
  Status Add(const PaneRows& rows, const TriggerMachine::Now& now, std::deque<PaneBatch>* ready,
             std::vector<int32_t>* dropped);
  /// The watermark has reached the end of the window. `expired`: and its lateness is over too.
  void Pass(int64_t processing_us, bool expired, PaneQueue* out);
  /// The lateness of a window that had passed is over: what no pane has had comes out. The table is of no use any more.
  void Expire(PaneQueue* out);
  /// Processing time has gone on.
  Status RunTimers(int64_t processing_us, std::deque<PaneBatch>* ready);
  int64_t next_timer_us() const { return timers_.empty() ? kMaxEventTime : timers_.top().first; }
  bool passed() const { return passed_; }

  // Sessions: cells have windows of their own, and a key may have several. The owner says which cell a row goes to.
  static Result<std::shared_ptr<PaneTable>> MakeForSessions(std::shared_ptr<const PaneRules> rules);
  GroupTable& keys() { return keys_; }
  uint32_t NewCell(uint32_t key, const Window& window);
  void SetWindow(uint32_t cell, const Window& window) {
    marks_.Mark(cell);
    window_of_cell_[cell] = window;
  }
  const Window& window_of(uint32_t cell) const { return window_of_cell_[cell]; }
  uint32_t key_of(uint32_t cell) const { return key_of_cell_[cell]; }
  /// Whether the watermark has reached the end of the cell's session.
  bool cell_passed(uint32_t cell) const { return (cells_[cell].flags & kPassed) != 0; }
  void set_cell_passed(uint32_t cell, bool passed) {
    marks_.Mark(cell);
    cells_[cell].flags = static_cast<uint8_t>((cells_[cell].flags & ~kPassed) | (passed ? kPassed : 0));
  }
  /// The cell's session is over; its number may be given to another.
  void FreeCell(uint32_t cell);
  /// The rows of `from` become those of `into`, and `from` is free. What its last pane said is taken back.
  Status MergeCells(uint32_t into, uint32_t from, std::deque<PaneBatch>* ready);
  void Reopen(uint32_t cell) {
    marks_.Mark(cell);
    rules_->trigger.Reopen(slots(cell));
  }
  /// As Add, for rows whose cells are known.
  Status AddToCells(const uint32_t* cells, const PaneRows& rows, const TriggerMachine::Now& now,
                    std::deque<PaneBatch>* ready, std::vector<int32_t>* dropped);
  /// As Pass and Expire, for some of the cells.
  void PassCells(const std::vector<uint32_t>& cells, int64_t processing_us, bool expired, PaneQueue* out);
  void ExpireCells(const std::vector<uint32_t>& cells, PaneQueue* out);
  /// Keys get other numbers: new_numbers[old].
  Status RenumberKeys(GroupTable keys, const std::vector<uint32_t>& new_numbers);

  // Durable runs (pane_table_state.cc). The cells of a step are told apart by key and window.
  /// What changes from now on is kept in mind for PutChanges.
  void TrackChanges() { marks_.TurnOn(); }
  /// Puts what has changed since the last call.
  Status PutChanges(StateCells* out);
  /// The table is of no use any more: deletes what was put of it.
  Status PutGone(StateCells* out) const;
  /// The window that a cell is of. Errors: Invalid when it is damaged.
  static Result<Window> WindowOf(const StateCell& cell);
  /// Makes the cells of an empty table again, of sessions those of all windows. `cells`: indices in `all`.
  Status Restore(const StateCells& all, std::span<const int64_t> cells);
  uint32_t num_cells() const { return static_cast<uint32_t>(cells_.size()); }

  /// The oldest event time that a pane may still carry; kMaxEventTime when there is none to come.
  EventTime hold() const;
  int64_t size_bytes() const;

  /// The pane of some cells that gave equally many before: at most two batches, first what is taken back.
  Status Fire(std::span<const uint32_t> cells, PaneTiming timing, bool last, std::deque<PaneBatch>* ready);
  /// By pane index, and those that are finished last: the order in which cells are put to be fired together.
  bool PaneLess(uint32_t a, uint32_t b) const {
    return std::pair(cells_[a].index, finished(a)) < std::pair(cells_[b].index, finished(b));
  }
  bool SamePane(uint32_t a, uint32_t b) const {
    return cells_[a].index == cells_[b].index && finished(a) == finished(b);
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  enum Flag : uint8_t { kFresh = 1, kFinished = 2, kPassed = 4 };
  struct Cell {
    uint32_t accumulator = kNone;
    int32_t index = 0;   // of its next pane
    int64_t live = 0;    // sum of weights
    EventTime time = 0;  // earliest or latest of its rows
    SourceRow emitted;   // what its last pane said: in emitted_
    uint32_t round = 0;  // scratch of Add
    uint8_t flags = 0;
    bool has_time = false;
  };
  struct Round {
    std::vector<int32_t> rows;
    std::vector<uint32_t> accumulators, fired;
  };

  PaneTable(std::shared_ptr<const PaneRules> rules, Window window, AggregateStates states);

  struct Restored;
  void Grow(size_t cells);
  Status PutCells(std::span<const uint32_t> cells, StateCells* out) const;
  Status PutFreed(StateCells* out) const;
  std::string ValueOf(uint32_t cell, const std::vector<ArrayDataPtr>& partial, int64_t partial_row,
                      const Batch& emitted, int64_t emitted_row) const;
  Status ReadCell(const StateCell& cell, Restored* restored);
  Status TakeRestored(Restored* restored);
  bool finished(uint32_t cell) const { return (cells_[cell].flags & kFinished) != 0; }
  bool gone(const Cell& cell) const;
  int64_t* slots(uint32_t cell) { return slots_.data() + int64_t{cell} * rules_->trigger.num_slots(); }
  uint32_t AccumulatorOf(Cell* cell);
  void Touch(Cell* cell, const PaneRows& rows, int64_t row);
  void NoteTimer(uint32_t cell);
  Status AddAll(const uint32_t* ids, const PaneRows& rows, const TriggerMachine::Now& now);
  Status AddInRounds(const uint32_t* ids, const PaneRows& rows, const TriggerMachine::Now& now,
                     std::deque<PaneBatch>* ready, std::vector<int32_t>* dropped);
  Status RunRound(const Round& round, const PaneRows& rows, PaneTiming timing, std::deque<PaneBatch>* ready);
  Status FireByIndex(std::vector<uint32_t> cells, PaneTiming timing, std::deque<PaneBatch>* ready);
  Status TakeBack(std::span<const uint32_t> cells, const Pane& pane, std::deque<PaneBatch>* ready);
  Result<PaneBatch> Results(std::span<const uint32_t> cells);
  Result<Batch> Emitted(const std::vector<SourceRow>& rows) const;
  Status Remember(std::span<const uint32_t> cells, const PaneBatch& pane);
  Status PackEmitted(size_t first);
  void SetTime(std::span<const uint32_t> cells, Batch* batch) const;
  Status TakeBackRows(const std::vector<SourceRow>& rows, const Pane& pane, std::deque<PaneBatch>* ready);
  void DropEmptyGroups(std::span<const uint32_t> cells, PaneBatch* out) const;
  void Release(Cell* cell);
  Status Compact();

  const std::shared_ptr<const PaneRules> rules_;
  const Window window_;  // of all cells; of sessions: all time
  GroupTable keys_;      // key → cell; of sessions: → number of the key
  bool sessions_ = false;
  std::vector<uint32_t> key_of_cell_;   // sessions
  std::vector<Window> window_of_cell_;  // sessions
  std::vector<uint32_t> free_cells_;    // sessions
  std::vector<Cell> cells_;
  std::vector<int64_t> slots_;  // of the triggers
  AggregateStates states_;
  uint32_t accumulators_ = 0, dead_ = 0;
  std::vector<Batch> emitted_;                        // retracting: what panes said
  std::vector<std::vector<uint32_t>> emitted_cells_;  // and of which cells
  int64_t emitted_rows_ = 0;
  std::vector<uint32_t> ids_, accumulator_of_row_;  // scratch
  std::priority_queue<std::pair<int64_t, uint32_t>, std::vector<std::pair<int64_t, uint32_t>>, std::greater<>> timers_;
  bool passed_ = false;
  CellMarks marks_;
  std::vector<Window> stored_window_;               // sessions: of a cell that is stored
  std::vector<std::pair<uint32_t, Window>> freed_;  // sessions: keys and windows of cells that were stored and are gone
  std::unique_ptr<StateCells> before_renumbering_;  // put when keys got other numbers
};

}  // namespace weir
