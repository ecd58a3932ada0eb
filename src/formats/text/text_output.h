// TextOutput: a growing buffer that printers write into through raw pointers; and texts of a column for printers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "formats/text/text_block.h"

namespace weir {

/// Reused from batch to batch; never shrinks. Stores of whole vectors may pass what was reserved by kTextBackPadding.
class TextOutput {
 public:
  const char* data() const { return buffer_.data(); }
  int64_t size() const { return size_; }
  std::string_view view() const { return {data(), static_cast<size_t>(size_)}; }
  void Clear() { size_ = 0; }
  /// Where to write up to `bytes` bytes; Advance(end) afterwards.
  char* Reserve(int64_t bytes) {
    if (__builtin_expect(size_ + bytes > buffer_.capacity(), 0)) {
      buffer_.Reserve(std::max<int64_t>((size_ + bytes) * 3 / 2, 1 << 16), size_);
    }
    return buffer_.data() + size_;
  }
  void Advance(const char* end) { size_ = end - buffer_.data(); }
  void Append(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(Reserve(static_cast<int64_t>(text.size())), text.data(), text.size());
    size_ += static_cast<int64_t>(text.size());
  }
  /// For putting right what was written already.
  char* mutable_data() { return buffer_.data(); }

 private:
  PaddedBuffer buffer_;
  int64_t size_ = 0;
};

/// Bytes of one text value. `padded`: 32 bytes past its end may be read.
struct TextValue {
  const char* data = nullptr;
  int64_t size = 0;
  bool padded = false;
};

}  // namespace weir
