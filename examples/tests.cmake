# Runs each example and reads its figures; without the data set, which Debian's
# dataset-fashion-mnist holds, its test is skipped.
function(example_test name label status output)
  cmake_path(GET name STEM program)
  add_test(NAME examples/${name} COMMAND ${CMAKE_COMMAND} -D program=$<TARGET_FILE:${program}>
    "-Darguments=${ARGN}" -D status=${status} "-Doutput=${output}"
    -P ${CMAKE_CURRENT_SOURCE_DIR}/run_test.cmake)
  set_tests_properties(examples/${name} PROPERTIES LABELS ${label} TIMEOUT 600
    ENVIRONMENT OMP_WAIT_POLICY=passive
    SKIP_REGULAR_EXPRESSION "Training on a spiral instead")
endfunction()

example_test(two_layer_net slow 0
  "test accuracy (88[.][5-9]|89[.]|9[0-9][.]).*reloaded from .*: the same")
set(gradient "relative error [0-9.]+e-0[5-9]\n")
set(softmax "test accuracy softmax +(8[4-9]|9[0-9])[.]")
set(svm "test accuracy svm +(83[.][5-9]|8[4-9][.]|9[0-9][.])")
example_test(linear_classifier slow 0
  "best of 1000 +[2-9][0-9][.].*${gradient}.*${gradient}.*${softmax}.*${svm}")
example_test(spiral slow 0
  "linear .* (4[5-9]|5[0-5])[.][0-9]+ %\n.*two-layer .* (9[7-9]|100)[.][0-9]+ %\n")

example_test(two_layer_net.wrong_option unit 105 "--epochs: must be above 0, not 0" --epochs 0)
example_test(linear_classifier.wrong_option unit 105 "--loss: hinge not in {softmax,svm,both}"
  --loss hinge)
example_test(linear_classifier.no_data unit 2 "no file train-images.* in no_such_folder"
  --data no_such_folder)
example_test(linear_classifier.l1 slow 0 "softmax .*, weights below 1e-3: [3-9][0-9][.][0-9] %"
  --l1 1e-3 --loss softmax --epochs 3)
example_test(spiral.wrong_option unit 105 "--lr: must be above 0, not nan" --lr nan)
