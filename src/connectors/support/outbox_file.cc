// Frames around Arrow's IPC messages.
#include "connectors/support/outbox_file.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <xxhash.h>

#include <cstring>

namespace weir {
namespace {

constexpr char kMagic[8] = {'W', 'E', 'I', 'R', 'B', 'O', 'X', '1'};
constexpr int kTimes = 4;

struct FrameHead {
  uint32_t size = 0, rows = 0;
  uint64_t checksum = 0;
};

struct RowsHead {
  uint32_t flags = 0, zero = 0;
  int64_t constants[kTimes] = {};
};

constexpr uint32_t HasFlag(int i) { return 1u << i; }
constexpr uint32_t ConstantFlag(int i) { return 1u << (8 + i); }

Result<Batch> DecodeRows(const BufferPtr& payload, int64_t num_rows, const SchemaPtr& schema) {
  RowsHead head;
  if (payload->size() < static_cast<int64_t>(sizeof head)) return Status::Invalid("a frame is too short");
  std::memcpy(&head, payload->data(), sizeof head);
  int64_t at = sizeof head;
  Int64Column times[kTimes];
  for (int i = 0; i < kTimes; ++i) {
    if ((head.flags & HasFlag(i)) == 0) continue;
    if ((head.flags & ConstantFlag(i)) != 0) {
      times[i] = Int64Column(head.constants[i]);
      continue;
    }
    if (at + num_rows * 8 > payload->size()) return Status::Invalid("a frame is too short");
    times[i] = Int64Column(arrow::SliceBuffer(payload, at, num_rows * 8));
    at += num_rows * 8;
  }
  arrow::io::BufferReader stream(arrow::SliceBuffer(payload, at));
  arrow::ipc::DictionaryMemo memo;
  WEIR_ASSIGN_OR_RETURN(auto columns,
                        arrow::ipc::ReadRecordBatch(schema, &memo, arrow::ipc::IpcReadOptions::Defaults(), &stream));
  if (columns->num_rows() != num_rows) return Status::Invalid("a frame has another number of rows than it says");
  Batch batch(schema, columns->column_data(), num_rows);
  batch.set_event_time(times[0]);
  if ((head.flags & HasFlag(1)) != 0) batch.set_weight(times[1]);
  if ((head.flags & HasFlag(2)) != 0) batch.set_window(times[2], times[3]);
  return batch;
}

}  // namespace

Status OutboxEncoder::Frame(uint32_t rows, const std::vector<BufferPtr>& parts) {
  FrameHead head;
  head.rows = rows;
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), &XXH3_freeState);
  XXH3_64bits_reset(state.get());
  int64_t size = 0;
  for (const BufferPtr& part : parts) {
    size += part->size();
    XXH3_64bits_update(state.get(), part->data(), static_cast<size_t>(part->size()));
  }
  if (size > UINT32_MAX) return Status::CapacityError("a batch of ", size, " bytes is too big for the outbox");
  head.size = static_cast<uint32_t>(size);
  head.checksum = XXH3_64bits_digest(state.get());
  WEIR_RETURN_NOT_OK(out_->Write(&head, sizeof head));
  for (const BufferPtr& part : parts) WEIR_RETURN_NOT_OK(out_->Write(part));
  return Status::OK();
}

Status OutboxEncoder::Begin() {
  begun_ = true;
  WEIR_RETURN_NOT_OK(out_->Write(kMagic, sizeof kMagic));
  WEIR_ASSIGN_OR_RETURN(auto message, arrow::ipc::SerializeSchema(*schema_));
  return Frame(0, {message});
}

Status OutboxEncoder::Write(const Batch& batch) {
  if (!begun_) WEIR_RETURN_NOT_OK(Begin());
  const Int64Column nothing;
  const Int64Column* times[kTimes] = {&batch.event_time(), batch.has_weight() ? &batch.weight() : nullptr,
                                      batch.has_window() ? &batch.window_start() : nullptr,
                                      batch.has_window() ? &batch.window_end() : nullptr};
  RowsHead head;
  std::vector<BufferPtr> parts(1);
  for (int i = 0; i < kTimes; ++i) {
    if (times[i] == nullptr) continue;
    head.flags |= HasFlag(i);
    if (times[i]->is_constant()) {
      head.flags |= ConstantFlag(i);
      head.constants[i] = times[i]->constant();
    } else {
      parts.push_back(arrow::SliceBuffer(times[i]->values(), 0, batch.num_rows() * 8));
    }
  }
  parts[0] = std::make_shared<arrow::Buffer>(reinterpret_cast<const uint8_t*>(&head), sizeof head);
  WEIR_ASSIGN_OR_RETURN(auto columns, batch.ToRecordBatch());
  WEIR_ASSIGN_OR_RETURN(auto message,
                        arrow::ipc::SerializeRecordBatch(*columns, arrow::ipc::IpcWriteOptions::Defaults()));
  parts.push_back(message);
  return Frame(static_cast<uint32_t>(batch.num_rows()), parts);
}

Status OutboxEncoder::Finish() {
  if (!begun_) WEIR_RETURN_NOT_OK(Begin());
  const FrameHead end;
  return out_->Write(&end, sizeof end);
}

Result<std::vector<Batch>> DecodeOutbox(const BufferPtr& bytes) {
  const auto damaged = [](int64_t at, const std::string& why) {
    return Status::Invalid("the rows that were kept are damaged at byte ", at, ": ", why);
  };
  if (bytes->size() < 8 || std::memcmp(bytes->data(), kMagic, sizeof kMagic) != 0) return damaged(0, "no such file");
  std::vector<Batch> rows;
  SchemaPtr schema;
  for (int64_t at = sizeof kMagic;;) {
    FrameHead head;
    if (at + static_cast<int64_t>(sizeof head) > bytes->size()) return damaged(at, "it ends too early");
    std::memcpy(&head, bytes->data() + at, sizeof head);
    if (head.size == 0) return rows;
    const int64_t begin = at + static_cast<int64_t>(sizeof head);
    if (begin + head.size > bytes->size()) return damaged(at, "it ends too early");
    if (XXH3_64bits(bytes->data() + begin, head.size) != head.checksum) return damaged(at, "the checksum differs");
    const BufferPtr payload = arrow::SliceBuffer(bytes, begin, head.size);
    if (schema == nullptr) {
      arrow::io::BufferReader stream(payload);
      arrow::ipc::DictionaryMemo memo;
      WEIR_ASSIGN_OR_RETURN(schema, arrow::ipc::ReadSchema(&stream, &memo));
    } else {
      auto batch = DecodeRows(payload, head.rows, schema);
      if (!batch.ok()) return damaged(at, batch.status().message());
      rows.push_back(std::move(*batch));
    }
    at = begin + head.size;
  }
}

}  // namespace weir
