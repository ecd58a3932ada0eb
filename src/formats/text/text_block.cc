// Line numbers on demand, padded buffers, excerpts for messages.
#include "formats/text/text_block.h"

#include <arrow/io/interfaces.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "formats/text/simd.h"

namespace weir {
namespace {

constexpr int64_t kCountStep = 1 << 20;
constexpr int64_t kMaxRecordTextBytes = 4096;

}  // namespace

TextFile::TextFile(std::string name, std::shared_ptr<arrow::io::RandomAccessFile> file)
    : name_(std::move(name)), file_(std::move(file)), counted_{{0, 0}} {}

int64_t TextFile::LinesBefore(int64_t offset) {
  if (!file_) return -1;
  std::lock_guard lock(mutex_);
  auto next = std::upper_bound(counted_.begin(), counted_.end(), std::make_pair(offset, INT64_MAX));
  auto [at, lines] = *std::prev(next);
  const bool at_the_front = next == counted_.end();
  std::vector<char> scratch(kCountStep);
  while (at < offset) {
    auto got = file_->ReadAt(at, std::min(kCountStep, offset - at), scratch.data());
    if (!got.ok() || *got == 0) return -1;
    lines += CountByte(scratch.data(), *got, '\n');
    at += *got;
  }
  // A mark every 64 MiB keeps a later question about an earlier place cheap without growing by the error.
  if (at_the_front && at - counted_.back().first >= (int64_t{64} << 20)) counted_.emplace_back(at, lines);
  return lines;
}

void PaddedBuffer::Reserve(int64_t capacity, int64_t keep) {
  if (capacity <= capacity_ && memory_) return;
  const int64_t bytes = (kTextFrontPadding + capacity + kTextBackPadding + 63) / 64 * 64;
  char* grown = static_cast<char*>(std::aligned_alloc(64, bytes));
  WEIR_CHECK(grown != nullptr, "out of memory for a text block");
  std::memset(grown, 0, kTextFrontPadding);
  if (memory_ && keep > 0) std::memcpy(grown + kTextFrontPadding, data(), keep);
  std::free(memory_);
  memory_ = grown;
  capacity_ = capacity;
}

int64_t TextBlock::FirstLine() const {
  const int64_t before = lines_before >= 0 ? lines_before : file ? file->LinesBefore(offset) : -1;
  return before < 0 ? -1 : before + 1;
}

std::string PlaceCursor::PlaceOf(int64_t position) {
  if (line_ == 0) line_ = block_.FirstLine();
  const std::string name = block_.file ? block_.file->name() : "input";
  if (line_ < 0) return name + " (byte " + std::to_string(block_.offset + position) + ")";
  line_ += CountByte(block_.data() + position_, position - position_, '\n');
  position_ = position;
  return name + ":" + std::to_string(line_);
}

int64_t CodePointBytes(const char* text, int64_t size) {
  const auto byte = [&](int64_t i) { return static_cast<uint8_t>(text[i]); };
  const auto follows = [&](int64_t i) { return (byte(i) & 0xC0) == 0x80; };
  if (size < 1) return 0;
  if (byte(0) < 0x80) return 1;
  if (byte(0) < 0xC2 || byte(0) > 0xF4) return 0;
  const int64_t bytes = byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : 4;
  if (size < bytes) return 0;
  for (int64_t i = 1; i < bytes; ++i) {
    if (!follows(i)) return 0;
  }
  // Too long for what they say, surrogates, beyond the last code point.
  const bool wrong = (byte(0) == 0xE0 && byte(1) < 0xA0) || (byte(0) == 0xED && byte(1) >= 0xA0) ||
                     (byte(0) == 0xF0 && byte(1) < 0x90) || (byte(0) == 0xF4 && byte(1) >= 0x90);
  return wrong ? 0 : bytes;
}

std::string RecordText(const char* text, int64_t size) {
  std::string out;
  const int64_t limit = std::min(size, kMaxRecordTextBytes);
  for (int64_t i = 0; i < limit;) {
    const int64_t bytes = CodePointBytes(text + i, size - i);
    if (bytes > limit - i) break;
    if (bytes == 0) {
      out += "\uFFFD";
    } else {
      out.append(text + i, bytes);
    }
    i += std::max<int64_t>(bytes, 1);
  }
  return out;
}

std::string Excerpt(const char* text, int64_t size, int64_t limit) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  int64_t at = 0;
  while (at < std::min(size, limit)) {
    const auto c = static_cast<uint8_t>(text[at]);
    const int64_t bytes = CodePointBytes(text + at, size - at);
    if (at + bytes > limit) break;
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7F || bytes == 0) {
      out += {'\\', 'x', kHex[c >> 4], kHex[c & 15]};
    } else {
      out.append(text + at, bytes);
    }
    at += std::max<int64_t>(bytes, 1);
  }
  if (at < size) out += "…";
  return out;
}

}  // namespace weir
