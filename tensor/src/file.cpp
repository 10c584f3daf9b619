#include "file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <downhill/tensor/check.h>

namespace downhill::detail {
namespace {

[[noreturn]] void fail_errno(const char* op, const char* what, const std::string& path) {
  fail("{}: cannot {} '{}': {}", op, what, path, std::strerror(errno));
}

int write_all(int descriptor, Bytes part) {
  const char* p = static_cast<const char*>(part.data);
  while (part.size > 0) {
    const ssize_t n = ::write(descriptor, p, part.size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : EIO;
    p += n;
    part.size -= static_cast<std::size_t>(n);
  }
  return 0;
}

void sync_folder(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

/// 0, or the errno of what failed.
int write_file(int descriptor, const std::vector<Bytes>& parts) {
  for (const Bytes& p : parts)
    if (const int error = write_all(descriptor, p)) return error;
  return ::fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno;
}

std::string temporary_name(const std::string& path) {
  static std::atomic<unsigned> count{0};
  return fmt::format("{}.{}-{}.tmp", path, ::getpid(), count++);
}

}  // namespace

InputFile::InputFile(const char* op, const std::string& path)
    : op_(op), path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  if (descriptor_ < 0) fail_errno(op, "open", path);
  struct stat info;
  if (::fstat(descriptor_, &info) == 0 && S_ISREG(info.st_mode)) {
    size_ = static_cast<std::uint64_t>(info.st_size);
    return;
  }
  ::close(descriptor_);
  fail("{}: '{}' is not a file", op, path);
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(void* to, std::size_t bytes, std::uint64_t offset) const {
  char* p = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t n = ::pread(descriptor_, p, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(op_, "read", path_);
    if (n == 0) fail("{}: '{}' became shorter while it was read", op_, path_);
    p += n;
    offset += static_cast<std::uint64_t>(n);
    bytes -= static_cast<std::size_t>(n);
  }
}

void replace_file(const char* op, const std::string& path, const std::vector<Bytes>& parts) {
  const std::string temporary = temporary_name(path);
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0) fail_errno(op, "write", path);
  int error = write_file(descriptor, parts);
  if (::close(descriptor) != 0 && error == 0) error = errno;
  if (error == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0) return sync_folder(path);
  ::unlink(temporary.c_str());
  errno = error;
  fail_errno(op, "write", path);
}

}  // namespace downhill::detail
