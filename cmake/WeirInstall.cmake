# What `cmake --install` puts beside bin/weir: its libraries, the examples and the licences. The result can be moved.
foreach(so ${WEIR_RUNTIME_LIBS})
  get_filename_component(name "${so}" NAME)
  file(REAL_PATH "${so}" real)
  install(FILES "${real}" DESTINATION lib RENAME "${name}")
endforeach()
# Libraries that are opened when needed (libcurl, libpq, librdkafka), and all that they need, for machines that have none:
# they are opened from lib/net only there. Parts of the C and C++ run time are the machine's own. Each comes with the
# licence of its package.
install(CODE "set(opened \"${WEIR_OPENED_LIBS}\")")
install(CODE [[
  set(reals "")
  foreach(so ${opened})
    file(REAL_PATH "${so}" real)
    list(APPEND reals "${real}")
  endforeach()
  file(GET_RUNTIME_DEPENDENCIES LIBRARIES ${reals} RESOLVED_DEPENDENCIES_VAR needed UNRESOLVED_DEPENDENCIES_VAR missing
    PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|resolv|gcc_s|stdc\\+\\+)\\.so")
  foreach(so ${opened} ${needed})
    get_filename_component(name "${so}" NAME)
    file(REAL_PATH "${so}" real)
    file(INSTALL "${real}" DESTINATION "${CMAKE_INSTALL_PREFIX}/lib/net" TYPE FILE RENAME "${name}")
    execute_process(COMMAND dpkg -S "${real}" OUTPUT_VARIABLE owner ERROR_QUIET)
    if(NOT owner) # where /lib is /usr/lib the package may list the file by either name
      string(REGEX REPLACE "^/usr" "" other "${real}")
      execute_process(COMMAND dpkg -S "${other}" OUTPUT_VARIABLE owner ERROR_QUIET)
    endif()
    string(REGEX REPLACE ":.*" "" package "${owner}")
    if(package AND EXISTS "/usr/share/doc/${package}/copyright")
      file(INSTALL "/usr/share/doc/${package}/copyright" DESTINATION "${CMAKE_INSTALL_PREFIX}/share/weir/licenses"
        RENAME "${package}.txt")
    endif()
  endforeach()
]])
install(FILES LICENSE CHANGELOG.md DESTINATION share/weir)
install(DIRECTORY "${WEIR_DEPS}/licenses/" DESTINATION share/weir/licenses)
# Debian keeps the licence of each package that is linked statically, or copied above, in its copyright file.
foreach(package libfyaml-dev libre2-dev libzstd-dev liblz4-dev zlib1g-dev libxxhash-dev libsqlite3-dev libhowardhinnant-date-dev
    nlohmann-json3-dev libcli11-dev libboost1.74-dev)
  if(EXISTS "/usr/share/doc/${package}/copyright")
    string(REGEX REPLACE "-dev$" "" name "${package}")
    install(FILES "/usr/share/doc/${package}/copyright" DESTINATION share/weir/licenses RENAME "${name}.txt")
  endif()
endforeach()
if(EXISTS "${PROJECT_SOURCE_DIR}/examples")
  install(DIRECTORY examples DESTINATION share/weir)
endif()
