// Cells of state in one buffer, and their encoding: count, then per cell table, group, flags, sizes and bytes.
#include "state/snapshot/state_cells.h"

#include "base/check.h"
#include "state/snapshot/state_bytes.h"

namespace weir {

void StateCells::Add(int table, int group, std::string_view key, std::string_view value, bool deleted) {
  WEIR_CHECK(table >= 0 && table < 256 && group >= kNoKeyGroup && group < 256, "a cell's table or group");
  WEIR_CHECK(key.size() <= UINT32_MAX && value.size() <= UINT32_MAX, "a cell of more than 4 GiB");
  entries_.push_back({bytes_.size(), static_cast<uint32_t>(key.size()), static_cast<uint32_t>(value.size()),
                      static_cast<int16_t>(group), static_cast<uint8_t>(table), deleted});
  bytes_.append(key);
  bytes_.append(value);
}

StateCell StateCells::at(int64_t i) const {
  const Entry& entry = entries_[static_cast<size_t>(i)];
  const std::string_view all(bytes_);
  return {entry.table, entry.group, all.substr(entry.begin, entry.key_size),
          all.substr(entry.begin + entry.key_size, entry.value_size), entry.deleted};
}

void StateCells::AppendGroups(const StateCells& other, int first_group, int end_group) {
  for (int64_t i = 0; i < other.size(); ++i) {
    const StateCell cell = other.at(i);
    if (cell.group < first_group || cell.group >= end_group) continue;
    Add(cell.table, cell.group, cell.key, cell.value, cell.deleted);
  }
}

void StateCells::EncodeTo(std::string* out) const {
  StateWriter writer(out);
  writer.Int(size());
  for (int64_t i = 0; i < size(); ++i) {
    const StateCell cell = at(i);
    writer.Byte(static_cast<uint8_t>(cell.table));
    writer.Int(cell.group);
    writer.Byte(cell.deleted ? 1 : 0);
    writer.Bytes(cell.key);
    if (!cell.deleted) writer.Bytes(cell.value);
  }
}

Result<StateCells> StateCells::Decode(std::string_view bytes) {
  StateReader reader(bytes);
  StateCells out;
  const int64_t count = reader.Int();
  for (int64_t i = 0; i < count && reader.ok(); ++i) {
    const int table = reader.Byte();
    const int64_t group = reader.Int();
    const bool deleted = reader.Byte() != 0;
    const std::string_view key = reader.Bytes();
    const std::string_view value = deleted ? std::string_view() : reader.Bytes();
    if (!reader.ok() || group < kNoKeyGroup || group > 255) return Status::Invalid("cells of state are damaged");
    out.Add(table, static_cast<int>(group), key, value, deleted);
  }
  if (!reader.AtEnd()) return Status::Invalid("cells of state are damaged");
  return out;
}

}  // namespace weir
