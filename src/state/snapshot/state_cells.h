// StateCells: what operators keep, cut into cells that can be written, replaced and read again one by one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace weir {

/// Of a cell that belongs to no key: restored in lane 0, whichever lane wrote it.
inline constexpr int kNoKeyGroup = -1;

/// One cell: the value that an operator keeps under a key, or that there is none any more.
struct StateCell {
  int table = 0;            // an operator's own number of what it keeps: 0–255
  int group = kNoKeyGroup;  // KeyGroup() of the key's hash (state/hash/hash.h), by which lanes divide cells
  std::string_view key;     // unique within table and group
  std::string_view value;
  bool deleted = false;
};

/// Cells in the order in which they were put; a later one replaces an earlier one of the same table, group and key.
/// Not thread-safe.
class StateCells {
 public:
  void Put(int table, int group, std::string_view key, std::string_view value) { Add(table, group, key, value, false); }
  void Delete(int table, int group, std::string_view key) { Add(table, group, key, {}, true); }

  int64_t size() const { return static_cast<int64_t>(entries_.size()); }
  bool empty() const { return entries_.empty(); }
  /// Views into these cells: valid until something is put or the cells are gone.
  StateCell at(int64_t i) const;
  /// Of all keys and values.
  int64_t bytes() const { return static_cast<int64_t>(bytes_.size()); }
  /// Appends those of `other` whose group is in [first_group, end_group).
  void AppendGroups(const StateCells& other, int first_group, int end_group);

  /// The encoding of docs/specs/log.md, "State cells".
  void EncodeTo(std::string* out) const;
  /// Errors: Invalid when `bytes` are none that EncodeTo made.
  static Result<StateCells> Decode(std::string_view bytes);

 private:
  struct Entry {
    uint64_t begin;  // of the key in bytes_; the value follows
    uint32_t key_size, value_size;
    int16_t group;
    uint8_t table;
    bool deleted;
  };
  void Add(int table, int group, std::string_view key, std::string_view value, bool deleted);

  std::string bytes_;
  std::vector<Entry> entries_;
};

}  // namespace weir
