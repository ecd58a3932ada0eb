// Fuzz target: any bytes as a log. An odd first byte: the rest is a segment as it is. An even one: pieces of the rest
// are payloads of records with right checksums, so that what is in them is reached. Reading never fails but with a
// Status; a log that can be opened takes an epoch, and has it when it is opened again.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "env/simulated/simulated_file_system.h"
#include "log/cell_record.h"
#include "log/log_epoch_store.h"

namespace weir {
namespace {

constexpr char kLog[] = "/log";
constexpr uint32_t kLogId = 7;

std::string SegmentOf(std::string_view input) {
  std::string bytes = EncodeSegmentHeader({kLogId, 1, 1, Durability::kPower});
  for (int64_t sequence = 1; !input.empty(); ++sequence) {
    RecordHeader header;
    header.log_id = kLogId;
    header.sequence = sequence;
    header.epoch = 1;
    const auto kind = static_cast<uint8_t>(input[0]);
    header.kind = kind % 2 == 0 ? kCellsKind : kind % 4 == 1 ? kCommitKind : kind / 4;
    input.remove_prefix(1);
    const size_t size = input.empty() ? 0 : static_cast<uint8_t>(input[0]);
    input.remove_prefix(input.empty() ? 0 : 1);
    AppendRecord(header, input.substr(0, size), &bytes);
    input.remove_prefix(std::min(size, input.size()));
  }
  return bytes;
}

void Try(const std::string& segment) {
  SimulatedFileSystem files;
  WEIR_CHECK(files.MakeDirectories(kLog).ok(), "a simulated folder");
  const SegmentHeader header = DecodeSegmentHeader(segment).ValueOr({kLogId, 1, 1, Durability::kPower});
  auto file = files.OpenAppend(JoinPath(kLog, SegmentName(header.first_sequence, header.owner))).ValueOrDie();
  WEIR_CHECK(file->Append(segment).ok(), "a simulated file");
  const auto read = ReadEpochState(files, kLog);
  auto store = LogEpochStore::Open(files, kLog, {});
  if (!store.ok()) return;
  const auto state = (*store)->Load();
  if (!state.ok()) return;
  WEIR_CHECK(read.ok(), "what can be opened can be read");
  EpochRecord record;
  record.epoch = (*store)->epoch() + 1;
  record.nodes["added"].cells.Put(1, 2, "key", "value");
  const Status committed = (*store)->Commit(record);
  store->reset();
  if (!committed.ok()) return;  // epoch 2^63 - 1 has no next one
  const auto again = ReadEpochState(files, kLog);
  WEIR_CHECK(again.ok() && *again && (*again)->epoch == record.epoch, "an epoch that was committed is there");
  WEIR_CHECK((*again)->nodes.at("added").cells.size() >= 1, "with its cells");
}

}  // namespace
}  // namespace weir

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  weir::Try(data[0] % 2 == 1 ? std::string(input) : weir::SegmentOf(input));
  return 0;
}
