// ByteSize: an amount of memory or data as pipeline files and flags write it ("64MiB").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace weir {

struct ByteSize {
  int64_t bytes = 0;
  auto operator<=>(const ByteSize&) const = default;
};

/// "512", "512B", "64KiB", "64MiB", "1.5GiB", "2TiB" (powers of 1024), "64kB", "64MB", "2GB", "1TB" (powers of 1000);
/// the case of the letters does not matter; "64K", "64M", "64G" are powers of 1024.
Result<ByteSize> ParseByteSize(std::string_view text);

/// "64MiB", "1.5GiB", "512B": at most one digit behind the point, for people.
std::string FormatByteSize(ByteSize size);

}  // namespace weir
