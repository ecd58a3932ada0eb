// upsert: the new row of each key, and the keys that have none any more.
#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "batch/gather.h"
#include "batch/types.h"
#include "operators/changes/change_writers.h"
#include "state/cells/keyed_cells.h"
#include "state/changes/row_counts.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

class ToUpserts final : public Operator {
 public:
  ToUpserts(ToPlanPtr plan, const OperatorContext& lane)
      : plan_(plan), keys_(plan->key_types), rows_(WithRun(plan->types)), reservation_(lane.memory) {
    if (lane.durable) marks_.TurnOn();
  }

  Status Process(int, Batch batch, Emitter& out) override {
    if (batch.num_rows() == 0) return Status::OK();
    std::vector<int32_t> came;
    WEIR_RETURN_NOT_OK(Collect(batch, out.processing_time_us(), &came));
    if (!came.empty()) WEIR_RETURN_NOT_OK(EmitRows(batch, came, out));
    return Tidy();
  }

  Status OnWatermark(EventTime watermark, Emitter& out) override {
    return GiveWaiting([=](const Waiting& one) { return one.time < watermark; }, out);
  }
  int64_t next_timer_us() const override {
    return earliest_us_ == kMaxEventTime ? earliest_us_ : earliest_us_ + kWaitUs;
  }
  Status OnProcessingTime(int64_t now_us, Emitter& out) override {
    return GiveWaiting([=](const Waiting& one) { return one.since_us + kWaitUs <= now_us; }, out);
  }
  EventTime watermark_hold() const override {
    EventTime hold = kMaxEventTime;
    for (const Waiting& one : waiting_) hold = std::min(hold, one.time);
    return hold;
  }
  Status Finish(Emitter& out) override {
    return GiveWaiting([](const Waiting&) { return true; }, out);
  }
  int64_t state_bytes() const override { return reservation_.bytes(); }

  Status Snapshot(StateCells* out) override {
    out->AppendGroups(before_compaction_, 0, kKeyGroups);
    before_compaction_ = {};
    return PutChanges(out);
  }

  Status Restore(const StateCells& cells) override {
    RowStateReader keys(plan_->key_types);
    for (int64_t i = 0; i < cells.size(); ++i) WEIR_RETURN_NOT_OK(keys.Add(StateReader(cells.at(i).key).Bytes()));
    WEIR_ASSIGN_OR_RETURN(const auto columns, keys.Finish());
    std::vector<uint32_t> numbers(static_cast<size_t>(cells.size()));
    WEIR_RETURN_NOT_OK(keys_.Number(columns, cells.size(), numbers.data()));
    known_.resize(keys_.size());
    for (size_t i = 0; i < numbers.size(); ++i) {
      StateReader reader(cells.at(static_cast<int64_t>(i)).value);
      keys_.Add(numbers[i], reader.Int());
      Key& key = known_[numbers[i]];
      const uint8_t flags = reader.Byte();
      key.told = (flags & kTold) != 0;
      if ((flags & kWaits) != 0) {
        Waiting one{numbers[i], reader.Int(), (flags & kWindow) != 0, {}, 0};
        one.since_us = reader.Int();
        if (one.has_window) one.window.start = reader.Int();
        if (one.has_window) one.window.end = reader.Int();
        key.waiting = static_cast<uint32_t>(waiting_.size());
        waiting_.push_back(one);
        earliest_us_ = std::min(earliest_us_, one.since_us);
      }
      if (!reader.AtEnd()) return DamagedState();
      marks_.set_stored(numbers[i], true);
    }
    return Status::OK();
  }

 private:
  static constexpr uint8_t kTold = 1, kWaits = 2, kWindow = 4;

  /// Of each key: count · flags · [event time · since when it waits · [window]]
  Status PutChanges(StateCells* out) {
    const auto value = [this](uint32_t number, StateWriter* writer) {
      const Key& key = known_[number];
      const Waiting* one = key.waiting == kNone ? nullptr : &waiting_[key.waiting];
      const bool window = one != nullptr && one->has_window;
      writer->Int(keys_.count(number));
      writer->Byte(
          static_cast<uint8_t>((key.told ? kTold : 0) | (one != nullptr ? kWaits : 0) | (window ? kWindow : 0)));
      if (one != nullptr) {
        writer->Int(one->time);
        writer->Int(one->since_us);
      }
      if (window) {
        writer->Int(one->window.start);
        writer->Int(one->window.end);
      }
      return keys_.count(number) != 0 || key.told || one != nullptr;
    };
    return PutMarked(
        {}, [this](std::span<const uint32_t> numbers) { return keys_.Columns(numbers); }, value, &marks_, out);
  }

  static constexpr uint32_t kNone = RowCounts::kNone;
  /// A key whose row went.
  struct Waiting {
    uint32_t key = 0;
    EventTime time = 0;
    bool has_window = false;
    Window window;
    int64_t since_us = 0;
  };
  struct Key {
    uint32_t waiting = kNone;  // in waiting_
    bool told = false;         // that it has a row
  };

