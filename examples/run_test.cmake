# Run by a test: `program` with `arguments` has to end with `status` and to print what `output`
# matches.
execute_process(COMMAND ${program} ${arguments} RESULT_VARIABLE result OUTPUT_VARIABLE text
  ERROR_VARIABLE text)
message("${text}")
if(text MATCHES "Training on a spiral instead")
  return()  # ctest counts the test as skipped
endif()
if(NOT result EQUAL status)
  message(FATAL_ERROR "ended with ${result}, not ${status}")
elseif(NOT text MATCHES "${output}")
  message(FATAL_ERROR "does not match ${output}")
endif()
