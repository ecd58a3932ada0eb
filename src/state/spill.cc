// Spill blocks are Arrow IPC messages behind a small header; times that are constant cost nothing.
#include "state/spill.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/compression.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "batch/gather.h"
#include "env/env.h"

namespace weir {

namespace {

constexpr uint32_t kMagic = 0x4C505357;
constexpr int64_t kMaxBlockBytes = int64_t{256} << 10;

struct TimeHeader {
  int64_t constant = 0;
  uint8_t is_constant = 1;
};

struct BlockHeader {
  uint32_t magic = kMagic;
  uint32_t columns = 0;
  int64_t rows = 0;
  uint8_t has_window = 0, has_weight = 0;
  Pane pane;
  TimeHeader times[4];
};

const Int64Column& TimeOf(const Batch& batch, int i) {
  switch (i) {
    case 0:
      return batch.event_time();
    case 1:
      return batch.window_start();
    case 2:
      return batch.window_end();
    default:
      return batch.weight();
  }
}

/// The schema of the record batch behind a header: the columns that are not pruned, then the times that are not
/// constant.
SchemaPtr BlockSchema(const SchemaPtr& schema, const BlockHeader& header, const uint8_t* present) {
  arrow::FieldVector fields;
  for (int i = 0; i < schema->num_fields(); ++i) {
    if (present[i]) fields.push_back(schema->field(i));
  }
  for (const TimeHeader& time : header.times) {
    if (!time.is_constant) fields.push_back(arrow::field("", arrow::int64()));
  }
  return arrow::schema(std::move(fields));
}

arrow::ipc::IpcWriteOptions WriteOptions() {
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  options.use_threads = false;
  options.codec = arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME).ValueOrDie();
  options.min_space_savings = 0.1;
  return options;
}

std::string UniqueName() {
  static std::atomic<uint64_t> next{0};
  return "spill-" + std::to_string(next.fetch_add(1));
}

}  // namespace

Result<std::unique_ptr<SpillFile>> SpillFile::Create(const SpillSpace& space) {
  FileSystem& files = space.env->files();
  const std::string path = JoinPath(space.directory, UniqueName());
  WEIR_ASSIGN_OR_RETURN(auto out, files.Create(path));
  WEIR_ASSIGN_OR_RETURN(auto in, OpenRandomAccess(files, path));
  WEIR_RETURN_NOT_OK(files.Remove(path));
  return std::unique_ptr<SpillFile>(new SpillFile(std::move(out), std::move(in)));
}

SpillFile::~SpillFile() {
  // What could not be written is lost with the file itself, so an error here means nothing.
  (void)out_->Close();
  (void)in_->Close();
}

Result<SpillBlock> SpillFile::Append(const Batch& batch) {
  BlockHeader header;
  header.columns = static_cast<uint32_t>(batch.num_columns());
  header.rows = batch.num_rows();
  header.has_window = batch.has_window();
  header.has_weight = batch.has_weight();
  header.pane = batch.pane();
  std::vector<uint8_t> present(batch.num_columns());
  std::vector<ArrayDataPtr> columns;
  for (int i = 0; i < batch.num_columns(); ++i) {
    present[i] = !batch.is_pruned(i);
    if (present[i]) columns.push_back(batch.PlainColumn(i));
  }
  for (int i = 0; i < 4; ++i) {
    const Int64Column& time = TimeOf(batch, i);
    header.times[i] = {time.constant(), time.is_constant()};
    if (!time.is_constant())
      columns.push_back(arrow::ArrayData::Make(arrow::int64(), header.rows, {nullptr, time.values()}, 0));
  }
  auto schema = BlockSchema(batch.schema(), header, present.data());
  auto record_batch = arrow::RecordBatch::Make(schema, header.rows, std::move(columns));
  static const arrow::ipc::IpcWriteOptions options = WriteOptions();
  WEIR_ASSIGN_OR_RETURN(auto body, arrow::ipc::SerializeRecordBatch(*record_batch, options));
  SpillBlock block{size_bytes_, static_cast<int64_t>(sizeof header + present.size()) + body->size(), header.rows};
  WEIR_RETURN_NOT_OK(out_->Write(&header, sizeof header));
  WEIR_RETURN_NOT_OK(out_->Write(present.data(), static_cast<int64_t>(present.size())));
  WEIR_RETURN_NOT_OK(out_->Write(body->data(), body->size()));
  size_bytes_ += block.bytes;
  return block;
}

