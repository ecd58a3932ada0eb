// Cell records: changes of one node's state as payloads of a log (docs/specs/log.md, "State cells").
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "state/snapshot/state_cells.h"

namespace weir {

inline constexpr uint8_t kCellsKind = 16;  // of a log's record

/// Groups counted from 0: kNoKeyGroup, then the key groups.
inline constexpr int kGroupSlots = 257;
inline int GroupSlot(int group) { return group - kNoKeyGroup; }

/// What a record says of itself:
///
///   node_size:varint  node  first_slot:varint  end_slot:varint  run*
///   run := table:u8  slot:varint  count:varint  size:varint  cell×count           size: bytes of the cells
///   cell := key_size×2+deleted:varint  [value_size:varint]  key  [value]
///
/// Varints are unsigned LEB128.
struct CellRecordHead {
  std::string_view node;
  int first_slot = 0, end_slot = kGroupSlots;  // its cells are of [first_slot, end_slot)
};

/// A payload, and what its head says.
struct CellRecord {
  std::string payload;
  int first_slot = 0, end_slot = kGroupSlots;
};

/// Cells as records: in the order of their groups, each of a range of slots, so that a reader of some groups can leave
/// out most records. The order of cells with the same table, group and key stays. `slot_bytes`, if not null:
/// kGroupSlots numbers, to which the bytes of keys, values and their sizes are added.
std::vector<CellRecord> EncodeCellRecords(const std::string& node, const StateCells& cells, int64_t* slot_bytes);

/// Errors: Invalid for bytes that are no cell record.
Result<CellRecordHead> DecodeCellRecordHead(std::string_view payload);

/// Calls `visit` with every cell of [first_slot, end_slot), in the order in which they were put. Views into `payload`.
/// Errors: Invalid for bytes that are no cell record.
Status VisitCells(std::string_view payload, int first_slot, int end_slot,
                  const std::function<void(const StateCell&)>& visit);

/// Adds to slot_bytes[slot] as EncodeCellRecords does.
Status CountCells(std::string_view payload, int64_t* slot_bytes);

}  // namespace weir
