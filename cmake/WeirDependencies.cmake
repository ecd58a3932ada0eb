# Imported targets of what Weir links. WEIR_DEPS is the folder that tools/setup fills:
#   pyarrow/{include,libarrow.so.N,…}   duckdb/{include,lib}   simdjson/simdjson.{h,cpp}
set(WEIR_DEPS "$ENV{WEIR_DEPS}" CACHE PATH "folder made by tools/setup")
if(NOT EXISTS "${WEIR_DEPS}/pyarrow/include/arrow/util/config.h")
  message(FATAL_ERROR "WEIR_DEPS='${WEIR_DEPS}' holds no Arrow: run ./weir or tools/setup first")
endif()

file(STRINGS "${WEIR_DEPS}/pyarrow/include/arrow/util/config.h" _l REGEX "define ARROW_(SO_VERSION|VERSION_STRING) ")
string(REGEX MATCH "SO_VERSION \"([0-9]+)\"" _ "${_l}")
set(WEIR_ARROW_SOVERSION "${CMAKE_MATCH_1}")
set(WEIR_RUNTIME_LIBS "")
# The wheel has no libX.so links and no CMake config; imported targets with a full location need neither.
function(_weir_arrow name lib)
  set(so "${WEIR_DEPS}/pyarrow/${lib}.so.${WEIR_ARROW_SOVERSION}")
  add_library(Weir::${name} SHARED IMPORTED GLOBAL)
  set_target_properties(Weir::${name} PROPERTIES IMPORTED_LOCATION "${so}"
    IMPORTED_SONAME "${lib}.so.${WEIR_ARROW_SOVERSION}"
    INTERFACE_INCLUDE_DIRECTORIES "${WEIR_DEPS}/pyarrow/include" INTERFACE_LINK_LIBRARIES "${ARGN}")
  set(WEIR_RUNTIME_LIBS ${WEIR_RUNTIME_LIBS} "${so}" PARENT_SCOPE)
endfunction()
_weir_arrow(arrow libarrow)
_weir_arrow(arrow_compute libarrow_compute Weir::arrow)
_weir_arrow(parquet libparquet Weir::arrow)

# DuckDB is opened when a pipeline has a Sql step (70 MB); only its header is needed to build.
add_library(Weir::duckdb_header INTERFACE IMPORTED GLOBAL)
target_include_directories(Weir::duckdb_header SYSTEM INTERFACE "${WEIR_DEPS}/duckdb/include")
list(APPEND WEIR_RUNTIME_LIBS "${WEIR_DEPS}/duckdb/lib/libduckdb.so")

add_library(weir_simdjson STATIC "${WEIR_DEPS}/simdjson/simdjson.cpp")
target_include_directories(weir_simdjson SYSTEM PUBLIC "${WEIR_DEPS}/simdjson")
target_compile_options(weir_simdjson PRIVATE -w)
add_library(Weir::simdjson ALIAS weir_simdjson)

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(fyaml REQUIRED IMPORTED_TARGET GLOBAL libfyaml)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET GLOBAL re2)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET GLOBAL libzstd)
pkg_check_modules(lz4 REQUIRED IMPORTED_TARGET GLOBAL liblz4)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET GLOBAL zlib)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET GLOBAL libxxhash)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(date REQUIRED)
find_package(GTest)
