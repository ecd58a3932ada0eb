# cmake -P script of the target `build_info`: writes OUT from TEMPLATE with the commit that SOURCE is at. The file is
# touched only when its content changes, so a build of the same commit compiles nothing.
find_program(git git)
set(WEIR_COMMIT "")
if(git)
  execute_process(COMMAND "${git}" -c safe.directory=* describe --always --dirty --abbrev=12 --exclude=* OUTPUT_VARIABLE WEIR_COMMIT
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET WORKING_DIRECTORY "${SOURCE}")
elseif(EXISTS "${SOURCE}/.git/HEAD") # a bare machine has the files of git, but not the program
  file(READ "${SOURCE}/.git/HEAD" head)
  string(STRIP "${head}" head)
  if(head MATCHES "^ref: (.*)" AND EXISTS "${SOURCE}/.git/${CMAKE_MATCH_1}")
    file(READ "${SOURCE}/.git/${CMAKE_MATCH_1}" head)
  endif()
  if(head MATCHES "^[0-9a-f]+")
    string(SUBSTRING "${head}" 0 12 WEIR_COMMIT)
  endif()
endif()
configure_file("${TEMPLATE}" "${OUT}" @ONLY)
