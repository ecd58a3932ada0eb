// Rebuilding copies what is left: done when the rows have doubled, it costs each row a constant.
#include "state/join/stream_table.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "batch/gather.h"

namespace weir {
namespace {

constexpr uint32_t kFewRows = 4096;  // not worth a Rebuild
constexpr size_t kCopyRows = 65536;  // rows that are copied at once

std::vector<TypePtr> KeyTypes(const arrow::Schema& schema, const std::vector<int>& keys) {
  std::vector<TypePtr> types;
  for (int key : keys) types.push_back(schema.field(key)->type());
  return types;
}

void ClearNulls(const arrow::ArrayData& column, int64_t rows, uint32_t* groups) {
  if (column.type->id() == arrow::Type::NA) {
    std::fill_n(groups, rows, kNoGroup);
  } else if (column.GetNullCount() > 0) {
    for (int64_t i = 0; i < rows; ++i) {
      if (column.IsNull(i)) groups[i] = kNoGroup;
    }
  }
}

BufferPtr ToBuffer(std::vector<int64_t> values) { return arrow::Buffer::FromVector(std::move(values)); }

}  // namespace

StreamTable::StreamTable(Options options)
    : options_(std::move(options)), groups_(KeyTypes(*options_.schemas[0], options_.keys[0])), rebuild_rows_(kFewRows) {
  for (int side : {0, 1}) {
    sides_[side].rows = std::make_unique<ChainedRows>(options_.schemas[side], options_.weights[side]);
    if (options_.durable) sides_[side].marks.TurnOn();
  }
}

std::vector<ArrayDataPtr> StreamTable::Keys(int side, const Batch& batch) const {
  std::vector<ArrayDataPtr> keys;
  for (int key : options_.keys[side]) keys.push_back(batch.column(key));
  return keys;
}

Status StreamTable::Lookup(int side, const Batch& batch, std::vector<uint32_t>* groups) {
  const std::vector<ArrayDataPtr> keys = Keys(side, batch);
  groups->resize(batch.num_rows());
  WEIR_RETURN_NOT_OK(groups_.Lookup(keys, batch.num_rows(), groups->data()));
  for (const ArrayDataPtr& key : keys) ClearNulls(*key, batch.num_rows(), groups->data());
  return Status::OK();
}

Status StreamTable::Find(int side, const Batch& batch, std::vector<uint32_t>* groups) {
  groups->assign(batch.num_rows(), kNoGroup);
  if (groups_.num_groups() == 0) return Status::OK();
  return groups_.Find(Keys(side, batch), batch.num_rows(), &scratch_, groups->data());
}

Status StreamTable::AddNew(Side* to, const Batch& batch, const std::vector<uint32_t>& groups,
                           std::vector<uint32_t>* ids) {
  uint32_t next = to->rows->num_rows();
  ids->assign(groups.size(), ChainedRows::kEnd);
  std::vector<int32_t> chosen;
  std::vector<uint32_t> of_chosen;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] == kNoGroup) continue;
    (*ids)[i] = next++;
    chosen.push_back(static_cast<int32_t>(i));
    of_chosen.push_back(groups[i]);
  }
  if (chosen.size() == groups.size()) return to->rows->Add(batch, groups);
  WEIR_ASSIGN_OR_RETURN(Batch some, GatherBatch(batch, chosen));
  return to->rows->Add(some, of_chosen);
}

/// The number of each row among those that differ.
Result<const uint32_t*> StreamTable::FindEqual(Side* to, const Batch& batch) {
  std::vector<ArrayDataPtr> columns;
  std::vector<TypePtr> types;
  for (int i = 0; i < batch.num_columns(); ++i) {
    if (batch.is_pruned(i)) continue;
    columns.push_back(batch.column(i));
    types.push_back(batch.schema()->field(i)->type());
  }
  if (options_.times) {
    std::vector<int64_t> times;
    for (int64_t i = 0; i < batch.num_rows(); ++i) times.push_back(batch.event_time().at(i));
    columns.push_back(arrow::ArrayData::Make(arrow::int64(), batch.num_rows(), {nullptr, ToBuffer(std::move(times))}));
    types.push_back(arrow::int64());
  }
  if (to->distinct == nullptr) to->distinct = std::make_unique<GroupTable>(std::move(types));
  to->scratch.resize(batch.num_rows());
  WEIR_RETURN_NOT_OK(to->distinct->Lookup(columns, batch.num_rows(), to->scratch.data()));
  to->row_of_distinct.resize(to->distinct->num_groups(), ChainedRows::kEnd);
  return to->scratch.data();
}

