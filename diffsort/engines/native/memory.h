// Memory that outlives a call: fresh pages cost as much as the sort that uses them.
//
// All of it is aligned to a cache line; `data` is null where none was left.

#pragma once

#include <cstddef>
#include <cstdint>

namespace diffsort {

struct Block {
  size_t bytes;
  void* data;
};

// Asks that what is large of some memory come in huge pages, where it has not been touched yet. Small ones cost more to
// get than a sort takes to fill them, and to reach places far apart takes more of them than a processor can list.
void ask_for_huge_pages(void* data, size_t bytes);

// Memory that calls pass on to each other. Arrays are allocated in it one after the other.
class Workspace {
 public:
  explicit Workspace(size_t bytes);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  void* data() const { return block_.data; }

  // The bytes that an array takes up here: each begins on a cache line.
  template <class T>
  static inline __attribute__((always_inline)) size_t bytes_for(int64_t count) {
    return (size_t(count) * sizeof(T) + 63) / 64 * 64;
  }
  template <class T>
  inline __attribute__((always_inline)) T* allocate(int64_t count) {
    char* begin = static_cast<char*>(block_.data) + allocated_;
    allocated_ += bytes_for<T>(count);
    return reinterpret_cast<T*>(begin);
  }

 private:
  Block block_;
  size_t allocated_ = 0;
};

// Memory of the calling thread, one at a time; where it is too much for each thread to keep, a workspace.
class Scratch {
 public:
  explicit Scratch(size_t bytes);
  inline __attribute__((always_inline)) ~Scratch() {
    if (block_.bytes) give_back();
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* data() const { return block_.data; }

 private:
  void give_back();

  Block block_;  // of no bytes where it is the thread's
};

}  // namespace diffsort
