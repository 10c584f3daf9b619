include(GNUInstallDirs)

# Flags for our own files. They are private: nothing here reaches a project that uses the library.
function(downhill_compile_options target)
  target_compile_options(${target} PRIVATE
    -fno-math-errno -fno-trapping-math $<$<CXX_COMPILER_ID:Clang>:-Wno-pass-failed>
    $<$<BOOL:${BUILD_SHARED_LIBS}>:-fno-semantic-interposition>)
  if(NOT DOWNHILL_SANITIZE)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release,RelWithDebInfo>:-O3>)
    target_compile_definitions(${target} PRIVATE DOWNHILL_SELECT_BY_TERNARY)
  endif()
  downhill_warnings(${target})
endfunction()

function(downhill_warnings target)
  if(DOWNHILL_DEVELOPER_MODE)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic)
  endif()
endfunction()

# downhill_layer(<name> [DEPENDS <target>...] [PRIVATE_DEPENDS <target>...]
#   [HEADER_ONLY <target>...])
#
# One folder = one layer = one target. Sources are src/**.cpp, public headers include/**.h; adding a
# file needs no edit. A layer sees its own include/ and those of the layers it depends on, so an
# upward #include does not compile. HEADER_ONLY libraries serve our own files and are no part of
# what is installed.
function(downhill_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;PRIVATE_DEPENDS;HEADER_ONLY")
  set(target downhill_${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS src/*.cpp)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS include/*.h)
  if(NOT sources)
    set(sources ${CMAKE_CURRENT_BINARY_DIR}/empty.cpp)
    file(TOUCH ${sources})
  endif()
  add_library(${target} ${sources})
  add_library(downhill::${name} ALIAS ${target})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${headers})
  target_include_directories(${target} PRIVATE src)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PUBLIC ${arg_DEPENDS} PRIVATE ${arg_PRIVATE_DEPENDS})
  foreach(library IN LISTS arg_HEADER_ONLY)
    target_include_directories(${target} SYSTEM PRIVATE
      $<TARGET_PROPERTY:${library},INTERFACE_INCLUDE_DIRECTORIES>)
  endforeach()
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} CXX_EXTENSIONS OFF
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
  downhill_compile_options(${target})
  set_property(GLOBAL APPEND PROPERTY downhill_layers ${target})
endfunction()

# downhill::downhill links every layer; find_package(downhill) finds them all.
function(downhill_umbrella)
  get_property(layers GLOBAL PROPERTY downhill_layers)
  add_library(downhill INTERFACE)
  add_library(downhill::downhill ALIAS downhill)
  target_sources(downhill INTERFACE FILE_SET HEADERS BASE_DIRS include
    FILES include/downhill/downhill.h)
  target_link_libraries(downhill INTERFACE ${layers})
  set_target_properties(downhill PROPERTIES VERIFY_INTERFACE_HEADER_SETS ${PROJECT_IS_TOP_LEVEL})
  if(DOWNHILL_INSTALL)
    downhill_install(${layers} downhill)
  endif()
endfunction()
