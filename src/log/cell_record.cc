// Cells sorted by group and table, as runs that a reader can skip.
#include "log/cell_record.h"

#include <algorithm>
#include <numeric>

namespace weir {
namespace {

constexpr size_t kRecordBytes = size_t{1} << 20;     // a record is closed beyond this
constexpr int64_t kNarrowBytes = int64_t{64} << 10;  // from here on a delta is cut into ranges of slots
constexpr int kSlotsPerRange = 16;

void PutVarint(uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

/// Reads varints and bytes; false once something is not there.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  bool AtEnd() const { return rest_.empty(); }
  bool Byte(uint8_t* out) {
    if (rest_.empty()) return false;
    *out = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return true;
  }
  bool Varint(uint64_t* out) {
    *out = 0;
    uint8_t byte = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (!Byte(&byte)) return false;
      *out |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Bytes(uint64_t size, std::string_view* out) {
    if (size > rest_.size()) return false;
    *out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

 private:
  std::string_view rest_;
};

Status Damaged() { return Status::Invalid("cells of state are damaged"); }

/// Reads the head and leaves `reader` behind it.
Result<CellRecordHead> ReadHead(Reader* reader) {
  CellRecordHead head;
  uint64_t node_size = 0, first = 0, end = 0;
  const bool whole = reader->Varint(&node_size) && reader->Bytes(node_size, &head.node) && reader->Varint(&first) &&
                     reader->Varint(&end);
  if (!whole || first > end || end > kGroupSlots) return Damaged();
  head.first_slot = static_cast<int>(first);
  head.end_slot = static_cast<int>(end);
  return head;
}

struct Run {
  uint8_t table = 0;
  int slot = 0;
  uint64_t count = 0;
  std::string_view cells;
};

bool ReadRun(Reader* reader, const CellRecordHead& head, Run* run) {
  uint64_t slot = 0, size = 0;
  if (!reader->Byte(&run->table) || !reader->Varint(&slot) || !reader->Varint(&run->count) || !reader->Varint(&size)) {
    return false;
  }
  run->slot = static_cast<int>(std::min<uint64_t>(slot, kGroupSlots));
  return run->slot >= head.first_slot && run->slot < head.end_slot && reader->Bytes(size, &run->cells);
}

bool VisitRun(const Run& run, const std::function<void(const StateCell&)>& visit) {
  Reader reader(run.cells);
  StateCell cell{run.table, run.slot + kNoKeyGroup, {}, {}, false};
  for (uint64_t i = 0; i < run.count; ++i) {
    uint64_t key_size = 0, value_size = 0;
    if (!reader.Varint(&key_size)) return false;
    cell.deleted = key_size & 1;
    if (!cell.deleted && !reader.Varint(&value_size)) return false;
    if (!reader.Bytes(key_size >> 1, &cell.key) || !reader.Bytes(value_size, &cell.value)) return false;
    visit(cell);
  }
  return reader.AtEnd();
}

/// Takes cells in the order of their slots and closes records where they are large, or a range of slots ends.
class Encoder {
 public:
  Encoder(const std::string& node, bool narrow, int64_t* slot_bytes)
      : node_(node), narrow_(narrow), slot_bytes_(slot_bytes) {}

  void Add(const StateCell& cell) {
    const int slot = GroupSlot(cell.group);
    const bool other_run = run_count_ > 0 && (slot != run_slot_ || cell.table != run_table_);
    if (other_run || run_.size() >= kRecordBytes) CloseRun();
    const bool other_range = narrow_ && !body_.empty() && slot / kSlotsPerRange != last_slot_ / kSlotsPerRange;
    if (other_range || body_.size() >= kRecordBytes) CloseRecord();
    if (run_count_ == 0) {
      run_slot_ = slot;
      run_table_ = static_cast<uint8_t>(cell.table);
    }
    PutVarint(cell.key.size() << 1 | (cell.deleted ? 1 : 0), &run_);
    if (!cell.deleted) PutVarint(cell.value.size(), &run_);
    run_.append(cell.key);
    if (!cell.deleted) run_.append(cell.value);
    ++run_count_;
  }

  std::vector<CellRecord> Finish() {
    CloseRun();
    if (!body_.empty()) CloseRecord();
    return std::move(records_);
  }

 private:
  void CloseRun() {
    if (run_count_ == 0) return;
    if (body_.empty()) body_first_ = run_slot_;
    last_slot_ = run_slot_;
    body_.push_back(static_cast<char>(run_table_));
    PutVarint(static_cast<uint64_t>(run_slot_), &body_);
    PutVarint(run_count_, &body_);
    PutVarint(run_.size(), &body_);
    body_.append(run_);
    if (slot_bytes_) slot_bytes_[run_slot_] += static_cast<int64_t>(run_.size());
    run_.clear();
    run_count_ = 0;
  }

  void CloseRecord() {
    CellRecord record{{}, body_first_, last_slot_ + 1};
    PutVarint(node_.size(), &record.payload);
    record.payload.append(node_);
    PutVarint(static_cast<uint64_t>(record.first_slot), &record.payload);
    PutVarint(static_cast<uint64_t>(record.end_slot), &record.payload);
    record.payload.append(body_);
    body_.clear();
    records_.push_back(std::move(record));
  }

  const std::string& node_;
  const bool narrow_;
  int64_t* const slot_bytes_;
  std::string run_, body_;
  uint64_t run_count_ = 0;
  uint8_t run_table_ = 0;
  int run_slot_ = 0, body_first_ = 0, last_slot_ = 0;
  std::vector<CellRecord> records_;
};

}  // namespace

std::vector<CellRecord> EncodeCellRecords(const std::string& node, const StateCells& cells, int64_t* slot_bytes) {
  std::vector<int64_t> order(static_cast<size_t>(cells.size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::vector<uint32_t> place(order.size());
  for (size_t i = 0; i < place.size(); ++i) {
    const StateCell cell = cells.at(static_cast<int64_t>(i));
    place[i] = static_cast<uint32_t>(GroupSlot(cell.group)) << 8 | static_cast<uint32_t>(cell.table);
  }
  const auto before = [&](int64_t a, int64_t b) {
    return place[static_cast<size_t>(a)] < place[static_cast<size_t>(b)];
  };
  if (!std::is_sorted(order.begin(), order.end(), before)) std::stable_sort(order.begin(), order.end(), before);
  Encoder encoder(node, cells.bytes() >= kNarrowBytes, slot_bytes);
  for (const int64_t i : order) encoder.Add(cells.at(i));
  return encoder.Finish();
}

Result<CellRecordHead> DecodeCellRecordHead(std::string_view payload) {
  Reader reader(payload);
  return ReadHead(&reader);
}

Status VisitCells(std::string_view payload, int first_slot, int end_slot,
                  const std::function<void(const StateCell&)>& visit) {
  Reader reader(payload);
  WEIR_ASSIGN_OR_RETURN(const CellRecordHead head, ReadHead(&reader));
  Run run;
  while (!reader.AtEnd()) {
    if (!ReadRun(&reader, head, &run)) return Damaged();
    if (run.slot < first_slot || run.slot >= end_slot) continue;
    if (!VisitRun(run, visit)) return Damaged();
  }
  return Status::OK();
}

Status CountCells(std::string_view payload, int64_t* slot_bytes) {
  Reader reader(payload);
  WEIR_ASSIGN_OR_RETURN(const CellRecordHead head, ReadHead(&reader));
  Run run;
  while (!reader.AtEnd()) {
    if (!ReadRun(&reader, head, &run)) return Damaged();
    slot_bytes[run.slot] += static_cast<int64_t>(run.cells.size());
  }
  return Status::OK();
}

}  // namespace weir
