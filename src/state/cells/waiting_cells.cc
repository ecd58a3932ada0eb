// A cell for each row, under a number; the earliest of them are found by a heap.
#include "state/cells/waiting_cells.h"

#include <algorithm>

#include "state/cells/row_state.h"

namespace weir {
namespace {

constexpr int64_t kBatchRows = 65536;

}  // namespace

std::string WaitingCells::KeyOf(int64_t number) {
  std::string key;
  StateWriter(&key).Int(number);
  return key;
}

Status WaitingCells::Put(EventTime watermark, StateCells* out) {
  while (!stored_.empty() && stored_.top().time < watermark) {
    out->Delete(table_, stored_.top().group, KeyOf(stored_.top().number));
    stored_.pop();
  }
  CellKeys keys;
  std::string value;
  for (const Batch& batch : fresh_) {
    std::vector<ArrayDataPtr> columns;
    for (int key : keys_) columns.push_back(batch.column(key));
    WEIR_RETURN_NOT_OK(keys.Set(std::move(columns), batch.num_rows()));
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      const EventTime time = batch.event_time().at(row);
      if (time < watermark) continue;
      value.clear();
      StateWriter writer(&value);
      AppendBatchRow(batch, row, &writer);
      out->Put(table_, keys.group(row), KeyOf(next_number_), value);
      stored_.push({time, next_number_++, keys.group(row)});
    }
  }
  fresh_.clear();
  return Status::OK();
}

Result<std::vector<Batch>> WaitingCells::Restore(const StateCells& cells) {
  std::vector<std::pair<int64_t, int64_t>> in_order;  // number, cell
  for (int64_t i = 0; i < cells.size(); ++i) {
    if (cells.at(i).table == table_) in_order.emplace_back(StateReader(cells.at(i).key).Int(), i);
  }
  std::sort(in_order.begin(), in_order.end());
  BatchStateReader reader(schema_);
  std::vector<Batch> out;
  std::vector<std::pair<int64_t, int>> places;  // of the rows of the batch at hand: number, group
  const auto flush = [&]() -> Status {
    WEIR_ASSIGN_OR_RETURN(Batch batch, reader.Finish());
    for (size_t i = 0; i < places.size(); ++i) {
      stored_.push({batch.event_time().at(static_cast<int64_t>(i)), places[i].first, places[i].second});
      next_number_ = std::max(next_number_, places[i].first + 1);
    }
    places.clear();
    out.push_back(std::move(batch));
    return Status::OK();
  };
  for (const auto& [number, i] : in_order) {
    StateReader value(cells.at(i).value);
    WEIR_RETURN_NOT_OK(reader.Add(&value));
    if (!value.AtEnd()) return DamagedState();
    places.emplace_back(number, cells.at(i).group);
    if (reader.rows() == kBatchRows) WEIR_RETURN_NOT_OK(flush());
  }
  if (reader.rows() > 0) WEIR_RETURN_NOT_OK(flush());
  return out;
}

}  // namespace weir
