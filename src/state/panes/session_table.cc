// Rows find their sessions one by one; what they add up to is added for all rows of a batch together.
#include "state/panes/session_table.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>

#include <algorithm>

#include "state/aggregate/numbered_columns.h"

namespace weir {

Result<std::unique_ptr<SessionTable>> SessionTable::Make(std::shared_ptr<const PaneRules> rules) {
  std::unique_ptr<SessionTable> table(new SessionTable(rules));
  WEIR_ASSIGN_OR_RETURN(table->cells_, PaneTable::MakeForSessions(std::move(rules)));
  return table;
}

EventTime SessionTable::ExpiryOf(EventTime end) const {
  const int64_t lateness = rules_->windowing.allowed_lateness_us;
  return end > kMaxEventTime - lateness ? kMaxEventTime : end + lateness;
}

template <class FlushRows>
Result<uint32_t> SessionTable::CellOf(uint32_t key, Window window, EventTime watermark, std::deque<PaneBatch>* ready,
                                      FlushRows flush) {
  std::vector<uint32_t>& sessions = of_key_[key];
  uint32_t cell = kNone;
  for (size_t i = 0; i < sessions.size();) {
    const uint32_t other = sessions[i];
    const Window& old = cells_->window_of(other);
    if (old.start >= window.end || window.start >= old.end) {
      ++i;
      continue;
    }
    window = {std::min(window.start, old.start), std::max(window.end, old.end)};
    if (cell == kNone) {
      cell = other;
      ++i;
      continue;
    }
    WEIR_RETURN_NOT_OK(flush());
    WEIR_RETURN_NOT_OK(cells_->MergeCells(cell, other, ready));
    ++generation_[other];
    sessions.erase(sessions.begin() + static_cast<int64_t>(i));
  }
  if (cell == kNone) {
    if (ExpiryOf(window.end) <= watermark) return kNone;
    cell = cells_->NewCell(key, window);
    generation_.resize(std::max<size_t>(generation_.size(), cell + 1));
    if (sessions.empty()) ++live_;
    sessions.push_back(cell);
    const bool passed = window.end <= watermark;
    cells_->set_cell_passed(cell, passed);
    ends_.push({passed ? ExpiryOf(window.end) : window.end, cell, generation_[cell]});
    return cell;
  }
  if (!(cells_->window_of(cell) == window)) {
    // Panes that earlier rows set off are of the window as it was.
    if (rules_->trigger.fires_on_rows() || cells_->cell_passed(cell)) WEIR_RETURN_NOT_OK(flush());
    cells_->SetWindow(cell, window);
    if (cells_->cell_passed(cell) && window.end > watermark) {
      // The session goes on beyond the watermark: it will be on time once more.
      cells_->set_cell_passed(cell, false);
      cells_->Reopen(cell);
      ends_.push({window.end, cell, generation_[cell]});
    }
  }
  return cell;
}

Status SessionTable::Add(const PaneRows& rows, EventTime watermark, int64_t processing_us, std::deque<PaneBatch>* ready,
                         std::vector<LateRow>* late) {
  keys_of_rows_.resize(std::max<size_t>(keys_of_rows_.size(), rows.rows));
  cells_of_rows_.resize(std::max<size_t>(cells_of_rows_.size(), rows.rows));
  WEIR_RETURN_NOT_OK(cells_->keys().Lookup(rows.keys, rows.rows, keys_of_rows_.data()));
  of_key_.resize(cells_->keys().num_groups());
  int64_t begin = 0;
  bool passed = false;
  const auto flush_to = [&](int64_t end) -> Status {
    const int64_t from = std::exchange(begin, end);
    return Flush(rows, from, end, {processing_us, passed}, ready, late);
  };
  for (int64_t i = 0; i < rows.rows; ++i) {
    const EventTime time = rows.times.at(i);
    const Window proto{time, time + rules_->windowing.gap_us};
    WEIR_ASSIGN_OR_RETURN(const uint32_t cell,
                          CellOf(keys_of_rows_[i], proto, watermark, ready, [&] { return flush_to(i); }));
    if (cell == kNone) {
      WEIR_RETURN_NOT_OK(flush_to(i));
      begin = i + 1;
      late->push_back({static_cast<int32_t>(i), proto});
      continue;
    }
    if (cells_->cell_passed(cell) != passed) {
      WEIR_RETURN_NOT_OK(flush_to(i));
      passed = cells_->cell_passed(cell);
    }
    cells_of_rows_[i] = cell;
  }
  return flush_to(rows.rows);
}

/// Rows [begin, end), whose cells are known and alike in whether the watermark has passed them.
Status SessionTable::Flush(const PaneRows& rows, int64_t begin, int64_t end, const TriggerMachine::Now& now,
                           std::deque<PaneBatch>* ready, std::vector<LateRow>* late) {
  if (begin >= end) return Status::OK();
  PaneRows some = rows;
  if (end - begin < rows.rows) {
    some.rows = end - begin;
    some.keys.clear();
    for (ArrayDataPtr& value : some.values) {
      if (value != nullptr) value = value->Slice(begin, end - begin);
    }
    if (some.weights != nullptr) some.weights += begin;
    if (!some.times.is_constant()) {
      some.times = Int64Column(arrow::SliceBuffer(some.times.values(), begin * 8, (end - begin) * 8));
    }
  }
  std::vector<int32_t> dropped;
  WEIR_RETURN_NOT_OK(cells_->AddToCells(cells_of_rows_.data() + begin, some, now, ready, &dropped));
  for (int32_t row : dropped) {
    const auto at = static_cast<int32_t>(row + begin);
    late->push_back({at, cells_->window_of(cells_of_rows_[at])});
  }
  return Status::OK();
}

void SessionTable::Advance(EventTime watermark, int64_t processing_us, PaneQueue* out) {
  std::vector<uint32_t> passing, ending, expiring;
  while (!ends_.empty() && ends_.top().time <= watermark) {
    const auto [time, cell, generation] = ends_.top();
    ends_.pop();
    if (generation_[cell] != generation) continue;
    const EventTime end = cells_->window_of(cell).end, expiry = ExpiryOf(end);
    const bool passed = cells_->cell_passed(cell);
    if (expiry <= watermark) {
      (passed ? expiring : ending).push_back(cell);
      ++generation_[cell];
      over_.push_back(cell);
    } else if (!passed && end <= watermark) {
      passing.push_back(cell);
      cells_->set_cell_passed(cell, true);
      ends_.push({expiry, cell, generation});
    } else {
      ends_.push({passed ? expiry : end, cell, generation});
    }
  }
  cells_->PassCells(ending, processing_us, true, out);
  cells_->PassCells(passing, processing_us, false, out);
  cells_->ExpireCells(expiring, out);
}

Status SessionTable::Sweep() {
  for (uint32_t cell : over_) {
    std::vector<uint32_t>& sessions = of_key_[cells_->key_of(cell)];
    sessions.erase(std::remove(sessions.begin(), sessions.end(), cell), sessions.end());
    if (sessions.empty()) {
      --live_;
      sessions.shrink_to_fit();
    }
    cells_->FreeCell(cell);
  }
  over_.clear();
  const size_t dead = of_key_.size() - live_;
  return dead > 4096 && dead > live_ ? DropKeys() : Status::OK();
}

// A table of keys forgets none: the living ones move to a new one when they are fewer than the others.
Status SessionTable::DropKeys() {
  std::vector<uint32_t> alive, new_numbers(of_key_.size(), kNone);
  for (uint32_t key = 0; key < of_key_.size(); ++key) {
    if (!of_key_[key].empty()) alive.push_back(key);
  }
  GroupTable keys(rules_->key_types);
  std::vector<std::vector<uint32_t>> of_key(alive.size());
  if (!alive.empty()) {
    WEIR_ASSIGN_OR_RETURN(auto columns, ColumnsOfNumbers(alive, nullptr, [&](uint32_t begin, uint32_t end, auto*) {
                            return cells_->keys().KeyColumns(begin, end);
                          }));
    std::vector<uint32_t> numbers(alive.size());
    WEIR_RETURN_NOT_OK(keys.Lookup(columns, static_cast<int64_t>(alive.size()), numbers.data()));
    for (size_t i = 0; i < alive.size(); ++i) {
      new_numbers[alive[i]] = numbers[i];
      of_key[numbers[i]] = std::move(of_key_[alive[i]]);
    }
  }
  WEIR_RETURN_NOT_OK(cells_->RenumberKeys(std::move(keys), new_numbers));
  of_key_ = std::move(of_key);
  return Status::OK();
}

Status SessionTable::RunTimers(int64_t processing_us, std::deque<PaneBatch>* ready) {
  return cells_->RunTimers(processing_us, ready);
}

Status SessionTable::Restore(const StateCells& all, std::span<const int64_t> cells) {
  WEIR_RETURN_NOT_OK(cells_->Restore(all, cells));
  of_key_.resize(cells_->keys().num_groups());
  generation_.resize(cells_->num_cells());
  for (uint32_t cell = 0; cell < cells_->num_cells(); ++cell) {
    std::vector<uint32_t>& sessions = of_key_[cells_->key_of(cell)];
    if (sessions.empty()) ++live_;
    sessions.push_back(cell);
    const EventTime end = cells_->window_of(cell).end;
    ends_.push({cells_->cell_passed(cell) ? ExpiryOf(end) : end, cell, 0});
  }
  return Status::OK();
}

int64_t SessionTable::size_bytes() const {
  return cells_->size_bytes() + static_cast<int64_t>(of_key_.capacity() * 32 + ends_.size() * sizeof(Entry));
}

}  // namespace weir
