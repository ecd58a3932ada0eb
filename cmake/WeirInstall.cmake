# What `cmake --install` puts beside bin/weir: its libraries, the examples and the licences. The result can be moved.
foreach(so ${WEIR_RUNTIME_LIBS})
  get_filename_component(name "${so}" NAME)
  file(REAL_PATH "${so}" real)
  install(FILES "${real}" DESTINATION lib RENAME "${name}")
endforeach()
install(FILES LICENSE CHANGELOG.md DESTINATION share/weir)
install(DIRECTORY "${WEIR_DEPS}/licenses/" DESTINATION share/weir/licenses)
# Debian keeps the licence of each package that is linked statically, or copied above, in its copyright file.
foreach(package libfyaml-dev libre2-dev libzstd-dev liblz4-dev zlib1g-dev libxxhash-dev libhowardhinnant-date-dev
    nlohmann-json3-dev libcli11-dev libboost1.74-dev)
  if(EXISTS "/usr/share/doc/${package}/copyright")
    string(REGEX REPLACE "-dev$" "" name "${package}")
    install(FILES "/usr/share/doc/${package}/copyright" DESTINATION share/weir/licenses RENAME "${name}.txt")
  endif()
endforeach()
if(EXISTS "${PROJECT_SOURCE_DIR}/examples")
  install(DIRECTORY examples DESTINATION share/weir)
endif()
