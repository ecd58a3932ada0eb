// S3File: an object read by ranges.
#pragma once

#include <arrow/io/interfaces.h>

#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <string>

#include "connectors/s3/io_threads.h"
#include "connectors/s3/s3_client.h"

namespace weir {

/// Reads one after the other from the beginning (text) are answered from chunks that are fetched ahead, several at a
/// time; any other read (footers and column chunks of Parquet) fetches what it asks for, long ones in several ranges at
/// once. Each range says which version it wants, so that bytes of two versions never meet. ReadAt from any thread.
class S3File final : public arrow::io::RandomAccessFile {
 public:
  struct Version {
    int64_t size_bytes = 0;
    std::string etag;
  };
  using Bytes = std::shared_ptr<const std::string>;
  /// A range that is there or on its way.
  struct Chunk {
    int64_t begin = 0, end = 0;
    std::shared_future<Result<Bytes>> bytes;
  };
  /// Objects of this size are fetched at once.
  static constexpr int64_t kChunkBytes = int64_t{4} << 20;
  static Chunk Fetch(S3Client& client, IoThreads& threads, const S3Location& at, const std::string& etag, int64_t begin,
                     int64_t end);

  /// `first`, where it holds something, is fetched already.
  S3File(S3Client& client, IoThreads& threads, S3Location at, Version version, Chunk first);

  Result<int64_t> GetSize() override { return version_.size_bytes; }
  Result<int64_t> ReadAt(int64_t position, int64_t nbytes, void* out) override;
  Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t nbytes) override;
  Result<int64_t> Read(int64_t nbytes, void* out) override;
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override;
  /// Fetches the ranges that will be read, those that lie close together with one request.
  Status WillNeed(const std::vector<arrow::io::ReadRange>& ranges) override;
  Status Seek(int64_t position) override;
  Result<int64_t> Tell() const override { return position_; }
  Status Close() override;
  bool closed() const override { return closed_; }

 private:
  Chunk Fetch(int64_t begin, int64_t end) { return Fetch(client_, threads_, at_, version_.etag, begin, end); }
  /// The chunks that hold [position, end) of the window, which is moved there and filled ahead; none where this is not
  /// the next read of a sequence.
  std::vector<Chunk> FromWindow(int64_t position, int64_t end);
  std::vector<Chunk> FromNeeded(int64_t position, int64_t end);
  static Status Copy(const std::vector<Chunk>& chunks, int64_t position, int64_t end, char* out);

  S3Client& client_;
  IoThreads& threads_;
  const S3Location at_;
  const Version version_;
  std::mutex mutex_;
  std::deque<Chunk> window_;  // without gaps
  int64_t next_ = 0;          // where a read goes on with the sequence
  size_t ahead_ = 1;          // chunks to be fetched ahead; grows while the sequence goes on
  std::deque<Chunk> needed_;  // ranges that WillNeed announced
  int64_t position_ = 0;
  bool closed_ = false;
};

}  // namespace weir
