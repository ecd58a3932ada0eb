// Lanes walk the list of files together; a file is opened by the first and dropped when it is exhausted.
#include "connectors/files/file_source.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>

#include <algorithm>

#include "batch/print.h"
#include "batch/types.h"
#include "env/env.h"

namespace weir {
// The path is a dictionary of one.
Result<Batch> WithFileName(const Batch& batch, int column, const std::string& path) {
  WEIR_ASSIGN_OR_RETURN(auto indices, arrow::AllocateBuffer(batch.num_rows() * sizeof(int32_t)));
  std::memset(indices->mutable_data(), 0, indices->size());
  arrow::StringBuilder builder;
  WEIR_RETURN_NOT_OK(builder.Append(path));
  WEIR_ASSIGN_OR_RETURN(auto name, builder.Finish());
  auto data = arrow::ArrayData::Make(DictionaryType(), batch.num_rows(), {nullptr, std::move(indices)}, 0);
  data->dictionary = name->data();
  std::vector<int> columns;
  for (int i = 0; i < batch.num_columns(); ++i) columns.push_back(i == column ? -1 : i);
  return batch.Project(batch.schema(), columns, {std::move(data)});
}

class FileSource::Reader final : public SourceReader {
 public:
  Reader(FileSource* source, const OperatorContext& context) : source_(source), context_(context) {}

  Result<PollResult> Poll(Emitter& out) override {
    if (!in_piece_) {
      WEIR_ASSIGN_OR_RETURN(bool taken, TakePiece());
      if (!taken) return PollResult::kExhausted;
    }
    for (;;) {
      WEIR_ASSIGN_OR_RETURN(std::optional<FileBatch> part, lane_->Next());
      if (!part) break;
      WEIR_RETURN_NOT_OK(out.RejectRaw(part->errors));
      WEIR_RETURN_NOT_OK(EmitBatch(std::move(part->batch), out));
      if (out.full()) return PollResult::kProduced;
    }
    in_piece_ = false;
    return PollResult::kProduced;
  }

 private:
  Result<bool> TakePiece() {
    while (!source_->LimitReached() && index_ < source_->slots_.size()) {
      if (!lane_) {
        WEIR_ASSIGN_OR_RETURN(file_, source_->FileAt(index_));
        if (file_) {
          WEIR_ASSIGN_OR_RETURN(lane_, file_->OpenLane(context_));
        }
      }
      std::optional<int64_t> piece;
      if (lane_) {
        WEIR_ASSIGN_OR_RETURN(piece, lane_->Take());
      }
      if (piece) {
        morsel_ = MorselNumber(index_, *piece);
        if (context_.morsels) context_.morsels->Start(context_.lane, morsel_);
        in_piece_ = true;
        return true;
      }
      lane_.reset();
      if (file_) source_->MarkExhausted(index_);
      file_.reset();
      ++index_;
    }
    return false;
  }

  Status EmitBatch(Batch batch, Emitter& out) {
    if (batch.num_rows() == 0) return Status::OK();
    source_->rows_.fetch_add(batch.num_rows(), std::memory_order_relaxed);
    int column = source_->options_.filename_column;
    if (column >= 0) {
      WEIR_ASSIGN_OR_RETURN(batch, WithFileName(batch, column, source_->options_.paths[index_]));
    }
    if (source_->options_.event_time) WEIR_RETURN_NOT_OK(AssignOrReject(*source_->options_.event_time, &batch, out));
    batch.set_morsel(morsel_);
    return out.Emit(std::move(batch));
  }

  FileSource* const source_;
  const OperatorContext context_;
  size_t index_ = 0;
  std::shared_ptr<OpenedFile> file_;
  std::unique_ptr<FileLane> lane_;  // goes before file_
  bool in_piece_ = false;
  int64_t morsel_ = -1;
};

FileSource::FileSource(FileSourceOptions options, std::shared_ptr<const FileFormat> format)
    : options_(std::move(options)), format_(std::move(format)) {}

Status FileSource::Open(OperatorContext& context) {
  env_ = context.env;
  slots_.resize(options_.paths.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (options_.paths[i] == "-") continue;
    WEIR_ASSIGN_OR_RETURN(FileInfo info, env_->files().Stat(options_.paths[i]));
    slots_[i].size_bytes = info.size_bytes;
    bytes_total_ += info.size_bytes;
    modified_us_ = std::max(modified_us_, info.modified);
  }
  return Status::OK();
}

std::string FileSource::version() const {
  if (slots_.empty() || modified_us_ == kMinEventTime) return "";
  const std::string what = slots_.size() == 1 ? options_.paths[0] : std::to_string(slots_.size()) + " files";
  return what + ", " + std::to_string(bytes_total_) + " bytes, modified " + FormatTimestamp(modified_us_);
}

Result<std::unique_ptr<SourceReader>> FileSource::OpenReader(const OperatorContext& lane) {
  return std::make_unique<Reader>(this, lane);
}

Result<std::shared_ptr<OpenedFile>> FileSource::FileAt(size_t index) {
  std::lock_guard lock(mutex_);
  Slot& slot = slots_[index];
  if (!slot.file && !slot.exhausted) {
    WEIR_ASSIGN_OR_RETURN(slot.file, format_->Open(*env_, options_.paths[index]));
  }
  return slot.file;
}

void FileSource::MarkExhausted(size_t index) {
  std::lock_guard lock(mutex_);
  slots_[index].exhausted = true;
  slots_[index].file.reset();
}

Source::Progress FileSource::progress() const {
  std::lock_guard lock(mutex_);
  Progress progress;
  progress.bytes_total = bytes_total_;
  for (const Slot& slot : slots_) {
    if (slot.exhausted) progress.bytes_done += slot.size_bytes;
    if (slot.file) progress.bytes_done += slot.file->bytes_done();
  }
  return progress;
}

}  // namespace weir