Result<Batch> SpillFile::Read(const SchemaPtr& schema, const SpillBlock& block) {
  if (flushed_bytes_ < block.offset + block.bytes) {
    WEIR_RETURN_NOT_OK(out_->Flush());
    flushed_bytes_ = size_bytes_;
  }
  WEIR_ASSIGN_OR_RETURN(auto bytes, in_->ReadAt(block.offset, block.bytes));
  BlockHeader header;
  if (bytes->size() != block.bytes) return Status::IOError("a spill file is shorter than what was written to it");
  std::memcpy(&header, bytes->data(), sizeof header);
  if (header.magic != kMagic || header.columns != static_cast<uint32_t>(schema->num_fields())) {
    return Status::IOError("a spill file does not hold what was written to it");
  }
  const uint8_t* present = bytes->data() + sizeof header;
  auto block_schema = BlockSchema(schema, header, present);
  arrow::io::BufferReader body(arrow::SliceBuffer(bytes, static_cast<int64_t>(sizeof header + header.columns)));
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  arrow::ipc::DictionaryMemo no_dictionaries;
  WEIR_ASSIGN_OR_RETURN(auto record_batch, arrow::ipc::ReadRecordBatch(block_schema, &no_dictionaries, options, &body));
  std::vector<ArrayDataPtr> columns(header.columns);
  int next = 0;
  for (uint32_t i = 0; i < header.columns; ++i) {
    if (present[i]) columns[i] = record_batch->column_data(next++);
  }
  Int64Column times[4];
  for (int i = 0; i < 4; ++i) {
    times[i] = header.times[i].is_constant ? Int64Column(header.times[i].constant)
                                           : Int64Column(record_batch->column_data(next++)->buffers[1]);
  }
  Batch out(schema, std::move(columns), header.rows);
  out.set_event_time(times[0]);
  if (header.has_window) out.set_window(times[1], times[2]);
  if (header.has_weight) out.set_weight(times[3]);
  out.set_pane(header.pane);
  return out;
}

PartitionedSpill::PartitionedSpill(std::unique_ptr<SpillFile> file, SchemaPtr schema, int partitions,
                                   int64_t buffer_bytes)
    : file_(std::move(file)),
      schema_(std::move(schema)),
      partitions_(partitions),
      block_bytes_(std::clamp<int64_t>(buffer_bytes / partitions, 1024, kMaxBlockBytes)) {}

Result<std::unique_ptr<PartitionedSpill>> PartitionedSpill::Create(const SpillSpace& space, SchemaPtr schema,
                                                                   int partitions, int64_t buffer_bytes) {
  WEIR_ASSIGN_OR_RETURN(auto file, SpillFile::Create(space));
  return std::unique_ptr<PartitionedSpill>(
      new PartitionedSpill(std::move(file), std::move(schema), partitions, buffer_bytes));
}

Status PartitionedSpill::Append(int partition, const Batch& batch) {
  if (batch.num_rows() == 0) return Status::OK();
  Partition& to = partitions_[partition];
  const int64_t bytes = batch.size_bytes();
  to.rows += batch.num_rows();
  to.memory_bytes += bytes;
  to.held_bytes += bytes;
  buffered_bytes_ += bytes;
  to.held.push_back(batch);
  return to.held_bytes >= block_bytes_ ? Write(&to) : Status::OK();
}

Status PartitionedSpill::Scatter(const Batch& batch, const uint8_t* partition_of) {
  std::vector<int32_t> rows, starts;
  OrderByPartition(partition_of, batch.num_rows(), partitions(), &rows, &starts);
  WEIR_ASSIGN_OR_RETURN(auto ordered, GatherBatch(batch, rows));
  for (int p = 0; p < partitions(); ++p) {
    WEIR_RETURN_NOT_OK(Append(p, ordered.Slice(starts[p], starts[p + 1] - starts[p])));
  }
  return Status::OK();
}

Status PartitionedSpill::Write(Partition* partition) {
  WEIR_ASSIGN_OR_RETURN(auto joined, ConcatBatches(schema_, partition->held));
  WEIR_ASSIGN_OR_RETURN(auto block, file_->Append(joined));
  partition->blocks.push_back(block);
  buffered_bytes_ -= partition->held_bytes;
  partition->held.clear();
  partition->held_bytes = 0;
  return Status::OK();
}

Status PartitionedSpill::Flush() {
  for (Partition& partition : partitions_) {
    if (!partition.held.empty()) WEIR_RETURN_NOT_OK(Write(&partition));
  }
  return Status::OK();
}

Result<std::optional<Batch>> PartitionedSpill::Next(int partition) {
  Partition& from = partitions_[partition];
  WEIR_CHECK(from.held.empty(), "a spill partition is read before it was flushed");
  if (from.next_block == from.blocks.size()) return std::nullopt;
  WEIR_ASSIGN_OR_RETURN(auto batch, file_->Read(schema_, from.blocks[from.next_block++]));
  return std::optional<Batch>(std::move(batch));
}

void OrderByPartition(const uint8_t* partition_of, int64_t rows, int partitions, std::vector<int32_t>* out_rows,
                      std::vector<int32_t>* out_starts) {
  out_starts->assign(partitions + 1, 0);
  for (int64_t i = 0; i < rows; ++i) ++(*out_starts)[partition_of[i] + 1];
  for (int p = 0; p < partitions; ++p) (*out_starts)[p + 1] += (*out_starts)[p];
  std::vector<int32_t> next(out_starts->begin(), out_starts->end() - 1);
  out_rows->resize(rows);
  for (int64_t i = 0; i < rows; ++i) (*out_rows)[next[partition_of[i]]++] = static_cast<int32_t>(i);
}

}  // namespace weir
