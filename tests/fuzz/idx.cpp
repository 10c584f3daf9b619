// idx() of any bytes, which are gzip data where they begin as those do.
#include <downhill/data/idx.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = fuzz::folder() / "x";
  write_file(path, fuzz::text(data, size));
  fuzz::returns_or_throws_error([&] { downhill::data::idx(path); });
  return 0;
}
