// The files that bench/run measures with. Every one is a function of its size alone, so all machines have the same
// bytes.
#pragma once

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace weir::bench {

/// Nexmark events [0, num_events) of the mixed mode, seed 0, 100 µs apart, into `folder`: bid.csv, bid.ndjson (dateTime
/// in ms) and {bid,auction,person}.parquet (zstd, 25 row groups of bids, dateTime timestamp[us, UTC]).
Status WriteNexmark(const std::string& folder, int64_t num_events);

/// big.csv: id,key,amount,kind,note. Each key in [0, rows / 2) comes exactly twice, far apart and in no order.
/// keys.csv: key,label for every fifth key, in no order.
Status WriteBig(const std::string& folder, int64_t rows);

/// words.txt: lines of ten words of a vocabulary of 100,000 with Zipf-like frequencies.
Status WriteWords(const std::string& folder, int64_t words);

/// stations.csv: `station;temperature` with one decimal digit and 413 stations, without a header.
Status WriteStations(const std::string& folder, int64_t rows);

/// A text file under a temporary name until Close(). Appends are buffered.
class TextFile {
 public:
  static Result<TextFile> Open(const std::string& path) {
    TextFile file;
    file.path_ = path;
    file.file_ = std::fopen((path + ".tmp").c_str(), "wb");
    if (file.file_ == nullptr) return Status::IOError("cannot write ", path, ": ", std::strerror(errno));
    return file;
  }
  TextFile(TextFile&& other) noexcept { *this = std::move(other); }
  TextFile& operator=(TextFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(file_, other.file_);
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  ~TextFile() {
    if (file_ != nullptr) std::fclose(file_);
  }

  TextFile& operator<<(std::string_view text) {
    buffer_.append(text);
    return *this;
  }
  TextFile& operator<<(char c) {
    buffer_.push_back(c);
    return *this;
  }
  TextFile& operator<<(int64_t value) {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    buffer_.append(digits, end);
    return *this;
  }
  /// To be called now and then, between lines.
  Status FlushIfFull() { return buffer_.size() < kFlushBytes ? Status::OK() : Flush(); }
  Status Close() {
    WEIR_RETURN_NOT_OK(Flush());
    std::FILE* file = std::exchange(file_, nullptr);
    if (std::fclose(file) != 0 || std::rename((path_ + ".tmp").c_str(), path_.c_str()) != 0) {
      return Status::IOError("cannot finish ", path_, ": ", std::strerror(errno));
    }
    return Status::OK();
  }

 private:
  TextFile() = default;
  static constexpr size_t kFlushBytes = 1 << 20;
  Status Flush() {
    if (std::fwrite(buffer_.data(), 1, buffer_.size(), file_) != buffer_.size()) {
      return Status::IOError("cannot write ", path_, ": ", std::strerror(errno));
    }
    buffer_.clear();
    return Status::OK();
  }

  std::string path_, buffer_;
  std::FILE* file_ = nullptr;
};

/// A well-mixed 64-bit function of `x` (the finaliser of SplitMix64).
inline uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace weir::bench
