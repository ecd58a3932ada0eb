// before_after: each row of the feed has the row that went and the row that came.
#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "batch/gather.h"
#include "operators/changes/change_writers.h"
#include "state/cells/keyed_cells.h"
#include "state/changes/row_counts.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

/// When a change took place.
struct Moment {
  EventTime time = kMinEventTime;
  bool has_window = false;
  Window window;
};

Moment MomentOf(const Batch& batch, int64_t row) {
  Moment out{batch.event_time().at(row), batch.has_window(), {}};
  if (out.has_window) out.window = {batch.window_start().at(row), batch.window_end().at(row)};
  return out;
}

class ToPairs final : public Operator {
 public:
  ToPairs(ToPlanPtr plan, const OperatorContext& lane)
      : plan_(plan), keys_(plan->key_types), rows_(plan->types), reservation_(lane.memory) {}

  Status Process(int, Batch batch, Emitter& out) override {
    if (batch.num_rows() == 0) return Status::OK();
    const int64_t rows = batch.num_rows();
    std::vector<ArrayDataPtr> columns, keys;
    for (int i = 0; i < batch.num_columns(); ++i) columns.push_back(batch.column(i));
    for (int key : plan_->keys) keys.push_back(batch.column(key));
    std::vector<uint32_t> numbers(static_cast<size_t>(rows)), key_numbers(numbers.size());
    WEIR_RETURN_NOT_OK(rows_.Number(columns, rows, numbers.data()));
    if (!keys.empty()) WEIR_RETURN_NOT_OK(keys_.Number(keys, rows, key_numbers.data()));
    waiting_of_key_.resize(keys_.size(), kNone);
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t weight = ChangeWeight(batch, i);
      for (int64_t k = 0; k < std::abs(weight); ++k) {
        if (keys.empty()) {
          Give(weight < 0 ? numbers[i] : kNone, weight < 0 ? kNone : numbers[i], MomentOf(batch, i));
        } else if (weight < 0) {
          Wait(numbers[i], key_numbers[i], MomentOf(batch, i), out.processing_time_us());
        } else {
          Give(TakePlace(key_numbers[i], batch.event_time().at(i)), numbers[i], MomentOf(batch, i));
        }
      }
    }
    WEIR_RETURN_NOT_OK(Emit(batch.pane(), out));
    return Tidy();
  }

  Status OnWatermark(EventTime watermark, Emitter& out) override {
    return GiveWaiting([=](const Waiting& one) { return one.moment.time < watermark; }, out);
  }
  int64_t next_timer_us() const override {
    return earliest_us_ == kMaxEventTime ? earliest_us_ : earliest_us_ + kWaitUs;
  }
  Status OnProcessingTime(int64_t now_us, Emitter& out) override {
    return GiveWaiting([=](const Waiting& one) { return one.since_us + kWaitUs <= now_us; }, out);
  }
  EventTime watermark_hold() const override {
    EventTime hold = kMaxEventTime;
    for (const Waiting& one : waiting_) hold = std::min(hold, one.moment.time);
    return hold;
  }
  Status Finish(Emitter& out) override {
    return GiveWaiting([](const Waiting&) { return true; }, out);
  }
  int64_t state_bytes() const override { return reservation_.bytes(); }

  // A cell for each row that waits, under a number of its own. Few wait, and not for long: all of them are looked at.
  Status Snapshot(StateCells* out) override {
    std::vector<uint32_t> rows, keys;
    std::vector<Waiting*> fresh;
    std::set<CellId> still;
    for (Waiting& one : waiting_) {
      if (one.cell.group >= 0) still.insert(one.cell);
      if (one.cell.group >= 0) continue;
      rows.push_back(one.row);
      keys.push_back(one.key);
      fresh.push_back(&one);
    }
    for (const CellId& id : stored_) {
      if (still.count(id) == 0) out->Delete(0, id.group, KeyOf(id));
    }
    stored_ = std::move(still);
    WEIR_ASSIGN_OR_RETURN(const auto columns, rows_.Columns(rows));
    WEIR_ASSIGN_OR_RETURN(auto key_columns, keys_.Columns(keys));
    CellKeys cell_keys;
    WEIR_RETURN_NOT_OK(cell_keys.Set(std::move(key_columns), static_cast<int64_t>(keys.size())));
    for (size_t i = 0; i < fresh.size(); ++i) {
      fresh[i]->cell = {next_cell_++, cell_keys.group(static_cast<int64_t>(i))};
      stored_.insert(fresh[i]->cell);
      out->Put(0, fresh[i]->cell.group, KeyOf(fresh[i]->cell), ValueOf(*fresh[i], columns, static_cast<int64_t>(i)));
    }
    return Status::OK();
  }

  Status Restore(const StateCells& cells) override {
    std::map<CellId, int64_t> in_order;
    for (int64_t i = 0; i < cells.size(); ++i) {
      in_order[{StateReader(cells.at(i).key).Int(), cells.at(i).group}] = i;
    }
    RowStateReader reader(plan_->types);
    for (const auto& [id, i] : in_order) WEIR_RETURN_NOT_OK(reader.Add(StateReader(cells.at(i).value).Bytes()));
    WEIR_ASSIGN_OR_RETURN(const auto columns, reader.Finish());
    std::vector<ArrayDataPtr> keys;
    for (int key : plan_->keys) keys.push_back(columns[static_cast<size_t>(key)]);
    std::vector<uint32_t> numbers(static_cast<size_t>(cells.size())), key_numbers(numbers.size());
    WEIR_RETURN_NOT_OK(rows_.Number(columns, cells.size(), numbers.data()));
    if (!keys.empty()) WEIR_RETURN_NOT_OK(keys_.Number(keys, cells.size(), key_numbers.data()));
    waiting_of_key_.resize(keys_.size(), kNone);
    size_t row = 0;
    for (const auto& [id, i] : in_order) {
      StateReader value(cells.at(i).value);
      value.Bytes();
      Moment moment{value.Int(), false, {}};
      moment.has_window = value.Int() != 0;
      moment.window.start = value.Int();
      moment.window.end = value.Int();
      Wait(numbers[row], key_numbers[row], moment, value.Int());
      if (!value.AtEnd()) return DamagedState();
      waiting_.back().cell = id;
      stored_.insert(id);
      next_cell_ = std::max(next_cell_, id.number + 1);
      ++row;
    }
    return Status::OK();
  }

 private:
  static constexpr uint32_t kNone = RowCounts::kNone;
  /// Numbers are counted by lane: they differ within a group.
  struct CellId {
    int64_t number = 0;
    int group = -1;  // below 0: not put yet
    auto operator<=>(const CellId&) const = default;
  };

  static std::string KeyOf(const CellId& id) {
    std::string key;
    StateWriter(&key).Int(id.number);
    return key;
  }
  /// A row that went; those of one key hang together by their indices.
  struct Waiting {
    uint32_t row = kNone;  // kNone: found its successor
    uint32_t key = 0;
    Moment moment;
    int64_t since_us = 0;
    uint32_t next = kNone;
    CellId cell{};
  };

  static std::string ValueOf(const Waiting& one, const std::vector<ArrayDataPtr>& columns, int64_t row) {
    std::string value, bytes;
    AppendRowState(columns, row, &bytes);
    StateWriter writer(&value);
    writer.Bytes(bytes);
    writer.Int(one.moment.time);
    writer.Int(one.moment.has_window ? 1 : 0);
    writer.Int(one.moment.window.start);
    writer.Int(one.moment.window.end);
    writer.Int(one.since_us);
    return value;
  }

  void Wait(uint32_t row, uint32_t key, const Moment& moment, int64_t now_us) {
    rows_.Add(row, 1);
    keys_.Add(key, 1);
    waiting_.push_back({row, key, moment, now_us, waiting_of_key_[key], {}});
    waiting_of_key_[key] = static_cast<uint32_t>(waiting_.size()) - 1;
    earliest_us_ = std::min(earliest_us_, now_us);
  }

  /// A row that waits for one of this key and time; kNone: there is none.
  uint32_t TakePlace(uint32_t key, EventTime time) {
    for (uint32_t* at = &waiting_of_key_[key]; *at != kNone; at = &waiting_[*at].next) {
      Waiting& one = waiting_[*at];
      if (one.moment.time != time) continue;
      const uint32_t row = one.row;
      one.row = kNone;
      *at = one.next;
      rows_.Add(row, -1);
      keys_.Add(key, -1);
      return row;
    }
    return kNone;
  }

  void Give(uint32_t before, uint32_t after, const Moment& moment) {
    before_.push_back(before);
    after_.push_back(after);
    moments_.push_back(moment);
  }

  template <class Ripe>
  Status GiveWaiting(Ripe ripe, Emitter& out) {
    if (waiting_.empty()) return Status::OK();
    for (Waiting& one : waiting_) {
      if (one.row == kNone || !ripe(one)) continue;
      Give(one.row, kNone, one.moment);
      rows_.Add(one.row, -1);
      keys_.Add(one.key, -1);
      one.row = kNone;
    }
    WEIR_RETURN_NOT_OK(Emit(Pane{}, out));
    return Tidy();
  }

  /// Takes those out of the list that wait no more.
  Status Tidy() {
    std::vector<uint32_t> moved_rows, moved_keys;
    if (rows_.wants_compaction()) {
      WEIR_ASSIGN_OR_RETURN(moved_rows, rows_.Compact());
    }
    if (keys_.wants_compaction()) {
      WEIR_ASSIGN_OR_RETURN(moved_keys, keys_.Compact());
    }
    for (const Waiting& one : waiting_) {
      if (moved_keys.empty()) waiting_of_key_[one.key] = kNone;
    }
    if (!moved_keys.empty()) waiting_of_key_.assign(keys_.size(), kNone);
    earliest_us_ = kMaxEventTime;
    size_t kept = 0;
    for (Waiting one : waiting_) {
      if (one.row == kNone) continue;
      if (!moved_rows.empty()) one.row = moved_rows[one.row];
      if (!moved_keys.empty()) one.key = moved_keys[one.key];
      one.next = waiting_of_key_[one.key];
      waiting_of_key_[one.key] = static_cast<uint32_t>(kept);
      earliest_us_ = std::min(earliest_us_, one.since_us);
      waiting_[kept++] = one;
    }
    waiting_.resize(kept);
    reservation_.Set(rows_.size_bytes() + keys_.size_bytes() +
                     static_cast<int64_t>(waiting_.capacity() * sizeof(Waiting)));
    return Status::OK();
  }

  Status Emit(const Pane& pane, Emitter& out) {
    if (moments_.empty()) return Status::OK();
    WEIR_ASSIGN_OR_RETURN(auto before, Objects(before_, 0));
    WEIR_ASSIGN_OR_RETURN(auto after, Objects(after_, 1));
    Batch result(plan_->schema, {before, after}, static_cast<int64_t>(moments_.size()));
    std::vector<int64_t> times, starts, ends;
    for (const Moment& moment : moments_) {
      times.push_back(moment.time);
      starts.push_back(moment.window.start);
      ends.push_back(moment.window.end);
    }
    const auto column = [](std::vector<int64_t> values) {
      return Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(values))));
    };
    if (moments_[0].has_window) result.set_window(column(std::move(starts)), column(std::move(ends)));
    result.set_event_time(column(std::move(times)));
    result.set_pane(pane);
    before_.clear();
    after_.clear();
    moments_.clear();
    return out.Emit(std::move(result));
  }

  Result<ArrayDataPtr> Objects(const std::vector<uint32_t>& numbers, int field) const {
    const auto count = static_cast<int64_t>(numbers.size());
    std::vector<uint32_t> there;
    std::vector<int32_t> rows;
    WEIR_ASSIGN_OR_RETURN(auto valid, arrow::AllocateEmptyBitmap(count));
    for (int64_t i = 0; i < count; ++i) {
      arrow::bit_util::SetBitTo(valid->mutable_data(), i, numbers[i] != kNone);
      rows.push_back(numbers[i] == kNone ? -1 : static_cast<int32_t>(there.size()));
      if (numbers[i] != kNone) there.push_back(numbers[i]);
    }
    std::vector<ArrayDataPtr> children;
    for (int i = 0; i < rows_.num_columns(); ++i) {
      WEIR_ASSIGN_OR_RETURN(auto values, rows_.Column(i, there));
      WEIR_ASSIGN_OR_RETURN(auto child, GatherColumn(values, rows));
      children.push_back(std::move(child));
    }
    return arrow::ArrayData::Make(plan_->schema->field(field)->type(), count, {BufferPtr(std::move(valid))},
                                  std::move(children), count - static_cast<int64_t>(there.size()));
  }

  const ToPlanPtr plan_;
  RowCounts keys_;  // with how many of their rows wait
  RowCounts rows_;  // the same
  std::vector<Waiting> waiting_;
  std::vector<uint32_t> waiting_of_key_;  // the newest
  int64_t earliest_us_ = kMaxEventTime;   // since when the oldest waits
  std::set<CellId> stored_;
  int64_t next_cell_ = 0;
  // What is to be given: rows, kNone for null.
  std::vector<uint32_t> before_, after_;
  std::vector<Moment> moments_;
  MemoryReservation reservation_;
};

}  // namespace

Result<std::unique_ptr<Operator>> MakeToPairs(ToPlanPtr plan, const OperatorContext& lane) {
  return std::make_unique<ToPairs>(std::move(plan), lane);
}

}  // namespace weir
