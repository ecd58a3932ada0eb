// Byte streams by path: `-` is standard input or output, compressed data is recognised and decompressed on the way.
//
// Recognised: gzip, zstd, bzip2 and lz4 frames. Several members or frames one after the other are one stream, as
// gzip(1) and zstd(1) read them; a stream that ends inside a member is an error, never a short file.
#pragma once

#include <arrow/io/type_fwd.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "env/env.h"

namespace weir {

enum class Compression : uint8_t { kNone, kGzip, kZstd, kBzip2, kLz4 };

/// "none", "gzip", "zstd", "bzip2", "lz4", and their usual other names; nullopt for any other text.
std::optional<Compression> CompressionFromName(std::string_view name);
/// By the last extension of `path` (.gz .zst .bz2 .lz4 …), else kNone.
Compression CompressionFromPath(std::string_view path);
/// `path` without an extension that CompressionFromPath knows: "a.csv.gz" gives "a.csv".
std::string_view WithoutCompressionExtension(std::string_view path);

/// Opens `path` for reading from its start. `compression` absent: by the first bytes of the data. An uncompressed
/// regular file comes back as an arrow::io::RandomAccessFile, which several threads may ReadAt().
Result<std::shared_ptr<arrow::io::InputStream>> OpenInput(Env& env, const std::string& path,
                                                          std::optional<Compression> compression = std::nullopt);

/// Decompresses `raw`; `name` is what messages call it.
Result<std::shared_ptr<arrow::io::InputStream>> Decompress(std::shared_ptr<arrow::io::InputStream> raw,
                                                           Compression compression, std::string name);

/// Compresses into `raw` (kNone: `raw` itself). Close() ends the compressed stream and closes `raw`. `level` absent:
/// the codec's fast default (zstd 1, gzip 6).
Result<std::shared_ptr<arrow::io::OutputStream>> Compress(std::shared_ptr<arrow::io::OutputStream> raw,
                                                          Compression compression,
                                                          std::optional<int> level = std::nullopt);

}  // namespace weir
