// Decimal digits to groups of four and back.
#include "connectors/postgres/pg_numeric.h"

#include <algorithm>
#include <cstring>

namespace weir {
namespace {

char* Put16(int value, char* to) {
  to[0] = static_cast<char>(value >> 8);
  to[1] = static_cast<char>(value);
  return to + 2;
}

int Get16(const char* from) {
  return static_cast<int16_t>((static_cast<uint8_t>(from[0]) << 8) | static_cast<uint8_t>(from[1]));
}

constexpr int kPowers[] = {1, 10, 100, 1000, 10000};

}  // namespace

char* WriteNumeric(__int128 value, int32_t scale, char* to) {
  const bool negative = value < 0;
  auto left = negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  // Groups from the last to the first. The last one stands for the decimals that do not fill a group.
  int16_t groups[12];
  int count = 0;
  const int rest = scale % 4;
  if (rest != 0) {
    groups[count++] = static_cast<int16_t>(static_cast<int>(left % kPowers[rest]) * kPowers[4 - rest]);
    left /= kPowers[rest];
  }
  for (; left != 0; left /= 10000) groups[count++] = static_cast<int16_t>(left % 10000);
  const int fraction_groups = (scale + 3) / 4;
  const int weight = count - fraction_groups - 1;
  int first = 0;
  while (first < count && groups[first] == 0) ++first;  // trailing zeros are not sent
  const int sent = count - first;
  to = Put16(sent, to);
  to = Put16(sent == 0 ? 0 : weight, to);
  to = Put16(negative ? 0x4000 : 0, to);
  to = Put16(scale, to);
  for (int i = count - 1; i >= first; --i) to = Put16(groups[i], to);
  return to;
}

bool ReadNumeric(std::string_view bytes, int32_t scale, __int128* value) {
  if (bytes.size() < 8) return false;
  const int count = Get16(bytes.data()), weight = Get16(bytes.data() + 2), sign = Get16(bytes.data() + 4) & 0xffff;
  if (count < 0 || bytes.size() != 8 + 2 * static_cast<size_t>(count) || (sign != 0 && sign != 0x4000)) return false;
  const __int128 kLimit =
      static_cast<__int128>(10'000'000'000'000'000'000ULL) * 10'000'000'000'000'000'000ULL;  // 10^38
  __int128 sum = 0;
  // Decimal places that the groups so far leave open; negative: the last group has more decimals than are wanted.
  int open = scale + 4 * (weight + 1);
  for (int i = 0; i < count; ++i) {
    const int group = Get16(bytes.data() + 8 + 2 * i);
    if (group < 0 || group > 9999) return false;
    open -= 4;
    const int cut = open < 0 ? std::min(-open, 4) : 0;
    if (group % kPowers[cut] != 0) return false;
    if (sum > kLimit / kPowers[4 - cut]) return false;
    sum = sum * kPowers[4 - cut] + group / kPowers[cut];
  }
  for (; open > 0 && sum != 0; --open) {
    if (sum > kLimit / 10) return false;
    sum *= 10;
  }
  if (sum >= kLimit) return false;
  *value = sign == 0x4000 ? -sum : sum;
  return true;
}

}  // namespace weir
