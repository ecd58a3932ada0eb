// Files that roll: the lanes' writers, and the thread that closes files behind them.
#include "connectors/files/sinks/rolling_sink.h"

#include <arrow/io/interfaces.h>
#include <date/date.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <map>
#include <thread>
#include <utility>

#include "base/kill_point.h"
#include "connectors/files/file_paths.h"
#include "connectors/files/sinks/commit_token.h"
#include "env/env.h"
#include "env/objects/object_store.h"

namespace weir {
namespace {

/// Files that may wait to be closed; then lanes wait.
constexpr size_t kMaxClosing = 8;

std::string StartText(EventTime start_us) {
  using std::chrono::microseconds;
  const auto start = date::floor<std::chrono::seconds>(date::sys_time<microseconds>(microseconds(start_us)));
  return date::format("%Y%m%dT%H%M%SZ", start);
}

}  // namespace

struct RollingSink::OpenFile {
  std::unique_ptr<AtomicFile> file;
  std::unique_ptr<FileBody> body;
  int64_t rows = 0;
  int64_t roll_at_us = kMaxEventTime;
  int64_t number = 0;  // the order in which a lane began its files
  bool leave = false;  // what is aside belongs to an epoch, or will: a later run decides
  int64_t synced_bytes = -1;

  ~OpenFile() {
    body.reset();  // before what it writes into
    if (file && leave) file->Leave();
  }
};

/// Finishes files in a thread of its own, in the order in which they come. Thread-safe.
class RollingSink::Closer {
 public:
  explicit Closer(bool show_at_once) : show_at_once_(show_at_once), thread_([this] { Work(); }) {}
  ~Closer() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  /// Errors: the first of any file so far.
  Status Add(std::unique_ptr<OpenFile> file) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return files_.size() < kMaxClosing || !failed_.ok(); });
    WEIR_RETURN_NOT_OK(failed_);
    files_.push_back(std::move(file));
    changed_.notify_all();
    return Status::OK();
  }
  Status failed() {
    std::lock_guard lock(mutex_);
    return failed_;
  }
  /// Waits until everything is finished: the files that are still to be shown.
  /// `leave`: they stay aside whatever becomes of this sink.
  Result<std::vector<SinkFile>> Drain(bool leave) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return (files_.empty() && !busy_) || !failed_.ok(); });
    WEIR_RETURN_NOT_OK(failed_);
    std::vector<SinkFile> files;
    for (const auto& file : prepared_) files.push_back({.file = file->file->token()});
    if (!leave) return files;
    for (const auto& file : prepared_) file->leave = true;
    prepared_.clear();
    return files;
  }
  /// The files that Drain spoke of are shown now, by others.
  void Forget() {
    std::lock_guard lock(mutex_);
    for (const auto& file : prepared_) (void)file->file->Commit();  // shown already: finds nothing left to do
    prepared_.clear();
  }

 private:
  void Work() {
    SetThreadName("file-closer");
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stopping_ || !files_.empty(); });
      if (stopping_) return;  // what is left is given up: the run has failed, or nothing is
      std::unique_ptr<OpenFile> file = std::move(files_.front());
      files_.pop_front();
      busy_ = true;
      lock.unlock();
      const Status status = Close(*file);
      lock.lock();
      busy_ = false;
      if (failed_.ok()) failed_ = status;
      if (status.ok() && !show_at_once_) prepared_.push_back(std::move(file));
      changed_.notify_all();
    }
  }

  Status Close(OpenFile& file) const {
    WEIR_RETURN_NOT_OK(file.body->Finish());
    WEIR_RETURN_NOT_OK(file.file->Prepare());
    return show_at_once_ ? file.file->Commit() : Status::OK();
  }

  const bool show_at_once_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<OpenFile>> files_;
  std::vector<std::unique_ptr<OpenFile>> prepared_;
  Status failed_;
  bool busy_ = false, stopping_ = false;
  std::thread thread_;  // last: it uses the rest
};

class RollingSink::Writer final : public SinkWriter {
 public:
  Writer(RollingSink* sink, const OperatorContext& lane) : sink_(sink), context_(lane) {
    context_.lanes = 1;  // of each file
    context_.morsels = nullptr;
  }

