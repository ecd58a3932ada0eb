// What WEIR_KILL_AT says is read once, before main().
#include "base/kill_point.h"

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace weir::kill_point_internal {
namespace {

const char* const kWhere = std::getenv("WEIR_KILL_AT");  // allowed: a test's switch, below every Env
std::atomic<long> left_to_go{1};

/// The bytes of kWhere that are the name.
size_t NameSize() {
  const char* colon = std::strrchr(kWhere, ':');
  return colon ? static_cast<size_t>(colon - kWhere) : std::strlen(kWhere);
}

bool Arm() {
  if (!kWhere || !*kWhere) return false;
  if (kWhere[NameSize()] == ':') {
    const char* count = kWhere + NameSize() + 1;
    long value = 1;
    std::from_chars(count, count + std::strlen(count), value);
    left_to_go = value;
  }
  return true;
}

}  // namespace

const bool armed = Arm();

void Reached(const char* name) {
  if (std::strlen(name) != NameSize() || std::strncmp(name, kWhere, NameSize()) != 0) return;
  if (left_to_go.fetch_sub(1) == 1) ::_exit(kKilledStatus);  // allowed: it is what a kill point is for
}

}  // namespace weir::kill_point_internal
