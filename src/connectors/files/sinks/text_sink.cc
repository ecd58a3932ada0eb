// Pieces of text from all lanes into one stream.
#include "connectors/files/sinks/text_sink.h"

#include <arrow/io/interfaces.h>
#include <arrow/type.h>

#include <condition_variable>
#include <mutex>

#include "connectors/files/file_paths.h"
#include "connectors/files/sinks/ordered_gate.h"

namespace weir {
namespace {

/// Pieces whose turn has come wait for the writing lane up to this size; then lanes wait for it.
constexpr int64_t kMaxReadyBytes = 64 << 20;

/// A compressor closes what it writes into; the file itself must stay open for its sync.
class KeepOpenStream final : public arrow::io::OutputStream {
 public:
  explicit KeepOpenStream(std::shared_ptr<arrow::io::OutputStream> file) : file_(std::move(file)) {}
  Status Write(const void* data, int64_t bytes) override { return file_->Write(data, bytes); }
  Status Flush() override { return file_->Flush(); }
  Result<int64_t> Tell() const override { return file_->Tell(); }
  Status Close() override {
    closed_ = true;
    return Status::OK();
  }
  bool closed() const override { return closed_; }

 private:
  const std::shared_ptr<arrow::io::OutputStream> file_;
  bool closed_ = false;
};

/// One file. Printing happens in the lane that has the rows, without a lock; writing in whichever lane finds nobody
/// writing.
class TextBody final : public FileBody {
 public:
  /// `file` stays open; what is written into it is compressed.
  TextBody(std::shared_ptr<arrow::io::OutputStream> file, Compression compression, SchemaPtr schema,
           std::shared_ptr<const TextLayout> layout, std::shared_ptr<MorselTracker> morsels)
      : file_(std::move(file)),
        compression_(compression),
        schema_(std::move(schema)),
        layout_(std::move(layout)),
        gate_(std::move(morsels)) {}

  Status Begin() {
    WEIR_RETURN_NOT_OK(OpenStream());
    if (!layout_->begin) return Status::OK();
    TextOutput text;
    layout_->begin(schema_, &text);
    return stream_->Write(text.data(), text.size());
  }
  void GoOn(const std::string& suspended) { first_ = suspended == kNoRows; }

  Status Write(Batch batch) override {
    const int64_t morsel = batch.morsel();
    if (batch.num_rows() == 0) return Status::OK();
    std::unique_ptr<Printer> printer = TakePrinter();
    Piece piece = TakePiece();
    const Status printed = printer->render(batch, piece.get());
    std::unique_lock lock(mutex_);
    printers_.push_back(std::move(printer));
    WEIR_RETURN_NOT_OK(printed);
    gate_.Push(morsel, std::move(piece));
    PassReady();
    return WriteReady(lock);
  }

  // A compressed stream ends with each epoch: the next one begins another member, or frame, of the file.
  Result<std::string> Suspend() override {
    std::unique_lock lock(mutex_);
    gate_.PassAll([this](Piece& piece) { return Ready(piece); });
    WEIR_RETURN_NOT_OK(WriteReady(lock));
    if (compression_ == Compression::kNone) {
      WEIR_RETURN_NOT_OK(file_->Flush());
    } else if (stream_) {
      WEIR_RETURN_NOT_OK(stream_->Close());
      stream_.reset();
      WEIR_RETURN_NOT_OK(file_->Flush());
    }
    return std::string(first_ ? kNoRows : kHasRows);
  }

  Status Finish() override {
    std::unique_lock lock(mutex_);
    gate_.PassAll([this](Piece& piece) { return Ready(piece); });
    WEIR_RETURN_NOT_OK(WriteReady(lock));
    if (!stream_) WEIR_RETURN_NOT_OK(OpenStream());
    const std::string& end = first_ ? layout_->end_empty : layout_->end;
    WEIR_RETURN_NOT_OK(stream_->Write(end.data(), static_cast<int64_t>(end.size())));
    return stream_->Close();
  }

 private:
  static constexpr const char* kNoRows = "empty";
  static constexpr const char* kHasRows = "rows";
  using Piece = std::unique_ptr<TextOutput>;
  struct Printer {
    TextRenderer render;
  };

  Status OpenStream() {
    WEIR_ASSIGN_OR_RETURN(stream_, Compress(std::make_shared<KeepOpenStream>(file_), compression_));
    return Status::OK();
  }

  std::unique_ptr<Printer> TakePrinter() {
    {
      std::lock_guard lock(mutex_);
      if (!printers_.empty()) {
        auto printer = std::move(printers_.back());
        printers_.pop_back();
        return printer;
      }
    }
    return std::make_unique<Printer>(Printer{layout_->make_renderer(schema_)});
  }

  Piece TakePiece() {
    std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<TextOutput>();
    Piece piece = std::move(free_.back());
    free_.pop_back();
    piece->Clear();
    return piece;
  }

  bool Ready(Piece& piece) {
    ready_bytes_ += piece->size();
    ready_.push_back(std::move(piece));
    return true;
  }

  void PassReady() {
    gate_.Pass([this](Piece& piece) { return Ready(piece); });
  }

