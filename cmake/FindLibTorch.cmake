# Finds libtorch, for benchmarks only: target LibTorch::LibTorch. Its own TorchConfig.cmake changes
# global settings and stops the configuration where a dependency is missing, so the header and the
# libraries are looked for directly.
find_path(LibTorch_INCLUDE_DIR torch/csrc/api/include/torch/torch.h)
foreach(name IN ITEMS torch torch_cpu c10)
  find_library(LibTorch_${name}_LIBRARY ${name})
  mark_as_advanced(LibTorch_${name}_LIBRARY)
endforeach()
mark_as_advanced(LibTorch_INCLUDE_DIR)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch DEFAULT_MSG LibTorch_torch_LIBRARY
  LibTorch_torch_cpu_LIBRARY LibTorch_c10_LIBRARY LibTorch_INCLUDE_DIR)

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE
    ${LibTorch_INCLUDE_DIR} ${LibTorch_INCLUDE_DIR}/torch/csrc/api/include)
  target_link_libraries(LibTorch::LibTorch INTERFACE ${LibTorch_torch_LIBRARY}
    ${LibTorch_torch_cpu_LIBRARY} ${LibTorch_c10_LIBRARY})
endif()
