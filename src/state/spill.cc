// Spill files as Arrow IPC streams over an unlinked descriptor.
#include "state/spill.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/compression.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "batch/gather.h"

namespace weir {
namespace {

constexpr int64_t kWriteBytes = 512 << 10;
constexpr int kTimeColumns = 4;  // event time, window start, window end, weight

arrow::FieldVector WithTimeFields(const arrow::Schema& schema) {
  arrow::FieldVector fields = schema.fields();
  for (const char* name : {"event_time", "window_start", "window_end", "weight"}) {
    fields.push_back(arrow::field(name, arrow::int64()));
  }
  return fields;
}

/// A constant costs one run of equal bytes, which LZ4 makes nearly nothing of.
Result<ArrayDataPtr> TimeArray(const Int64Column& column, int64_t rows) {
  if (!column.is_constant()) return arrow::ArrayData::Make(arrow::int64(), rows, {nullptr, column.values()}, 0);
  WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateBuffer(rows * 8));
  std::fill_n(reinterpret_cast<int64_t*>(buffer->mutable_data()), rows, column.constant());
  return arrow::ArrayData::Make(arrow::int64(), rows, {nullptr, BufferPtr(std::move(buffer))}, 0);
}

Int64Column TimeColumn(const arrow::ArrayData& data) {
  const auto* values = data.GetValues<int64_t>(1);
  bool same = true;
  for (int64_t i = 1; i < data.length && same; ++i) same = values[i] == values[0];
  if (data.length > 0 && same) return Int64Column(values[0]);
  return Int64Column(arrow::SliceBuffer(data.buffers[1], data.offset * 8, data.length * 8));
}

}  // namespace

struct SpillFile::Io {
  int fd = -1;
  SchemaPtr file_schema;
  std::shared_ptr<arrow::io::FileOutputStream> out;
  std::shared_ptr<arrow::ipc::RecordBatchWriter> writer;
  std::shared_ptr<arrow::ipc::RecordBatchReader> reader;
  bool has_window = false, has_weight = false;
};

SpillFile::SpillFile(SchemaPtr schema, std::unique_ptr<Io> io) : schema_(std::move(schema)), io_(std::move(io)) {}

SpillFile::~SpillFile() {
  // Streams hold descriptors of their own (dup), so each closes once.
  if (io_->fd >= 0) close(io_->fd);
}

Result<std::unique_ptr<SpillFile>> SpillFile::Create(const std::string& dir, SchemaPtr schema) {
  std::string path = dir + "/spill-XXXXXX";
  auto io = std::make_unique<Io>();
  io->fd = mkostemp(path.data(), O_CLOEXEC);
  if (io->fd < 0) return Status::IOError("cannot make a spill file in '", dir, "': ", std::strerror(errno));
  unlink(path.c_str());
  io->file_schema = arrow::schema(WithTimeFields(*schema));
  WEIR_ASSIGN_OR_RETURN(io->out, arrow::io::FileOutputStream::Open(dup(io->fd)));
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  WEIR_ASSIGN_OR_RETURN(options.codec, arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME));
  options.use_threads = false;
  WEIR_ASSIGN_OR_RETURN(io->writer, arrow::ipc::MakeStreamWriter(io->out, io->file_schema, options));
  return std::unique_ptr<SpillFile>(new SpillFile(std::move(schema), std::move(io)));
}

Status SpillFile::Append(const Batch& batch) {
  if (batch.num_rows() == 0) return Status::OK();
  rows_ += batch.num_rows();
  buffered_bytes_ += batch.size_bytes();
  buffered_.push_back(batch);
  return buffered_bytes_ >= kWriteBytes ? Flush() : Status::OK();
}

Status SpillFile::Flush() {
  if (buffered_.empty()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(Batch all, ConcatBatches(schema_, buffered_));
  buffered_.clear();
  buffered_bytes_ = 0;
  io_->has_window |= all.has_window();
  io_->has_weight |= all.has_weight();
  WEIR_ASSIGN_OR_RETURN(auto plain, all.ToRecordBatch());
  std::vector<ArrayDataPtr> columns = plain->column_data();
  for (const Int64Column* time : {&all.event_time(), &all.window_start(), &all.window_end(), &all.weight()}) {
    WEIR_ASSIGN_OR_RETURN(auto column, TimeArray(*time, all.num_rows()));
    columns.push_back(std::move(column));
  }
  auto record_batch = arrow::RecordBatch::Make(io_->file_schema, all.num_rows(), std::move(columns));
  WEIR_RETURN_NOT_OK(io_->writer->WriteRecordBatch(*record_batch));
  WEIR_ASSIGN_OR_RETURN(file_bytes_, io_->out->Tell());
  return Status::OK();
}

Status SpillFile::Rewind() {
  WEIR_RETURN_NOT_OK(Flush());
  if (io_->writer != nullptr) {
    WEIR_RETURN_NOT_OK(io_->writer->Close());
    WEIR_RETURN_NOT_OK(io_->out->Close());
    io_->writer.reset();
    io_->out.reset();
  }
  WEIR_ASSIGN_OR_RETURN(auto in, arrow::io::ReadableFile::Open(dup(io_->fd)));
  WEIR_RETURN_NOT_OK(in->Seek(0));
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  WEIR_ASSIGN_OR_RETURN(io_->reader, arrow::ipc::RecordBatchStreamReader::Open(in, options));
  return Status::OK();
}

Result<std::optional<Batch>> SpillFile::Next() {
  std::shared_ptr<arrow::RecordBatch> record_batch;
  WEIR_RETURN_NOT_OK(io_->reader->ReadNext(&record_batch));
  if (record_batch == nullptr) return std::nullopt;
  std::vector<ArrayDataPtr> columns = record_batch->column_data();
  const size_t own = columns.size() - kTimeColumns;
  Batch out(schema_, {columns.begin(), columns.begin() + own}, record_batch->num_rows());
  out.set_event_time(TimeColumn(*columns[own]));
  if (io_->has_window) out.set_window(TimeColumn(*columns[own + 1]), TimeColumn(*columns[own + 2]));
  if (io_->has_weight) out.set_weight(TimeColumn(*columns[own + 3]));
  return out;
}

}  // namespace weir
