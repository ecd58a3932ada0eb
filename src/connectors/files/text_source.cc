// Blocks to lanes, and the parts of binding that text sources have in common.
#include "connectors/files/text_source.h"

#include <arrow/io/interfaces.h>
#include <arrow/type.h>

#include <algorithm>

#include "base/check.h"
#include "connectors/files/endless/snapshot_source.h"
#include "connectors/files/endless/tail_source.h"
#include "connectors/files/endless/watched_source.h"
#include "connectors/files/file_paths.h"
#include "env/env.h"

namespace weir {
namespace {

/// One file and its lanes. A piece is a block.
class OpenedText final : public OpenedFile {
 public:
  OpenedText(std::shared_ptr<BlockFeeder> feeder, TextParserFactory make_parser)
      : feeder_(std::move(feeder)), make_parser_(std::move(make_parser)) {}

  Result<std::unique_ptr<FileLane>> OpenLane(const OperatorContext& context) override {
    WEIR_ASSIGN_OR_RETURN(auto parser, make_parser_());
    return std::make_unique<Lane>(this, std::move(parser), std::max<int64_t>(1, context.batch_rows));
  }
  int64_t bytes_done() const override { return feeder_->bytes_done(); }
  FilePlace place() const override {
    const TextPlace place = feeder_->place();
    return {place.offset, place.state};
  }

 private:
  class Lane final : public FileLane {
   public:
    Lane(OpenedText* file, TextBlockParser parser, int64_t batch_rows)
        : file_(file), parser_(std::move(parser)), batch_rows_(batch_rows) {}

    Result<std::optional<int64_t>> Take() override {
      WEIR_ASSIGN_OR_RETURN(const bool more, file_->feeder_->Next(&block_));
      parsed_ = false;
      if (!more) return std::nullopt;
      return block_.sequence;
    }

    Result<std::optional<FileBatch>> Next() override {
      FileBatch out;
      if (!parsed_) {
        std::vector<RecordError> errors;
        WEIR_ASSIGN_OR_RETURN(rows_, parser_(block_, &errors));
        for (auto& error : errors) {
          out.errors.push_back({std::move(error.record), error.place + ": " + error.message});
        }
        parsed_ = true;
        at_ = 0;
      } else if (at_ >= rows_.num_rows()) {
        rows_ = Batch();
        return std::nullopt;
      }
      // The last two batches of a block may be one: a small rest is not worth a batch of its own.
      const int64_t left = rows_.num_rows() - at_;
      const int64_t rows = left <= batch_rows_ + batch_rows_ / 2 ? left : batch_rows_;
      out.batch = rows == rows_.num_rows() ? rows_ : rows_.Slice(at_, rows);
      at_ += rows;
      return out;
    }

   private:
    OpenedText* const file_;
    const TextBlockParser parser_;
    const int64_t batch_rows_;
    TextBlock block_;
    Batch rows_;
    int64_t at_ = 0;
    bool parsed_ = false;
  };

