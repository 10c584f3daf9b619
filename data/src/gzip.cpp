#include "gzip.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <downhill/tensor/check.h>

namespace downhill::data {
namespace {

constexpr std::size_t kMostAtOnce = std::size_t(1) << 30;
constexpr std::size_t kMostPerByte = 1032;  // deflate cannot compress better
constexpr int kGzipOnly = 16 + MAX_WBITS;

struct CloseFile {
  void operator()(std::FILE* f) const { std::fclose(f); }
};

}  // namespace

ByteSource::ByteSource(const char* op, const std::string& path) : op_(op), path_(path) {
  load();
  compressed_ = starts_member();
  if (compressed_ && inflateInit2(&stream_, kGzipOnly) != Z_OK)
    fail("{}: '{}': out of memory", op_, path_);
}

ByteSource::~ByteSource() {
  if (compressed_) inflateEnd(&stream_);
}

bool ByteSource::starts_member() const {
  return file_.size() - next_ >= 2 && file_[next_] == 0x1f && file_[next_ + 1] == 0x8b;
}

void ByteSource::load() {
  const std::unique_ptr<std::FILE, CloseFile> f(std::fopen(path_.c_str(), "rb"));
  if (!f) fail("{}: cannot open '{}': {}", op_, path_, std::strerror(errno));
  std::size_t n = 0, got = 0;
  do {
    file_.resize(std::max<std::size_t>(std::size_t(1) << 16, 2 * n));
    got = std::fread(file_.data() + n, 1, file_.size() - n, f.get());
    n += got;
  } while (got > 0);
  if (std::ferror(f.get())) fail("{}: cannot read '{}': {}", op_, path_, std::strerror(errno));
  file_.resize(n);
}

bool ByteSource::may_hold(std::size_t bytes) const {
  const std::size_t left = file_.size() - next_;
  return compressed_ ? bytes / kMostPerByte <= file_.size() : bytes <= left;
}

std::size_t ByteSource::read(void* to, std::size_t bytes) {
  if (!compressed_) return read_plain(to, bytes);
  std::size_t done = 0;
  while (done < bytes && !ended_) {
    const std::size_t wanted = std::min(bytes - done, kMostAtOnce);
    stream_.next_out = static_cast<unsigned char*>(to) + done;
    stream_.avail_out = static_cast<uInt>(wanted);
    inflate_some();
    done += wanted - stream_.avail_out;
  }
  return done;
}

std::size_t ByteSource::read_plain(void* to, std::size_t bytes) {
  const std::size_t n = std::min(bytes, file_.size() - next_);
  if (n > 0) std::memcpy(to, file_.data() + next_, n);
  next_ += n;
  return n;
}

void ByteSource::inflate_some() {
  const std::size_t given = std::min(file_.size() - next_, kMostAtOnce);
  stream_.next_in = file_.data() + next_;
  stream_.avail_in = static_cast<uInt>(given);
  const int status = inflate(&stream_, Z_NO_FLUSH);
  next_ += given - stream_.avail_in;
  if (status == Z_STREAM_END) return end_member();
  check(status != Z_BUF_ERROR, "{}: '{}' is truncated: its gzip data end early", op_, path_);
  check(status == Z_OK, "{}: '{}': its gzip data are damaged ({})", op_, path_,
        stream_.msg ? stream_.msg : "unknown error");
}

void ByteSource::end_member() {
  ended_ = !starts_member();
  check(!ended_ || next_ == file_.size(), "{}: '{}' has {} bytes after its gzip data", op_, path_,
        file_.size() - next_);
  if (!ended_) inflateReset(&stream_);
}

}  // namespace downhill::data
