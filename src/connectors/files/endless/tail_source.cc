// Files in turn; a stream without waiting for it.
#include "connectors/files/endless/tail_source.h"

#include <arrow/buffer.h>

#include <algorithm>

#include "connectors/files/endless/tailed_file.h"
#include "env/file_descriptor.h"
#include "env/folder_notices.h"
#include "env/glob.h"

namespace weir {
namespace {

constexpr int64_t kListEveryUs = 1'000'000;
/// Where the system gives no notice of a change, and for the checks of names.
constexpr int64_t kSweepEveryUs = 200'000;

Status EmitPart(const TailSourceOptions& options, FileBatch part, const std::string& path, int split,
                EventTimeTracker* times, Emitter& out) {
  WEIR_RETURN_NOT_OK(out.RejectRaw(part.errors));
  if (part.batch.num_rows() > 0) {
    if (options.filename_column >= 0) {
      WEIR_ASSIGN_OR_RETURN(part.batch, WithFileName(part.batch, options.filename_column, path));
    }
    WEIR_RETURN_NOT_OK(times->Emit(split, std::move(part.batch), out));
  }
  times->EndPiece(split);
  return Status::OK();
}

/// Standard input as a stream whose reads give what is there.
class AvailableInput final : public arrow::io::InputStream {
 public:
  explicit AvailableInput(std::shared_ptr<DescriptorInput> raw) : raw_(std::move(raw)) {}
  Result<int64_t> Read(int64_t nbytes, void* out) override {
    WEIR_ASSIGN_OR_RETURN(const std::optional<int64_t> got, raw_->ReadAvailable(nbytes, out));
    ended_ = ended_ || (nbytes > 0 && got == 0);
    return got.value_or(0);
  }
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateResizableBuffer(nbytes));
    WEIR_ASSIGN_OR_RETURN(const int64_t got, Read(nbytes, buffer->mutable_data()));
    WEIR_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }
  Result<int64_t> Tell() const override { return raw_->Tell(); }
  Status Close() override { return raw_->Close(); }
  bool closed() const override { return raw_->closed(); }
  bool ended() const { return ended_; }

 private:
  const std::shared_ptr<DescriptorInput> raw_;
  bool ended_ = false;
};

}  // namespace

class TailSource::Files final : public SourceReader {
 public:
  Files(const TailSource& source, const OperatorContext& context)
      : options_(source.options_),
        format_(source.format_),
        context_(context),
        limits_{options_.max_record_bytes, std::max<int64_t>(1, context.batch_rows)},
        times_(options_.event_time) {}

  Result<PollResult> Poll(Emitter& out) override {
    times_.OnPoll(out);
    const int64_t now_us = out.processing_time_us();
    if (draining_ && (files_.empty() || !files_[turn_].file->has_rows())) return PollResult::kExhausted;
    if (now_us >= next_list_us_) List(now_us);
    const bool changed = notices_.Take().any;
    if (!changed && !busy_ && now_us < next_sweep_us_) return PollResult::kIdle;
    next_sweep_us_ = now_us + kSweepEveryUs;
    busy_ = false;
    // One block of each; who was stopped in between goes on with the same file.
    for (size_t i = 0; i < files_.size(); ++i) {
      WEIR_RETURN_NOT_OK(ReadOne(now_us, out));
      if (out.full() || draining_) return PollResult::kProduced;
    }
    return busy_ ? PollResult::kProduced : PollResult::kIdle;
  }

  EventTime watermark() const override { return times_.watermark(); }
  bool idle() const override { return times_.idle(); }
  /// What is in a file stays there; only the rows of the block at hand still come.
  bool Drain() override { return draining_ = true; }

 private:
  struct Followed {
    std::unique_ptr<TailedFile> file;
    int split;
  };

  Status ReadOne(int64_t now_us, Emitter& out) {
    const Followed& at = files_[turn_];
    auto part = at.file->Next(now_us);
    if (!part.ok()) return out.RejectRaw({{at.file->path(), part.status().message()}});
    if (*part) {
      busy_ = true;
      WEIR_RETURN_NOT_OK(EmitPart(options_, *std::move(*part), at.file->path(), at.split, &times_, out));
    }
    if (!at.file->has_rows()) turn_ = (turn_ + 1) % files_.size();
    return Status::OK();
  }

