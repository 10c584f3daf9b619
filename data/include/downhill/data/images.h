// Image sets that are read from files.
#pragma once
#include <string>

#include <downhill/data/dataset.h>

#pragma GCC visibility push(default)
namespace downhill::data {

struct ImageOptions {
  bool train = true;      ///< the training set, else the test set
  std::string root = {};  ///< the folder with the files; where empty, the usual places
};

/// Zalando's Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): data [N, 784] float32 in [0, 1], 28 x 28
/// grey values row by row; target [N] int64 in 0 ... 9; N = 60000 (train) or 10000 (test).
/// Reads the IDX files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-..., or the same with
/// .gz, in options.root. Where that is empty, looks in fashion-mnist under the folder that the
/// environment variable DOWNHILL_DATA names, in that folder itself, and in
/// /usr/share/datasets/fashion-mnist (Debian's package dataset-fashion-mnist).
/// Throws Error saying where it looked and what to install.
TensorDataset fashion_mnist(const ImageOptions& options = {});
/// LeCun, Cortes and Burges' handwritten digits, in files of the same form: in options.root, in
/// mnist under the folder that DOWNHILL_DATA names, or in that folder itself.
TensorDataset mnist(const ImageOptions& options = {});

}  // namespace downhill::data
#pragma GCC visibility pop
