// What the fuzz targets share: bytes become a file; a reader returns or throws an Error that names
// the file. Anything else that it throws, memory beyond the limit and time beyond it are findings.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <downhill/tensor/error.h>
#include "../data/files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

inline const TemporaryFolder& folder() {
  static const TemporaryFolder f;
  return f;
}

inline std::string text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Calls `read`; an Error has to name something in the folder.
template <class F> void returns_or_throws_error(F&& read) {
  try {
    read();
  } catch (const downhill::Error& e) {
    if (std::string(e.what()).find(folder().path()) != std::string::npos) return;
    std::fprintf(stderr, "an error that names no file: %s\n", e.what());
    std::abort();
  }
}

}  // namespace fuzz
