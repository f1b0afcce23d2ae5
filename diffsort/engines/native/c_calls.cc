// The kernel without XLA: plain C entry points, for tests of the kernel by itself.

#include <pthread.h>

#include <atomic>

#include "job.h"

namespace {

constexpr int kMostHelpers = 15;

// Threads of its own for every call: fewer where there are no more to be had.
struct Threads final : diffsort::Pool {
  int count;

  explicit Threads(int count) : count(count) {}
  int threads() const override { return count; }
  void run(int64_t tasks, int64_t grain, Body body, void* context) override {
    Work work{tasks, grain, body, context};
    pthread_t helpers[kMostHelpers];
    int started = 0, wanted = count <= kMostHelpers ? count - 1 : kMostHelpers;
    while (started < wanted && pthread_create(&helpers[started], nullptr, Work::take, &work) == 0) ++started;
    Work::take(&work);
    while (started) pthread_join(helpers[--started], nullptr);
  }

 private:
  struct Work {
    int64_t tasks, grain;
    Body body;
    void* context;
    std::atomic<int64_t> next{0};

    static void* take(void* work) {
      auto& [tasks, grain, body, context, next] = *static_cast<Work*>(work);
      for (int64_t begin; (begin = next.fetch_add(grain)) < tasks;) {
        body(context, begin, begin + grain < tasks ? begin + grain : tasks);
      }
      return nullptr;
    }
  };
};

}  // namespace

#pragma GCC visibility push(default)

extern "C" int diffsort_sort(int type, int64_t outer, int64_t n, int64_t inner, const void* x, const uint8_t* where,
                             void* values, void* indices, int index_bytes, int descending, int ties_reversed,
                             int threads) {
  Threads pool(threads);
  return diffsort::sort({diffsort::Type(type), outer, n, inner, x, where, values, indices, index_bytes, descending != 0,
                         ties_reversed != 0},
                        pool);
}

extern "C" void diffsort_permute(int64_t outer, int64_t n, int64_t inner, int element_bytes, int index_bytes,
                                 const void* x, const void* indices, void* out, int inverse, int trusted, int threads) {
  Threads pool(threads);
  diffsort::permute({outer, n, inner, element_bytes, index_bytes, x, indices, out, inverse != 0, trusted != 0}, pool);
}

#pragma GCC visibility pop
