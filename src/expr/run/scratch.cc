// Scratch memory: see scratch.h.
#include "expr/run/scratch.h"

#include <arrow/array/data.h>

#include <algorithm>

namespace weir::expr {
namespace {

constexpr size_t kFirstBlock = 64 * 1024;
constexpr size_t kKeptBlock = 4 * 1024 * 1024;  // an unusually large chunk does not stay allocated

}  // namespace

void Arena::Grow(size_t bytes) {
  size_ = std::max({kFirstBlock, size_ * 2 > kKeptBlock ? kKeptBlock : size_ * 2, bytes});
  blocks_.push_back(std::make_unique_for_overwrite<char[]>(size_));
  block_ = blocks_.back().get();
  used_ = 0;
}

void Arena::Reset() {
  used_ = 0;
  if (blocks_.size() > 1 || size_ > kKeptBlock) {
    blocks_.clear();
    block_ = nullptr;
    size_t next = std::min(size_, kKeptBlock);
    size_ = 0;
    Grow(next);
  }
}

void Scratch::AddSlab(int kind) {
  static constexpr size_t kBytes[] = {1, 8, 16};
  // 64 bytes more: vector code may read past the last row.
  slabs_.push_back(std::make_unique<uint8_t[]>(kBytes[kind] * kChunkRows + 128));
  auto address = reinterpret_cast<uintptr_t>(slabs_.back().get());
  free_[kind].push_back(slabs_.back().get() + (64 - address % 64) % 64);
}

}  // namespace weir::expr
