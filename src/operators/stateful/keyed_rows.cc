// Small batches at the end are merged often, large ones seldom: every row is copied a few times in its life.
#include "operators/stateful/keyed_rows.h"

#include <arrow/array/data.h>

namespace weir {
namespace {

constexpr size_t kMostBatches = 256;
constexpr int64_t kSweepRows = 4096;  // less garbage than this is left alone

}  // namespace

KeyedRows::KeyedRows(std::vector<TypePtr> key_types, Batch initial)
    : key_types_(key_types), keys_(std::make_unique<GroupTable>(std::move(key_types))) {
  batches_.push_back(std::move(initial));
  owners_.emplace_back();
}

Status KeyedRows::Lookup(const std::vector<ArrayDataPtr>& keys, int64_t rows, uint32_t* numbers) {
  WEIR_RETURN_NOT_OK(keys_->Lookup(keys, rows, numbers));
  cells_.resize(keys_->num_groups());
  return Status::OK();
}

Result<Batch> KeyedRows::Get(std::span<const uint32_t> numbers) const {
  std::vector<RowRef> refs;
  refs.reserve(numbers.size());
  for (const uint32_t number : numbers) refs.push_back(cells_[number].ref);
  return InterleaveRows(batches_, refs);
}

Status KeyedRows::Put(std::span<const uint32_t> numbers, std::span<const int64_t> times, Batch rows) {
  const auto batch = static_cast<uint32_t>(batches_.size());
  for (size_t i = 0; i < numbers.size(); ++i) {
    Cell& cell = cells_[numbers[i]];
    cell.last_us = cell.live ? std::max(cell.last_us, times[i]) : times[i];
    if (!cell.live) ++live_;
    cell.live = true;
    cell.ref = {batch, static_cast<uint32_t>(i)};
  }
  kept_rows_ += static_cast<int64_t>(numbers.size());
  batches_.push_back(rows.Compact());
  owners_.emplace_back(numbers.begin(), numbers.end());
  if (batches_.size() < kMostBatches) return Status::OK();
  // The tail of batches that together are no larger than the one before them.
  size_t first = batches_.size() - 1;
  int64_t tail = batches_[first].num_rows();
  while (first > 1 && batches_[first - 1].num_rows() <= tail) tail += batches_[--first].num_rows();
  return MergeFrom(std::min(first, batches_.size() / 2));
}

Status KeyedRows::MergeFrom(size_t first) {
  first = std::max<size_t>(first, 1);
  std::vector<RowRef> refs;
  std::vector<uint32_t> owners;
  for (size_t b = first; b < batches_.size(); ++b) {
    for (uint32_t row = 0; row < owners_[b].size(); ++row) {
      const Cell& cell = cells_[owners_[b][row]];
      if (!cell.live || cell.ref.batch != b || cell.ref.row != row) continue;
      refs.push_back(cell.ref);
      owners.push_back(owners_[b][row]);
    }
    kept_rows_ -= static_cast<int64_t>(owners_[b].size());
  }
  WEIR_ASSIGN_OR_RETURN(Batch merged, InterleaveRows(batches_, refs));
  batches_.resize(first);
  owners_.resize(first);
  for (size_t row = 0; row < owners.size(); ++row) {
    cells_[owners[row]].ref = {static_cast<uint32_t>(first), static_cast<uint32_t>(row)};
  }
  kept_rows_ += static_cast<int64_t>(owners.size());
  batches_.push_back(std::move(merged));
  owners_.push_back(std::move(owners));
  return Status::OK();
}

void KeyedRows::Drop(uint32_t number) {
  Cell& cell = cells_[number];
  if (cell.live) --live_;
  cell = Cell{};
}

bool KeyedRows::will_renumber() const { return num_keys() > 2 * live_ + kSweepRows; }

Status KeyedRows::Sweep() {
  if (kept_rows_ > 2 * live_ + kSweepRows) WEIR_RETURN_NOT_OK(MergeFrom(1));
  return will_renumber() ? ForgetDropped() : Status::OK();
}

Status KeyedRows::ForgetDropped() {
  std::vector<uint32_t> kept;
  for (uint32_t number = 0; number < num_keys(); ++number) {
    if (cells_[number].live) kept.push_back(number);
  }
  WEIR_RETURN_NOT_OK(MergeFrom(1));
  WEIR_ASSIGN_OR_RETURN(const std::vector<ArrayDataPtr> columns, KeyColumns(kept));
  auto keys = std::make_unique<GroupTable>(key_types_);
  std::vector<uint32_t> numbers(kept.size());
  if (!kept.empty()) {
    WEIR_RETURN_NOT_OK(keys->Lookup(columns, static_cast<int64_t>(kept.size()), numbers.data()));
  }
  std::vector<Cell> cells(keys->num_groups());
  for (size_t i = 0; i < kept.size(); ++i) {
    const Cell& cell = cells[numbers[i]] = cells_[kept[i]];
    owners_[cell.ref.batch][cell.ref.row] = numbers[i];
  }
  keys_ = std::move(keys);
  cells_ = std::move(cells);
  return Status::OK();
}

Result<std::vector<ArrayDataPtr>> KeyedRows::KeyColumns(std::span<const uint32_t> numbers) const {
  std::vector<ArrayDataPtr> columns;
  for (size_t i = 0; i < key_types_.size(); ++i) {
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, KeyColumn(static_cast<int>(i), numbers));
    columns.push_back(std::move(column));
  }
  return columns;
}

Result<ArrayDataPtr> KeyedRows::KeyColumn(int column, std::span<const uint32_t> numbers) const {
  return keys_->KeyColumn(column, numbers.data(), static_cast<uint32_t>(numbers.size()));
}

int64_t KeyedRows::size_bytes() const {
  int64_t bytes = keys_->size_bytes() + static_cast<int64_t>(cells_.capacity() * sizeof(Cell));
  for (size_t b = 0; b < batches_.size(); ++b) {
    bytes += batches_[b].size_bytes() + static_cast<int64_t>(owners_[b].capacity() * sizeof(uint32_t));
  }
  return bytes;
}

}  // namespace weir
