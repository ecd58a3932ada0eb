// StateWriter and StateReader: values of state as bytes, and back.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace weir {

/// Appends to a string. Integers are varints (LEB128 of the zigzag form), so that small ones take a byte.
class StateWriter {
 public:
  explicit StateWriter(std::string* out) : out_(out) {}
  void Byte(uint8_t value) { out_->push_back(static_cast<char>(value)); }
  void Int(int64_t value) {
    uint64_t bits = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
    while (bits >= 0x80) {
      Byte(static_cast<uint8_t>(bits | 0x80));
      bits >>= 7;
    }
    Byte(static_cast<uint8_t>(bits));
  }
  void Double(double value) {
    char raw[8];
    std::memcpy(raw, &value, 8);
    out_->append(raw, 8);
  }
  void Bytes(std::string_view bytes) {
    Int(static_cast<int64_t>(bytes.size()));
    out_->append(bytes);
  }

 private:
  std::string* const out_;
};

/// Reads what a StateWriter wrote. Beyond the end, or where bytes are damaged, it gives zeros and is not ok() from then
/// on: callers check once, at the end. Views point into the bytes that it was given.
class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : rest_(bytes) {}
  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && rest_.empty(); }
  /// What has not been read yet.
  std::string_view rest() const { return rest_; }
  uint8_t Byte() {
    if (rest_.empty()) return Fail();
    const auto value = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return value;
  }
  int64_t Int() {
    uint64_t bits = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = Byte();
      bits |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return ok_ ? static_cast<int64_t>((bits >> 1) ^ (0 - (bits & 1))) : 0;
    }
    return Fail();
  }
  double Double() {
    if (rest_.size() < 8) return Fail();
    double value;
    std::memcpy(&value, rest_.data(), 8);
    rest_.remove_prefix(8);
    return value;
  }
  std::string_view Bytes() {
    const int64_t size = Int();
    if (size < 0 || static_cast<uint64_t>(size) > rest_.size()) {
      Fail();
      return {};
    }
    const std::string_view bytes = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return bytes;
  }

 private:
  uint8_t Fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace weir
