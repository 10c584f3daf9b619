// idx() of valid gzip data, where mutated bytes seldom get past the checksum: two members that hold
// the input, cut where its first byte says.
#include <downhill/data/idx.h>

#include <algorithm>

#include "fuzz.h"
#include "gzip.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const std::string path = fuzz::folder() / "x";
  const std::string plain = fuzz::text(data + 1, size - 1);
  const std::size_t cut = std::min<std::size_t>(data[0], plain.size());
  write_file(path, fuzz::gzip(plain.substr(0, cut)) + fuzz::gzip(plain.substr(cut)));
  fuzz::returns_or_throws_error([&] { downhill::data::idx(path); });
  return 0;
}
