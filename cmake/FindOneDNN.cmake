# Finds oneDNN: target OneDNN::OneDNN, OneDNN_VERSION.
#
# The header and the library are looked for first: Debian 12's own dnnl-config.cmake requires
# OpenCL's headers, which its package does not bring, and stops the whole configuration.
find_path(OneDNN_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
find_library(OneDNN_LIBRARY dnnl)
mark_as_advanced(OneDNN_INCLUDE_DIR OneDNN_LIBRARY)

if(OneDNN_INCLUDE_DIR)
  file(STRINGS ${OneDNN_INCLUDE_DIR}/oneapi/dnnl/dnnl_version.h lines
    REGEX "define DNNL_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
  string(REGEX MATCHALL "[0-9]+" numbers "${lines}")
  list(JOIN numbers "." OneDNN_VERSION)
endif()

if(NOT OneDNN_INCLUDE_DIR OR NOT OneDNN_LIBRARY)
  find_package(dnnl CONFIG QUIET)
  if(TARGET DNNL::dnnl)
    set(OneDNN_LIBRARY DNNL::dnnl)
    get_target_property(OneDNN_INCLUDE_DIR DNNL::dnnl INTERFACE_INCLUDE_DIRECTORIES)
    set(OneDNN_VERSION ${dnnl_VERSION})
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OneDNN
  REQUIRED_VARS OneDNN_LIBRARY OneDNN_INCLUDE_DIR VERSION_VAR OneDNN_VERSION)

if(OneDNN_FOUND AND NOT TARGET OneDNN::OneDNN)
  add_library(OneDNN::OneDNN INTERFACE IMPORTED)
  target_include_directories(OneDNN::OneDNN SYSTEM INTERFACE ${OneDNN_INCLUDE_DIR})
  target_link_libraries(OneDNN::OneDNN INTERFACE ${OneDNN_LIBRARY})
endif()
