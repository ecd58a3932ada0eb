// Slots are merged from their newest record back to the oldest that counts, so that only values that stay are copied.
#include "log/cell_index.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace weir {
namespace {

/// Cells by table, group and key. Takes records from the newest to the oldest, each in its own order.
class NewestCells {
 public:
  void Take(const StateCell& cell, int64_t sequence) {
    key_.assign(1, static_cast<char>(cell.table));
    key_.push_back(static_cast<char>(GroupSlot(cell.group) & 0xff));
    key_.push_back(static_cast<char>(GroupSlot(cell.group) >> 8));
    key_.append(cell.key);
    const auto found = cells_.find(key_);
    if (found == cells_.end()) {
      cells_.emplace(Keep(key_), Value{cell.deleted ? std::string_view() : Keep(cell.value), sequence, cell.deleted});
    } else if (found->second.sequence == sequence) {
      found->second = {cell.deleted ? std::string_view() : Keep(cell.value), sequence, cell.deleted};
    }
  }

  /// Calls visit(cell, sequence of its record) for all that are there.
  template <class Visit>
  void VisitAll(Visit visit) const {
    for (const auto& [key, value] : cells_) {
      if (value.deleted) continue;
      const int slot = static_cast<uint8_t>(key[1]) | static_cast<uint8_t>(key[2]) << 8;
      visit(StateCell{static_cast<uint8_t>(key[0]), slot + kNoKeyGroup, key.substr(3), value.bytes, false},
            value.sequence);
    }
  }

 private:
  struct Value {
    std::string_view bytes;
    int64_t sequence;
    bool deleted;
  };

  std::string_view Keep(std::string_view bytes) {
    if (blocks_.empty() || blocks_.back().size() + bytes.size() > blocks_.back().capacity()) {
      blocks_.emplace_back();
      blocks_.back().reserve(std::max(kBlockBytes, bytes.size()));
    }
    std::string& block = blocks_.back();
    const size_t begin = block.size();
    block.append(bytes);
    return std::string_view(block).substr(begin);
  }

  static constexpr size_t kBlockBytes = size_t{256} << 10;
  std::deque<std::string> blocks_;
  std::unordered_map<std::string_view, Value> cells_;
  std::string key_;
};

}  // namespace

Status CellIndex::Build(const LogTail& tail) {
  for (size_t i = 0; i < tail.segments.size(); ++i) {
    const bool is_last = i + 1 == tail.segments.size();
    AddSegment(tail.segments[i]);
    WEIR_RETURN_NOT_OK(
        BuildSegment(tail.segments[i], is_last ? tail.next_sequence : tail.segments[i + 1].header.first_sequence));
  }
  Forget(NeededFrom());
  return Status::OK();
}

Status CellIndex::BuildSegment(const SegmentFile& file, int64_t limit_sequence) {
  WEIR_ASSIGN_OR_RETURN(const Segment* segment, OpenSegment(file.header.first_sequence));
  auto visit = [&](const PlacedRecord& record, const std::string& payload) -> Status {
    if (record.header.kind != kCellsKind) return Status::OK();
    SlotBytes bytes{};
    const Result<CellRecordHead> head = DecodeCellRecordHead(payload);
    const Status counted = head.ok() ? CountCells(payload, bytes.data()) : head.status();
    if (!counted.ok()) return segment->Damaged(record.offset, counted.message());
    Add(head->node, {record, file.header.first_sequence, head->first_slot, head->end_slot}, bytes);
    return Status::OK();
  };
  WEIR_ASSIGN_OR_RETURN(const Segment::End end, segment->Walk(limit_sequence, visit));
  if (end.sequence >= limit_sequence) return Status::OK();
  return segment->Damaged(end.offset, "record " + std::to_string(end.sequence) + " should stand there");
}

void CellIndex::Add(std::string_view node_name, const Record& record, const SlotBytes& bytes) {
  Node& node = nodes_.try_emplace(std::string(node_name)).first->second;
  for (int slot = 0; slot < kGroupSlots; ++slot) {
    if (bytes[slot] == 0) continue;
    int64_t& needed_from = node.slots.needed_from[slot];
    needed_from = std::min(needed_from, record.place.header.sequence);
    node.slots.added_bytes[slot] += bytes[slot];
  }
  node.records.push_back(record);
}

Result<const Segment*> CellIndex::OpenSegment(int64_t first_sequence) {
  std::unique_ptr<Segment>& segment = open_[first_sequence];
  if (!segment) {
    WEIR_ASSIGN_OR_RETURN(segment, Segment::Open(files_, paths_.at(first_sequence)));
  }
  return segment.get();
}

/// What a merge says of slots.
struct CellIndex::Merged {
  SlotBytes live_bytes{};
  SlotBytes first_put;   // the oldest record of what was put; kNothing: nothing was
  SlotBytes first_left;  // of the other cells
  Merged() {
    first_put.fill(kNothing);
    first_left.fill(kNothing);
  }
};

