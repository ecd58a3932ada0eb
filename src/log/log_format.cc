// Little-endian fields at fixed places; checksums over what stands beside them.
#include "log/log_format.h"

#include <charconv>
#include <cstdio>
#include <cstring>

#include "base/check.h"
#include "log/crc32c.h"

namespace weir {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "fields are copied as they lie in memory");

constexpr char kMagic[] = "WEIRLOG\n";
constexpr uint32_t kVersion = 1;

template <class T>
void Put(char* at, T value) {
  std::memcpy(at, &value, sizeof value);
}

template <class T>
T Get(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::optional<int64_t> ParseHex(std::string_view digits) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || end != digits.data() + digits.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

Result<Durability> DurabilityFromName(std::string_view name) {
  for (const Durability durability : {Durability::kPower, Durability::kProcess, Durability::kNone}) {
    if (name == DurabilityName(durability)) return durability;
  }
  return Status::Invalid("durability is power, process or none, not '", name, "'");
}

const char* DurabilityName(Durability durability) {
  switch (durability) {
    case Durability::kPower:
      return "power";
    case Durability::kProcess:
      return "process";
    case Durability::kNone:
      break;
  }
  return "none";
}

std::string EncodeSegmentHeader(const SegmentHeader& header) {
  std::string bytes(kSegmentHeaderBytes, '\0');
  std::memcpy(bytes.data(), kMagic, 8);
  Put(&bytes[8], kVersion);
  Put(&bytes[12], header.log_id);
  Put(&bytes[16], header.first_sequence);
  Put(&bytes[24], header.owner);
  Put(&bytes[32], static_cast<uint8_t>(header.durability));
  Put(&bytes[44], Crc32c(std::string_view(bytes).substr(0, 44)));
  return bytes;
}

Result<SegmentHeader> DecodeSegmentHeader(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes || std::memcmp(bytes.data(), kMagic, 8) != 0) {
    return Status::Invalid("it does not begin as a segment of a log does");
  }
  const auto version = Get<uint32_t>(bytes, 8);
  if (Get<uint32_t>(bytes, 44) != Crc32c(bytes.substr(0, 44))) return Status::Invalid("its first 48 bytes are damaged");
  if (version != kVersion)
    return Status::Invalid("it has version ", version, "; this program knows version ", kVersion);
  SegmentHeader header;
  header.log_id = Get<uint32_t>(bytes, 12);
  header.first_sequence = Get<int64_t>(bytes, 16);
  header.owner = Get<int64_t>(bytes, 24);
  const auto durability = Get<uint8_t>(bytes, 32);
  if (header.first_sequence < 1 || header.owner < 1 || durability > static_cast<uint8_t>(Durability::kNone)) {
    return Status::Invalid("its first 48 bytes make no sense");
  }
  header.durability = static_cast<Durability>(durability);
  return header;
}

void AppendRecord(RecordHeader header, std::string_view payload, std::string* out) {
  WEIR_CHECK(static_cast<int64_t>(payload.size()) <= kMaxPayloadBytes, "a record of more than 1 GiB");
  char bytes[kRecordHeaderBytes] = {};
  Put(bytes + 4, Crc32c(payload));
  Put(bytes + 8, static_cast<uint32_t>(payload.size()));
  Put(bytes + 12, header.log_id);
  Put(bytes + 16, header.sequence);
  Put(bytes + 24, header.epoch);
  Put(bytes + 32, header.unsynced);
  Put(bytes + 36, header.kind);
  Put(bytes, Crc32c(std::string_view(bytes + 4, kRecordHeaderBytes - 4)));
  out->append(bytes, kRecordHeaderBytes);
  out->append(payload);
  out->append((8 - payload.size() % 8) % 8, '\0');
}

std::optional<RecordHeader> DecodeRecordHeader(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
  bytes = bytes.substr(0, kRecordHeaderBytes);
  RecordHeader header;
  header.payload_crc = Get<uint32_t>(bytes, 4);
  header.size = Get<uint32_t>(bytes, 8);
  header.log_id = Get<uint32_t>(bytes, 12);
  header.sequence = Get<int64_t>(bytes, 16);
  header.epoch = Get<int64_t>(bytes, 24);
  header.unsynced = Get<uint32_t>(bytes, 32);
  header.kind = Get<uint8_t>(bytes, 36);
  if (header.size > kMaxPayloadBytes || header.sequence < 1 || header.epoch < 0) return std::nullopt;
  if (Get<uint32_t>(bytes, 0) != Crc32c(bytes.substr(4))) return std::nullopt;
  return header;
}

std::string SegmentName(int64_t first_sequence, int64_t owner) {
  char name[64];
  std::snprintf(name, sizeof name, "%016llx-%08llx.log", static_cast<unsigned long long>(first_sequence),
                static_cast<unsigned long long>(owner));
  return name;
}

std::optional<SegmentNameParts> ParseSegmentName(std::string_view name) {
  if (name.size() < 29 || name[16] != '-' || !name.ends_with(".log")) return std::nullopt;
  const std::optional<int64_t> first = ParseHex(name.substr(0, 16));
  const std::optional<int64_t> owner = ParseHex(name.substr(17, name.size() - 21));
  if (!first || !owner || *first < 1 || *owner < 1) return std::nullopt;
  return SegmentNameParts{*first, *owner};
}

}  // namespace weir
