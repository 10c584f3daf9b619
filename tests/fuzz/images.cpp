// A data set of two files: the first two bytes of the input say how long the labels are.
#include <downhill/data/images.h>

#include <algorithm>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t labels = std::min<std::size_t>(data[0] * 256u + data[1], size - 2);
  write_file(fuzz::folder() / "train-labels-idx1-ubyte", fuzz::text(data + 2, labels));
  write_file(fuzz::folder() / "train-images-idx3-ubyte",
             fuzz::text(data + 2 + labels, size - 2 - labels));
  fuzz::returns_or_throws_error(
      [] { downhill::data::mnist({.train = true, .root = fuzz::folder().path()}); });
  return 0;
}
