// Writes one Parquet file of which several threads encode row groups at the same time.
//
// Each row group is encoded by a private Arrow writer into a stream that keeps nothing: the encoded and compressed
// pages stay in that writer until it is closed. When its turn has come, the stream is pointed at the true position of
// the file and the writer is closed: finished pages are copied out, and the metadata that it leaves holds absolute
// offsets. The footers are merged at the end. (Each private writer also leaves its own footer behind its pages, some
// hundred bytes that no reader looks at.)
#pragma once

#include <arrow/io/type_fwd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"

namespace parquet {
class FileMetaData;
}

namespace weir {

struct ParquetWriteOptions {
  std::string codec = "zstd";  // zstd snappy gzip lz4 brotli none
  std::optional<int> level;    // absent: 1 for zstd, else the codec's own default
};

/// Names that ParquetWriteOptions::codec takes.
const std::vector<std::string>& ParquetCodecNames();

class ParquetFileWriter {
 public:
  /// A row group, encoded and compressed, of any place in the file.
  class RowGroup {
   public:
    virtual ~RowGroup() = default;
  };

  /// Writes to `out`, which it does not close. `schema` holds flowing types. Errors: Invalid for an unknown codec or
  /// level.
  static Result<std::unique_ptr<ParquetFileWriter>> Make(std::shared_ptr<arrow::io::OutputStream> out, SchemaPtr schema,
                                                         ParquetWriteOptions options);
  ~ParquetFileWriter();

  /// From any thread. `rows`: batches of the schema, at least one.
  Result<std::unique_ptr<RowGroup>> Encode(std::vector<Batch> rows) const;
  /// Puts a row group behind those that were appended before. One thread at a time.
  Status Append(std::unique_ptr<RowGroup> row_group);
  /// Writes the footer. A file without row groups is a valid empty file.
  Status Finish();

 private:
  ParquetFileWriter() = default;

  std::shared_ptr<arrow::io::OutputStream> out_;
  SchemaPtr schema_;
  ParquetWriteOptions options_;
  std::shared_ptr<parquet::FileMetaData> metadata_;
};

}  // namespace weir