  Status Write(Batch batch) override {
    WEIR_RETURN_NOT_OK(sink_->closer_->failed());
    for (auto& [partition, rows] : sink_->partitioning_.Split(batch)) {
      WEIR_RETURN_NOT_OK(WriteTo(partition, std::move(rows)));
    }
    return Status::OK();
  }

  Status Finish() override {
    while (!files_.empty()) WEIR_RETURN_NOT_OK(Roll(files_.begin()));
    return Status::OK();
  }

  Status EndEpoch(int64_t) override {
    for (auto it = files_.begin(); it != files_.end();) {
      auto next = std::next(it);
      WEIR_RETURN_NOT_OK(sink_->can_suspend_ ? Suspend(it->second.get()) : Roll(it));
      it = next;
    }
    return Status::OK();
  }

  int64_t next_timer_us() const override {
    int64_t next = kMaxEventTime;
    for (const auto& [partition, file] : files_) next = std::min(next, file->roll_at_us);
    return next;
  }

  Status OnProcessingTime(int64_t now_us) override {
    WEIR_RETURN_NOT_OK(sink_->closer_->failed());
    for (auto it = files_.begin(); it != files_.end();) {
      auto next = std::next(it);
      if (it->second->roll_at_us <= now_us) WEIR_RETURN_NOT_OK(Roll(it));
      it = next;
    }
    return Status::OK();
  }

 private:
  using Files = std::map<std::string, std::unique_ptr<OpenFile>>;

  Status WriteTo(const std::string& partition, Batch batch) {
    const RollingSinkOptions& options = sink_->options_;
    while (batch.num_rows() > 0) {
      auto it = files_.find(partition);
      if (it == files_.end()) {
        if (static_cast<int64_t>(files_.size()) >= options.max_open_files) WEIR_RETURN_NOT_OK(RollOldest());
        WEIR_ASSIGN_OR_RETURN(auto file, Begin(partition));
        it = files_.emplace(partition, std::move(file)).first;
      }
      OpenFile& file = *it->second;
      const int64_t count = std::min(batch.num_rows(), options.max_rows - file.rows);
      WEIR_RETURN_NOT_OK(file.body->Write(count < batch.num_rows() ? batch.Slice(0, count) : batch));
      file.rows += count;
      WEIR_ASSIGN_OR_RETURN(const int64_t written, file.file->stream()->Tell());
      if (file.rows >= options.max_rows || written >= options.max_bytes) WEIR_RETURN_NOT_OK(Roll(it));
      if (count == batch.num_rows()) break;
      batch = batch.Slice(count, batch.num_rows() - count);
    }
    return Status::OK();
  }

  Result<std::unique_ptr<OpenFile>> Begin(const std::string& partition) {
    Env& env = *context_.env;
    auto out = std::make_unique<OpenFile>();
    const EventTime now_us = env.WallTime();
    std::string path;
    do {  // a run that was begun in the same second may have used the name
      out->number = ++last_number_;
      char name[96];
      std::snprintf(name, sizeof name, "part-%s-%d-%lld.", StartText(now_us).c_str(), context_.lane,
                    static_cast<long long>(out->number));
      path = JoinPath(sink_->options_.folder, partition + name + sink_->format_->extension());
      WEIR_ASSIGN_OR_RETURN(const FileInfo there, env.files().Stat(path));
      if (there.kind == FileKind::kNone) break;
    } while (true);
    WEIR_ASSIGN_OR_RETURN(out->file, CreateSinkFile(sink_->context_, path, sink_->run_id_));
    if (sink_->context_.durable) {
      out->leave = sink_->can_suspend_;
      std::lock_guard lock(sink_->mutex_);
      sink_->new_folders_.insert(FolderOf(out->file->token()));
    }
    WEIR_ASSIGN_OR_RETURN(out->body, sink_->format_->Begin(out->file->stream(), sink_->partitioning_.file_schema(),
                                                           context_, nullptr, ""));
    const int64_t every_us = sink_->options_.every_us;
    if (every_us < kMaxEventTime - now_us) out->roll_at_us = now_us + every_us;
    return out;
  }

  /// What is written so far is the epoch's, and on the medium.
  Status Suspend(OpenFile* open) {
    SinkFile file{.file = open->file->token()};
    WEIR_ASSIGN_OR_RETURN(file.state, open->body->Suspend());
    WEIR_ASSIGN_OR_RETURN(file.size_bytes, open->file->stream()->Tell());
    if (file.size_bytes != open->synced_bytes) {
      WEIR_RETURN_NOT_OK(open->file->stream()->Sync());
      open->synced_bytes = file.size_bytes;
    }
    std::lock_guard lock(sink_->mutex_);
    sink_->open_.push_back(std::move(file));
    return Status::OK();
  }

