// Opening byte streams by path, with decompression through Arrow's codecs.
#include "env/streams.h"

#include <arrow/buffer.h>
#include <arrow/io/compressed.h>
#include <arrow/util/compression.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/check.h"

namespace weir {
namespace {

using arrow::io::InputStream;

struct CodecRow {
  Compression compression;
  arrow::Compression::type codec;
  std::vector<std::string_view> names;
  std::vector<std::string_view> extensions;
  std::string_view magic;
  int default_level;
};

const std::vector<CodecRow>& Codecs() {
  constexpr int kCodecChooses = arrow::util::kUseDefaultCompressionLevel;
  static const std::vector<CodecRow> rows = {
      {Compression::kNone, arrow::Compression::UNCOMPRESSED, {"none", "uncompressed", "no"}, {}, "", kCodecChooses},
      {Compression::kGzip, arrow::Compression::GZIP, {"gzip", "gz"}, {".gz", ".gzip"}, "\x1f\x8b", 6},
      {Compression::kZstd, arrow::Compression::ZSTD, {"zstd", "zst"}, {".zst", ".zstd"}, "\x28\xb5\x2f\xfd", 1},
      {Compression::kBzip2, arrow::Compression::BZ2, {"bzip2", "bz2"}, {".bz2"}, "BZh", kCodecChooses},
      {Compression::kLz4, arrow::Compression::LZ4_FRAME, {"lz4"}, {".lz4"}, "\x04\x22\x4d\x18", kCodecChooses},
  };
  return rows;
}

const CodecRow& RowOf(Compression compression) { return Codecs()[static_cast<size_t>(compression)]; }

constexpr int64_t kMaxMagicBytes = 4;

const CodecRow* RowOfPath(std::string_view path, size_t* extension_bytes) {
  for (const CodecRow& row : Codecs()) {
    for (std::string_view extension : row.extensions) {
      if (!path.ends_with(extension)) continue;
      *extension_bytes = extension.size();
      return &row;
    }
  }
  return nullptr;
}

/// What the first bytes say; a file that ends within them is what its name says, and will be found too short.
Compression CompressionFromMagic(std::string_view head, std::string_view path) {
  for (const CodecRow& row : Codecs()) {
    if (!row.magic.empty() && head.starts_with(row.magic)) return row.compression;
  }
  size_t extension_bytes = 0;
  const CodecRow* named = RowOfPath(path, &extension_bytes);
  return named && !head.empty() && named->magic.starts_with(head) ? named->compression : Compression::kNone;
}

/// A stream of which the first bytes were read ahead.
class PrefixedInput final : public InputStream {
 public:
  PrefixedInput(std::string head, std::shared_ptr<InputStream> rest) : head_(std::move(head)), rest_(std::move(rest)) {}

  Result<int64_t> Read(int64_t nbytes, void* out) override {
    int64_t from_head = std::min<int64_t>(nbytes, head_.size() - position_);
    std::memcpy(out, head_.data() + position_, from_head);
    position_ += from_head;
    if (from_head == nbytes) return nbytes;
    WEIR_ASSIGN_OR_RETURN(int64_t n, rest_->Read(nbytes - from_head, static_cast<char*>(out) + from_head));
    read_ += n;
    return from_head + n;
  }

  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateResizableBuffer(nbytes));
    WEIR_ASSIGN_OR_RETURN(int64_t n, Read(nbytes, buffer->mutable_data()));
    WEIR_RETURN_NOT_OK(buffer->Resize(n, /*shrink_to_fit=*/false));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

  Result<int64_t> Tell() const override { return static_cast<int64_t>(position_) + read_; }
  Status Close() override { return rest_->Close(); }
  bool closed() const override { return rest_->closed(); }

 private:
  std::string head_;
  std::shared_ptr<InputStream> rest_;
  size_t position_ = 0;
  int64_t read_ = 0;
};

/// Decompresses member after member. Read() returns short only at the end of the data.
class DecompressedInput final : public InputStream {
 public:
  DecompressedInput(std::shared_ptr<InputStream> raw, std::unique_ptr<arrow::util::Codec> codec,
                    std::shared_ptr<arrow::util::Decompressor> decompressor, std::string name)
      : raw_(std::move(raw)),
        codec_(std::move(codec)),
        decompressor_(std::move(decompressor)),
        name_(std::move(name)) {}

  Result<int64_t> Read(int64_t nbytes, void* out) override {
    int64_t done = 0;
    while (done < nbytes && !ended_) {
      if (decompressor_->IsFinished()) {
        WEIR_RETURN_NOT_OK(NextMember());
        if (ended_) break;
      }
      if (begin_ == end_ && !starved_) WEIR_RETURN_NOT_OK(Refill());
      WEIR_ASSIGN_OR_RETURN(int64_t n, Step(nbytes - done, static_cast<uint8_t*>(out) + done));
      done += n;
    }
    position_ += done;
    return done;
  }

  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateResizableBuffer(nbytes));
    WEIR_ASSIGN_OR_RETURN(int64_t n, Read(nbytes, buffer->mutable_data()));
    WEIR_RETURN_NOT_OK(buffer->Resize(n, /*shrink_to_fit=*/false));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

  Result<int64_t> Tell() const override { return position_; }
  Status Close() override { return raw_->Close(); }
  bool closed() const override { return raw_->closed(); }

 private:
  static constexpr int64_t kChunkBytes = int64_t{1} << 20;

  Status Refill() {
    if (chunk_.empty()) chunk_.resize(kChunkBytes);
    WEIR_ASSIGN_OR_RETURN(end_, raw_->Read(kChunkBytes, chunk_.data()));
    consumed_ += begin_;
    begin_ = 0;
    starved_ = end_ == 0;
    return Status::OK();
  }

