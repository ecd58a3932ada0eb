// Heap below 2 MiB; above, a reserved range of addresses that fills up as it is touched.
#include "state/hash/huge_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace weir {

namespace {

constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kReserve = size_t{64} << 30;  // address space is free; more is taken where more is asked

size_t RoundUp(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

/// A 2 MiB-aligned range of addresses, or null where the system forbids so big a one.
uint8_t* ReserveRange(size_t bytes) {
  void* range =
      mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (range == MAP_FAILED) return nullptr;
  auto* begin = static_cast<uint8_t*>(range);
  auto* aligned = reinterpret_cast<uint8_t*>(RoundUp(reinterpret_cast<size_t>(begin), kHugePage));
  if (aligned > begin) munmap(begin, static_cast<size_t>(aligned - begin));
  if (uint8_t* end = begin + bytes + kHugePage; end > aligned + bytes) {
    munmap(aligned + bytes, static_cast<size_t>(end - aligned - bytes));
  }
  madvise(aligned, bytes, MADV_HUGEPAGE);
  return aligned;
}

}  // namespace

void HugeBuffer::Grow(size_t bytes) {
  const size_t wanted = std::max(bytes, capacity_ + capacity_ / 2);
  if (reserved_ == 0 && wanted < kHugePage) {
    const size_t capacity = std::max<size_t>(wanted, 256);
    auto* data = static_cast<uint8_t*>(std::realloc(data_, capacity));
    WEIR_CHECK(data != nullptr, "out of memory");
    std::memset(data + capacity_, 0, capacity - capacity_);
    data_ = data;
    capacity_ = capacity;
    return;
  }
  // In place, a little at a time: memory beyond what is used is not even touched.
  size_t capacity = RoundUp(std::max(bytes, capacity_ + std::min(capacity_ / 2, size_t{8} << 20)), kHugePage);
  if (capacity > reserved_) {
    size_t reserve = std::max(kReserve, RoundUp(bytes, kHugePage) * 16);
    uint8_t* data = ReserveRange(reserve);
    if (data == nullptr) {
      reserve = capacity = RoundUp(wanted, kHugePage);
      data = ReserveRange(reserve);
    }
    WEIR_CHECK(data != nullptr, "out of memory");
    if (capacity_ > 0) std::memcpy(data, data_, capacity_);
    Clear();
    data_ = data;
    reserved_ = reserve;
  }
  capacity_ = capacity;
}

void HugeBuffer::Clear() {
  if (reserved_ > 0) {
    munmap(data_, reserved_);
  } else {
    std::free(data_);
  }
  data_ = nullptr;
  capacity_ = reserved_ = 0;
}

}  // namespace weir
