// Invariants that hold in release builds too: a broken one ends the process with its place and text.
#pragma once

#include <cstdio>
#include <cstdlib>

#define WEIR_CHECK(condition, text)                                                                             \
  do {                                                                                                          \
    if (__builtin_expect(!(condition), 0)) {                                                                    \
      std::fprintf(stderr, "weir: broken invariant at %s:%d: %s (%s)\n", __FILE__, __LINE__, text, #condition); \
      std::abort();                                                                                             \
    }                                                                                                           \
  } while (false)