  /// One call of the decompressor; it may also want to give out what it still holds without further input.
  Result<int64_t> Step(int64_t room, uint8_t* out) {
    auto result = decompressor_->Decompress(end_ - begin_, chunk_.data() + begin_, room, out);
    if (!result.ok() && members_ > 1 && !any_input_) {
      return Status::IOError("'", name_, "': what follows the end of the ", codec_->name(), " data at byte ",
                             consumed_ + begin_, " is no ", codec_->name(), " data");
    }
    if (!result.ok()) {
      return Status::IOError("'", name_, "': damaged ", codec_->name(), " data near byte ", consumed_ + begin_, ": ",
                             result.status().message());
    }
    begin_ += result->bytes_read;
    any_input_ = any_input_ || result->bytes_read > 0;
    if (result->bytes_written == 0 && result->bytes_read == 0 && !decompressor_->IsFinished()) {
      if (!starved_ && begin_ < end_)
        return Status::IOError("'", name_, "': ", codec_->name(), " decoder makes no progress");
      if (!starved_) return int64_t{0};
      if (any_input_)
        return Status::IOError("'", name_, "': ", codec_->name(), " data ends too early (truncated file?)");
      ended_ = true;  // an empty file is an empty stream
    }
    return result->bytes_written;
  }

  /// After the end of a member: the next one, or the end. Zero bytes behind the last member are padding of tapes.
  Status NextMember() {
    for (;;) {
      while (begin_ < end_ && chunk_[begin_] == 0) ++begin_;
      if (begin_ < end_) break;
      WEIR_RETURN_NOT_OK(Refill());
      if (starved_) {
        ended_ = true;
        return Status::OK();
      }
    }
    any_input_ = false;
    ++members_;
    return decompressor_->Reset();
  }

  std::shared_ptr<InputStream> raw_;
  std::unique_ptr<arrow::util::Codec> codec_;
  std::shared_ptr<arrow::util::Decompressor> decompressor_;
  std::string name_;
  std::vector<uint8_t> chunk_;
  int64_t begin_ = 0;
  int64_t end_ = 0;
  int64_t consumed_ = 0;
  int64_t position_ = 0;
  int64_t members_ = 1;
  bool starved_ = false;    // the raw stream has ended
  bool any_input_ = false;  // the current member has begun
  bool ended_ = false;
};

}  // namespace

std::optional<Compression> CompressionFromName(std::string_view name) {
  for (const CodecRow& row : Codecs()) {
    if (std::find(row.names.begin(), row.names.end(), name) != row.names.end()) return row.compression;
  }
  return std::nullopt;
}

Compression CompressionFromPath(std::string_view path) {
  size_t extension_bytes = 0;
  const CodecRow* row = RowOfPath(path, &extension_bytes);
  return row ? row->compression : Compression::kNone;
}

std::string_view WithoutCompressionExtension(std::string_view path) {
  size_t extension_bytes = 0;
  RowOfPath(path, &extension_bytes);
  return path.substr(0, path.size() - extension_bytes);
}

Result<std::shared_ptr<InputStream>> Decompress(std::shared_ptr<InputStream> raw, Compression compression,
                                                std::string name) {
  if (compression == Compression::kNone) return raw;
  WEIR_ASSIGN_OR_RETURN(auto codec, arrow::util::Codec::Create(RowOf(compression).codec));
  WEIR_ASSIGN_OR_RETURN(auto decompressor, codec->MakeDecompressor());
  return std::make_shared<DecompressedInput>(std::move(raw), std::move(codec), std::move(decompressor),
                                             std::move(name));
}

Result<std::shared_ptr<InputStream>> OpenInput(Env& env, const std::string& path,
                                               std::optional<Compression> compression) {
  bool standard = path == "-";
  std::shared_ptr<InputStream> raw;
  if (standard) {
    raw = env.StandardInput();
  } else {
    WEIR_ASSIGN_OR_RETURN(raw, env.files().Open(path));
  }
  std::string name = standard ? "standard input" : path;
  if (compression) return Decompress(std::move(raw), *compression, std::move(name));
  std::array<char, kMaxMagicBytes> head;
  if (auto* file = dynamic_cast<arrow::io::RandomAccessFile*>(raw.get())) {
    WEIR_ASSIGN_OR_RETURN(int64_t n, file->ReadAt(0, kMaxMagicBytes, head.data()));
    return Decompress(std::move(raw), CompressionFromMagic({head.data(), static_cast<size_t>(n)}, path),
                      std::move(name));
  }
  WEIR_ASSIGN_OR_RETURN(int64_t n, raw->Read(kMaxMagicBytes, head.data()));
  std::string_view magic(head.data(), n);
  return Decompress(std::make_shared<PrefixedInput>(std::string(magic), std::move(raw)),
                    CompressionFromMagic(magic, path), std::move(name));
}

Result<std::shared_ptr<arrow::io::OutputStream>> Compress(std::shared_ptr<arrow::io::OutputStream> raw,
                                                          Compression compression, std::optional<int> level) {
  if (compression == Compression::kNone) return raw;
  const CodecRow& row = RowOf(compression);
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::util::Codec> codec,
                        arrow::util::Codec::Create(row.codec, level.value_or(row.default_level)));
  WEIR_ASSIGN_OR_RETURN(auto stream, arrow::io::CompressedOutputStream::Make(codec.get(), std::move(raw)));
  // The stream keeps no codec of its own; it must outlive every write.
  return std::shared_ptr<arrow::io::OutputStream>(stream.get(), [codec, stream](auto*) mutable { stream.reset(); });
}

}  // namespace weir
