// Scratch memory that outlives a call: fresh pages cost as much as the sort that uses them.

#pragma once

#include <cstddef>
#include <cstdint>

namespace diffsort {

// Memory of the calling thread, aligned to 64 bytes, kept for its next call; null if there is none left.
void* thread_scratch(size_t bytes);

// Memory that calls hand on to each other, aligned to 64 bytes; null if there is none left.
class Workspace {
 public:
  explicit Workspace(size_t bytes);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  void* data() const { return data_; }

  // The bytes an array takes up here, and the next array: each begins on a cache line.
  template <class T>
  static inline __attribute__((always_inline)) size_t bytes_for(int64_t count) {
    return (size_t(count) * sizeof(T) + 63) / 64 * 64;
  }
  template <class T>
  inline __attribute__((always_inline)) T* take(int64_t count) {
    char* begin = static_cast<char*>(data_) + taken_;
    taken_ += bytes_for<T>(count);
    return reinterpret_cast<T*>(begin);
  }

 private:
  size_t bytes_, taken_ = 0;
  void* data_;
};

}  // namespace diffsort
