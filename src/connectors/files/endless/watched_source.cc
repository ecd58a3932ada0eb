// A queue of files that grows while it is read.
#include "connectors/files/endless/watched_source.h"

#include <deque>

#include "connectors/files/endless/whole_file.h"

namespace weir {

class WatchedSource::Reader final : public SourceReader {
 public:
  Reader(const WatchedSource& source, const OperatorContext& context)
      : options_(source.options_),
        format_(source.format_),
        context_(context),
        watch_(source.options_.watch, source.env_),
        times_(source.options_.event_time),
        in_order_(source.options_.event_time.rule.from == WatermarkRule::From::kOrder) {}

  Result<PollResult> Poll(Emitter& out) override {
    times_.OnPoll(out);
    Look(out.processing_time_us());
    if (!file_) {
      if (draining_) return PollResult::kExhausted;
      if (queue_.empty()) return PollResult::kIdle;
      WEIR_RETURN_NOT_OK(Begin(out));
    }
    while (file_) {
      Result<std::optional<FileBatch>> part = file_->Next();
      if (!part.ok()) {
        WEIR_RETURN_NOT_OK(Refuse(file_->path(), part.status(), out));
        break;
      }
      if (!*part) {
        EndFile();
        break;
      }
      WEIR_RETURN_NOT_OK(out.RejectRaw((*part)->errors));
      WEIR_RETURN_NOT_OK(EmitBatch(std::move((*part)->batch), out));
      if (out.full()) break;
    }
    return PollResult::kProduced;
  }

  EventTime watermark() const override { return times_.watermark(); }
  bool idle() const override { return times_.idle(); }
  /// The file at hand is read to its end, so that what comes out is whole files.
  bool Drain() override { return draining_ = true; }

 private:
  void Look(int64_t now_us) {
    if (draining_) return;
    for (std::string& path : watch_.Look(now_us)) queue_.push_back(std::move(path));
    if (in_order_) {
      if (split_ < 0) split_ = times_.Add();  // of the whole folder
      return;
    }
    if (queue_.empty()) return;
    if (backlog_ < 0) backlog_ = times_.Add();
    times_.Touch(backlog_);
  }

  Status Begin(Emitter& out) {
    const std::string path = std::move(queue_.front());
    queue_.pop_front();
    if (!in_order_) split_ = times_.Add();
    if (queue_.empty() && backlog_ >= 0) {
      times_.End(backlog_);
      backlog_ = -1;
    }
    auto opened = WholeFile::Open(*format_, path, context_);
    if (!opened.ok()) return Refuse(path, opened.status(), out);
    file_ = std::move(*opened);
    return Status::OK();
  }

  Status EmitBatch(Batch batch, Emitter& out) {
    if (batch.num_rows() == 0) return Status::OK();
    if (options_.filename_column >= 0) {
      WEIR_ASSIGN_OR_RETURN(batch, WithFileName(batch, options_.filename_column, file_->path()));
    }
    return times_.Emit(split_, std::move(batch), out);
  }

  /// What is left of the file cannot be read: an error row says so, and the next file follows.
  Status Refuse(const std::string& path, const Status& why, Emitter& out) {
    const RawError error = WholeFile::Refusal(path, why);
    EndFile();
    return out.RejectRaw({error});
  }

  void EndFile() {
    file_.reset();
    if (in_order_) {
      times_.EndPiece(split_);
    } else {
      times_.End(split_);
      split_ = -1;
    }
  }

  const WatchedSourceOptions& options_;
  const std::shared_ptr<const FileFormat> format_;
  const OperatorContext context_;
  FileWatch watch_;
  EventTimeTracker times_;
  const bool in_order_;
  std::deque<std::string> queue_;    // found, not begun
  int backlog_ = -1;                 // the split that stands for them
  int split_ = -1;                   // of the file at hand, or of all
  std::unique_ptr<WholeFile> file_;  // at hand
  bool draining_ = false;
};

Status WatchedSource::Open(OperatorContext& context) {
  env_ = context.env;
  return Status::OK();
}

Result<std::unique_ptr<SourceReader>> WatchedSource::OpenReader(const OperatorContext& lane) {
  return std::make_unique<Reader>(*this, lane);
}

}  // namespace weir