  /// Files that were not there before. One that another name had is not read again.
  void List(int64_t now_us) {
    const bool first = next_list_us_ == 0;
    next_list_us_ = now_us + kListEveryUs;
    auto listed = ListInputFiles(*context_.env, options_.path, options_.extensions);
    std::vector<std::string> paths = listed.ok() ? *listed : std::vector<std::string>{};
    if (paths.empty() && !HasGlob(options_.path)) paths = {options_.path};  // a file that comes later
    std::vector<FileInfo> finished;
    for (const std::string& path : paths) {
      const auto stat = context_.env->files().Stat(path);
      if (!stat.ok() || stat->kind == FileKind::kDirectory) continue;
      const FileInfo& info = *stat;
      notices_.Watch(DirectoryName(path));
      const bool known = std::any_of(files_.begin(), files_.end(), [&](const Followed& followed) {
        return followed.file->path() == path || followed.file->Is(info);
      });
      if (WasFinished(info)) {
        finished.push_back(info);
      } else if (!known) {
        files_.push_back(
            {std::make_unique<TailedFile>(path, first && options_.from_end, context_.env, format_.get(), limits_),
             times_.Add()});
      }
    }
    if (HasGlob(options_.path) || listed.ok()) Forget(paths);
    finished_ = std::move(finished);  // those that are gone are forgotten: their numbers may be given to new files
  }

  /// A file that is gone, and was read to its end, is no split any more; one of the same name later is a new one.
  void Forget(const std::vector<std::string>& paths) {
    for (size_t i = files_.size(); i-- > 0;) {
      const TailedFile& file = *files_[i].file;
      if (file.is_open() || std::find(paths.begin(), paths.end(), file.path()) != paths.end()) continue;
      times_.End(files_[i].split);
      files_.erase(files_.begin() + static_cast<int64_t>(i));
      turn_ = 0;
    }
  }

  bool WasFinished(const FileInfo& info) const {
    auto same = [&](const FileInfo& other) {
      return other.kind != FileKind::kNone && other.device == info.device && other.inode == info.inode;
    };
    return info.kind != FileKind::kNone &&
           (std::any_of(finished_.begin(), finished_.end(), same) ||
            std::any_of(files_.begin(), files_.end(), [&](const Followed& f) { return same(f.file->finished()); }));
  }

  const TailSourceOptions& options_;
  const std::shared_ptr<const TextFileFormat> format_;
  const OperatorContext context_;
  const LiveText::Limits limits_;
  EventTimeTracker times_;
  FolderNotices notices_;
  std::vector<Followed> files_;
  std::vector<FileInfo> finished_;  // files that were read under another name and are still there
  size_t turn_ = 0;                 // of files_
  bool busy_ = false;               // the last sweep gave something
  bool draining_ = false;
  int64_t next_list_us_ = 0, next_sweep_us_ = 0;
};

class TailSource::Stream final : public SourceReader {
 public:
  static Result<std::unique_ptr<SourceReader>> Make(const TailSource& source, const OperatorContext& context) {
    auto raw = std::dynamic_pointer_cast<DescriptorInput>(context.env->StandardInput());
    if (!raw) return Status::Invalid("standard input cannot be read without waiting for it");
    return std::unique_ptr<SourceReader>(new Stream(source, std::move(raw), context));
  }

  Result<PollResult> Poll(Emitter& out) override {
    times_.OnPoll(out);
    if (split_ < 0) split_ = times_.Add();
    if (draining_ && !text_.has_rows()) return PollResult::kExhausted;
    WEIR_ASSIGN_OR_RETURN(std::optional<FileBatch> part, text_.Next());
    if (!part && !input_->ended()) return PollResult::kIdle;
    if (!part && ending_) return PollResult::kExhausted;
    if (!part) {
      ending_ = true;
      text_.EndInput();
      return PollResult::kProduced;
    }
    WEIR_RETURN_NOT_OK(EmitPart(options_, *std::move(part), "-", split_, &times_, out));
    return PollResult::kProduced;
  }

  EventTime watermark() const override { return times_.watermark(); }
  bool idle() const override { return times_.idle(); }
  bool Drain() override { return draining_ = true; }

 private:
  Stream(const TailSource& source, std::shared_ptr<DescriptorInput> raw, const OperatorContext& context)
      : options_(source.options_),
        format_(source.format_),
        input_(std::make_shared<AvailableInput>(std::move(raw))),
        text_({"standard input", input_, nullptr}, format_.get(),
              {options_.max_record_bytes, std::max<int64_t>(1, context.batch_rows)}),
        times_(options_.event_time) {}

  const TailSourceOptions& options_;
  const std::shared_ptr<const TextFileFormat> format_;
  const std::shared_ptr<AvailableInput> input_;
  LiveText text_;
  EventTimeTracker times_;
  int split_ = -1;
  bool ending_ = false, draining_ = false;
};

Result<std::unique_ptr<SourceReader>> TailSource::OpenReader(const OperatorContext& lane) {
  if (options_.path == "-") return Stream::Make(*this, lane);
  return std::make_unique<Files>(*this, lane);
}

}  // namespace weir
