# What `cmake --install` brings: libraries, headers, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)

function(downhill_install)
  set(directory ${CMAKE_INSTALL_LIBDIR}/cmake/downhill)
  set(config ${PROJECT_BINARY_DIR}/downhill-config.cmake)
  install(TARGETS ${ARGV} EXPORT downhill FILE_SET HEADERS)
  install(EXPORT downhill NAMESPACE downhill:: DESTINATION ${directory}
    FILE downhill-targets.cmake)
  configure_package_config_file(cmake/downhill-config.cmake.in ${config}
    INSTALL_DESTINATION ${directory})
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/downhill-config-version.cmake
    COMPATIBILITY SameMinorVersion)
  install(FILES ${config} ${PROJECT_BINARY_DIR}/downhill-config-version.cmake
    cmake/FindOneDNN.cmake DESTINATION ${directory})
  downhill_install_pkg_config(${ARGV})
endfunction()

function(downhill_install_pkg_config)
  set(directory ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY
    ${CMAKE_INSTALL_PREFIX}/${directory} OUTPUT_VARIABLE up)
  set(requires fmt)
  set(libraries "")
  foreach(target IN LISTS ARGV)
    get_target_property(type ${target} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
      string(PREPEND libraries "-l${target} ")
    endif()
  endforeach()
  if(NOT BUILD_SHARED_LIBS)  # an archive does not know what it needs
    string(APPEND requires " zlib")
    string(APPEND libraries ${OpenMP_CXX_FLAGS})
    if(downhill_onednn)
      string(APPEND libraries " -ldnnl")
    endif()
  endif()
  configure_file(cmake/downhill.pc.in ${PROJECT_BINARY_DIR}/downhill.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/downhill.pc DESTINATION ${directory})
endfunction()
