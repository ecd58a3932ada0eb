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
  void BeginRecord() { ++record_; }

  void Take(const StateCell& cell) {
    key_.assign(1, static_cast<char>(cell.table));
    key_.push_back(static_cast<char>(GroupSlot(cell.group) & 0xff));
    key_.push_back(static_cast<char>(GroupSlot(cell.group) >> 8));
    key_.append(cell.key);
    const auto found = cells_.find(key_);
    if (found == cells_.end()) {
      cells_.emplace(Keep(key_), Value{cell.deleted ? std::string_view() : Keep(cell.value), record_, cell.deleted});
    } else if (found->second.record == record_) {
      found->second = {cell.deleted ? std::string_view() : Keep(cell.value), record_, cell.deleted};
    }
  }

  void PutAll(StateCells* out) const {
    for (const auto& [key, value] : cells_) {
      if (value.deleted) continue;
      const int slot = static_cast<uint8_t>(key[1]) | static_cast<uint8_t>(key[2]) << 8;
      out->Put(static_cast<uint8_t>(key[0]), slot + kNoKeyGroup, key.substr(3), value.bytes);
    }
  }

 private:
  struct Value {
    std::string_view bytes;
    int64_t record;
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
  int64_t record_ = 0;
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
    Add(*head, {record, file.header.first_sequence, head->first_slot, head->end_slot}, bytes);
    return Status::OK();
  };
  WEIR_ASSIGN_OR_RETURN(const Segment::End end, segment->Walk(limit_sequence, visit));
  if (end.sequence >= limit_sequence) return Status::OK();
  return segment->Damaged(end.offset, "record " + std::to_string(end.sequence) + " should stand there");
}

void CellIndex::Add(const CellRecordHead& head, const Record& record, const SlotBytes& bytes) {
  Node& node = nodes_.try_emplace(std::string(head.node)).first->second;
  Slots& slots = node.slots;
  for (int slot = head.first_slot; slot < head.end_slot; ++slot) {
    if (head.clears) {
      slots.needed_from[slot] = kNothing;
      slots.base_bytes[slot] = slots.delta_bytes[slot] = 0;
    }
    if (bytes[slot] == 0) continue;
    slots.needed_from[slot] = std::min(slots.needed_from[slot], record.place.header.sequence);
    (head.base ? slots.base_bytes : slots.delta_bytes)[slot] += bytes[slot];
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

Status CellIndex::Merge(const std::string& node_name, int first_slot, int end_slot, StateCells* out) {
  const auto found = nodes_.find(node_name);
  if (found == nodes_.end()) return Status::OK();
  const Node& node = found->second;
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
    cells.BeginRecord();
    WEIR_RETURN_NOT_OK(VisitCells(payload, first_slot, end_slot, [&](const StateCell& cell) {
      if (sequence >= needed_from[GroupSlot(cell.group)]) cells.Take(cell);
    }));
  }
  cells.PutAll(out);
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

int64_t CellIndex::base_bytes() const {
  int64_t bytes = 0;
  for (const auto& [name, node] : nodes_) {
    for (const int64_t slot : node.slots.base_bytes) bytes += slot;
  }
  return bytes;
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
    return slots.base_bytes[slot] > 0 ? slots.base_bytes[slot] : slots.delta_bytes[slot];
  };
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