Status StreamTable::AddEqual(Side* to, const Batch& batch, const std::vector<uint32_t>& groups,
                             std::vector<uint32_t>* ids) {
  WEIR_ASSIGN_OR_RETURN(const uint32_t* distinct, FindEqual(to, batch));
  uint32_t next = to->rows->num_rows();
  const uint32_t first = next;
  ids->assign(groups.size(), ChainedRows::kEnd);
  std::vector<int32_t> chosen, again;
  std::vector<uint32_t> of_chosen;
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] == kNoGroup) continue;
    uint32_t& row = to->row_of_distinct[distinct[i]];
    if (row != ChainedRows::kEnd) {
      again.push_back(static_cast<int32_t>(i));
    } else {
      row = next++;
      chosen.push_back(static_cast<int32_t>(i));
      of_chosen.push_back(groups[i]);
    }
    (*ids)[i] = row;
  }
  if (next > first) {
    WEIR_ASSIGN_OR_RETURN(Batch some, GatherBatch(batch, chosen));
    WEIR_RETURN_NOT_OK(to->rows->Add(some, of_chosen));
  }
  for (const int32_t i : again) {
    to->rows->AddWeight((*ids)[i], batch.has_weight() ? batch.weight().at(i) : 1);
    to->marks.Mark((*ids)[i]);
  }
  return Status::OK();
}

Status StreamTable::Add(int side, const Batch& batch, const std::vector<uint32_t>& groups, std::vector<uint32_t>* ids) {
  Side& to = sides_[side];
  std::vector<uint32_t> own;
  if (ids == nullptr) ids = &own;
  WEIR_RETURN_NOT_OK(options_.weights[side] ? AddEqual(&to, batch, groups, ids) : AddNew(&to, batch, groups, ids));
  to.sums.resize(groups_.num_groups(), 0);
  for (size_t i = 0; i < groups.size(); ++i) {
    if (groups[i] == kNoGroup) continue;
    const int64_t weight = batch.has_weight() ? batch.weight().at(static_cast<int64_t>(i)) : 1;
    to.sums[groups[i]] += weight;
    negative_ = negative_ || weight < 0;
  }
  if (options_.partners[side]) to.partners.resize(to.rows->num_rows(), 0);
  return Status::OK();
}

bool StreamTable::WantsRebuild() const {
  return sides_[0].rows->num_rows() + sides_[1].rows->num_rows() >= rebuild_rows_;
}

Status StreamTable::Rebuild(const std::function<bool(int side, uint32_t row)>& keeps) {
  Side old[2];
  std::vector<uint32_t> rows[2];
  for (int side : {0, 1}) {
    const ChainedRows& from = *sides_[side].rows;
    for (uint32_t row = 0; row < from.num_rows(); ++row) {
      if (from.weight(row) != 0 && keeps(side, row)) rows[side].push_back(row);
    }
  }
  for (int side : {0, 1}) old[side] = std::move(sides_[side]);
  Clear();
  std::vector<uint32_t> groups;
  for (int side : {0, 1}) {
    for (size_t begin = 0; begin < rows[side].size(); begin += kCopyRows) {
      const size_t count = std::min(kCopyRows, rows[side].size() - begin);
      WEIR_ASSIGN_OR_RETURN(Batch batch, old[side].rows->GatherRows({rows[side].data() + begin, count}));
      WEIR_RETURN_NOT_OK(Lookup(side, batch, &groups));
      WEIR_RETURN_NOT_OK(Add(side, batch, groups));
    }
    if (options_.durable) KeepCells(side, old[side], rows[side]);
    if (!options_.partners[side]) continue;
    for (size_t i = 0; i < rows[side].size(); ++i) sides_[side].partners[i] = old[side].partners[rows[side][i]];
  }
  rebuild_rows_ = std::max(kFewRows, (sides_[0].rows->num_rows() + sides_[1].rows->num_rows()) * 2);
  return Status::OK();
}

// Rows that were put have the first numbers, and keep them among each other.
void StreamTable::KeepCells(int side, const Side& old, std::span<const uint32_t> rows) {
  Side& now = sides_[side];
  size_t kept = 0;
  for (uint32_t row = 0; row < old.cells.size(); ++row) {
    if (kept == rows.size() || rows[kept] != row) {
      gone_[side].push_back(old.cells[row]);
      continue;
    }
    if (old.marks.is_marked(row)) now.marks.Mark(static_cast<uint32_t>(kept));
    now.cells.push_back(old.cells[row]);
    ++kept;
  }
}

void StreamTable::Clear() {
  groups_.Clear();
  for (int side : {0, 1}) {
    gone_[side].insert(gone_[side].end(), sides_[side].cells.begin(), sides_[side].cells.end());
    sides_[side] = {};
    if (options_.durable) sides_[side].marks.TurnOn();
    sides_[side].rows = std::make_unique<ChainedRows>(options_.schemas[side], options_.weights[side]);
  }
  negative_ = false;
  rebuild_rows_ = kFewRows;
}

int64_t StreamTable::size_bytes() const {
  int64_t bytes = groups_.size_bytes();
  for (const Side& side : sides_) {
    bytes += side.rows->size_bytes() + static_cast<int64_t>((side.sums.capacity() + side.partners.capacity()) * 8);
    if (side.distinct != nullptr) {
      bytes += side.distinct->size_bytes() + static_cast<int64_t>(side.row_of_distinct.capacity() * 4);
    }
  }
  return bytes;
}

}  // namespace weir
