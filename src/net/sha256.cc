// SHA-256 block by block: four rounds at a time where the processor has instructions for them, else one by one.
#include "net/sha256.h"

#include <cpuid.h>
#include <immintrin.h>

#include <bit>
#include <cstring>

namespace weir {
namespace {

constexpr size_t kBlockBytes = 64;

alignas(16) constexpr uint32_t kRoundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

using State = std::array<uint32_t, 8>;
constexpr State kStart = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

void PortableBlocks(State* state, const uint8_t* data, size_t blocks) {
  for (; blocks > 0; --blocks, data += kBlockBytes) {
    uint32_t w[64];
    for (int t = 0; t < 16; ++t) {
      uint32_t word;
      std::memcpy(&word, data + 4 * t, 4);
      w[t] = __builtin_bswap32(word);
    }
    for (int t = 16; t < 64; ++t) {
      const uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ (w[t - 15] >> 3);
      const uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ (w[t - 2] >> 10);
      w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = *state;
    for (int t = 0; t < 64; ++t) {
      const uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const uint32_t t1 = h + sum1 + ((e & f) ^ (~e & g)) + kRoundConstants[t] + w[t];
      const uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const uint32_t t2 = sum0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    const State round = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; ++i) (*state)[i] += round[i];
  }
}

// The instructions hold the state as ABEF and CDGH; each does two rounds (Intel SDM, SHA256RNDS2).
__attribute__((target("sha,sse4.1"))) void ShaBlocks(State* state, const uint8_t* data, size_t blocks) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  auto* words = reinterpret_cast<__m128i*>(state->data());
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xB1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1B);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
  __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xF0);
  for (; blocks > 0; --blocks, data += kBlockBytes) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; ++i) {
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data) + i), swap);
    }
    for (int i = 0; i < 16; ++i) {
      const auto* constants = reinterpret_cast<const __m128i*>(kRoundConstants) + i;
      const __m128i wk = _mm_add_epi32(w[i % 4], _mm_load_si128(constants));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0E));
      if (i >= 12) continue;
      __m128i next = _mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]);
      next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4));
      w[i % 4] = _mm_sha256msg2_epu32(next, w[(i + 3) % 4]);
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1B);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}

using Blocks = void (*)(State*, const uint8_t*, size_t);

Blocks ChooseBlocks() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool known = __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0;
  return known && (b & (1u << 29)) ? ShaBlocks : PortableBlocks;
}

Sha256Digest Digest(std::string_view data, Blocks blocks) {
  State state = kStart;
  const size_t whole = data.size() / kBlockBytes;
  const auto* bytes = reinterpret_cast<const uint8_t*>(data.data());
  if (whole > 0) blocks(&state, bytes, whole);
  // What is left, a one bit, zeros, and the length in bits fill one block or two.
  const size_t left = data.size() % kBlockBytes;
  std::array<uint8_t, 2 * kBlockBytes> tail{};
  if (left > 0) std::memcpy(tail.data(), bytes + whole * kBlockBytes, left);
  tail[left] = 0x80;
  const size_t tail_bytes = left + 9 <= kBlockBytes ? kBlockBytes : 2 * kBlockBytes;
  const uint64_t bits = __builtin_bswap64(uint64_t{data.size()} * 8);
  std::memcpy(tail.data() + tail_bytes - sizeof bits, &bits, sizeof bits);
  blocks(&state, tail.data(), tail_bytes / kBlockBytes);
  Sha256Digest digest;
  for (size_t i = 0; i < state.size(); ++i) {
    const uint32_t word = __builtin_bswap32(state[i]);
    std::memcpy(digest.data() + 4 * i, &word, 4);
  }
  return digest;
}

}  // namespace

Sha256Digest Sha256(std::string_view data) {
  static const Blocks blocks = ChooseBlocks();
  return Digest(data, blocks);
}

Sha256Digest internal::PortableSha256(std::string_view data) { return Digest(data, PortableBlocks); }

Sha256Digest HmacSha256(std::string_view key, std::string_view data) {
  std::array<char, kBlockBytes> padded{};
  if (key.size() > kBlockBytes) {
    const Sha256Digest digest = Sha256(key);
    std::memcpy(padded.data(), digest.data(), digest.size());
  } else if (!key.empty()) {
    std::memcpy(padded.data(), key.data(), key.size());
  }
  const auto with = [&](char pad, std::string_view text) {
    std::string out(padded.begin(), padded.end());
    for (char& c : out) c = static_cast<char>(c ^ pad);
    return out.append(text);
  };
  const Sha256Digest inner = Sha256(with(0x36, data));
  return Sha256(with(0x5c, BytesOf(inner)));
}

std::string HexOf(const Sha256Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (uint8_t byte : digest) out.append({kDigits[byte >> 4], kDigits[byte & 15]});
  return out;
}

}  // namespace weir
