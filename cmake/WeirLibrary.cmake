# weir_library(NAME DEPS folder… LIBS target…): the library of src/NAME, of all .cc files below it but main.cc. DEPS are
# the only Weir folders that its files may include from. They must come before NAME in WEIR_FOLDERS, so there are no
# circles; the target `includes` reads the same lines and fails the build on an #include from any other folder.
function(weir_library name)
  cmake_parse_arguments(arg "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cc")
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  list(FIND WEIR_FOLDERS ${name} place)
  set(deps "")
  foreach(d ${arg_DEPS})
    list(FIND WEIR_FOLDERS ${d} d_place)
    if(d_place EQUAL -1 OR d_place GREATER_EQUAL place)
      message(FATAL_ERROR "src/${name} may not depend on src/${d}: see the order in src/CMakeLists.txt")
    endif()
    if(TARGET weir_${d})
      list(APPEND deps weir_${d})
    endif()
  endforeach()
  if(sources)
    add_library(weir_${name} STATIC ${sources})
    set(scope PUBLIC)
  else() # headers only, so far
    add_library(weir_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(weir_${name} ${scope} "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(weir_${name} ${scope} ${deps} ${arg_LIBS})
endfunction()

# weir_program(NAME library…): NAME of main.cc in the current folder, in bin/ beside lib/. It is the same binary when
# installed: it finds its libraries by $ORIGIN/../lib in both places.
function(weir_program name)
  add_executable(${name} main.cc)
  target_link_libraries(${name} PRIVATE ${ARGN})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin"
    INSTALL_RPATH "$ORIGIN/../lib" BUILD_WITH_INSTALL_RPATH ON)
  install(TARGETS ${name} RUNTIME DESTINATION bin)
endfunction()

# weir_unit_test(NAME target…): tests/unit/NAME/*.cc as one GoogleTest binary named NAME_test in tests/.
function(weir_unit_test name)
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc")
  if(NOT sources OR NOT GTest_FOUND OR NOT name MATCHES "${WEIR_UNIT_TESTS_OF}")
    return()
  endif()
  add_executable(${name}_test ${sources})
  target_link_libraries(${name}_test PRIVATE GTest::gtest_main ${ARGN})
  target_include_directories(${name}_test PRIVATE "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/tests")
  # gcc warns of variants and optionals inside the standard library that cannot be uninitialized, at -O3 only.
  target_compile_options(${name}_test PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  set_target_properties(${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/tests")
  add_test(NAME ${name}_test COMMAND ${name}_test)
  set_tests_properties(${name}_test PROPERTIES LABELS unit ENVIRONMENT "${WEIR_TEST_ENVIRONMENT}")
  add_dependencies(unit_tests ${name}_test)
endfunction()
