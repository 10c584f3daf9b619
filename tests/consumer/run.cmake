# Run by a test: builds a stranger's project against the installed package, or with downhill as a subdirectory.
set(work ${build}/consumer/${kind})
set(options -G ${generator} -DCMAKE_BUILD_TYPE=${config} -DCMAKE_CXX_COMPILER=${compiler}
  -DCMAKE_CXX_COMPILER_LAUNCHER=${launcher} -DBUILD_SHARED_LIBS=${shared})

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${work})
if(kind STREQUAL "find_package")
  run(${CMAKE_COMMAND} --install ${build} --prefix ${work}/prefix)
  list(APPEND options -DCMAKE_PREFIX_PATH=${work}/prefix)
else()
  list(APPEND options -DDOWNHILL_DIRECTORY=${source})
endif()
run(${CMAKE_COMMAND} -S ${source}/tests/consumer/${kind} -B ${work}/build ${options})
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/own_formula)
