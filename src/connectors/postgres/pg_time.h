// Times of PostgreSQL count from 2000-01-01; their first and last value stand for infinity.
#pragma once

#include <cstdint>

namespace weir {

constexpr int64_t kPgEpochUs = 946'684'800'000'000;
constexpr int32_t kPgEpochDays = 10'957;

inline bool ToPgTimestamp(int64_t us, int64_t* value) {
  return !__builtin_sub_overflow(us, kPgEpochUs, value) && *value != INT64_MIN && *value != INT64_MAX;
}
inline bool FromPgTimestamp(int64_t value, int64_t* us) {
  return value != INT64_MIN && value != INT64_MAX && !__builtin_add_overflow(value, kPgEpochUs, us);
}
inline bool ToPgDate(int32_t days, int32_t* value) {
  return !__builtin_sub_overflow(days, kPgEpochDays, value) && *value != INT32_MIN && *value != INT32_MAX;
}
inline bool FromPgDate(int32_t value, int32_t* days) {
  return value != INT32_MIN && value != INT32_MAX && !__builtin_add_overflow(value, kPgEpochDays, days);
}

}  // namespace weir
