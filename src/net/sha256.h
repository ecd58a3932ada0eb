// SHA-256 (FIPS 180-4) and HMAC (RFC 2104): what requests to cloud services are signed with.
//
// Here and not from a library: libcurl's TLS library differs from machine to machine and is opened only when the first
// request is sent. With the processor's SHA instructions it runs at memory speed, which bodies of uploads need.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest Sha256(std::string_view data);
Sha256Digest HmacSha256(std::string_view key, std::string_view data);

/// Lower case, two digits a byte.
std::string HexOf(const Sha256Digest& digest);
inline std::string_view BytesOf(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

namespace internal {
/// Without the processor's instructions: the reference for tests.
Sha256Digest PortableSha256(std::string_view data);
}  // namespace internal

}  // namespace weir
