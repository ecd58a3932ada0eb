// Ranges of objects: fetched ahead, fetched together, and put side by side.
#include "connectors/s3/s3_file.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <cstring>

namespace weir {
namespace {

constexpr size_t kMaxAhead = 4;
constexpr size_t kMaxNeeded = 64;           // announced ranges that are kept
constexpr int64_t kMaxGapBytes = 64 << 10;  // cheaper to read than to ask again

}  // namespace

S3File::S3File(S3Client& client, IoThreads& threads, S3Location at, Version version, Chunk first)
    : client_(client), threads_(threads), at_(std::move(at)), version_(std::move(version)) {
  if (first.end > 0) window_.push_back(std::move(first));
}

S3File::Chunk S3File::Fetch(S3Client& client, IoThreads& threads, const S3Location& at, const std::string& etag,
                            int64_t begin, int64_t end) {
  auto fetch = [&client, at, etag, begin, end]() -> Result<Bytes> {
    S3Call call{"read", "GET", at, {}, {}, {}, end - begin};
    call.headers = {{"Range", "bytes=" + std::to_string(begin) + "-" + std::to_string(end - 1)}, {"If-Match", etag}};
    WEIR_ASSIGN_OR_RETURN(HttpAnswer answer, client.Send(call));
    if (answer.status == 412) {
      return Status::IOError("'", at.path(), "' was replaced while it was read; read it again");
    }
    if (answer.status == 404) return Status::IOError("'", at.path(), "' was removed while it was read");
    if (answer.status == 416 || static_cast<int64_t>(answer.body.size()) != end - begin) {
      return Status::IOError("'", at.path(), "' is shorter than the store said");
    }
    return std::make_shared<const std::string>(std::move(answer.body));
  };
  return {begin, end, threads.Run(std::move(fetch))};
}

std::vector<S3File::Chunk> S3File::FromWindow(int64_t position, int64_t end) {
  std::lock_guard lock(mutex_);
  const bool inside = !window_.empty() && position >= window_.front().begin && position < window_.back().end;
  if (!inside && position != next_ && position != 0) return {};
  if (!inside) {
    window_.clear();
    ahead_ = position == 0 ? 1 : kMaxAhead;
  }
  while (!window_.empty() && window_.front().end <= position) {
    window_.pop_front();
    ahead_ = std::min(ahead_ * 2, kMaxAhead);
  }
  next_ = end;
  int64_t last = window_.empty() ? position : window_.back().end;
  const int64_t wanted = std::min(version_.size_bytes, end + static_cast<int64_t>(ahead_ - 1) * kChunkBytes);
  while (last < wanted) {
    const int64_t chunk_end = std::min(version_.size_bytes, last + kChunkBytes);
    window_.push_back(Fetch(last, chunk_end));
    last = chunk_end;
  }
  std::vector<Chunk> chunks;
  for (const Chunk& chunk : window_) {
    if (chunk.begin < end && chunk.end > position) chunks.push_back(chunk);
  }
  return chunks;
}

std::vector<S3File::Chunk> S3File::FromNeeded(int64_t position, int64_t end) {
  std::lock_guard lock(mutex_);
  const auto it = std::find_if(needed_.begin(), needed_.end(),
                               [&](const Chunk& chunk) { return chunk.begin <= position && chunk.end >= end; });
  if (it == needed_.end()) return {};
  std::vector<Chunk> found = {*it};
  if (it->end == end) needed_.erase(it);  // read to its end
  return found;
}

Status S3File::Copy(const std::vector<Chunk>& chunks, int64_t position, int64_t end, char* out) {
  for (const Chunk& chunk : chunks) {
    const Result<Bytes>& bytes = chunk.bytes.get();
    WEIR_RETURN_NOT_OK(bytes.status());
    const int64_t from = std::max(position, chunk.begin), to = std::min(end, chunk.end);
    std::memcpy(out + (from - position), (*bytes)->data() + (from - chunk.begin), static_cast<size_t>(to - from));
  }
  return Status::OK();
}

Result<int64_t> S3File::ReadAt(int64_t position, int64_t nbytes, void* out) {
  if (closed_) return Status::Invalid("'", at_.path(), "' is closed");
  const int64_t end = std::min(version_.size_bytes, position + nbytes);
  if (position >= end) return int64_t{0};
  std::vector<Chunk> chunks = FromNeeded(position, end);
  if (chunks.empty()) chunks = FromWindow(position, end);
  if (chunks.empty()) {
    for (int64_t begin = position; begin < end; begin += kChunkBytes) {
      chunks.push_back(Fetch(begin, std::min(end, begin + kChunkBytes)));
    }
  }
  WEIR_RETURN_NOT_OK(Copy(chunks, position, end, static_cast<char*>(out)));
  return end - position;
}

Status S3File::WillNeed(const std::vector<arrow::io::ReadRange>& ranges) {
  std::vector<arrow::io::ReadRange> sorted = ranges;
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::lock_guard lock(mutex_);
  for (size_t i = 0; i < sorted.size();) {
    const int64_t begin = sorted[i].offset;
    int64_t end = begin + sorted[i].length;
    for (++i; i < sorted.size() && sorted[i].offset - end <= kMaxGapBytes; ++i) {
      const int64_t longer = std::max(end, sorted[i].offset + sorted[i].length);
      if (longer - begin > 2 * kChunkBytes) break;
      end = longer;
    }
    end = std::min(end, version_.size_bytes);
    if (begin < end && end - begin <= 2 * kChunkBytes) needed_.push_back(Fetch(begin, end));
  }
  while (needed_.size() > kMaxNeeded) needed_.pop_front();
  return Status::OK();
}

Result<std::shared_ptr<arrow::Buffer>> S3File::ReadAt(int64_t position, int64_t nbytes) {
  WEIR_ASSIGN_OR_RETURN(auto buffer, arrow::AllocateResizableBuffer(
                                         std::max<int64_t>(0, std::min(nbytes, version_.size_bytes - position))));
  WEIR_ASSIGN_OR_RETURN(const int64_t got, ReadAt(position, buffer->size(), buffer->mutable_data()));
  WEIR_RETURN_NOT_OK(buffer->Resize(got));
  return std::shared_ptr<arrow::Buffer>(std::move(buffer));
}

Result<int64_t> S3File::Read(int64_t nbytes, void* out) {
  WEIR_ASSIGN_OR_RETURN(const int64_t got, ReadAt(position_, nbytes, out));
  position_ += got;
  return got;
}

Result<std::shared_ptr<arrow::Buffer>> S3File::Read(int64_t nbytes) {
  WEIR_ASSIGN_OR_RETURN(auto buffer, ReadAt(position_, nbytes));
  position_ += buffer->size();
  return buffer;
}

Status S3File::Seek(int64_t position) {
  if (position < 0) return Status::Invalid("'", at_.path(), "': there is nothing before the beginning");
  position_ = position;
  return Status::OK();
}

Status S3File::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  window_.clear();
  needed_.clear();
  return Status::OK();
}

}  // namespace weir
