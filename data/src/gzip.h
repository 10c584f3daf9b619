// The bytes of a file, decompressed where it is a gzip file.
#pragma once
#include <zlib.h>

#include <cstddef>
#include <string>
#include <vector>

namespace downhill::data {

/// Errors name `op` and the path.
class ByteSource {
 public:
  ByteSource(const char* op, const std::string& path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Up to `bytes` bytes; fewer only at the end. Throws Error for damaged gzip data.
  std::size_t read(void* to, std::size_t bytes);
  /// Whether this many bytes may follow: exact for a plain file, an upper bound for gzip.
  bool may_hold(std::size_t bytes) const;

 private:
  bool starts_member() const;
  void load();
  std::size_t read_plain(void* to, std::size_t bytes);
  void inflate_some();
  void end_member();

  const char* op_;
  const std::string path_;
  std::vector<unsigned char> file_;
  std::size_t next_ = 0;  // in file_
  bool compressed_ = false, ended_ = false;
  z_stream stream_ = {};
};

}  // namespace downhill::data
