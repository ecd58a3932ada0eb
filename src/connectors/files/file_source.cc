// Lanes walk the list of files together; a file is opened by the first and dropped when it is exhausted.
#include "connectors/files/file_source.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "batch/print.h"
#include "batch/types.h"
#include "connectors/support/position.h"
#include "env/env.h"
#include "env/objects/object_store.h"

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

  bool can_pause() const override { return !in_piece_; }

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
    slots_[i].modified_us = info.modified;
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
    if (!slot.from && options_.paths[index] != "-") {  // what it is now is what is read
      WEIR_ASSIGN_OR_RETURN(const FileInfo info, env_->files().Stat(options_.paths[index]));
      slot.size_bytes = info.size_bytes;
      slot.modified_us = info.modified;
    }
    WEIR_ASSIGN_OR_RETURN(slot.file, format_->Open(*env_, options_.paths[index], slot.from));
    for (size_t next = index + 1; next < slots_.size() && next <= index + kAnnouncedAhead; ++next) {
      if (ObjectStore* store = ObjectStoreOf(options_.paths[next])) store->WillOpen(options_.paths[next]);
    }
  }
  return slot.file;
}

void FileSource::MarkExhausted(size_t index) {
  std::lock_guard lock(mutex_);
  slots_[index].exhausted = true;
  slots_[index].file.reset();
}

std::string FileSource::Fingerprint(size_t index) const {
  const Slot& slot = slots_[index];
  return options_.paths[index] + "\n" + std::to_string(slot.size_bytes) + "\n" + std::to_string(slot.modified_us) +
         "\n";
}

Result<std::string> FileSource::Position() {
  std::lock_guard lock(mutex_);
  for (; done_ < slots_.size() && slots_[done_].exhausted; ++done_) {
    done_hash_ = StableHash(Fingerprint(done_), done_hash_);
  }
  nlohmann::json position = {{"files_done", done_}, {"files_done_hash", done_hash_}, {"rows", rows_.load()}};
  const Slot* at = done_ < slots_.size() ? &slots_[done_] : nullptr;
  if (at != nullptr && (at->file || at->from)) {
    const FilePlace place = at->file ? at->file->place() : *at->from;
    position["file"] = {{"path", options_.paths[done_]},
                        {"size_bytes", at->size_bytes},
                        {"modified_us", at->modified_us},
                        {"offset", place.offset},
                        {"state", place.state}};
  }
  return PrintPosition(position);
}

Status FileSource::Restore(const std::string& text) {
  WEIR_ASSIGN_OR_RETURN(const nlohmann::json position, ParsePosition(text));
  std::lock_guard lock(mutex_);
  const int64_t done = IntAt(position, "files_done", -1);
  uint64_t hash = 0;
  for (int64_t i = 0; i < done && i < static_cast<int64_t>(slots_.size()); ++i) {
    hash = StableHash(Fingerprint(static_cast<size_t>(i)), hash);
  }
  const auto saved_hash = position.find("files_done_hash");
  if (done < 0 || done > static_cast<int64_t>(slots_.size()) || saved_hash == position.end() ||
      !saved_hash->is_number_integer() || saved_hash->get<uint64_t>() != hash) {
    return Status::Invalid("the first ", done,
                           " files were read by an earlier run; since then some were added, removed, ",
                           "renamed or written: put them back, or begin anew with an empty state folder");
  }
  for (int64_t i = 0; i < done; ++i) slots_[static_cast<size_t>(i)].exhausted = true;
  done_ = static_cast<size_t>(done);
  done_hash_ = hash;
  rows_ = IntAt(position, "rows");
  const auto file = position.find("file");
  if (file == position.end()) return Status::OK();
  const std::string path = TextAt(*file, "path");
  const int64_t offset = IntAt(*file, "offset");
  Slot* const slot = done_ < slots_.size() ? &slots_[done_] : nullptr;
  if (slot == nullptr || options_.paths[done_] != path || slot->size_bytes != IntAt(*file, "size_bytes") ||
      slot->modified_us != IntAt(*file, "modified_us")) {
    return Status::Invalid("'", path, "' was read up to ", offset,
                           " by an earlier run and is not what it was then: put ",
                           "it back, or begin anew with an empty state folder");
  }
  slot->from = FilePlace{offset, static_cast<int>(IntAt(*file, "state"))};
  return Status::OK();
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
