# Imported targets of what Weir links. WEIR_DEPS is the folder that tools/setup fills:
#   pyarrow/{include,libarrow.so.N,…}   duckdb/{include,lib}   simdjson/simdjson.{h,cpp}
set(default_deps "$ENV{WEIR_DEPS}")
if(NOT default_deps)
  execute_process(COMMAND "${PROJECT_SOURCE_DIR}/tools/setup" --print OUTPUT_VARIABLE default_deps
    OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
set(WEIR_DEPS "${default_deps}" CACHE PATH "folder made by tools/setup")
if(NOT EXISTS "${WEIR_DEPS}/pyarrow/include/arrow/util/config.h")
  message(FATAL_ERROR "WEIR_DEPS='${WEIR_DEPS}' holds no Arrow: run ./weir or tools/setup first")
endif()

file(STRINGS "${WEIR_DEPS}/pyarrow/include/arrow/util/config.h" _l REGEX "define ARROW_(SO_VERSION|VERSION_STRING) ")
string(REGEX MATCH "SO_VERSION \"([0-9]+)\"" _ "${_l}")
set(WEIR_ARROW_SOVERSION "${CMAKE_MATCH_1}")
string(REGEX MATCH "VERSION_STRING \"([0-9.]+)\"" _ "${_l}")
set(WEIR_ARROW_VERSION "${CMAKE_MATCH_1}")
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
file(STRINGS "${PROJECT_SOURCE_DIR}/tools/packages.txt" _l REGEX "^@duckdb/")
string(REGEX MATCH " ([0-9]+\\.[0-9]+\\.[0-9]+)-" _ "${_l}")
set(WEIR_DUCKDB_VERSION "${CMAKE_MATCH_1}")

add_library(weir_simdjson STATIC "${WEIR_DEPS}/simdjson/simdjson.cpp")
target_include_directories(weir_simdjson SYSTEM PUBLIC "${WEIR_DEPS}/simdjson")
target_compile_options(weir_simdjson PRIVATE -w)
add_library(Weir::simdjson ALIAS weir_simdjson)

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
# weir_system_library(NAME module): PkgConfig::NAME, its static archive where there is one: the program then starts
# sooner, and runs on machines that lack the library.
function(weir_system_library name module)
  pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${module})
  find_library(WEIR_STATIC_${name} NAMES lib${ARGN}.a HINTS ${${name}_LIBRARY_DIRS})
  mark_as_advanced(WEIR_STATIC_${name})
  if(WEIR_STATIC_${name})
    set_target_properties(PkgConfig::${name} PROPERTIES
      INTERFACE_LINK_LIBRARIES "${WEIR_STATIC_${name}};Threads::Threads")
  endif()
endfunction()
weir_system_library(fyaml libfyaml fyaml)
weir_system_library(re2 re2 re2)
if(WEIR_STATIC_re2)
  # libarrow_compute carries a RE2 of its own, hidden by set-up; mold binds to hidden symbols all the same. Ours must stand
  # before it on every link line, which a static target that depends on it does.
  add_library(Weir::re2 STATIC IMPORTED GLOBAL)
  set_target_properties(Weir::re2 PROPERTIES IMPORTED_LOCATION "${WEIR_STATIC_re2}"
    INTERFACE_LINK_LIBRARIES "Weir::arrow_compute;Threads::Threads")
else()
  add_library(Weir::re2 ALIAS PkgConfig::re2)
endif()
weir_system_library(zstd libzstd zstd)
weir_system_library(lz4 liblz4 lz4)
weir_system_library(zlib zlib z)
weir_system_library(sqlite sqlite3 sqlite3)
weir_system_library(xxhash libxxhash xxhash)
if(WEIR_STATIC_xxhash)
  # libfyaml.a carries a part of xxHash. Where both are linked, the whole one must come first and serve both, or its
  # symbols are there twice.
  add_library(Weir::xxhash STATIC IMPORTED GLOBAL)
  set_target_properties(Weir::xxhash PROPERTIES IMPORTED_LOCATION "${WEIR_STATIC_xxhash}"
    INTERFACE_LINK_LIBRARIES "PkgConfig::fyaml")
else()
  add_library(Weir::xxhash ALIAS PkgConfig::xxhash)
endif()
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(date REQUIRED)
set(Boost_NO_BOOST_CMAKE ON) # headers only: the packages of its libraries are not asked for
find_package(Boost 1.74 REQUIRED)
# libcurl is opened when the first request is sent; only its header is needed to build.
pkg_check_modules(curl REQUIRED libcurl>=7.85)
find_library(WEIR_CURL_LIBRARY NAMES libcurl.so.4 HINTS ${curl_LIBRARY_DIRS} REQUIRED)
add_library(Weir::curl_header INTERFACE IMPORTED GLOBAL)
target_include_directories(Weir::curl_header SYSTEM INTERFACE ${curl_INCLUDE_DIRS})
# libpq is opened when the first pipeline talks to PostgreSQL.
pkg_check_modules(pq REQUIRED libpq)
find_library(WEIR_PQ_LIBRARY NAMES libpq.so.5 HINTS ${pq_LIBRARY_DIRS} REQUIRED)
add_library(Weir::pq_header INTERFACE IMPORTED GLOBAL)
target_include_directories(Weir::pq_header SYSTEM INTERFACE ${pq_INCLUDE_DIRS})
# librdkafka is opened by the first step that talks to Kafka.
pkg_check_modules(rdkafka REQUIRED rdkafka>=1.9)
find_library(WEIR_KAFKA_LIBRARY NAMES librdkafka.so.1 HINTS ${rdkafka_LIBRARY_DIRS} REQUIRED)
add_library(Weir::rdkafka_header INTERFACE IMPORTED GLOBAL)
target_include_directories(Weir::rdkafka_header SYSTEM INTERFACE ${rdkafka_INCLUDE_DIRS})
# Libraries that are opened when they are needed: a package takes them along.
set(WEIR_OPENED_LIBS "${WEIR_CURL_LIBRARY}" "${WEIR_PQ_LIBRARY}" "${WEIR_KAFKA_LIBRARY}")
find_library(WEIR_DATE_TZ NAMES libdate-tz.so.3 REQUIRED)
list(APPEND WEIR_RUNTIME_LIBS "${WEIR_DATE_TZ}")
find_package(GTest)

# The program finds its libraries in ../lib, here as when installed.
file(MAKE_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
foreach(so ${WEIR_RUNTIME_LIBS})
  get_filename_component(name "${so}" NAME)
  file(CREATE_LINK "${so}" "${CMAKE_BINARY_DIR}/lib/${name}" SYMBOLIC)
endforeach()
