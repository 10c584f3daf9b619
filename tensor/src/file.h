// Files as a whole: read with the reason where that fails, replaced at once or not at all.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace downhill::detail {

/// A regular file opened for reading. Errors begin with `op` and name the path.
class InputFile {
 public:
  InputFile(const char* op, const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::uint64_t size() const { return size_; }
  void read(void* to, std::size_t bytes, std::uint64_t offset) const;

 private:
  const char* op_;
  std::string path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

/// A part of what is to be written.
struct Bytes {
  const void* data;
  std::size_t size;
};
/// Writes a temporary file beside `path`, syncs it, and renames it to `path`.
void replace_file(const char* op, const std::string& path, const std::vector<Bytes>& parts);

}  // namespace downhill::detail
