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
#include <string_view>

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
    SlotBytes live_bytes{};   // of its cells, when they were merged last; 0: never
    SlotBytes added_bytes{};  // since then
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
  void Add(std::string_view node, const Record& record, const SlotBytes& bytes);

  /// Of a node's slots, puts the cells that lie in records before `end_sequence`, each once, in no order. Learns what
  /// is live in these slots, and that they need no record before `end_sequence` any more: the caller adds the cells
  /// again. Memory: about twice the live cells of the slots.
  Status Take(const std::string& node, int first_slot, int end_slot, int64_t end_sequence, StateCells* out);
  /// All cells of a node's slots, which stay where they are.
  Status Read(const std::string& node, int first_slot, int end_slot, StateCells* out);

  /// Records below are not needed by anybody; kNothing: none is.
  int64_t NeededFrom() const;
  /// Forgets records below; their segments may be gone.
  void Forget(int64_t below);
  /// Bytes of live cells, as far as they have been merged.
  int64_t live_bytes() const;

  struct Place {
    const std::string* node = nullptr;
    int first_slot = 0, end_slot = 0;
    int64_t needed_from = kNothing;
  };
  /// The newest record that may hold cells of a place; 0: none.
  int64_t LastRecord(const Place& place) const;
  /// The slots that need the oldest records, as many beside each other as come to about `max_bytes`. Nullopt: none
  /// needs one before `end_sequence`.
  std::optional<Place> Oldest(int64_t end_sequence, int64_t max_bytes) const;

  std::map<std::string, Node, std::less<>>& nodes() { return nodes_; }

 private:
  Status BuildSegment(const SegmentFile& file, int64_t limit_sequence);
  struct Merged;
  Status Merge(const Node& node, int first_slot, int end_slot, int64_t end_sequence, StateCells* out, Merged* merged);
  Result<const Segment*> OpenSegment(int64_t first_sequence);

  FileSystem& files_;
  std::map<std::string, Node, std::less<>> nodes_;
  std::map<int64_t, std::string> paths_;  // of segments, by first sequence
  std::map<int64_t, std::unique_ptr<Segment>> open_;
};

}  // namespace weir
