# Run by a test: with a layer's include directories its own umbrella header compiles, and each of
# `headers` is not found.
string(REPLACE "," ";" include "${include}")
string(REPLACE "," ";" headers "${headers}")
list(TRANSFORM include PREPEND -I)
set(probe ${work}_probe.cpp)

function(compile header)
  file(WRITE ${probe} "#include <${own}>\n#include <${header}>\nint main() {}\n")
  execute_process(COMMAND ${compiler} -std=c++20 -fsyntax-only ${include} ${probe}
    RESULT_VARIABLE result ERROR_VARIABLE error)
  set(result ${result} PARENT_SCOPE)
  set(error "${error}" PARENT_SCOPE)
endfunction()

compile(${own})
if(NOT result EQUAL 0)
  message(FATAL_ERROR "<${own}> alone does not compile:\n${error}")
endif()

foreach(header IN LISTS headers)
  compile(${header})
  if(result EQUAL 0)
    message(FATAL_ERROR "a file that may include <${own}> can also include <${header}>")
  elseif(NOT error MATCHES "${header}: No such file|'${header}' file not found")
    message(FATAL_ERROR "<${header}> failed for another reason:\n${error}")
  endif()
endforeach()
