#include "c_api.h"

#include <pthread.h>

#include <atomic>

#include "isotonic.h"
#include "lapsum.h"
#include "neuralsort.h"
#include "permute.h"
#include "recurrence.h"
#include "select.h"
#include "soft_network.h"
#include "sort.h"

namespace {

constexpr int kMaxHelpers = 15;

// Threads of its own for every call: fewer where no more are to be had.
struct ThreadPool final : diffsort::Pool {
  explicit ThreadPool(int count) : count_(count) {}
  int threads() const override { return count_; }
  void run(int64_t tasks, int64_t grain, Body body, void* context) override {
    Work work{tasks, grain, body, context};
    pthread_t helpers[kMaxHelpers];
    int started = 0, wanted = count_ <= kMaxHelpers ? count_ - 1 : kMaxHelpers;
    while (started < wanted && pthread_create(&helpers[started], nullptr, Work::run, &work) == 0) ++started;
    Work::run(&work);
    while (started) pthread_join(helpers[--started], nullptr);
  }

 private:
  struct Work {
    int64_t tasks, grain;
    Body body;
    void* context;
    std::atomic<int64_t> next{0};

    static void* run(void* work) {
      auto& [tasks, grain, body, context, next] = *static_cast<Work*>(work);
      for (int64_t begin; (begin = next.fetch_add(grain)) < tasks;) {
        body(context, begin, begin + grain < tasks ? begin + grain : tasks);
      }
      return nullptr;
    }
  };

  int count_;
};

}  // namespace

int diffsort_sort(int type, int64_t outer, int64_t n, int64_t inner, const void* x, const uint8_t* where, void* values,
                  void* indices, int index_bytes, int descending, int ties_reversed, int threads) {
  ThreadPool pool(threads);
  return diffsort::sort({diffsort::ElementType(type), outer, n, inner, x, where, values, indices, index_bytes,
                         descending != 0, ties_reversed != 0},
                        pool) == diffsort::SortStatus::kSorted;
}

int diffsort_select(int type, int64_t outer, int64_t n, int64_t inner, const void* x, const uint8_t* where,
                    void* values, void* indices, int index_bytes, int descending, int ties_reversed, int64_t start,
                    int64_t stop, int threads) {
  ThreadPool pool(threads);
  return diffsort::select({{diffsort::ElementType(type), outer, n, inner, x, where, values, indices, index_bytes,
                            descending != 0, ties_reversed != 0},
                           start,
                           stop},
                          pool) == diffsort::SortStatus::kSorted;
}

void diffsort_permute(int64_t outer, int64_t n, int64_t inner, int element_bytes, int index_bytes, const void* x,
                      const void* indices, void* out, int inverse, int trusted, int threads) {
  ThreadPool pool(threads);
  diffsort::permute({outer, n, inner, element_bytes, index_bytes, x, indices, out, inverse != 0, trusted != 0}, pool);
}

int diffsort_soft_network(int kind, int sigmoid, int output, int is_double, int64_t rows, int64_t n, const void* x,
                          const void* steepness, const int32_t* count, const void* cotangent, const void* carried,
                          void* out, int threads) {
  ThreadPool pool(threads);
  return diffsort::soft_network(
      {diffsort::NetworkKind(kind), diffsort::Sigmoid(sigmoid), diffsort::NetworkOutput(output), is_double != 0, rows,
       n, x, steepness, count, cotangent, carried, out},
      pool);
}

int diffsort_blocks(int type, int64_t rows, int64_t n, const void* z, const void* w, uint8_t* first, int entropic,
                    int threads) {
  ThreadPool pool(threads);
  return diffsort::find_blocks({diffsort::ElementType(type), rows, n, z, w, first, entropic != 0}, pool) ==
         diffsort::BlocksStatus::kDone;
}

int diffsort_within_blocks(int type, int64_t rows, int64_t n, const void* x, const uint8_t* first, void* out, int what,
                           int threads) {
  ThreadPool pool(threads);
  return diffsort::within_blocks({diffsort::ElementType(type), rows, n, x, first, out, diffsort::WithinBlocks(what)},
                                 pool) == diffsort::BlocksStatus::kDone;
}

int diffsort_neuralsort(int transposed, int cotangents, int is_double, int64_t rows, int64_t n, const void* gaps,
                        const void* u, const void* cotangent, void* out, int threads) {
  ThreadPool pool(threads);
  return diffsort::neuralsort({transposed != 0, cotangents != 0, is_double != 0, rows, n, gaps, u, cotangent, out},
                              pool);
}

int diffsort_recurrence(int type, int64_t rows, int64_t n, const void* a, const void* b, void* out, int reverse,
                        int threads) {
  ThreadPool pool(threads);
  return diffsort::recurrence({diffsort::ElementType(type), rows, n, a, b, out, reverse != 0}, pool);
}

int diffsort_lapsum(int type, int64_t rows, int64_t n, const void* gaps, const int32_t* counts, int half,
                    const void* cotangent, void* out, int threads) {
  ThreadPool pool(threads);
  return diffsort::lapsum({diffsort::ElementType(type), rows, n, gaps, counts, half != 0, cotangent, out}, pool) ==
         diffsort::LapSumStatus::kDone;
}
