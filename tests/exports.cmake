# Run by a test of shared builds: `symbols` is "layer,a name that it exports,a name that it does not".
string(REPLACE "," ";" symbols ${symbols})
list(GET symbols 1 public)
list(GET symbols 2 private)
execute_process(COMMAND ${nm} -DC --defined-only ${library} OUTPUT_VARIABLE exported
  COMMAND_ERROR_IS_FATAL ANY)
string(FIND "${exported}" "${public}" found_public)
string(FIND "${exported}" "${private}" found_private)
string(FIND "${exported}" "nlohmann" found_library)
if(found_public EQUAL -1)
  message(FATAL_ERROR "${public} is not exported")
elseif(found_private GREATER -1 OR found_library GREATER -1)
  message(FATAL_ERROR "${private} or nlohmann is exported")
endif()
