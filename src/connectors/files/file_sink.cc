// Names, shards, partitions and the two-phase commit of written files.
#include "connectors/files/file_sink.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <cstdio>
#include <unordered_map>

#include "batch/print.h"
#include "env/env.h"

namespace weir {
namespace {

/// The text of a partition value as Hive writes it: bytes that mean something in a path become %XX, null has a name.
void AppendPartitionValue(const arrow::ArrayData& column, int64_t row, std::string* out) {
  if (column.IsNull(row)) {
    *out += "__HIVE_DEFAULT_PARTITION__";
    return;
  }
  std::string text;
  AppendJson(column, row, &text);
  if (column.type->id() == arrow::Type::STRING || column.type->id() == arrow::Type::DICTIONARY) {
    const arrow::ArrayData& values = column.dictionary ? *column.dictionary : column;
    int64_t at = column.dictionary ? column.GetValues<int32_t>(1)[row] : row;
    const int32_t* offsets = values.GetValues<int32_t>(1);
    text.assign(reinterpret_cast<const char*>(values.buffers[2]->data()) + offsets[at], offsets[at + 1] - offsets[at]);
  } else if (text.size() >= 2 && text.front() == '"') {
    text = text.substr(1, text.size() - 2);  // dates and times: nothing in them is escaped
  }
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (char c : text) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
                 c == '.' || c == ',' || c == ' ' || static_cast<unsigned char>(c) >= 0x80;
    if (plain && !(c == '.' && text.find_first_not_of('.') == std::string::npos)) {
      *out += c;
    } else {
      *out += {'%', kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 15]};
    }
  }
}

std::vector<int> ColumnsOutside(const arrow::Schema& schema, const std::vector<int>& left_out) {
  std::vector<int> kept;
  for (int i = 0; i < schema.num_fields(); ++i) {
    if (std::find(left_out.begin(), left_out.end(), i) == left_out.end()) kept.push_back(i);
  }
  return kept;
}

SchemaPtr SchemaOfColumns(const arrow::Schema& schema, const std::vector<int>& columns) {
  arrow::FieldVector fields;
  for (int column : columns) fields.push_back(schema.field(column));
  return arrow::schema(std::move(fields));
}

// A token is a row of netstrings, LENGTH ':' BYTES, two per file: the temporary path and the final one.
void AppendNetstring(const std::string& text, std::string* out) { *out += std::to_string(text.size()) + ":" + text; }

Result<std::string> TakeNetstring(const std::string& token, size_t* at) {
  size_t colon = token.find(':', *at);
  size_t length = colon == std::string::npos ? 0 : std::strtoull(token.c_str() + *at, nullptr, 10);
  if (colon == std::string::npos || colon + 1 + length > token.size()) return Status::Invalid("damaged commit token");
  *at = colon + 1 + length;
  return token.substr(colon + 1, length);
}

}  // namespace

class FileSink::Writer final : public SinkWriter {
 public:
  Writer(FileSink* sink, int lane) : sink_(sink), lane_(lane), next_shard_(lane) {}

  Status Write(Batch batch) override {
    if (!sink_->options_.partition_by.empty()) return WritePartitions(batch);
    return WriteTo("", std::move(batch));
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

  Status WritePartitions(const Batch& batch) {
    const std::vector<int>& keys = sink_->options_.partition_by;
    std::unordered_map<std::string, std::vector<int32_t>> rows_of;
    std::string partition, last;
    std::vector<int32_t>* last_rows = nullptr;
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      partition.clear();
      for (int key : keys) {
        partition += batch.schema()->field(key)->name() + "=";
        AppendPartitionValue(*batch.column(key), row, &partition);
        partition += '/';
      }
      if (!last_rows || partition != last) {
        last_rows = &rows_of[partition];
        last = partition;
      }
      last_rows->push_back(static_cast<int32_t>(row));
    }
    Batch payload = batch.Project(sink_->schema_, sink_->kept_columns_);
    for (auto& [name, rows] : rows_of) {
      auto buffer = arrow::Buffer::FromString(
          std::string(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(int32_t)));
      WEIR_RETURN_NOT_OK(WriteTo(name, payload.Select({std::move(buffer), static_cast<int64_t>(rows.size())})));
    }
    return Status::OK();
  }

  FileSink* const sink_;
  const int lane_;
  int64_t next_shard_;
  FileBody* body_ = nullptr;  // of the rows that came last
};

FileSink::FileSink(FileSinkOptions options, SchemaPtr schema, std::shared_ptr<const FileWriteFormat> format)
    : options_(std::move(options)),
      schema_(SchemaOfColumns(*schema, ColumnsOutside(*schema, options_.partition_by))),
      kept_columns_(ColumnsOutside(*schema, options_.partition_by)),
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
  WEIR_ASSIGN_OR_RETURN(out->body, format_->Begin(out->stream, schema_, context_, morsels_));
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
  std::string token;
  for (auto& [key, open] : files_) {
    WEIR_RETURN_NOT_OK(open->body->Finish());
    if (!open->file) {
      WEIR_RETURN_NOT_OK(open->stream->Flush());
      continue;
    }
    WEIR_RETURN_NOT_OK(open->file->Prepare());
    if (open->file->token().temporary_path.empty()) continue;  // a device: written already
    AppendNetstring(open->file->token().temporary_path, &token);
    AppendNetstring(open->file->token().final_path, &token);
  }
  return token;
}

Status FileSink::Commit(const std::string& token) {
  Env& env = context_.env ? *context_.env : Env::Real();
  for (size_t at = 0; at < token.size();) {
    AtomicFileToken file;
    WEIR_ASSIGN_OR_RETURN(file.temporary_path, TakeNetstring(token, &at));
    WEIR_ASSIGN_OR_RETURN(file.final_path, TakeNetstring(token, &at));
    WEIR_RETURN_NOT_OK(AtomicFile::CommitToken(env, file));
  }
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