  static std::vector<TypePtr> WithRun(std::vector<TypePtr> types) {
    types.push_back(arrow::int64());
    return types;
  }

  /// `came`: rows of the batch that are the new rows of their keys, one for each run of a key's rows of one event time.
  Status Collect(const Batch& batch, int64_t now_us, std::vector<int32_t>* came) {
    const int64_t rows = batch.num_rows();
    std::vector<ArrayDataPtr> columns, keys;
    for (int i = 0; i < batch.num_columns(); ++i) columns.push_back(batch.column(i));
    for (int key : plan_->keys) keys.push_back(batch.column(key));
    std::vector<uint32_t> row_numbers(static_cast<size_t>(rows)), key_numbers(row_numbers.size());
    WEIR_RETURN_NOT_OK(keys_.Number(keys, rows, key_numbers.data()));
    known_.resize(keys_.size());
    const std::vector<int64_t> runs = RunsOf(batch, key_numbers);
    columns.push_back(arrow::ArrayData::Make(arrow::int64(), rows, {nullptr, arrow::Buffer::FromVector(runs)}, 0));
    rows_.Clear();
    WEIR_RETURN_NOT_OK(rows_.Number(columns, rows, row_numbers.data()));
    for (int64_t i = 0; i < rows; ++i) rows_.Add(row_numbers[i], ChangeWeight(batch, i));
    std::vector<int32_t> place(static_cast<size_t>(rows), -1);  // of a run: in `came`
    for (int64_t i = 0; i < rows; ++i) {
      const uint32_t key = key_numbers[i];
      keys_.Add(key, ChangeWeight(batch, i));
      marks_.Mark(key);
      if (ChangeWeight(batch, i) <= 0 || rows_.count(row_numbers[i]) <= 0) continue;
      known_[key].told = true;
      known_[key].waiting = kNone;
      int32_t& at = place[runs[i]];
      if (at < 0) {
        at = static_cast<int32_t>(came->size());
        came->push_back(0);
      }
      (*came)[at] = static_cast<int32_t>(i);
    }
    for (int64_t i = 0; i < rows; ++i) {
      const uint32_t key = key_numbers[i];
      if (keys_.count(key) <= 0 && known_[key].told && ChangeWeight(batch, i) < 0) Wait(batch, i, key, now_us);
    }
    return Status::OK();
  }

