# Tests of the house itself: who may include whom, what the objects hold, whether strangers can
# use the library.

# An #include of a room that a layer must not see has to fail, and for that reason only.
function(layering_test layer)
  list(TRANSFORM ARGN PREPEND downhill/)
  list(TRANSFORM ARGN APPEND .h)
  list(JOIN ARGN "," headers)
  add_test(NAME house/layering_${layer} COMMAND ${CMAKE_COMMAND} -D compiler=${CMAKE_CXX_COMPILER}
    "-Dinclude=$<JOIN:$<TARGET_PROPERTY:downhill_${layer},INCLUDE_DIRECTORIES>,$<COMMA>>"
    -D own=downhill/${layer}.h -D headers=${headers} -D work=${CMAKE_CURRENT_BINARY_DIR}/${layer}
    -P ${CMAKE_CURRENT_SOURCE_DIR}/layering.cmake)
  set_tests_properties(house/layering_${layer} PROPERTIES LABELS unit)
endfunction()
layering_test(tensor autograd data optim nn downhill)
layering_test(autograd data optim nn downhill)
layering_test(data optim nn downhill)
layering_test(optim data nn downhill)
layering_test(nn data optim downhill)

get_property(layers GLOBAL PROPERTY downhill_layers)
list(TRANSFORM layers REPLACE "(.+)" "$<TARGET_OBJECTS:\\1>" OUTPUT_VARIABLE objects)
if(Python3_FOUND)
  add_test(NAME house/no_isa_leak COMMAND_EXPAND_LISTS
    COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/check_isa.py ${objects}
      $<TARGET_OBJECTS:downhill_tests>)
  set_tests_properties(house/no_isa_leak PROPERTIES LABELS unit)
endif()

# Shared libraries export what public headers declare, and not what private ones do.
if(BUILD_SHARED_LIBS)
  foreach(symbols IN ITEMS
      "tensor,downhill::matmul(,downhill::detail::gemm"
      "autograd,downhill::autograd::backward(,downhill::detail::values_of"
      "data,downhill::data::idx(,inflate_some" "optim,downhill::optim::Adam::,check_ranges"
      "nn,downhill::nn::Module::,kaiming_std")
    string(REGEX REPLACE ",.*" "" layer ${symbols})
    add_test(NAME house/exports_${layer} COMMAND ${CMAKE_COMMAND} -D symbols=${symbols}
      -D nm=${CMAKE_NM} -D library=$<TARGET_FILE:downhill_${layer}>
      -P ${CMAKE_CURRENT_SOURCE_DIR}/exports.cmake)
    set_tests_properties(house/exports_${layer} PROPERTIES LABELS unit)
  endforeach()
endif()

if(NOT DOWNHILL_SANITIZE)
  set(kinds find_package add_subdirectory)
  find_package(PkgConfig)
  if(PKG_CONFIG_FOUND)
    list(APPEND kinds pkg_config)
  endif()
  foreach(kind IN LISTS kinds)
    add_test(NAME house/${kind} COMMAND ${CMAKE_COMMAND} -D kind=${kind}
      -D build=${PROJECT_BINARY_DIR} -D source=${PROJECT_SOURCE_DIR}
      -D compiler=${CMAKE_CXX_COMPILER} -D shared=${BUILD_SHARED_LIBS}
      -D generator=${CMAKE_GENERATOR} -D launcher=${CMAKE_CXX_COMPILER_LAUNCHER} -D config=$<CONFIG>
      -D libdir=${CMAKE_INSTALL_LIBDIR}
      -P ${CMAKE_CURRENT_SOURCE_DIR}/consumer/run.cmake)
    set_tests_properties(house/${kind} PROPERTIES LABELS slow TIMEOUT 1500)
  endforeach()
endif()
