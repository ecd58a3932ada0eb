// HugeBuffer: zeroed memory that grows in place, for tables and arenas of unknown size.
//
// Small contents live on the heap. From 2 MiB on, a big range of addresses is reserved and memory is touched as the
// contents grow: no copy, no second buffer while growing, huge pages where the kernel gives them (linear probing over 4
// KiB pages spends 15–20 % of its time on TLB misses), and the memory goes back to the kernel on Clear. Not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace weir {

class HugeBuffer {
 public:
  HugeBuffer() = default;
  ~HugeBuffer() { Clear(); }
  HugeBuffer(HugeBuffer&& other) noexcept { Swap(other); }
  HugeBuffer& operator=(HugeBuffer&& other) noexcept {
    Swap(other);
    return *this;
  }

  /// At least `bytes` usable; contents stay, new bytes are zero. Aborts when the machine has no memory.
  void Reserve(size_t bytes) {
    if (bytes > capacity_) Grow(bytes);
  }
  /// Gives the memory back.
  void Clear();

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  /// Bytes that may be used, which is also what it holds of the machine's memory, at most.
  size_t capacity() const { return capacity_; }

 private:
  void Grow(size_t bytes);
  void Swap(HugeBuffer& other) {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    std::swap(reserved_, other.reserved_);
  }

  uint8_t* data_ = nullptr;
  size_t capacity_ = 0;
  size_t reserved_ = 0;  // bytes of address space; 0: on the heap
};

/// A HugeBuffer of T, whose all-zero form must be a valid value.
template <class T>
class HugeArray {
 public:
  void Reserve(size_t count) { buffer_.Reserve(count * sizeof(T)); }
  void Clear() { buffer_.Clear(); }
  T* data() { return reinterpret_cast<T*>(buffer_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(buffer_.data()); }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  size_t capacity() const { return buffer_.capacity() / sizeof(T); }
  size_t size_bytes() const { return buffer_.capacity(); }

 private:
  HugeBuffer buffer_;
};

}  // namespace weir