  const std::shared_ptr<BlockFeeder> feeder_;
  const TextParserFactory make_parser_;
};

}  // namespace

const FieldSet<TextSourceConfig>& TextSourceConfig::Fields() {
  static const auto fields =
      FieldSet<TextSourceConfig>()
          .Field("path", &TextSourceConfig::path,
                 FieldDoc("A file, a glob, a folder, or '-' for standard input; also in S3: s3://bucket/prefix.")
                     .Required()
                     .Example("data/*"))
          .Field("compression", &TextSourceConfig::compression,
                 FieldDoc("How the files are compressed; by default their first bytes say it.")
                     .Default("auto")
                     .OneOf({"auto", "none", "gzip", "zstd", "bzip2", "lz4"}))
          .Field("filename_column", &TextSourceConfig::filename_column,
                 FieldDoc("Adds a column of this name that holds the path of each row's file."))
          .Field("max_record_bytes", &TextSourceConfig::max_record_bytes,
                 FieldDoc("A longer record ends the run: it is usually a quote or a bracket that is never closed.")
                     .Default("67108864")
                     .Min("1024")
                     .Max("1073741824")
                     .Advanced())
          .Field(
              "tail", &TextSourceConfig::tail,
              FieldDoc("Follow files that grow, without an end: each record is a row as soon as its line is whole. A "
                       "file may be renamed, removed, replaced or truncated meanwhile, and need not be there yet. "
                       "With `-` standard input is read line by line, to its end.")
                  .Default("false"))
          .Field("from", &TextSourceConfig::from,
                 FieldDoc("With `tail`: where to begin in files that are there when the run starts.")
                     .Default("start")
                     .OneOf({"start", "end"}))
          .Field("on_lost", &TextSourceConfig::on_lost,
                 FieldDoc("With `tail`: what a durable run does that is started again and finds that a file it had not "
                          "read to its end is gone, was emptied, or was rotated more than once.")
                     .Default("fail")
                     .OneOf({"fail", "skip"})
                     .Advanced())
          .Include(FileModeConfig::Fields());
  return fields;
}

Result<std::shared_ptr<BlockFeeder>> OpenTextFile(Env& env, const std::string& path, const std::string& compression,
                                                  int64_t max_record_bytes, std::unique_ptr<RecordScanner> scanner) {
  std::optional<Compression> codec;
  if (compression != "auto") codec = CompressionFromName(compression);
  WEIR_ASSIGN_OR_RETURN(auto stream, OpenInput(env, path, codec));
  TextInput input{path == "-" ? "standard input" : path, nullptr, nullptr};
  input.file = std::dynamic_pointer_cast<arrow::io::RandomAccessFile>(stream);
  if (!input.file) input.stream = std::move(stream);
  BlockFeederOptions options;
  options.max_record_bytes = max_record_bytes;
  return std::make_shared<BlockFeeder>(std::move(input), std::move(scanner), options);
}

void TextFileFormat::Keep(std::string path, std::shared_ptr<BlockFeeder> feeder) {
  std::lock_guard lock(mutex_);
  kept_path_ = std::move(path);
  kept_ = std::move(feeder);
}

Result<std::shared_ptr<OpenedFile>> TextFileFormat::Open(Env& env, const std::string& path,
                                                         std::optional<FilePlace> from) const {
  std::shared_ptr<BlockFeeder> feeder;
  {
    std::lock_guard lock(mutex_);
    if (kept_ && kept_path_ == path) feeder = std::move(kept_);
  }
  if (!feeder) {
    WEIR_ASSIGN_OR_RETURN(feeder, OpenTextFile(env, path, config_.compression, config_.max_record_bytes, nullptr));
  }
  WEIR_ASSIGN_OR_RETURN(auto make_parser, Begin(*feeder, path));
  if (from) WEIR_RETURN_NOT_OK(feeder->GoOnAt({from->offset, from->state}));
  return std::make_shared<OpenedText>(std::move(feeder), std::move(make_parser));
}

namespace {

/// Whether what was read of `path` can be read again (a file, not a pipe or standard input).
bool IsRereadable(Env& env, const std::string& path) {
  if (path == "-") return false;
  auto info = env.files().Stat(path);
  return info.ok() && info->kind == FileKind::kFile;
}

/// The first of the files that holds something: of those that follow it may be that none does yet.
std::string FirstFilled(Env& env, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    const auto info = env.files().Stat(path);
    if (info.ok() && info->kind == FileKind::kFile && info->size_bytes > 0) return path;
  }
  return "";
}

}  // namespace

std::optional<TextFiles> OpenTextFiles(const TextSourceConfig& config, const std::vector<std::string>& extensions,
                                       BindContext& context) {
  TextFiles files;
  files.extensions = extensions;
  const auto mode = FileModeOf(config, config.tail, config.path, context);
  if (!mode) return std::nullopt;
  if (config.tail && config.compression != "auto" && config.compression != "none") {
    ConfigError(context, "compression", "a compressed file cannot be followed with 'tail'");
    return std::nullopt;
  }
  files.mode = *mode;
  if (files.mode == FileMode::kTail && config.path == "-") return files;
  auto paths = files.mode == FileMode::kOnce
                   ? ResolveInputPaths(context, "path", config.path, extensions)
                   : ResolveFollowedPaths(context, config.path, extensions, files.mode == FileMode::kTail);
  if (!paths) return std::nullopt;
  files.paths = std::move(*paths);
  const std::string look_at = files.mode == FileMode::kOnce ? files.paths[0] : FirstFilled(context.env(), files.paths);
  if (look_at.empty()) return files;
  auto first = OpenTextFile(context.env(), look_at, config.compression, config.max_record_bytes, nullptr);
  if (!first.ok()) {
    ConfigError(context, "path", first.status().message());
    return std::nullopt;
  }
  files.first = std::move(*first);
  files.keep_first = files.mode == FileMode::kOnce && !IsRereadable(context.env(), look_at);
  return files;
}

void NeedsSchema(const TextSourceConfig& config, BindContext& context) {
  const std::string why = config.path == "-" ? "standard input is read as it comes"
                                             : "there is no file yet that shows which fields there are";
  ConfigError(context, "path", why + ": give a 'schema'", "for example schema: {id: integer, at: timestamp}");
}

