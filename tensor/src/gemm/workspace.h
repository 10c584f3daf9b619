// A buffer that only grows, one a thread and purpose: no malloc in the steady state.
#pragma once
#include <cstddef>
#include <new>

namespace downhill::detail {

class Workspace {
 public:
  Workspace() = default;
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() { ::operator delete(data_, alignment); }

  /// At least `count` values of T, 64-byte aligned and uninitialised; valid until the next call.
  template <class T> T* get(std::size_t count) {
    if (count * sizeof(T) > size_) grow(count * sizeof(T));
    return static_cast<T*>(data_);
  }

 private:
  static constexpr std::align_val_t alignment{64};

  void grow(std::size_t bytes) {
    void* fresh = ::operator new(bytes, alignment);
    ::operator delete(data_, alignment);
    data_ = fresh;
    size_ = bytes;
  }

  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace downhill::detail
