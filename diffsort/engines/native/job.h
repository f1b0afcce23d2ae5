// What is to be sorted, and who helps: the one interface between the kernel and its callers.
//
// Code for every instruction set includes this: functions are declared here, or always inlined, so that none
// is compiled for one machine and linked into the path of another.

#pragma once

#include <cstddef>
#include <cstdint>

namespace diffsort {

enum class Type : int32_t { kF32, kBF16, kF16, kF64, kS8, kS16, kS32, kS64, kU8, kU16, kU32, kU64 };

// Sorts along the middle axis of an array of shape (outer, n, inner), n < 2^31.
struct SortJob {
  Type type;
  int64_t outer, n, inner;
  const void* x;
  const uint8_t* where;  // 0 for elements that come last; or null
  void* values;          // or null
  void* indices;         // or null
  int index_bytes;       // 4, or 2 where n ≤ 65536
  bool descending;
  bool ties_reversed;    // of equal elements the last comes first
};

// Moves elements along the middle axis by a permutation, or by its inverse.
struct PermuteJob {
  int64_t outer, n, inner;
  int element_bytes;  // 1, 2, 4, 8 or 16
  int index_bytes;    // 4 or 2
  const void* x;
  const void* indices;
  void* out;
  bool inverse;  // out[indices[i]] = x[i], else out[i] = x[indices[i]]
  bool trusted;  // the indices are known to be a permutation
};

// Threads that share out tasks.
struct Pool {
  using Body = void (*)(void* context, int64_t begin, int64_t end);

  virtual int threads() const = 0;
  // Calls body on ranges that make up [0, tasks), at least `grain` tasks a range; returns when all are done.
  virtual void run(int64_t tasks, int64_t grain, Body body, void* context) = 0;

  template <class F>
  void each(int64_t tasks, int64_t grain, F f) {
    run(
        tasks, grain,
        [](void* context, int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) (*static_cast<F*>(context))(i);
        },
        &f);
  }

 protected:
  ~Pool() = default;
};

// No other thread.
struct Alone final : Pool {
  int threads() const override;
  void run(int64_t tasks, int64_t grain, Body body, void* context) override;
};

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

// Returns false where memory ran out.
bool sort(const SortJob& job, Pool& pool);

void permute(const PermuteJob& job, Pool& pool);

}  // namespace diffsort
