// Hashes and hexadecimal text.
#include <arrow/type.h>
#include <xxhash.h>

#include <bit>

#include "expr/functions/kernels.h"
#include "expr/functions/nested.h"

namespace weir::expr {
namespace {

constexpr uint64_t kNullHash = 0x9E3779B97F4A7C15ull;

uint64_t HashWord(uint64_t word) { return XXH3_64bits(&word, sizeof word); }

// One value; equal values of one type hash equally (1 and 1.0 too, so that a column may become a number).
uint64_t HashValue(const Vec& vec, int i) {
  int at = vec.constant ? 0 : i;
  switch (vec.phys) {
    case Phys::kBool:
      return HashWord(vec.data<uint8_t>()[at]);
    case Phys::kInt:
      return HashWord(static_cast<uint64_t>(vec.data<int64_t>()[at]));
    case Phys::kDouble: {
      double value = vec.data<double>()[at];
      bool whole = value == std::floor(value) && std::fabs(value) < 9.2e18;
      return HashWord(whole            ? static_cast<uint64_t>(static_cast<int64_t>(value))
                      : value != value ? 1
                                       : std::bit_cast<uint64_t>(value));
    }
    case Phys::kDecimal:
      return XXH3_64bits(&vec.data<Int128>()[at], 16);
    case Phys::kString:
      return XXH3_64bits(vec.data<StringRef>()[at].data, vec.data<StringRef>()[at].size);
    case Phys::kNested: {
      std::string text;
      AppendJson(*vec.array, vec.data<int32_t>()[at], &text);
      return XXH3_64bits(text.data(), text.size());
    }
    case Phys::kNull:
      return kNullHash;
  }
  return 0;
}

void Hash64(Frame& f) {
  auto* out = f.values<int64_t>();
  ForRows(f.rows, [&](int i) {
    uint64_t hash = 0;
    for (int k = 0; k < f.num_args; ++k) {
      uint64_t one = f.args[k].IsValid(i) ? HashValue(f.args[k], i) : kNullHash;
      hash = k == 0 ? one : HashWord(hash * 31 + one);
    }
    out[i] = static_cast<int64_t>(hash);
  });
}

StringRef ToHex(Frame& f, int, StringRef s) {
  static constexpr char kDigits[] = "0123456789abcdef";
  char* out = f.scratch->arena().Allocate(s.size * 2);
  for (size_t k = 0; k < s.size; ++k) {
    out[2 * k] = kDigits[static_cast<unsigned char>(s.data[k]) >> 4];
    out[2 * k + 1] = kDigits[s.data[k] & 15];
  }
  return {out, s.size * 2};
}
StringRef IntToHex(Frame& f, int, int64_t x) {
  char text[24];
  int size = std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(x));
  return f.Copy({text, static_cast<size_t>(size)});
}

int HexDigit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

StringRef FromHex(Frame& f, int i, StringRef s) {
  char* out = f.scratch->arena().Allocate(s.size / 2);
  bool ok = s.size % 2 == 0;
  for (size_t k = 0; k + 1 < s.size && ok; k += 2) {
    int high = HexDigit(s.data[k]), low = HexDigit(s.data[k + 1]);
    ok = high >= 0 && low >= 0;
    out[k / 2] = static_cast<char>(high * 16 + low);
  }
  if (!ok) {
    f.Fail(i, "the text is not hexadecimal");
    return {"", 0};
  }
  return {out, s.size / 2};
}

}  // namespace

void AddHashes(FunctionList* list) {
  list->push_back({"hash64",
                   "hash",
                   "A 64-bit hash (XXH3) of the values, the same on every machine and in every run.",
                   "hash64('a') = hash64('a')",
                   "true",
                   {{"(any...) -> integer", Hash64, kHandlesNulls}}});
  list->push_back({"to_hex",
                   "conversion",
                   "Bytes, a string's bytes or an integer as hexadecimal digits.",
                   "to_hex('az')",
                   "'617a'",
                   {{"(bytes) -> string", Row<ToHex>},
                    {"(string) -> string", Row<ToHex>},
                    {"(integer) -> string", Row<IntToHex>}}});
  list->push_back({"from_hex",
                   "conversion",
                   "The bytes that hexadecimal digits stand for.",
                   "cast(from_hex('617a') as string)",
                   "'az'",
                   {{"(string) -> bytes", Row<FromHex>, kCanFail}}});
}

}  // namespace weir::expr
