# Runs each example and reads its figures. What an example prints last says that all before it went
# well; without the data set, which Debian's dataset-fashion-mnist holds, its test is skipped.
function(example_test name label output)
  cmake_path(GET name STEM program)
  add_test(NAME examples/${name} COMMAND ${program} ${ARGN})
  set_tests_properties(examples/${name} PROPERTIES LABELS ${label} TIMEOUT 600
    ENVIRONMENT OMP_WAIT_POLICY=passive
    PASS_REGULAR_EXPRESSION "${output}"
    SKIP_REGULAR_EXPRESSION "Training on a spiral instead")
endfunction()

example_test(two_layer_net slow
  "test accuracy (88\\.[5-9]|89|9[0-9]).*; reloaded from .*: the same")
set(gradient "relative error [0-9.]+e-0[5-9]\n")
set(accuracies "test accuracy softmax +(8[4-9]|9).*test accuracy svm +(83\\.[5-9]|8[4-9]|9)")
example_test(linear_classifier slow
  "best of 1000 +[2-9][0-9]\\..*${gradient}.*${gradient}.*${accuracies}")
example_test(spiral slow
  "linear .* (4[5-9]|5[0-5])\\.[0-9]+ %\n.*two-layer .* (9[7-9]|100)\\.[0-9]+ %\n")

example_test(two_layer_net.wrong_option unit "--epochs: must be above 0, not 0" --epochs 0)
example_test(linear_classifier.wrong_option unit "--loss: hinge not in {softmax,svm,both}"
  --loss hinge)
example_test(linear_classifier.no_data unit "no file train-images.* in no_such_folder"
  --data no_such_folder)
example_test(linear_classifier.l1 slow "softmax .*, weights below 1e-3: [3-9][0-9]\\.[0-9] %"
  --l1 1e-3 --loss softmax --epochs 3)
example_test(spiral.wrong_option unit "--lr: must be above 0, not nan" --lr nan)
