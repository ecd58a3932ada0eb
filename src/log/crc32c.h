// CRC32C (Castagnoli), the checksum of everything in a log.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir {

/// The checksum of `bytes`, after that of what came before them (0: nothing). About 8 GB/s where the processor has an
/// instruction for it.
uint32_t Crc32c(std::string_view bytes, uint32_t before = 0);

}  // namespace weir