  /// Rows of a key that follow each other and have one event time have one number.
  std::vector<int64_t> RunsOf(const Batch& batch, const std::vector<uint32_t>& key_numbers) {
    std::vector<int64_t> runs;
    newest_.resize(keys_.size(), -1);
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      int64_t& last = newest_[key_numbers[i]];
      const bool same = last >= 0 && batch.event_time().at(last) == batch.event_time().at(i);
      runs.push_back(same ? runs[last] : i);
      last = i;
    }
    for (uint32_t key : key_numbers) newest_[key] = -1;
    return runs;
  }

  void Wait(const Batch& batch, int64_t row, uint32_t key, int64_t now_us) {
    Waiting one{key, batch.event_time().at(row), batch.has_window(), {}, now_us};
    if (one.has_window) one.window = {batch.window_start().at(row), batch.window_end().at(row)};
    if (known_[key].waiting != kNone) {
      waiting_[known_[key].waiting] = one;
      return;
    }
    known_[key].waiting = static_cast<uint32_t>(waiting_.size());
    waiting_.push_back(one);
    earliest_us_ = std::min(earliest_us_, now_us);
  }

  bool Waits(size_t index) const { return known_[waiting_[index].key].waiting == index; }

  template <class Ripe>
  Status GiveWaiting(Ripe ripe, Emitter& out) {
    std::vector<Waiting> gone;
    for (size_t i = 0; i < waiting_.size(); ++i) {
      if (!Waits(i) || !ripe(waiting_[i])) continue;
      Key& key = known_[waiting_[i].key];
      marks_.Mark(waiting_[i].key);
      key.waiting = kNone;
      if (keys_.count(waiting_[i].key) > 0) continue;  // a row came that stands for the one that went
      key.told = false;
      gone.push_back(waiting_[i]);
    }
    if (!gone.empty()) WEIR_RETURN_NOT_OK(EmitGone(gone, out));
    return waiting_.empty() ? Status::OK() : Tidy();
  }

  Status EmitRows(const Batch& batch, const std::vector<int32_t>& rows, Emitter& out) const {
    std::vector<ArrayDataPtr> columns;
    for (int i = 0; i < batch.num_columns(); ++i) {
      WEIR_ASSIGN_OR_RETURN(auto column, GatherColumn(batch.column(i), rows));
      columns.push_back(std::move(column));
    }
    if (marked()) {
      columns.push_back(
          WordColumn(plan_->config.insert[0], plan_->config.remove[0], std::vector<int32_t>(rows.size(), 0)));
    }
    Batch result(plan_->schema, std::move(columns), static_cast<int64_t>(rows.size()));
    TakeTimes(batch, rows, &result);
    return out.Emit(std::move(result));
  }

  Status EmitGone(const std::vector<Waiting>& gone, Emitter& out) const {
    const auto count = static_cast<int64_t>(gone.size());
    std::vector<uint32_t> numbers;
    std::vector<int64_t> times, starts, ends;
    for (const Waiting& one : gone) {
      numbers.push_back(one.key);
      times.push_back(one.time);
      starts.push_back(one.window.start);
      ends.push_back(one.window.end);
    }
    std::vector<ArrayDataPtr> columns;
    for (size_t i = 0; i < plan_->types.size(); ++i) {
      const auto key = std::find(plan_->keys.begin(), plan_->keys.end(), static_cast<int>(i));
      ArrayDataPtr column;
      if (key == plan_->keys.end()) {
        WEIR_ASSIGN_OR_RETURN(column, NullColumn(plan_->types[i], count));
      } else {
        WEIR_ASSIGN_OR_RETURN(column, keys_.Column(static_cast<int>(key - plan_->keys.begin()), numbers));
      }
      columns.push_back(std::move(column));
    }
    if (marked()) {
      columns.push_back(
          WordColumn(plan_->config.insert[0], plan_->config.remove[0], std::vector<int32_t>(gone.size(), 1)));
    }
    Batch result(plan_->schema, std::move(columns), count);
    const auto column = [](std::vector<int64_t> values) {
      return Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(values))));
    };
    if (gone[0].has_window) result.set_window(column(std::move(starts)), column(std::move(ends)));
    result.set_event_time(column(std::move(times)));
    return out.Emit(std::move(result));
  }

  bool marked() const { return !ChangeField(plan_->config).empty(); }

  /// Takes those out of the list that wait no more, and forgets keys without rows.
  Status Tidy() {
    std::vector<Waiting> waiting;
    earliest_us_ = kMaxEventTime;
    for (size_t i = 0; i < waiting_.size(); ++i) {
      if (!Waits(i)) continue;
      earliest_us_ = std::min(earliest_us_, waiting_[i].since_us);
      waiting.push_back(waiting_[i]);
    }
    for (const Waiting& one : waiting_) known_[one.key].waiting = kNone;
    waiting_ = std::move(waiting);
    for (size_t i = 0; i < waiting_.size(); ++i) known_[waiting_[i].key].waiting = static_cast<uint32_t>(i);
    if (waiting_.empty() && keys_.wants_compaction()) {
      if (marks_.on()) WEIR_RETURN_NOT_OK(PutChanges(&before_compaction_));
      WEIR_ASSIGN_OR_RETURN(const auto moved, keys_.Compact());
      marks_.Renumber(moved, kNone);
      const std::vector<Key> before = std::move(known_);
      known_.assign(keys_.size(), Key{});
      for (size_t key = 0; key < moved.size(); ++key) {
        if (moved[key] != kNone) known_[moved[key]] = before[key];
      }
    }
    reservation_.Set(keys_.size_bytes() +
                     static_cast<int64_t>(known_.capacity() * sizeof(Key) + waiting_.capacity() * sizeof(Waiting)));
    return Status::OK();
  }

  const ToPlanPtr plan_;
  RowCounts keys_;  // with the rows that each has
  RowCounts rows_;  // of the batch, with their runs
  std::vector<Key> known_;
  CellMarks marks_;               // by key
  StateCells before_compaction_;  // what was put when keys got other numbers
  std::vector<int64_t> newest_;   // scratch, by key: its last row in the batch at hand
  std::vector<Waiting> waiting_;
  int64_t earliest_us_ = kMaxEventTime;  // since when the oldest waits
  MemoryReservation reservation_;
};

}  // namespace

ArrayDataPtr WordColumn(const std::string& insert, const std::string& remove, std::vector<int32_t> numbers) {
  const auto rows = static_cast<int64_t>(numbers.size());
  const auto first = static_cast<int32_t>(insert.size());
  std::vector<int32_t> offsets{0, first, first + static_cast<int32_t>(remove.size())};
  auto column =
      arrow::ArrayData::Make(DictionaryType(), rows, {nullptr, arrow::Buffer::FromVector(std::move(numbers))}, 0);
  column->dictionary = arrow::ArrayData::Make(
      arrow::utf8(), 2,
      {nullptr, arrow::Buffer::FromVector(std::move(offsets)), arrow::Buffer::FromString(insert + remove)}, 0);
  return column;
}

Result<std::unique_ptr<Operator>> MakeToUpserts(ToPlanPtr plan, const OperatorContext& lane) {
  return std::make_unique<ToUpserts>(std::move(plan), lane);
}

}  // namespace weir
