// CellIndex: where the cells of a log lie, which of its records still count, and what they come to together.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "log/cell_record.h"
#include "log/log_tail.h"
#include "log/segment.h"

namespace weir {

/// Keeps some words per record and per slot of each node, nothing of the cells themselves. Used by one thread at a
/// time.
class CellIndex {
 public:
  static constexpr int64_t kNothing = std::numeric_limits<int64_t>::max();
  using SlotBytes = std::array<int64_t, kGroupSlots>;

  /// What is known of a node's slots.
  struct Slots {
    SlotBytes needed_from;    // the first record that counts; kNothing: the slot is empty
    SlotBytes base_bytes{};   // of its last base; 0: none
    SlotBytes delta_bytes{};  // since then
    Slots() { needed_from.fill(kNothing); }
  };
  struct Record {
    PlacedRecord place;
    int64_t segment = 0;  // first sequence of its segment
    int first_slot = 0, end_slot = kGroupSlots;
  };
  struct Node {
    Slots slots;
    std::deque<Record> records;  // ascending by sequence
  };

  explicit CellIndex(FileSystem& files) : files_(files) {}

  /// Reads every record of the log that is committed. Errors: IOError for damage, with file and offset.
  Status Build(const LogTail& tail);
  /// A segment that records will be added from.
  void AddSegment(const SegmentFile& segment) { paths_[segment.header.first_sequence] = segment.path; }
  /// A record that was written after all others. `bytes`: of its slots, or of all records of the same change, where
  /// only the first of them brings them.
  void Add(const CellRecordHead& head, const Record& record, const SlotBytes& bytes);

  /// The cells of a node's slots as they are now, each once, in no order. Memory: about twice what comes out.
  Status Merge(const std::string& node, int first_slot, int end_slot, StateCells* out);

  /// Records below are not needed by anybody; kNothing: none is.
  int64_t NeededFrom() const;
  /// Forgets records below; their segments may be gone.
  void Forget(int64_t below);
  /// Bytes in the last bases of all slots.
  int64_t base_bytes() const;

  struct Place {
    const std::string* node = nullptr;
    int first_slot = 0, end_slot = 0;
  };
  /// The slots that need the oldest records, as many beside each other as come to about `max_bytes`. Nullopt: none
  /// needs one before `end_sequence`.
  std::optional<Place> Oldest(int64_t end_sequence, int64_t max_bytes) const;

  std::map<std::string, Node, std::less<>>& nodes() { return nodes_; }

 private:
  Status BuildSegment(const SegmentFile& file, int64_t limit_sequence);
  Result<const Segment*> OpenSegment(int64_t first_sequence);

  FileSystem& files_;
  std::map<std::string, Node, std::less<>> nodes_;
  std::map<int64_t, std::string> paths_;  // of segments, by first sequence
  std::map<int64_t, std::unique_ptr<Segment>> open_;
};

}  // namespace weir
