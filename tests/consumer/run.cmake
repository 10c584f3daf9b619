# Run by a test: builds a stranger's project against the installed package, or with downhill as a subdirectory.
set(work ${build}/consumer/${kind})
set(options -G ${generator} -DCMAKE_BUILD_TYPE=${config} -DCMAKE_CXX_COMPILER=${compiler}
  -DCMAKE_CXX_COMPILER_LAUNCHER=${launcher} -DBUILD_SHARED_LIBS=${shared})

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${work})
set(prefix ${work}/prefix)
if(NOT kind STREQUAL "add_subdirectory")
  run(${CMAKE_COMMAND} --install ${build} --prefix ${prefix})
endif()

if(kind STREQUAL "pkg_config")
  set(pkg_config ${CMAKE_COMMAND} -E env PKG_CONFIG_PATH=${prefix}/${libdir}/pkgconfig
    pkg-config --cflags --libs downhill)
  execute_process(COMMAND ${pkg_config} OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  file(MAKE_DIRECTORY ${work}/build)
  run(${compiler} -std=c++20 ${source}/tests/consumer/find_package/own_formula.cpp ${flags}
    -Wl,-rpath,${prefix}/${libdir} -o ${work}/build/own_formula)
else()
  run(${CMAKE_COMMAND} -S ${source}/tests/consumer/${kind} -B ${work}/build ${options}
    -DCMAKE_PREFIX_PATH=${prefix} -DDOWNHILL_DIRECTORY=${source})
  run(${CMAKE_COMMAND} --build ${work}/build)
endif()
run(${work}/build/own_formula)
