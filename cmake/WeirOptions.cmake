# Compiler flags of every target. One place, so that a preset only names a build type and a sanitizer.
set(WEIR_CPU "x86-64-v3" CACHE STRING "-march of the binary; the hot readers and kernels need AVX2, BMI2 and PCLMUL")
set(WEIR_SANITIZE "" CACHE STRING "address,undefined or thread")
option(WEIR_WERROR "warnings are errors" ON)

add_compile_options(-Wall -Wextra -Wno-missing-field-initializers -fno-omit-frame-pointer)
# gcc 12 warns of overlaps inside std::string that cannot be (gcc bug 105329), at -O3 only.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-restrict)
endif()
if(WEIR_WERROR)
  add_compile_options(-Werror)
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  # x86-64-v3 has no carry-less multiply; without it simdjson compiles to its fallback without a word.
  add_compile_options(-march=${WEIR_CPU} -mpclmul)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
if(WEIR_SANITIZE)
  add_compile_options(-fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${WEIR_SANITIZE})
  # Arrow's default pool is a mimalloc inside its library, whose blocks no sanitizer sees.
  set(WEIR_TEST_ENVIRONMENT ARROW_DEFAULT_MEMORY_POOL=system
    "TSAN_OPTIONS=halt_on_error=1 suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp")
endif()
# ThreadSanitizer costs ten times the time: it sees the tests of folders that have threads.
set(WEIR_UNIT_TESTS_OF ".")
if(WEIR_SANITIZE STREQUAL "thread")
  set(WEIR_UNIT_TESTS_OF "^(env|engine|state|operators|formats)$")
endif()

find_program(WEIR_CCACHE ccache)
if(WEIR_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${WEIR_CCACHE})
endif()
find_program(WEIR_MOLD mold)
if(WEIR_MOLD)
  add_link_options(-fuse-ld=mold)
endif()
add_link_options(-Wl,--no-undefined)
