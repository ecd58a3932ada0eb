// Names, shards, partitions and the two-phase commit of written files.
#include "connectors/files/sinks/file_sink.h"

#include <arrow/io/interfaces.h>

#include <cstdio>
#include <utility>

#include "base/kill_point.h"
#include "env/env.h"

namespace weir {

class FileSink::Writer final : public SinkWriter {
 public:
  Writer(FileSink* sink, int lane) : sink_(sink), lane_(lane), next_shard_(lane) {}

  Status Write(Batch batch) override {
    if (sink_->partitioning_.empty()) return WriteTo("", std::move(batch));
    for (auto& [name, rows] : sink_->partitioning_.Split(batch)) WEIR_RETURN_NOT_OK(WriteTo(name, std::move(rows)));
    return Status::OK();
  }
  Status Finish() override {
    std::lock_guard lock(sink_->mutex_);
    ++sink_->finished_;
    return Status::OK();
  }
  bool full() const override {
    // The lane that the others wait for goes on.
    return body_ && body_->full() && sink_->morsels_ && !sink_->morsels_->IsEarliest(lane_);
  }

 private:
  Status WriteTo(const std::string& partition, Batch batch) {
    int shard = 0;
    if (sink_->shards_ > 1) {
      // By piece of the source where there is one, so that a rerun spreads the rows in the same way.
      shard = static_cast<int>((batch.morsel() >= 0 ? batch.morsel() : next_shard_++) % sink_->shards_);
    }
    WEIR_ASSIGN_OR_RETURN(body_, sink_->Body(partition, shard));
    return body_->Write(std::move(batch));
  }