  Status Roll(Files::iterator it) {
    std::unique_ptr<OpenFile> file = std::move(it->second);
    files_.erase(it);
    return sink_->closer_->Add(std::move(file));
  }

  Status RollOldest() {
    auto oldest = std::min_element(files_.begin(), files_.end(),
                                   [](const auto& a, const auto& b) { return a.second->number < b.second->number; });
    return Roll(oldest);
  }

  RollingSink* const sink_;
  OperatorContext context_;
  Files files_;  // by partition
  int64_t last_number_ = 0;
};

RollingSink::RollingSink(RollingSinkOptions options, SchemaPtr schema, std::shared_ptr<const FileWriteFormat> format)
    : options_(std::move(options)),
      partitioning_(std::move(schema), options_.partition_by),
      format_(std::move(format)),
      can_suspend_(format_->can_suspend()) {}

RollingSink::~RollingSink() = default;

Status RollingSink::Open(OperatorContext& context) {
  context_ = context;
  run_id_ = RunId(context);
  WEIR_ASSIGN_OR_RETURN(FileInfo info, context.env->files().Stat(options_.folder));
  if (info.kind == FileKind::kFile) {
    return Status::IOError("cannot write a folder '", options_.folder, "': a file of that name exists");
  }
  WEIR_RETURN_NOT_OK(context.env->files().MakeDirectories(options_.folder));
  closer_ = std::make_unique<Closer>(options_.show_at_once && !context.durable);
  return Status::OK();
}

Result<std::unique_ptr<SinkWriter>> RollingSink::OpenWriter(const OperatorContext& lane) {
  return std::make_unique<Writer>(this, lane);
}

Status RollingSink::Recover(int64_t, const std::string& token) {
  WEIR_ASSIGN_OR_RETURN(auto files, UnpackTokens(token));
  WEIR_RETURN_NOT_OK(ShowFiles(*context_.env, files, /*again=*/true));
  for (const SinkFile& file : files) {
    if (file.is_open()) WEIR_RETURN_NOT_OK(FinishOpen(file));
  }
  WEIR_RETURN_NOT_OK(RemoveLeftovers(*context_.env, HiddenFolder(context_, options_.folder),
                                     !options_.partition_by.empty(), run_id_, /*kept=*/{}));
  KillPoint("files.recover.after");
  return Status::OK();
}

// A run that is killed in here does the same again, from the same length.
Status RollingSink::FinishOpen(const SinkFile& open) {
  Env& env = *context_.env;
  WEIR_ASSIGN_OR_RETURN(const FileInfo aside, env.files().Stat(open.file.temporary_path));
  if (aside.kind == FileKind::kNone) return Status::OK();  // done before
  WEIR_ASSIGN_OR_RETURN(auto file, AtomicFile::GoOn(env, open.file, open.size_bytes));
  auto finish = [&]() -> Status {
    OperatorContext context = context_;
    context.lanes = 1;
    WEIR_ASSIGN_OR_RETURN(auto body,
                          format_->Begin(file->stream(), partitioning_.file_schema(), context, nullptr, open.state));
    WEIR_RETURN_NOT_OK(body->Finish());
    WEIR_RETURN_NOT_OK(file->Prepare());
    KillPoint("files.recover.finished");
    return file->Commit();
  };
  const Status status = finish();
  if (!status.ok()) file->Leave();
  return status;
}

Result<std::string> RollingSink::Prepare(int64_t) {
  KillPoint("files.prepare.before");
  WEIR_ASSIGN_OR_RETURN(auto files, closer_->Drain(context_.durable));
  std::set<std::string> new_folders;
  {
    std::lock_guard lock(mutex_);
    for (SinkFile& file : open_) files.push_back(std::move(file));
    open_.clear();
    new_folders = std::exchange(new_folders_, {});
  }
  WEIR_RETURN_NOT_OK(SyncFolders(*context_.env, new_folders, options_.folder));
  KillPoint("files.prepare.after");
  return PackTokens(files);
}

