// One buffer, moved to its front when there is no room behind what is left.
#include "connectors/tcp/frame_cutter.h"

#include <algorithm>
#include <cstring>

namespace weir {

char* FrameCutter::Reserve(int64_t bytes) {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    searched_ -= std::min(searched_, begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + static_cast<size_t>(bytes)) buffer_.resize(end_ + static_cast<size_t>(bytes));
  return buffer_.data() + end_;
}

Result<bool> FrameCutter::Next(std::string_view* frame) {
  const auto max = static_cast<size_t>(max_frame_bytes_);
  const auto too_long = [&] { return Status::Invalid("a frame is longer than ", max_frame_bytes_, " bytes"); };
  const char* from = buffer_.data() + begin_;
  const size_t size = end_ - begin_;
  if (framing_ == Framing::kLength) {
    if (size < 4) return false;
    uint32_t length;
    std::memcpy(&length, from, 4);
    length = __builtin_bswap32(length);
    if (length > max) return too_long();
    if (size - 4 < length) return false;
    *frame = {from + 4, length};
    begin_ += 4 + length;
    return true;
  }
  searched_ = std::max(searched_, begin_);
  const void* found = searched_ < end_ ? std::memchr(buffer_.data() + searched_, '\n', end_ - searched_) : nullptr;
  if (!found) {
    searched_ = end_;
    if (size > max) return too_long();
    return false;
  }
  size_t length = static_cast<size_t>(static_cast<const char*>(found) - from);
  begin_ += length + 1;
  searched_ = begin_;
  if (length > max) return too_long();
  if (length > 0 && from[length - 1] == '\r') --length;
  *frame = {from, length};
  return true;
}

Result<bool> FrameCutter::Last(std::string_view* frame) {
  if (begin_ == end_) return false;
  if (framing_ == Framing::kLength) return Status::Invalid("the connection ended within a frame");
  *frame = {buffer_.data() + begin_, end_ - begin_};
  begin_ = end_;
  return true;
}

}  // namespace weir