  FileSink* const sink_;
  const int lane_;
  int64_t next_shard_;
  FileBody* body_ = nullptr;  // of the rows that came last
};

FileSink::FileSink(FileSinkOptions options, SchemaPtr schema, std::shared_ptr<const FileWriteFormat> format)
    : options_(std::move(options)),
      partitioning_(std::move(schema), options_.partition_by),
      format_(std::move(format)) {}

FileSink::OpenFile::~OpenFile() {
  body.reset();  // before what it writes into
  if (file && leave && !file->token().temporary_path.empty()) file->Leave();
}

FileSink::~FileSink() = default;

Status FileSink::Open(OperatorContext& context) {
  context_ = context;
  run_id_ = RunId(context);
  shards_ = std::max(1, options_.num_shards);
  if (options_.path == "-") return Status::OK();
  WEIR_ASSIGN_OR_RETURN(FileInfo info, context.env->files().Stat(options_.path));
  is_folder_ = info.kind == FileKind::kDirectory || options_.path.ends_with('/') || options_.num_shards > 0 ||
               !options_.partition_by.empty();
  made_folder_ = is_folder_ && info.kind == FileKind::kNone;
  if (is_folder_ && info.kind == FileKind::kFile) {
    return Status::IOError("cannot write a folder '", options_.path, "': a file of that name exists");
  }
  return Status::OK();
}

Result<std::unique_ptr<SinkWriter>> FileSink::OpenWriter(const OperatorContext& lane) {
  {
    std::lock_guard lock(mutex_);
    morsels_ = lane.morsels;
    context_.lanes = lane.lanes;
    ++writers_;
    for (const SinkFile& file : std::exchange(recovered_, {})) WEIR_RETURN_NOT_OK(GoOn(file));
  }
  // Files that exist whatever the data says: they are there, and their place is known to be writable, before rows come.
  if (options_.partition_by.empty()) {
    for (int shard = 0; shard < shards_; ++shard) WEIR_RETURN_NOT_OK(Body("", shard).status());
  }
  return std::make_unique<Writer>(this, lane.lane);
}

std::string FileSink::PathOf(const std::string& partition, int shard) const {
  if (!is_folder_) return options_.path;
  char name[64];
  std::snprintf(name, sizeof name, "part-%05d-of-%05d.", shard, shards_);
  return JoinPath(options_.path, partition + name + format_->extension());
}

Result<std::unique_ptr<FileSink::OpenFile>> FileSink::Create(const std::string& path) {
  auto out = std::make_unique<OpenFile>();
  if (path == "-") {
    out->stream = context_.env->StandardOutput();
  } else {
    WEIR_ASSIGN_OR_RETURN(out->file, CreateSinkFile(context_, path, run_id_));
    out->stream = out->file->stream();
    new_folders_.insert(FolderOf(out->file->token()));
  }
  WEIR_ASSIGN_OR_RETURN(out->body, format_->Begin(out->stream, partitioning_.file_schema(), context_, morsels_, ""));
  return out;
}

Status FileSink::GoOn(const SinkFile& file) {
  auto out = std::make_unique<OpenFile>();
  WEIR_ASSIGN_OR_RETURN(out->file, AtomicFile::GoOn(*context_.env, file.file, file.size_bytes));
  out->leave = true;
  out->stream = out->file->stream();
  WEIR_ASSIGN_OR_RETURN(out->body,
                        format_->Begin(out->stream, partitioning_.file_schema(), context_, morsels_, file.state));
  files_[file.path] = std::move(out);
  return Status::OK();
}

Result<FileBody*> FileSink::Body(const std::string& partition, int shard) {
  const std::string path = PathOf(partition, shard);
  std::lock_guard lock(mutex_);
  std::unique_ptr<OpenFile>& file = files_[path];
  if (!file) {
    if (static_cast<int64_t>(files_.size()) > options_.max_open_files) {
      return Status::CapacityError("more than ", options_.max_open_files,
                                   " partitions: 'partition_by' has too many different values");
    }
    WEIR_ASSIGN_OR_RETURN(file, Create(path));
  }
  return file->body.get();
}

Result<std::string> FileSink::Prepare(int64_t) {
  std::lock_guard lock(mutex_);
  KillPoint("files.prepare.before");
  std::vector<SinkFile> files;
  const bool is_last = !context_.durable || finished_ == writers_;
  for (auto& [path, open] : files_) {
    if (!open) continue;  // it could not be made
    WEIR_RETURN_NOT_OK(is_last ? PrepareClosed(path, open.get(), &files) : PrepareOpen(path, open.get(), &files));
  }
  if (context_.durable) {
    WEIR_RETURN_NOT_OK(SyncFolders(*context_.env, std::exchange(new_folders_, {}),
                                   is_folder_ ? options_.path : DirectoryName(options_.path)));
  }
  KillPoint("files.prepare.after");
  return PackTokens(files);
}

Status FileSink::PrepareClosed(const std::string& path, OpenFile* open, std::vector<SinkFile>* files) {
  WEIR_RETURN_NOT_OK(open->body->Finish());
  if (!open->file) return open->stream->Flush();
  WEIR_RETURN_NOT_OK(open->file->Prepare());
  if (open->file->token().temporary_path.empty()) return Status::OK();  // a device: written already
  open->leave = context_.durable;
  files->push_back({.file = open->file->token(), .path = path});
  return Status::OK();
}

Status FileSink::PrepareOpen(const std::string& path, OpenFile* open, std::vector<SinkFile>* files) {
  SinkFile file{.path = path};
  WEIR_ASSIGN_OR_RETURN(file.state, open->body->Suspend());
  if (!open->file || open->file->token().temporary_path.empty()) return open->stream->Flush();
  WEIR_ASSIGN_OR_RETURN(file.size_bytes, open->stream->Tell());
  if (file.size_bytes != open->synced_bytes) {
    WEIR_RETURN_NOT_OK(open->file->stream()->Sync());
    open->synced_bytes = file.size_bytes;
  }
  open->leave = true;
  file.file = open->file->token();
  files->push_back(std::move(file));
  return Status::OK();
}

Status FileSink::Recover(int64_t, const std::string& token) {
  WEIR_ASSIGN_OR_RETURN(auto files, UnpackTokens(token));
  WEIR_RETURN_NOT_OK(ShowFiles(*context_.env, files, /*again=*/true));
  if (options_.path != "-") {
    const std::string folder = HiddenFolder(context_, is_folder_ ? options_.path : DirectoryName(options_.path));
    WEIR_RETURN_NOT_OK(RemoveLeftovers(*context_.env, folder, !options_.partition_by.empty(), run_id_, files));
  }
  for (SinkFile& file : files) {
    if (file.is_open()) recovered_.push_back(std::move(file));
  }
  KillPoint("files.recover.after");
  return Status::OK();
}

Status FileSink::Commit(const std::string& token) {
  WEIR_ASSIGN_OR_RETURN(auto files, UnpackTokens(token));
  return ShowFiles(context_.env ? *context_.env : Env::Real(), files, /*again=*/false);
}

Status FileSink::Abort(int64_t) {
  std::lock_guard lock(mutex_);
  Status first;
  for (auto& [path, open] : files_) {
    if (!open || !open->file || open->leave) continue;
    open->body.reset();  // a compressor writes an end when it goes
    Status aborted = open->file->Abort();
    if (first.ok()) first = aborted;
    if (!made_folder_) continue;
    // Folders that this run made go when they are empty; Remove() refuses others.
    std::string folder = DirectoryName(open->file->token().final_path);
    for (; folder.size() > options_.path.size() && context_.env->files().Remove(folder).ok();) {
      folder = DirectoryName(folder);
    }
  }
  files_.clear();
  if (made_folder_) (void)context_.env->files().Remove(options_.path).ok();  // refused where somebody else put files
  return first;
}

}  // namespace weir
