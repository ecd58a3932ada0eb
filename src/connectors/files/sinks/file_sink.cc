// Names, shards, partitions and the two-phase commit of written files.
#include "connectors/files/sinks/file_sink.h"

#include <arrow/io/interfaces.h>

#include <cstdio>

#include "connectors/files/sinks/commit_token.h"
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
  Status Finish() override { return Status::OK(); }
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

FileSink::~FileSink() = default;

Status FileSink::Open(OperatorContext& context) {
  context_ = context;
  char id[17];
  std::snprintf(id, sizeof id, "%016llx", static_cast<unsigned long long>(context.env->RandomSeed()));
  run_id_ = id;
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
    WEIR_ASSIGN_OR_RETURN(out->file, AtomicFile::Create(*context_.env, path, run_id_));
    out->stream = out->file->stream();
  }
  WEIR_ASSIGN_OR_RETURN(out->body, format_->Begin(out->stream, partitioning_.file_schema(), context_, morsels_));
  return out;
}

Result<FileBody*> FileSink::Body(const std::string& partition, int shard) {
  std::lock_guard lock(mutex_);
  std::unique_ptr<OpenFile>& file = files_[{partition, shard}];
  if (!file) {
    if (static_cast<int64_t>(files_.size()) > options_.max_open_files) {
      return Status::CapacityError("more than ", options_.max_open_files,
                                   " partitions: 'partition_by' has too many different values");
    }
    WEIR_ASSIGN_OR_RETURN(file, Create(PathOf(partition, shard)));
  }
  return file->body.get();
}

Result<std::string> FileSink::Prepare(int64_t) {
  std::lock_guard lock(mutex_);
  std::vector<AtomicFileToken> tokens;
  for (auto& [key, open] : files_) {
    WEIR_RETURN_NOT_OK(open->body->Finish());
    if (!open->file) {
      WEIR_RETURN_NOT_OK(open->stream->Flush());
      continue;
    }
    WEIR_RETURN_NOT_OK(open->file->Prepare());
    if (open->file->token().temporary_path.empty()) continue;  // a device: written already
    tokens.push_back(open->file->token());
  }
  return PackTokens(tokens);
}

Status FileSink::Commit(const std::string& token) {
  Env& env = context_.env ? *context_.env : Env::Real();
  WEIR_ASSIGN_OR_RETURN(auto files, UnpackTokens(token));
  for (const AtomicFileToken& file : files) WEIR_RETURN_NOT_OK(AtomicFile::CommitToken(env, file));
  return Status::OK();
}

Status FileSink::Abort(int64_t) {
  std::lock_guard lock(mutex_);
  Status first;
  for (auto& [key, open] : files_) {
    if (!open || !open->file) continue;
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
