// ReadFromParquet: rows of Parquet files, columns and row groups pruned to what the pipeline needs.
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "batch/print.h"
#include "connectors/files/endless/file_mode.h"
#include "connectors/files/endless/snapshot_source.h"
#include "connectors/files/endless/watched_source.h"
#include "connectors/files/file_paths.h"
#include "connectors/files/file_source.h"
#include "env/env.h"
#include "env/glob.h"
#include "formats/parquet/parquet_file.h"
#include "formats/parquet/parquet_reader.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct ReadFromParquetConfig : FileModeConfig {
  std::string path;
  std::vector<std::string> columns;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<ReadFromParquetConfig>("ReadFromParquet")
      .Summary("Read rows from Parquet files.")
      .Doc(
          "Only the columns that later steps use are read. A filter behind it moves into the scan: row groups whose "
          "statistics "
          "exclude it are passed over, and other columns are decoded only where something is left.")
      .Guarantees(
          "Rows keep the order of the files, which are read in the order of their names. The first file gives the "
          "schema; "
          "a file that lacks a column, or has it with another type, ends the run.")
      .Field("path", &ReadFromParquetConfig::path,
             FieldDoc("A file, a glob, or a folder (all *.parquet in and below it); also in S3: s3://bucket/prefix.")
                 .Required()
                 .Example("data/*.parquet")
                 .Alias("file_pattern"))
      .Field("columns", &ReadFromParquetConfig::columns,
             FieldDoc("The columns to read, in this order; all when absent.").OrSingle().Example("[bidder, price]"))
      .Fields(FileModeConfig::Fields())
      .Example("count the rows of a folder", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromParquet
    config:
      path: /tmp/weir-example/*.parquet
  - type: Print
)");
}

/// Row groups of one file, taken one by one.
class ParquetPieces final : public OpenedFile {
 public:
  ParquetPieces(std::shared_ptr<const ParquetFile> file, ParquetScan scan, int first_group)
      : file_(std::move(file)), scan_(std::move(scan)), next_(first_group) {}

  Result<std::unique_ptr<FileLane>> OpenLane(const OperatorContext& context) override {
    ParquetScan scan = scan_;
    scan.batch_rows = context.batch_rows;
    WEIR_ASSIGN_OR_RETURN(auto reader, ParquetReader::Make(file_, std::move(scan)));
    return std::make_unique<Lane>(this, std::move(reader));
  }

  int64_t bytes_done() const override { return bytes_done_.load(std::memory_order_relaxed); }
  FilePlace place() const override { return {std::min(next_.load(), file_->num_row_groups()), 0}; }

 private:
  class Lane final : public FileLane {
   public:
    Lane(ParquetPieces* pieces, std::unique_ptr<ParquetReader> reader) : pieces_(pieces), reader_(std::move(reader)) {}

    Result<std::optional<int64_t>> Take() override {
      for (;;) {
        int group = pieces_->next_.fetch_add(1, std::memory_order_relaxed);
        if (group >= pieces_->file_->num_row_groups()) return std::nullopt;
        pieces_->bytes_done_.fetch_add(pieces_->file_->StoredBytes(group, reader_->file_columns()));
        if (reader_->CanSkip(group)) continue;
        WEIR_RETURN_NOT_OK(reader_->StartRowGroup(group));
        return group;
      }
    }

    Result<std::optional<FileBatch>> Next() override {
      WEIR_ASSIGN_OR_RETURN(std::optional<ParquetBatch> part, reader_->Next());
      if (!part) return std::nullopt;
      FileBatch out;
      if (part->errors.empty()) {
        out.batch = std::move(part->batch);
        return out;
      }
      std::vector<int32_t> good;
      size_t at = 0;
      for (int64_t row = 0; row < part->batch.num_rows(); ++row) {
        if (at < part->errors.size() && part->errors[at].row == row) {
          out.errors.push_back(
              {RowToJson(part->batch, row), pieces_->file_->name() + ": " + part->errors[at++].message});
        } else {
          good.push_back(static_cast<int32_t>(row));
        }
      }
      auto rows = arrow::Buffer::FromString(
          std::string(reinterpret_cast<const char*>(good.data()), good.size() * sizeof(int32_t)));
      out.batch = part->batch.Select({std::move(rows), static_cast<int64_t>(good.size())});
      return out;
    }

   private:
    ParquetPieces* const pieces_;
    const std::unique_ptr<ParquetReader> reader_;
  };

  const std::shared_ptr<const ParquetFile> file_;
  const ParquetScan scan_;
  std::atomic<int> next_;
  std::atomic<int64_t> bytes_done_{0};
};

class ParquetFormat final : public FileFormat {
 public:
  explicit ParquetFormat(ParquetScan scan) : scan_(std::move(scan)) {}

  Result<std::shared_ptr<OpenedFile>> Open(Env& env, const std::string& path,
                                           std::optional<FilePlace> from) const override {
    WEIR_ASSIGN_OR_RETURN(auto stream, OpenRandomAccess(env.files(), path));
    WEIR_ASSIGN_OR_RETURN(auto file, ParquetFile::Open(std::move(stream), path));
    return std::make_shared<ParquetPieces>(std::move(file), scan_, from ? static_cast<int>(from->offset) : 0);
  }

 private:
  const ParquetScan scan_;
};

/// The columns to read, as the first file has them. Null after an error.
SchemaPtr SchemaOf(const ParquetFile& file, const ReadFromParquetConfig& config, BindContext& context) {
  arrow::FieldVector fields;
  Status unreadable;
  auto add = [&](const ParquetColumn& column) {
    if (unreadable.ok()) unreadable = column.unreadable;
    fields.push_back(arrow::field(column.name, column.type));
  };
  if (config.columns.empty()) {
    for (const ParquetColumn& column : file.columns()) add(column);
  }
  for (const std::string& name : config.columns) {
    int index = file.FindColumn(name);
    if (index < 0) {
      ConfigError(context, "columns", "'" + file.name() + "' has no column '" + name + "'");
      return nullptr;
    }
    add(file.columns()[index]);
  }
  if (!unreadable.ok()) {
    ConfigError(context, "path", unreadable.message(), "list the columns to read in 'columns' and leave this one out");
    return nullptr;
  }
  return arrow::schema(std::move(fields));
}

std::optional<StepBinding> BindReadFromParquet(const ReadFromParquetConfig& config, BindContext& context) {
  const std::vector<std::string> extensions = {".parquet", ".parq", ".pq"};
  const auto mode = FileModeOf(config, /*tail=*/false, config.path, context);
  if (!mode) return std::nullopt;
  const bool unbounded = *mode != FileMode::kOnce;
  auto paths = unbounded ? ResolveFollowedPaths(context, config.path, extensions, /*may_come_later=*/false)
                         : ResolveInputPaths(context, "path", config.path, extensions);
  if (!paths) return std::nullopt;
  if (paths->empty()) {
    ConfigError(context, "path", "there is no file yet that shows which fields there are",
                "one Parquet file must be there from the start");
    return std::nullopt;
  }
  auto open = [&]() -> Result<std::shared_ptr<const ParquetFile>> {
    WEIR_ASSIGN_OR_RETURN(auto stream, OpenRandomAccess(context.env().files(), (*paths)[0]));
    return ParquetFile::Open(std::move(stream), (*paths)[0]);
  };
  auto file = open();
  if (!file.ok()) {
    ConfigError(context, "path", file.status().message());
    return std::nullopt;
  }
  SchemaPtr schema = SchemaOf(**file, config, context);
  if (!schema) return std::nullopt;
  StepBinding binding;
  CollectionInfo info;
  info.schema = schema;
  info.bounded = !unbounded;
  info.changes = *mode == FileMode::kSnapshot;
  const auto times = BindEventTime(config, schema, unbounded, context);
  if (!times) return std::nullopt;
  // Files of one folder are taken to be alike.
  info.expected_rows = info.unfiltered_rows = static_cast<double>((*file)->num_rows() * paths->size());
  binding.outputs = {{"", info}};
  binding.can_project = true;
  binding.repeatable = true;
  binding.source_max_lanes = unbounded ? 1 : 0;
  binding.source_repositions = true;
  // Also a row that is filtered out has an event time, which may be wrong, or move the watermark.
  if (!unbounded && times->column < 0) {
    binding.can_filter = [](const CompiledExpr& filter) { return !filter.can_fail() && !filter.uses_time(); };
  }
  if (!unbounded) binding.notes = {FilesNote(*paths)};
  const FileWatch::Options watch{ResolvePath(context, config.path), extensions, config.settle.us};
  AddModeNotes(*mode, watch.path, *times, *schema, &binding);
  binding.source = [=, paths = *paths, times = *times, mode = *mode,
                    every_us = config.every.us](const ScanRequest& request) -> Result<std::shared_ptr<Source>> {
    const std::vector<int> columns = times.Needed(request.columns).ToIndices();
    auto format =
        std::make_shared<ParquetFormat>(ParquetScan{.schema = schema, .columns = columns, .filter = request.filter});
    if (mode == FileMode::kWatch) {
      return std::make_shared<WatchedSource>(WatchedSourceOptions{watch, times}, std::move(format));
    }
    if (mode == FileMode::kSnapshot) {
      SnapshotSourceOptions options{watch.path, extensions, every_us, columns, schema, times};
      return std::make_shared<SnapshotSource>(std::move(options), std::move(format));
    }
    FileSourceOptions options{.paths = paths, .limit = request.limit};
    if (times.column >= 0) options.event_time = times;
    return std::make_shared<FileSource>(std::move(options), std::move(format));
  };
  return binding;
}

}  // namespace

void RegisterReadFromParquet(Registry& registry) {
  registry.Add<ReadFromParquetConfig>(Spec(), {0, 0}, BindReadFromParquet);
}

}  // namespace weir
