// Reading, comparing, giving: three states of one reader.
#include "connectors/files/endless/snapshot_source.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <tuple>

#include "connectors/files/endless/reading_file.h"
#include "connectors/files/endless/row_multiset.h"
#include "connectors/files/endless/whole_file.h"
#include "connectors/support/position.h"
#include "env/env.h"
#include "env/glob.h"
#include "state/memory_budget.h"

namespace weir {

class SnapshotSource::Reader final : public SourceReader {
 public:
  Reader(SnapshotSource* source, const OperatorContext& context)
      : source_(source),
        options_(source->options_),
        format_(source->format_),
        context_(context),
        times_(options_.event_time),
        rows_(options_.schema, options_.columns),
        memory_(context.memory) {
    source_->reader_ = this;
  }
  ~Reader() override {
    source_->position_ = Position();
    source_->reader_ = nullptr;
  }

  std::string Position() const {
    return PrintPosition({{"reading", reading_}, {"times", times_.Position()}, {"split", split_}});
  }

  Status Restore(const std::string& text) {
    WEIR_ASSIGN_OR_RETURN(const nlohmann::json position, ParsePosition(text));
    WEIR_RETURN_NOT_OK(times_.Restore(TextAt(position, "times")));
    split_ = static_cast<int>(IntAt(position, "split", -1));
    reading_ = IntAt(position, "reading");
    if (reading_ == 0) return Status::OK();
    WEIR_RETURN_NOT_OK(ReadReading(*context_.env, source_->FileOf(reading_), options_.schema, &rows_));
    memory_.Set(rows_.size_bytes());
    return Status::OK();
  }

  /// Half of a difference cannot be named; half of a reading is read again.
  bool can_pause() const override { return state_ != State::kGiving; }

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
        ++reading_;
        if (!source_->files_.empty()) {
          WEIR_RETURN_NOT_OK(WriteReading(*context_.env, source_->FileOf(reading_), options_.schema, rows_));
        }
        state_ = State::kWaiting;
        return Status::OK();
      }
      WEIR_RETURN_NOT_OK(times_.Emit(split_, *std::move(changes), out));
    } while (!out.full());
    return Status::OK();
  }

  SnapshotSource* const source_;
  const SnapshotSourceOptions& options_;
  const std::shared_ptr<const FileFormat> format_;
  const OperatorContext context_;
  EventTimeTracker times_;
  RowMultiset rows_;
  MemoryReservation memory_;
  State state_ = State::kWaiting;
  int64_t reading_ = 0;  // the last that was given
  int split_ = -1;
  int64_t next_us_ = kMinEventTime;
  std::vector<Version> versions_, last_versions_;  // of the files of this reading and the last
  std::vector<std::string> paths_;                 // of this reading, not begun, last first
  std::string path_;                               // of the file at hand
  std::unique_ptr<WholeFile> file_;
  bool draining_ = false;
};

Result<std::unique_ptr<SourceReader>> SnapshotSource::OpenReader(const OperatorContext& lane) {
  auto reader = std::make_unique<Reader>(this, lane);
  if (!position_.empty()) WEIR_RETURN_NOT_OK(reader->Restore(position_));
  return reader;
}

Status SnapshotSource::Open(OperatorContext& context) {
  env_ = context.env;
  if (!context.durable) return Status::OK();
  if (context.state_dir.empty()) return Status::OK();
  char name[40];
  std::snprintf(name, sizeof name, "reading-%016llx-",
                static_cast<unsigned long long>(StableHash(context.durable_id + "\n" + context.step)));
  files_ = JoinPath(context.state_dir, name);
  return Status::OK();
}

std::string SnapshotSource::FileOf(int64_t reading) const { return files_ + std::to_string(reading) + ".arrows"; }

Result<std::string> SnapshotSource::Position() { return reader_ ? reader_->Position() : position_; }

Status SnapshotSource::Restore(const std::string& position) {
  position_ = position;
  WEIR_ASSIGN_OR_RETURN(const nlohmann::json saved, ParsePosition(position));
  oldest_ = IntAt(saved, "reading");
  return Status::OK();
}

Status SnapshotSource::Committed(const std::string& position) {
  if (files_.empty()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(const nlohmann::json saved, ParsePosition(position));
  for (const int64_t reading = IntAt(saved, "reading"); oldest_ < reading; ++oldest_) {
    WEIR_RETURN_NOT_OK(env_->files().Remove(FileOf(oldest_)));
  }
  return Status::OK();
}

}  // namespace weir
