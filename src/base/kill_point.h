// Kill points: named places where a test lets the process die at once, as power would, to see what it comes back to.
//
// WEIR_KILL_AT=NAME:COUNT in the environment ends the process when it reaches NAME for the COUNT-th time, with status
// kKilledStatus: nothing is flushed, no destructor runs. Without the variable a kill point is one test of a bool.
#pragma once

namespace weir {

inline constexpr int kKilledStatus = 137;  // what a shell says of a process that kill -9 ended

namespace kill_point_internal {
extern const bool armed;
void Reached(const char* name);
}  // namespace kill_point_internal

/// `name` is "AREA.MOMENT", like "log.sync.before". From any thread.
inline void KillPoint(const char* name) {
  if (__builtin_expect(kill_point_internal::armed, false)) kill_point_internal::Reached(name);
}

}  // namespace weir
