// GroupTable: rows of key columns → dense group numbers 0, 1, 2 … in order of first appearance (a null key comes before
// the other new keys of its batch).
//
// Every key column becomes integers: integers, dates, times and booleans as they are, doubles by their bits, text by
// its number in a StringTable, rarer types by their bytes in one. One integer column is looked up in an IntTable;
// several are packed into one 64-bit word as long as their ranges allow, and into a row of words when not. Packing
// adapts to the data; group numbers never change. Null is a value: rows with null in a key form groups. Not
// thread-safe, but for Find.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "batch/batch.h"
#include "batch/types.h"
#include "state/hash/int_table.h"
#include "state/hash/string_table.h"
#include "state/hash/wide_table.h"

namespace weir {

class GroupTable {
  /// One key column of the batch at hand, as integers.
  struct KeyValues {
    std::vector<int64_t> scratch;
    const int64_t* data = nullptr;   // scratch, or the column's own
    const uint8_t* valid = nullptr;  // null: no nulls
    int64_t valid_offset = 0;
    ArrayDataPtr keep_alive;
  };

 public:
  /// What looking up a batch needs besides the table. One per thread; for any number of batches.
  class Scratch {
    friend class GroupTable;
    std::vector<KeyValues> keys;
    std::vector<StringTable::KnownDictionary> dictionaries;  // by key, of Find
    std::vector<int64_t> packed;
    std::vector<uint32_t> numbers;
  };

  /// Flowing types (batch/types.h), any of them; none means that all rows are one group.
  explicit GroupTable(std::vector<TypePtr> key_types);

  /// groups[i] = the group of row i; a new key gets the next number. `keys` are columns of `rows` rows of the key types
  /// (dictionary-encoded or not). At most 2^31 groups.
  Status Lookup(const std::vector<ArrayDataPtr>& keys, int64_t rows, uint32_t* groups);
  /// The same for keys that must be there already: kNoGroup where there is no such group or a key is null, since null
  /// equals nothing in a join. Several threads may call it at once.
  Status Find(const std::vector<ArrayDataPtr>& keys, int64_t rows, Scratch* scratch, uint32_t* groups) const;
  /// No Lookup comes any more: prepares for many Find.
  void Freeze() { ints_.Freeze(); }

  uint32_t num_groups() const;
  const std::vector<TypePtr>& key_types() const { return types_; }
  /// The keys of groups [begin, end), plain columns.
  Result<std::vector<ArrayDataPtr>> KeyColumns(uint32_t begin, uint32_t end) const;
  /// One key column of `count` groups, in the order of `groups`.
  Result<ArrayDataPtr> KeyColumn(int column, const uint32_t* groups, uint32_t count) const;
  int64_t size_bytes() const;
  /// What a Lookup of `rows` rows adds in one piece where it makes a table double; else 0.
  int64_t doubling_bytes(int64_t rows) const;
  /// What a Lookup of `rows` rows may add at most.
  int64_t growth_bytes(int64_t rows) const { return rows * 8 + doubling_bytes(rows); }
  /// No Lookup or Find comes any more: gives back what only they need. Keys can still be asked for.
  void EndLookups();
  /// Forgets all groups and gives the memory back.
  void Clear();

  /// How keys are found now, for explain: "direct array", "64-bit keys", "packed 64-bit keys", "strings", "wide keys".
  const char* Method() const;

 private:
  enum class Kind { kInt64, kInt32, kBool, kDouble, kText, kBytes, kNull };
  struct Column {
    Kind kind;
    StringTable strings;        // kText, kBytes
    int64_t min = 0, max = -1;  // of all values seen
    int64_t base = 0;           // packed: code = value - base + 1, 0 is null
    int bits = 0, shift = 0;    // packed: where the code is
  };
  enum class Mode { kNoKeys, kOneInt, kOneText, kPacked, kWide };

  // Self is GroupTable to insert, const GroupTable to find.
  template <class Self>
  static Status Encode(Self* self, size_t key, const ArrayDataPtr& column, int64_t rows, Scratch* scratch);
  template <class Self>
  static Status EncodeAll(Self* self, const std::vector<ArrayDataPtr>& keys, int64_t rows, Scratch* scratch);
  void LookupOneInt(int64_t rows, uint32_t* groups);
  bool PackingHolds() const;
  bool ChoosePacking();
  void Repack();
  void Pack(const Scratch& scratch, int64_t rows, int64_t* out) const;
  void Widen(const Scratch& scratch, int64_t rows, uint64_t* out) const;
  void Decode(int column, const uint32_t* groups, uint32_t count, int64_t* values, uint8_t* valid) const;
  void ClearNotFound(const Scratch& scratch, int64_t rows, uint32_t* groups) const;

  std::vector<TypePtr> types_;
  std::vector<Column> columns_;
  Mode mode_ = Mode::kNoKeys;
  bool any_rows_ = false;
  uint32_t null_group_ = kNoGroup;  // kOneInt
  IntTable ints_;                   // kOneInt, kPacked
  WideTable wide_;                  // kWide: a word per column, then one of null flags
  Scratch scratch_;                 // of Lookup
};

}  // namespace weir
