// Scratch memory of one evaluator: fixed-size slabs that are handed round so that a chunk stays in the L1/L2 cache, and
// an arena for the bytes of strings. Nothing is freed between chunks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "batch/batch.h"

namespace weir::expr {

/// Rows that a program works on at once. 8 KiB per int64 register.
inline constexpr int kChunkRows = 1024;

/// Bytes with the life of a chunk.
class Arena {
 public:
  char* Allocate(size_t bytes) {
    if (used_ + bytes > size_) Grow(bytes);
    char* at = block_ + used_;
    used_ += bytes;
    return at;
  }
  /// Gives back the last `bytes` of the latest allocation.
  void Return(size_t bytes) { used_ -= bytes; }
  void Reset();

 private:
  void Grow(size_t bytes);
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* block_ = nullptr;
  size_t size_ = 0;
  size_t used_ = 0;
};

class Scratch;

/// kChunkRows values of 1, 8 or 16 bytes, given back to its Scratch at the end. Contents start undefined.
class Slab {
 public:
  Slab() = default;
  Slab(Scratch* scratch, uint8_t* data, int kind) : scratch_(scratch), data_(data), kind_(kind) {}
  Slab(Slab&& other) noexcept { Swap(other); }
  Slab& operator=(Slab&& other) noexcept {
    Swap(other);
    return *this;
  }
  inline ~Slab();
  uint8_t* data() const { return data_; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }
  explicit operator bool() const { return data_ != nullptr; }

 private:
  void Swap(Slab& other) {
    std::swap(scratch_, other.scratch_);
    std::swap(data_, other.data_);
    std::swap(kind_, other.kind_);
  }
  Scratch* scratch_ = nullptr;
  uint8_t* data_ = nullptr;
  int kind_ = 0;
};

class Scratch {
 public:
  Slab Take(size_t value_bytes) {
    int kind = value_bytes <= 1 ? 0 : value_bytes <= 8 ? 1 : 2;
    if (free_[kind].empty()) AddSlab(kind);
    uint8_t* data = free_[kind].back();
    free_[kind].pop_back();
    return {this, data, kind};
  }
  void Give(uint8_t* data, int kind) { free_[kind].push_back(data); }

  Arena& arena() { return arena_; }
  /// Arrays that registers of this chunk point into.
  void Keep(ArrayDataPtr array) { kept_.push_back(std::move(array)); }
  /// Ends a chunk: strings and kept arrays are gone, slabs must all have come back.
  void EndChunk() {
    arena_.Reset();
    kept_.clear();
  }

 private:
  void AddSlab(int kind);
  std::vector<uint8_t*> free_[3];
  std::vector<std::unique_ptr<uint8_t[]>> slabs_;
  std::vector<ArrayDataPtr> kept_;
  Arena arena_;
};

Slab::~Slab() {
  if (data_ != nullptr) scratch_->Give(data_, kind_);
}

}  // namespace weir::expr
