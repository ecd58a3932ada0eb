// FrameCutter: cuts what a connection sends into frames.
//
//   lines    frame = bytes without '\n', then '\n' (a '\r' before it belongs to the line break)
//   length   frame = u32 big endian, then so many bytes
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace weir {

enum class Framing : uint8_t { kLines, kLength };

/// Not thread-safe.
class FrameCutter {
 public:
  FrameCutter(Framing framing, int64_t max_frame_bytes) : framing_(framing), max_frame_bytes_(max_frame_bytes) {}

  /// Where the next `bytes` bytes of the connection are put; Written() says how many came.
  char* Reserve(int64_t bytes);
  void Written(int64_t bytes) { end_ += static_cast<size_t>(bytes); }
  /// The next whole frame, without its framing; false when none is there. Valid until Reserve. Errors: Invalid when a
  /// frame is longer than max_frame_bytes: nothing can be cut after it.
  Result<bool> Next(std::string_view* frame);
  /// What is left at the end of the connection: the last line, which may lack its line break. Invalid for a frame that
  /// is cut short.
  Result<bool> Last(std::string_view* frame);

 private:
  const Framing framing_;
  const int64_t max_frame_bytes_;
  std::string buffer_;
  size_t begin_ = 0, end_ = 0;  // bytes of it that are not cut yet
  size_t searched_ = 0;         // no line break before this
};

}  // namespace weir
