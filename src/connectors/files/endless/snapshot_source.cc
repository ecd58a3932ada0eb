// Reading, comparing, giving: three states of one reader.
#include "connectors/files/endless/snapshot_source.h"

#include <algorithm>
#include <tuple>

#include "connectors/files/endless/row_multiset.h"
#include "connectors/files/endless/whole_file.h"
#include "env/env.h"
#include "env/glob.h"
#include "state/memory_budget.h"

namespace weir {

class SnapshotSource::Reader final : public SourceReader {
 public:
  Reader(const SnapshotSource& source, const OperatorContext& context)
      : options_(source.options_),
        format_(source.format_),
        context_(context),
        times_(options_.event_time),
        rows_(options_.schema, options_.columns),
        memory_(context.memory) {}

  Result<PollResult> Poll(Emitter& out) override {
    times_.OnPoll(out);
    if (split_ < 0) split_ = times_.Add();
    switch (state_) {
      case State::kWaiting:
        if (draining_) return PollResult::kExhausted;
        if (out.processing_time_us() < next_us_) return PollResult::kIdle;
        return Begin(out);
      case State::kReading:
        if (draining_) return PollResult::kExhausted;  // half a reading says nothing
        WEIR_RETURN_NOT_OK(ReadOn(out));
        return PollResult::kProduced;
      case State::kGiving:
        WEIR_RETURN_NOT_OK(Give(out));
        return PollResult::kProduced;
    }
    return PollResult::kIdle;
  }

  EventTime watermark() const override { return times_.watermark(); }
  bool idle() const override { return times_.idle(); }
  bool Drain() override { return draining_ = true; }

 private:
  enum class State { kWaiting, kReading, kGiving };
  using Version = std::tuple<std::string, uint64_t, uint64_t, int64_t, EventTime>;

  Result<PollResult> Begin(Emitter& out) {
    next_us_ = out.processing_time_us() + options_.every_us;
    auto listed = ListInputFiles(*context_.env, options_.path, options_.extensions);
    if (!listed.ok()) {
      WEIR_RETURN_NOT_OK(out.RejectRaw({{options_.path, listed.status().message()}}));
      return PollResult::kIdle;
    }
    versions_.clear();
    for (const std::string& path : *listed) {
      const FileInfo info = context_.env->files().Stat(path).ValueOr(FileInfo{});
      versions_.emplace_back(path, info.device, info.inode, info.size_bytes, info.modified);
    }
    if (versions_ == last_versions_) return PollResult::kIdle;
    paths_ = std::move(*listed);
    std::reverse(paths_.begin(), paths_.end());
    state_ = State::kReading;
    return PollResult::kProduced;
  }

  /// The next rows of the files, or the end of the reading.
  Status ReadOn(Emitter& out) {
    if (!file_ && paths_.empty()) {
      rows_.Complete();
      last_versions_ = versions_;
      state_ = State::kGiving;
      return Status::OK();
    }
    if (!file_) {
      path_ = std::move(paths_.back());
      paths_.pop_back();
      auto opened = WholeFile::Open(*format_, path_, context_);
      if (!opened.ok()) return Fail(opened.status(), out);
      file_ = std::move(*opened);
    }
    auto part = file_->Next();
    if (!part.ok()) return Fail(part.status(), out);
    if (!*part) {
      file_.reset();
      return Status::OK();
    }
    WEIR_RETURN_NOT_OK(out.RejectRaw((*part)->errors));
    Batch& batch = (*part)->batch;
    if (batch.num_rows() > 0 && options_.filename_column >= 0) {
      WEIR_ASSIGN_OR_RETURN(batch, WithFileName(batch, options_.filename_column, path_));
    }
    WEIR_RETURN_NOT_OK(rows_.Add(batch));
    memory_.Set(rows_.size_bytes());
    times_.Touch(split_);
    return Status::OK();
  }

  Status Fail(const Status& why, Emitter& out) {
    file_.reset();
    paths_.clear();
    rows_.Discard();
    state_ = State::kWaiting;
    return out.RejectRaw({WholeFile::Refusal(path_, why)});
  }

  Status Give(Emitter& out) {
    do {
      WEIR_ASSIGN_OR_RETURN(std::optional<Batch> changes, rows_.TakeChanges(context_.batch_rows));
      if (!changes) {
        times_.EndPiece(split_);
        memory_.Set(rows_.size_bytes());
        state_ = State::kWaiting;
        return Status::OK();
      }
      WEIR_RETURN_NOT_OK(times_.Emit(split_, *std::move(changes), out));
    } while (!out.full());
    return Status::OK();
  }

  const SnapshotSourceOptions& options_;
  const std::shared_ptr<const FileFormat> format_;
  const OperatorContext context_;
  EventTimeTracker times_;
  RowMultiset rows_;
  MemoryReservation memory_;
  State state_ = State::kWaiting;
  int split_ = -1;
  int64_t next_us_ = kMinEventTime;
  std::vector<Version> versions_, last_versions_;  // of the files of this reading and the last
  std::vector<std::string> paths_;                 // of this reading, not begun, last first
  std::string path_;                               // of the file at hand
  std::unique_ptr<WholeFile> file_;
  bool draining_ = false;
};

Result<std::unique_ptr<SourceReader>> SnapshotSource::OpenReader(const OperatorContext& lane) {
  return std::make_unique<Reader>(*this, lane);
}

}  // namespace weir