SchemaPtr WithFilenameColumn(const TextSourceConfig& config, SchemaPtr schema, BindContext& context, int* index) {
  *index = -1;
  if (config.filename_column.empty()) return schema;
  if (schema->GetFieldIndex(config.filename_column) >= 0) {
    ConfigError(context, "filename_column", "the files have a field '" + config.filename_column + "' already");
    return nullptr;
  }
  *index = schema->num_fields();
  auto fields = schema->fields();
  fields.push_back(arrow::field(config.filename_column, arrow::utf8()));
  return arrow::schema(std::move(fields));
}

namespace {

/// What all modes need of a step.
struct TextSourcePlan {
  TextFiles files;
  TailSourceOptions tail;
  int64_t settle_us = 0, every_us = 0;
  SchemaPtr schema;
};

Result<std::shared_ptr<Source>> MakeTextSource(const TextSourcePlan& plan, const ScanRequest& request,
                                               int filename_column, std::shared_ptr<const TextFileFormat> format) {
  TailSourceOptions tail = plan.tail;
  tail.filename_column = filename_column;
  switch (plan.files.mode) {
    case FileMode::kTail:
      return std::make_shared<TailSource>(std::move(tail), std::move(format));
    case FileMode::kWatch: {
      WatchedSourceOptions options;
      options.watch = {tail.path, tail.extensions, plan.settle_us};
      options.event_time = tail.event_time;
      options.filename_column = filename_column;
      return std::make_shared<WatchedSource>(std::move(options), std::move(format));
    }
    case FileMode::kSnapshot: {
      SnapshotSourceOptions options{tail.path,   tail.extensions, plan.every_us,  request.columns.ToIndices(),
                                    plan.schema, tail.event_time, filename_column};
      return std::make_shared<SnapshotSource>(std::move(options), std::move(format));
    }
    case FileMode::kOnce:
      break;
  }
  FileSourceOptions once{.paths = plan.files.paths, .limit = request.limit, .filename_column = filename_column};
  if (tail.event_time.column >= 0) once.event_time = tail.event_time;
  return std::make_shared<FileSource>(std::move(once), std::move(format));
}

}  // namespace

std::optional<StepBinding> TextSourceBinding(const TextSourceConfig& config, const TextFiles& files,
                                             const SchemaPtr& schema, int filename_column, MakeTextFormat make_format,
                                             BindContext& context) {
  const bool unbounded = files.mode != FileMode::kOnce;
  const auto times = BindEventTime(config, schema, unbounded, context);
  if (!times) return std::nullopt;
  StepBinding binding;
  CollectionInfo info;
  info.schema = schema;
  info.bounded = !unbounded;
  info.changes = files.mode == FileMode::kSnapshot;
  binding.outputs = {{"", info}};
  binding.can_project = true;
  binding.source_max_lanes = unbounded ? 1 : 0;
  binding.source_repositions = config.path != "-" && !files.keep_first;  // what a pipe gave is not given again
  // Also a row that is filtered out has an event time, which may be wrong, or move the watermark.
  if (!unbounded && times->column < 0) {
    binding.can_filter = [filename_column](const CompiledExpr& filter) {
      const auto& columns = filter.columns();
      return !filter.can_fail() && !filter.uses_time() &&
             std::find(columns.begin(), columns.end(), filename_column) == columns.end();
    };
  }
  TextSourcePlan plan{.files = files, .settle_us = config.settle.us, .every_us = config.every.us, .schema = schema};
  plan.tail.path = ResolvePath(context, config.path);
  plan.tail.extensions = files.extensions;
  plan.tail.from_end = config.from == "end";
  plan.tail.skip_lost = config.on_lost == "skip";
  plan.tail.max_record_bytes = config.max_record_bytes;
  plan.tail.event_time = *times;
  if (!unbounded) binding.notes = {FilesNote(files.paths)};
  const std::string what = config.path == "-" ? "standard input" : plan.tail.path;
  AddModeNotes(files.mode, what, *times, *schema, &binding);
  binding.source = [=](ScanRequest request) -> Result<std::shared_ptr<Source>> {
    const bool wants_name = filename_column >= 0 && request.columns.contains(filename_column);
    request.columns = times->Needed(request.columns);
    WEIR_ASSIGN_OR_RETURN(auto format, make_format(request));
    return MakeTextSource(plan, request, wants_name ? filename_column : -1, std::move(format));
  };
  return binding;
}

std::vector<bool> NeededColumns(const ScanRequest& request, int filename_column) {
  std::vector<bool> needed;
  for (int i = 0; i < request.columns.num_columns(); ++i) {
    needed.push_back(i != filename_column && request.columns.contains(i));
  }
  return needed;
}

}  // namespace weir