Status RollingSink::Commit(const std::string& token) {
  WEIR_ASSIGN_OR_RETURN(auto files, UnpackTokens(token));
  WEIR_RETURN_NOT_OK(ShowFiles(context_.env ? *context_.env : Env::Real(), files, /*again=*/false));
  if (closer_ && !context_.durable) closer_->Forget();
  return Status::OK();
}

Status RollingSink::Abort(int64_t) {
  closer_.reset();  // files that are not shown are removed with what holds them
  return Status::OK();
}

const FieldSet<RollConfig>& RollConfig::Fields() {
  static const auto fields =
      FieldSet<RollConfig>()
          .Field("rows", &RollConfig::rows, FieldDoc("Rows of a file, at most.").Min("1").Example("100000"))
          .Field("bytes", &RollConfig::bytes,
                 FieldDoc("A file that has so many bytes is closed; looked at after each batch that is written.")
                     .Default("128MiB")
                     .Min("1"))
          .Field("every", &RollConfig::every,
                 FieldDoc("A file is closed so long after its first row.").Default("1m").Min("100ms"));
  return fields;
}

FieldDoc RollDoc() {
  return FieldDoc(
             "Close files one after the other, by rows, size and time, in the folder 'path'. Input that never ends is "
             "written so in any case where 'path' is a folder: a file appears when it is closed. Of bounded input all "
             "files appear together at the end.")
      .Example("{bytes: 64MiB, every: 5m}");
}

bool BindFileSink(const FileSinkOptions& options, const std::optional<RollConfig>& roll,
                  std::shared_ptr<const FileWriteFormat> format, BindContext& context, StepBinding* binding) {
  const CollectionInfo& input = context.inputs()[0].info;
  auto there = context.env().files().Stat(options.path);
  const bool is_folder = options.path.ends_with('/') || (there.ok() && there->kind == FileKind::kDirectory) ||
                         !options.partition_by.empty();
  if (roll && (!is_folder || options.num_shards > 0)) {
    ConfigError(context, is_folder ? "num_shards" : "path",
                is_folder ? "files that roll have no number of shards: every lane writes its own"
                          : "files that roll need a folder",
                is_folder ? "leave out 'num_shards'" : "end 'path' with '/'");
    return false;
  }
  const SchemaPtr schema = input.schema;
  if (!roll && (input.bounded || !is_folder || options.num_shards > 0)) {
    binding->sink = [=]() -> Result<std::shared_ptr<Sink>> {
      return std::make_shared<FileSink>(options, schema, format);
    };
    const bool is_direct = options.path == "-" || (there.ok() && there->kind == FileKind::kOther);
    const bool can_suspend = format->can_suspend();
    if (can_suspend) binding->sink_epochs = SinkEpochs::kExactlyOnce;
    if (is_direct && can_suspend) {
      binding->sink_epochs = SinkEpochs::kAtLeastOnce;
      binding->sink_guarantee = "what was written to '" + options.path + "' cannot be taken back";
    }
    if (options.path == "-") return true;
    binding->notes = {"written aside, renamed on success"};
    if (!input.bounded) {
      binding->notes = {
          "one file, which appears when the run is drained; a path that ends in '/' makes files that roll"};
    }
    return true;
  }
  const RollConfig limits = roll.value_or(RollConfig{std::nullopt, {int64_t{128} << 20}, Duration::Seconds(60)});
  RollingSinkOptions rolling{.folder = options.path, .partition_by = options.partition_by};
  rolling.max_rows = limits.rows.value_or(INT64_MAX);
  rolling.max_bytes = limits.bytes.bytes;
  if (!input.bounded) rolling.every_us = limits.every.us;
  rolling.show_at_once = !input.bounded;
  if (!input.bounded) binding->sink_epochs = SinkEpochs::kExactlyOnce;
  std::string note = "files roll at " + FormatByteSize(limits.bytes);
  if (limits.rows) note += ", " + std::to_string(*limits.rows) + " rows";
  if (!input.bounded) note += " or after " + FormatDuration(limits.every);
  binding->notes = {note, input.bounded
                              ? "written aside, renamed on success"
                              : "written aside, renamed when rolled; a run that fails leaves what had rolled"};
  binding->sink = [=]() -> Result<std::shared_ptr<Sink>> {
    return std::make_shared<RollingSink>(rolling, schema, format);
  };
  return true;
}

}  // namespace weir