Status CellIndex::Merge(const Node& node, int first_slot, int end_slot, int64_t end_sequence, StateCells* out,
                        Merged* merged) {
  const SlotBytes& needed_from = node.slots.needed_from;
  const int64_t oldest = *std::min_element(needed_from.begin() + first_slot, needed_from.begin() + end_slot);
  NewestCells cells;
  for (size_t i = node.records.size(); i-- > 0;) {
    const Record& record = node.records[i];
    const int64_t sequence = record.place.header.sequence;
    if (sequence < oldest) break;
    if (record.first_slot >= end_slot || record.end_slot <= first_slot) continue;
    WEIR_ASSIGN_OR_RETURN(const Segment* segment, OpenSegment(record.segment));
    WEIR_ASSIGN_OR_RETURN(const std::string payload, segment->MustReadPayload(record.place));
    WEIR_RETURN_NOT_OK(
        VisitCells(payload, first_slot, end_slot, [&](const StateCell& cell) { cells.Take(cell, sequence); }));
  }
  cells.VisitAll([&](const StateCell& cell, int64_t sequence) {
    const int slot = GroupSlot(cell.group);
    merged->live_bytes[slot] += static_cast<int64_t>(cell.key.size() + cell.value.size()) + 2;
    int64_t& first = (sequence < end_sequence ? merged->first_put : merged->first_left)[slot];
    first = std::min(first, sequence);
    if (sequence < end_sequence) out->Put(cell.table, cell.group, cell.key, cell.value);
  });
  return Status::OK();
}

Status CellIndex::Take(const std::string& node_name, int first_slot, int end_slot, int64_t end_sequence,
                       StateCells* out) {
  Node& node = nodes_.at(node_name);
  Merged merged;
  WEIR_RETURN_NOT_OK(Merge(node, first_slot, end_slot, end_sequence, out, &merged));
  for (int slot = first_slot; slot < end_slot; ++slot) {
    node.slots.needed_from[slot] = merged.first_left[slot];
    node.slots.live_bytes[slot] = merged.live_bytes[slot];
    node.slots.added_bytes[slot] = 0;
  }
  return Status::OK();
}

Status CellIndex::Read(const std::string& node_name, int first_slot, int end_slot, StateCells* out) {
  const auto found = nodes_.find(node_name);
  if (found == nodes_.end()) return Status::OK();
  Merged merged;
  WEIR_RETURN_NOT_OK(Merge(found->second, first_slot, end_slot, kNothing, out, &merged));
  Slots& slots = found->second.slots;
  for (int slot = first_slot; slot < end_slot; ++slot) {
    slots.needed_from[slot] = merged.first_put[slot];
    slots.live_bytes[slot] = merged.live_bytes[slot];
    slots.added_bytes[slot] = 0;
  }
  return Status::OK();
}

int64_t CellIndex::NeededFrom() const {
  int64_t from = kNothing;
  for (const auto& [name, node] : nodes_) {
    from = std::min(from, *std::min_element(node.slots.needed_from.begin(), node.slots.needed_from.end()));
  }
  return from;
}

void CellIndex::Forget(int64_t below) {
  int64_t first_segment = kNothing;
  for (auto& [name, node] : nodes_) {
    while (!node.records.empty() && node.records.front().place.header.sequence < below) node.records.pop_front();
    if (!node.records.empty()) first_segment = std::min(first_segment, node.records.front().segment);
  }
  open_.erase(open_.begin(), open_.lower_bound(first_segment));
}

int64_t CellIndex::live_bytes() const {
  int64_t bytes = 0;
  for (const auto& [name, node] : nodes_) {
    for (const int64_t slot : node.slots.live_bytes) bytes += slot;
  }
  return bytes;
}

int64_t CellIndex::LastRecord(const Place& place) const {
  const std::deque<Record>& records = nodes_.find(*place.node)->second.records;
  for (size_t i = records.size(); i-- > 0;) {
    const bool elsewhere = records[i].first_slot >= place.end_slot || records[i].end_slot <= place.first_slot;
    if (!elsewhere) return records[i].place.header.sequence;
  }
  return 0;
}

std::optional<CellIndex::Place> CellIndex::Oldest(int64_t end_sequence, int64_t max_bytes) const {
  Place place;
  int64_t oldest = end_sequence;
  for (const auto& [name, node] : nodes_) {
    const auto at = std::min_element(node.slots.needed_from.begin(), node.slots.needed_from.end());
    if (*at >= oldest) continue;
    oldest = *at;
    place.node = &name;
    place.first_slot = static_cast<int>(at - node.slots.needed_from.begin());
  }
  if (!place.node) return std::nullopt;
  const Slots& slots = nodes_.find(*place.node)->second.slots;
  const auto bytes = [&](int slot) {
    return slots.live_bytes[slot] > 0 ? slots.live_bytes[slot] : slots.added_bytes[slot];
  };
  place.needed_from = oldest;
  int64_t total = bytes(place.first_slot);
  place.end_slot = place.first_slot + 1;
  // Neighbours that are nearly as old come along, since a fold costs a record each. Empty ones cost nothing.
  const int64_t old = oldest + (end_sequence - oldest) / 4;
  for (; place.end_slot < kGroupSlots; ++place.end_slot) {
    const int64_t needed_from = slots.needed_from[place.end_slot];
    if (needed_from == kNothing) continue;
    if (needed_from > old || total + bytes(place.end_slot) > max_bytes) break;
    total += bytes(place.end_slot);
  }
  return place;
}

}  // namespace weir
