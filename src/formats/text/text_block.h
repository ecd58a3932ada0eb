// TextBlock: whole records of one text file in one reused buffer, and TextFile, which knows a block's line numbers.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"

namespace arrow::io {
class InputStream;
class RandomAccessFile;
}  // namespace arrow::io

namespace weir {

/// Bytes that may be read before the first and after the last byte of a block: kernels load and store whole vectors.
inline constexpr int64_t kTextFrontPadding = 64;
inline constexpr int64_t kTextBackPadding = 128;

/// One text input. `file` is set for plain seekable files and then read instead of `stream`.
struct TextInput {
  std::string name;  // as messages print it
  std::shared_ptr<arrow::io::InputStream> stream;
  std::shared_ptr<arrow::io::RandomAccessFile> file;
};

/// The identity of an input, shared by its blocks. Thread-safe.
class TextFile {
 public:
  TextFile(std::string name, std::shared_ptr<arrow::io::RandomAccessFile> file);
  const std::string& name() const { return name_; }
  /// Number of line breaks before byte `offset`. Reads a plain file again from the nearest place already counted, so
  /// that reading without errors never pays for counting; -1 when the input is no plain file or cannot be read.
  int64_t LinesBefore(int64_t offset);

 private:
  const std::string name_;
  const std::shared_ptr<arrow::io::RandomAccessFile> file_;
  std::mutex mutex_;
  std::vector<std::pair<int64_t, int64_t>> counted_;  // (offset, line breaks before it), ascending
};

/// A growable byte buffer with front and back padding; reused from block to block, never shrunk.
class PaddedBuffer {
 public:
  PaddedBuffer() = default;
  PaddedBuffer(PaddedBuffer&& other) noexcept { *this = std::move(other); }
  PaddedBuffer& operator=(PaddedBuffer&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~PaddedBuffer() { std::free(memory_); }
  /// Null before the first Reserve.
  char* data() { return memory_ == nullptr ? nullptr : memory_ + kTextFrontPadding; }
  const char* data() const { return memory_ == nullptr ? nullptr : memory_ + kTextFrontPadding; }
  int64_t capacity() const { return capacity_; }
  /// Grows to at least `capacity` bytes and keeps the first `keep` bytes.
  void Reserve(int64_t capacity, int64_t keep);

 private:
  char* memory_ = nullptr;
  int64_t capacity_ = 0;
};

/// Whole records: the last byte is a line break (added when the file ends without one). Owned by one lane.
struct TextBlock {
  PaddedBuffer buffer;
  int64_t size = 0;
  std::shared_ptr<TextFile> file;
  int64_t offset = 0;             // of the first byte, in the (decompressed) file
  int64_t sequence = 0;           // 0, 1, … in file order
  int64_t lines_before = -1;      // line breaks before the block; -1 = ask `file`
  bool has_quotes = true;         // false: no quote character anywhere in the block
  bool is_last = false;           // nothing follows in the file
  uint8_t grammar_state = 0;      // of the scanner's grammar at the first byte
  bool irregular_quotes = false;  // some quote stands inside an unquoted field: only the exact indexer may be used

  const char* data() const { return buffer.data(); }
  /// Line number (from 1) of the block's first byte; -1 when it cannot be known.
  int64_t FirstLine() const;
};

/// Places of ascending positions of one block; counts its line breaks only once.
class PlaceCursor {
 public:
  explicit PlaceCursor(const TextBlock& block) : block_(block) {}
  /// "orders.csv:17"; "orders.csv (byte 4711)" when the line cannot be known.
  std::string PlaceOf(int64_t position);

 private:
  const TextBlock& block_;
  int64_t position_ = 0;
  int64_t line_ = 0;  // of position_; 0: not asked yet, -1: cannot be known
};

/// A record that was refused: where it stands, why, and its text (RecordText).
struct RecordError {
  std::string place;  // "orders.csv:17"
  std::string message;
  std::string record;
};

/// Bytes of the UTF-8 code point at the start of `text`; 0 when there is none.
int64_t CodePointBytes(const char* text, int64_t size);

/// A refused record as valid UTF-8: its first 4 KiB, with U+FFFD for each byte that is not part of a code point.
std::string RecordText(const char* text, int64_t size);

/// The first `limit` bytes of `text` (cut between code points, with "…" when cut); control characters, and bytes that
/// are not UTF-8, escaped.
std::string Excerpt(const char* text, int64_t size, int64_t limit = 60);

}  // namespace weir
