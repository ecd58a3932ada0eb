// A queue of files that grows while it is read.
#include "connectors/files/endless/watched_source.h"

#include <deque>

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
    if (!lane_) {
      if (draining_) return PollResult::kExhausted;
      if (queue_.empty()) return PollResult::kIdle;
      WEIR_RETURN_NOT_OK(Begin(out));
    }
    while (lane_) {
      Result<std::optional<FileBatch>> part = NextPart();
      if (!part.ok()) return Refuse(part.status(), out);
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
    path_ = std::move(queue_.front());
    queue_.pop_front();
    if (!in_order_) split_ = times_.Add();
    if (queue_.empty() && backlog_ >= 0) {
      times_.End(backlog_);
      backlog_ = -1;
    }
    auto open = [&]() -> Status {
      WEIR_ASSIGN_OR_RETURN(file_, format_->Open(*context_.env, path_));
      WEIR_ASSIGN_OR_RETURN(lane_, file_->OpenLane(context_));
      return Status::OK();
    };
    in_piece_ = false;
    const Status opened = open();
    return opened.ok() ? opened : Refuse(opened, out).status();
  }

  /// The next rows of the file; nothing at its end.
  Result<std::optional<FileBatch>> NextPart() {
    for (;;) {
      if (in_piece_) {
        WEIR_ASSIGN_OR_RETURN(std::optional<FileBatch> part, lane_->Next());
        if (part) return part;
        in_piece_ = false;
      }
      WEIR_ASSIGN_OR_RETURN(const std::optional<int64_t> piece, lane_->Take());
      if (!piece) return std::nullopt;
      in_piece_ = true;
    }
  }

  Status EmitBatch(Batch batch, Emitter& out) {
    if (batch.num_rows() == 0) return Status::OK();
    if (options_.filename_column >= 0) {
      WEIR_ASSIGN_OR_RETURN(batch, WithFileName(batch, options_.filename_column, path_));
    }
    return times_.Emit(split_, std::move(batch), out);
  }

  /// What is left of the file cannot be read: an error row says so, and the next file follows.
  Result<PollResult> Refuse(const Status& why, Emitter& out) {
    const bool named = why.message().find(path_) != std::string::npos;
    const std::string message = named ? why.message() : path_ + ": " + why.message();
    EndFile();
    WEIR_RETURN_NOT_OK(out.RejectRaw({{path_, message}}));
    return PollResult::kProduced;
  }

  void EndFile() {
    lane_.reset();
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
  std::deque<std::string> queue_;  // found, not begun
  int backlog_ = -1;               // the split that stands for them
  int split_ = -1;                 // of the file at hand, or of all
  std::string path_;               // of the file at hand
  std::shared_ptr<OpenedFile> file_;
  std::unique_ptr<FileLane> lane_;  // goes before file_
  bool in_piece_ = false;
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
