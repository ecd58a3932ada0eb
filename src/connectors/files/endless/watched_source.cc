// A queue of files that grows while it is read.
#include "connectors/files/endless/watched_source.h"

#include <deque>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "connectors/files/endless/whole_file.h"
#include "connectors/support/position.h"
#include "env/env.h"
#include "env/glob.h"
#include "env/objects/object_store.h"

namespace weir {

class WatchedSource::Reader final : public SourceReader {
 public:
  Reader(WatchedSource* source, const OperatorContext& context)
      : source_(source),
        options_(source->options_),
        format_(source->format_),
        context_(context),
        watch_(source->options_.watch, source->env_),
        times_(source->options_.event_time),
        in_order_(source->options_.event_time.rule.from == WatermarkRule::From::kOrder) {
    source_->reader_ = this;
  }
  ~Reader() override {
    source_->position_ = Position();
    source_->reader_ = nullptr;
  }

  Status Restore(const std::string& text) {
    WEIR_ASSIGN_OR_RETURN(const nlohmann::json position, ParsePosition(text));
    std::set<std::string> done;
    for (const nlohmann::json& identity : ListAt(position, "done")) {
      if (identity.is_string()) done.insert(identity.get<std::string>());
    }
    WEIR_RETURN_NOT_OK(times_.Restore(TextAt(position, "times")));
    split_ = static_cast<int>(IntAt(position, "split", -1));
    backlog_ = static_cast<int>(IntAt(position, "backlog", -1));
    if (const auto file = position.find("file"); file != position.end()) {
      at_ = {TextAt(*file, "path"), TextAt(*file, "identity")};
      const FilePlace place{IntAt(*file, "offset"), static_cast<int>(IntAt(*file, "state"))};
      WEIR_ASSIGN_OR_RETURN(at_.path, Find(at_, place));
      WEIR_ASSIGN_OR_RETURN(file_, WholeFile::Open(*format_, at_.path, context_, place));
      done.insert(at_.identity);
    }
    watch_.Know(std::move(done));
    return Status::OK();
  }

  std::string Position() const {
    std::set<std::string> waiting;
    for (const FileWatch::Found& file : queue_) waiting.insert(file.identity);
    if (file_) waiting.insert(at_.identity);
    nlohmann::json done = nlohmann::json::array();
    for (std::string& identity : watch_.known()) {
      if (waiting.count(identity) == 0) done.push_back(std::move(identity));
    }
    nlohmann::json position = {
        {"done", std::move(done)}, {"times", times_.Position()}, {"split", split_}, {"backlog", backlog_}};
    if (file_) {
      const FilePlace place = file_->place();
      position["file"] = {
          {"path", at_.path}, {"identity", at_.identity}, {"offset", place.offset}, {"state", place.state}};
    }
    return PrintPosition(position);
  }

  bool can_pause() const override { return !file_ || file_->at_piece(); }

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
      if (out.full() || file_->at_piece()) break;
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
    for (FileWatch::Found& file : watch_.Look(now_us)) queue_.push_back(std::move(file));
    if (in_order_) {
      if (split_ < 0) split_ = times_.Add();  // of the whole folder
      return;
    }
    if (queue_.empty()) {
      if (backlog_ >= 0) times_.End(std::exchange(backlog_, -1));  // those of an earlier run are gone
      return;
    }
    if (backlog_ < 0) backlog_ = times_.Add();
    times_.Touch(backlog_);
  }

  Status Begin(Emitter& out) {
    at_ = std::move(queue_.front());
    const std::string& path = at_.path;
    queue_.pop_front();
    for (size_t i = 0; i < queue_.size() && i < kAnnouncedAhead; ++i) {
      if (ObjectStore* store = ObjectStoreOf(queue_[i].path)) store->WillOpen(queue_[i].path);
    }
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

  /// Where the file is now that an earlier run has begun.
  Result<std::string> Find(const FileWatch::Found& file, const FilePlace& place) const {
    FileSystem& files = context_.env->files();
    const auto there = files.Stat(file.path);
    if (there.ok() && FileIdentity(*there) == file.identity) return file.path;
    auto listed = ListInputFiles(*context_.env, options_.watch.path, options_.watch.extensions);
    for (const std::string& path : listed.ok() ? *listed : std::vector<std::string>{}) {
      const auto info = files.Stat(path);
      if (info.ok() && FileIdentity(*info) == file.identity) return path;
    }
    return Status::Invalid("'", file.path, "' was read up to ", place.offset,
                           " by an earlier run and is gone, or not what it was then: put it back, or begin anew with ",
                           "an empty state folder");
  }

  Status EmitBatch(Batch batch, Emitter& out) {
    if (batch.num_rows() == 0) return Status::OK();
    if (options_.filename_column >= 0) {
      WEIR_ASSIGN_OR_RETURN(batch, WithFileName(batch, options_.filename_column, file_->path()));
    }
    return times_.Emit(split_, std::move(batch), out);
  }

  /// What is left of the file cannot be read: an error row says so, and the next file follows. Where a store is away
  /// the run ends: its objects are still to be read.
  Status Refuse(const std::string& path, const Status& why, Emitter& out) {
    if (IsUnavailable(why)) return why;
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

  WatchedSource* const source_;
  const WatchedSourceOptions& options_;
  const std::shared_ptr<const FileFormat> format_;
  const OperatorContext context_;
  FileWatch watch_;
  EventTimeTracker times_;
  const bool in_order_;
  std::deque<FileWatch::Found> queue_;  // found, not begun
  FileWatch::Found at_;                 // at hand
  int backlog_ = -1;                    // the split that stands for them
  int split_ = -1;                      // of the file at hand, or of all
  std::unique_ptr<WholeFile> file_;     // at hand
  bool draining_ = false;
};

Status WatchedSource::Open(OperatorContext& context) {
  env_ = context.env;
  return Status::OK();
}

Result<std::unique_ptr<SourceReader>> WatchedSource::OpenReader(const OperatorContext& lane) {
  auto reader = std::make_unique<Reader>(this, lane);
  if (!position_.empty()) WEIR_RETURN_NOT_OK(reader->Restore(position_));
  return reader;
}

Result<std::string> WatchedSource::Position() { return reader_ ? reader_->Position() : position_; }

Status WatchedSource::Restore(const std::string& position) {
  position_ = position;
  return Status::OK();
}

}  // namespace weir
