// load() of any bytes; what it reads, save() writes and load() reads again.
#include <downhill/tensor/serialize.h>

#include "fuzz.h"

using namespace downhill;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = fuzz::folder() / "x", copy = fuzz::folder() / "y";
  write_file(path, fuzz::text(data, size));
  fuzz::returns_or_throws_error([&] {
    const StateDict first = load(path);
    save(first, copy);
    const StateDict second = load(copy);
    if (first.size() != second.size()) std::abort();
    for (const auto& [name, x] : first)
      if (second.at(name).sizes() != x.sizes() || second.at(name).dtype() != x.dtype())
        std::abort();
  });
  return 0;
}
