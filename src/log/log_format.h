// The bytes of a chunk log, version 1 (docs/specs/log.md): segments of records, each with its own checksums.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace weir {

/// What a commit survives.
enum class Durability : uint8_t {
  kPower = 0,    // loss of power: synced before it is acknowledged
  kProcess = 1,  // the end of the process, in whatever way: given to the operating system
  kNone = 2,     // nothing: written when enough has come together
};

/// "power", "process" or "none"; Invalid for anything else.
Result<Durability> DurabilityFromName(std::string_view name);
const char* DurabilityName(Durability durability);

/// Kinds of records that the log itself writes. Those of its users begin at kFirstUserKind.
inline constexpr uint8_t kCommitKind = 1;
inline constexpr uint8_t kSyncedKind = 2;  // no payload: the commit before it was synced
inline constexpr uint8_t kFirstUserKind = 16;

inline constexpr int64_t kSegmentHeaderBytes = 48;
inline constexpr int64_t kRecordHeaderBytes = 40;
inline constexpr int64_t kMaxPayloadBytes = int64_t{1} << 30;

/// The beginning of a segment:
///
///   "WEIRLOG\n"  version:u32 = 1  log_id:u32  first_sequence:u64  owner:u64  durability:u8  0×11  crc:u32
///
/// Integers are little-endian. `crc` is the CRC32C of the 44 bytes before it.
struct SegmentHeader {
  uint32_t log_id = 0;  // the same in all segments of a log: tells its records from copies of others' in payloads
  int64_t first_sequence = 0;  // of its first record
  int64_t owner = 0;           // who writes it; grows with every opening of the log for writing
  Durability durability = Durability::kPower;
};

std::string EncodeSegmentHeader(const SegmentHeader& header);
/// Errors: Invalid for other bytes, and for a version that is not known, which is named.
Result<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

/// A record: header, payload, zeros up to a multiple of 8 bytes.
///
///   header_crc:u32  payload_crc:u32  size:u32  log_id:u32  sequence:u64  epoch:u64  unsynced:u32  kind:u8  0×3
///
/// `header_crc` is the CRC32C of the 36 bytes behind it.
struct RecordHeader {
  uint32_t payload_crc = 0;
  uint32_t size = 0;  // bytes of the payload
  uint32_t log_id = 0;
  int64_t sequence = 0;  // 1, 2, … without gaps
  int64_t epoch = 0;     // of a commit, its own; of others, at least that of the last commit before them plus 1
  uint32_t unsynced = UINT32_MAX;
  uint8_t kind = 0;

  /// The last record that was known to be on the medium when this one was written; 0: none. So records up to it that
  /// cannot be read are damaged, whereas later ones may have been lost with the power.
  int64_t synced_sequence() const {
    return unsynced == UINT32_MAX || unsynced > sequence ? 0 : sequence - int64_t{unsynced};
  }
  int64_t record_bytes() const { return kRecordHeaderBytes + (int64_t{size} + 7) / 8 * 8; }
};

/// Appends header, payload and padding to `out`; sets the header's size and payload_crc.
void AppendRecord(RecordHeader header, std::string_view payload, std::string* out);
/// Nullopt: these 40 bytes are no header of a record, or a damaged one.
std::optional<RecordHeader> DecodeRecordHeader(std::string_view bytes);

/// "000000000000002a-00000003.log": first sequence and owner in hexadecimal, so that names sort as records do.
std::string SegmentName(int64_t first_sequence, int64_t owner);
struct SegmentNameParts {
  int64_t first_sequence = 0;
  int64_t owner = 0;
};
/// Nullopt: not the name of a segment.
std::optional<SegmentNameParts> ParseSegmentName(std::string_view name);

}  // namespace weir