  /// Writes what is ready, unless another lane is at it; waits when that lane is far behind.
  Status WriteReady(std::unique_lock<std::mutex>& lock) {
    while (writing_ && ready_bytes_ > kMaxReadyBytes) written_.wait(lock);
    if (writing_) return failed_;
    writing_ = true;
    while (failed_.ok() && !ready_.empty()) {
      Piece piece = std::move(ready_.front());
      ready_.pop_front();
      if (first_ && layout_->mark_first) layout_->mark_first(piece->mutable_data());
      first_ = false;
      lock.unlock();
      Status status = stream_ ? Status::OK() : OpenStream();
      if (status.ok()) status = stream_->Write(piece->data(), piece->size());
      if (status.ok() && layout_->flush) status = stream_->Flush();
      lock.lock();
      if (!status.ok()) failed_ = status;
      ready_bytes_ -= piece->size();
      free_.push_back(std::move(piece));
      written_.notify_all();
    }
    writing_ = false;
    written_.notify_all();
    return failed_;
  }

  const std::shared_ptr<arrow::io::OutputStream> file_;
  const Compression compression_;
  const SchemaPtr schema_;
  const std::shared_ptr<const TextLayout> layout_;
  std::shared_ptr<arrow::io::OutputStream> stream_;  // into file_; null after Suspend. Of the lane that is writing
  std::mutex mutex_;
  std::condition_variable written_;
  OrderedGate<Piece> gate_;
  std::deque<Piece> ready_;
  int64_t ready_bytes_ = 0;
  bool writing_ = false;
  bool first_ = true;
  Status failed_;
  std::vector<Piece> free_;
  std::vector<std::unique_ptr<Printer>> printers_;
};

class TextWriteFormat final : public FileWriteFormat {
 public:
  TextWriteFormat(TextLayout layout, Compression compression, std::string extension)
      : layout_(std::make_shared<const TextLayout>(std::move(layout))),
        compression_(compression),
        extension_(std::move(extension)) {}

  Result<std::unique_ptr<FileBody>> Begin(std::shared_ptr<arrow::io::OutputStream> out, const SchemaPtr& schema,
                                          const OperatorContext&, std::shared_ptr<MorselTracker> morsels,
                                          const std::string& suspended) const override {
    auto body = std::make_unique<TextBody>(std::move(out), compression_, schema, layout_, std::move(morsels));
    if (suspended.empty()) {
      WEIR_RETURN_NOT_OK(body->Begin());
    } else {
      body->GoOn(suspended);
    }
    return body;
  }
  bool can_suspend() const override { return true; }
  std::string extension() const override { return extension_; }

 private:
  const std::shared_ptr<const TextLayout> layout_;
  const Compression compression_;
  const std::string extension_;
};

const char* ExtensionOf(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return ".gz";
    case Compression::kZstd:
      return ".zst";
    case Compression::kBzip2:
      return ".bz2";
    case Compression::kLz4:
      return ".lz4";
    case Compression::kNone:
      break;
  }
  return "";
}

}  // namespace

const FieldSet<TextSinkConfig>& TextSinkConfig::Fields() {
  static const auto fields =
      FieldSet<TextSinkConfig>()
          .Field("path", &TextSinkConfig::path,
                 FieldDoc("The file; a folder, which ends in '/' or exists, for files part-00000-of-00001; or '-' for "
                          "standard output; also in S3: s3://bucket/key.")
                     .Required()
                     .Example("out/result"))
          .Field("compression", &TextSinkConfig::compression,
                 FieldDoc("Compression of the files; by default the path's last extension (.gz, .zst) says it.")
                     .Default("auto")
                     .OneOf({"auto", "none", "gzip", "zstd", "bzip2", "lz4"}))
          .Field("num_shards", &TextSinkConfig::num_shards,
                 FieldDoc("Spread the rows over so many files in the folder 'path'; 0: one file.")
                     .Default("0")
                     .Min("0")
                     .Max("10000"))
          .Field("partition_by", &TextSinkConfig::partition_by,
                 FieldDoc("Columns whose values become key=value folders below 'path'; they are left out of the files.")
                     .OrSingle()
                     .Example("[day]"))
          .Field("roll", &TextSinkConfig::roll, RollDoc())
          .Include(StorageConfig::Fields());
  return fields;
}

std::optional<StepBinding> TextSinkBinding(const TextSinkConfig& config, const SchemaPtr& schema, TextLayout layout,
                                           BindContext& context) {
  if (!ApplyStorage(config, config.path, context)) return std::nullopt;
  auto path = ResolveOutputPath(context, "path", config.path);
  if (!path) return std::nullopt;
  FileSinkOptions options;
  options.path = *path;
  options.num_shards = static_cast<int>(config.num_shards);
  for (const std::string& name : config.partition_by) {
    const int column = schema->GetFieldIndex(name);
    if (column < 0) {
      ConfigError(context, "partition_by", "the input has no column '" + name + "'");
      return std::nullopt;
    }
    options.partition_by.push_back(column);
  }
  if (*path == "-" && (options.num_shards > 0 || !options.partition_by.empty())) {
    ConfigError(context, "path", "standard output takes neither shards nor partitions");
    return std::nullopt;
  }
  const Compression compression =
      config.compression == "auto" ? CompressionFromPath(*path) : CompressionFromName(config.compression).value();
  const std::string extension = layout.extension + ExtensionOf(compression);
  layout.flush = *path == "-" && !context.inputs()[0].info.bounded;
  auto format = std::make_shared<TextWriteFormat>(std::move(layout), compression, extension);
  StepBinding binding;
  binding.can_reject = false;
  if (!BindFileSink(options, config.roll, std::move(format), context, &binding)) return std::nullopt;
  return binding;
}

}  // namespace weir
