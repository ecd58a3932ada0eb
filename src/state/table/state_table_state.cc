// The log of a StateTable as cells of state: one for each row, by numbers, and one for how far it is folded. A row's
// value: its place in the order of arrival, then the row.
#include <algorithm>
#include <string>
#include <utility>

#include "state/cells/row_state.h"
#include "state/snapshot/state_cells.h"
#include "state/table/state_table.h"

namespace weir {
namespace {

constexpr int kRows = 0, kFold = 1;  // tables

std::string KeyOf(int64_t number) {
  std::string key;
  StateWriter(&key).Int(number);
  return key;
}

}  // namespace

Status StateTable::PutChanges(StateCells* out) {
  std::lock_guard lock(mutex_);
  if (put_pieces_ == 0) {
    for (; first_cell_ < next_cell_; ++first_cell_) out->Delete(kRows, kNoKeyGroup, KeyOf(first_cell_));
    std::string fold;
    StateWriter writer(&fold);
    writer.Int(folded_until_);
    writer.Int(rows_after_fold_);
    out->Put(kFold, kNoKeyGroup, "", fold);
  }
  std::string value;
  for (; put_pieces_ < log_.pieces.size(); ++put_pieces_) {
    const TableLog::Piece& piece = log_.pieces[put_pieces_];
    for (int64_t row = 0; row < piece.rows.num_rows(); ++row) {
      value.clear();
      StateWriter writer(&value);
      writer.Int(piece.order.empty() ? piece.first + row : piece.order[static_cast<size_t>(row)]);
      AppendBatchRow(piece.rows, row, &writer);
      out->Put(kRows, kNoKeyGroup, KeyOf(next_cell_++), value);
    }
  }
  return Status::OK();
}

Status StateTable::Restore(const StateCells& cells) {
  std::lock_guard lock(mutex_);
  log_ = {};
  if (deltas_ != nullptr) deltas_ = std::make_unique<SumDeltas>(options_.schema, options_.keys);
  first_cell_ = next_cell_ = 0;
  put_pieces_ = 0;
  std::vector<std::pair<int64_t, int64_t>> in_order;  // number, cell
  for (int64_t i = 0; i < cells.size(); ++i) {
    const StateCell cell = cells.at(i);
    if (cell.table == kRows) {
      in_order.emplace_back(StateReader(cell.key).Int(), i);
      continue;
    }
    StateReader fold(cell.value);
    folded_until_ = fold.Int();
    rows_after_fold_ = fold.Int();
    if (!fold.AtEnd()) return DamagedState();
  }
  if (in_order.empty()) return Status::OK();
  std::sort(in_order.begin(), in_order.end());
  first_cell_ = in_order.front().first;
  next_cell_ = in_order.back().first + 1;
  BatchStateReader reader(options_.schema);
  std::vector<int64_t> order;
  for (const auto& [number, i] : in_order) {
    StateReader value(cells.at(i).value);
    order.push_back(value.Int());
    WEIR_RETURN_NOT_OK(reader.Add(&value));
    if (!value.AtEnd()) return DamagedState();
    log_.next = std::max(log_.next, order.back() + 1);
  }
  WEIR_ASSIGN_OR_RETURN(Batch rows, reader.Finish());
  log_.rows = rows.num_rows();
  log_.pieces.push_back({std::move(rows), std::move(order), 0});
  put_pieces_ = 1;
  if (deltas_ == nullptr) return Status::OK();
  // What rows are compared with next is what they have added up to.
  WEIR_ASSIGN_OR_RETURN(const JoinedLog all, JoinLog(log_, options_.schema));
  WEIR_ASSIGN_OR_RETURN(const JoinedLog sums, SummedRows(all, options_.keys));
  return sums.rows.num_rows() == 0 ? Status::OK() : deltas_->Convert(sums.rows).status();
}

}  // namespace weir
