// A linear recurrence along rows: several at a time, since each element waits for the one before it.

#include "recurrence.h"

namespace diffsort {
namespace {

constexpr int64_t kTogether = 4;          // rows, whose chains of operations the processor overlaps
constexpr int64_t kTaskElements = 16384;  // for which another thread is worth waking
constexpr int64_t kParallelFrom = 32768;  // elements of a job for which several threads are

template <class Float, int64_t Rows>
void run_rows(const Float* a, const Float* b, Float* out, int64_t n, bool reverse) {
  Float last[Rows] = {};
  int64_t k = reverse ? n - 1 : 0, step = reverse ? -1 : 1;
  for (int64_t i = 0; i < n; ++i, k += step) {
    for (int64_t r = 0; r < Rows; ++r) {
      // The first has none before it, and what stands in its place may be infinite.
      last[r] = i ? a[r * n + k] * last[r] + b[r * n + k] : b[r * n + k];
      out[r * n + k] = last[r];
    }
  }
}

template <class Float>
void run(const RecurrenceJob& job, Pool& pool) {
  auto *a = static_cast<const Float*>(job.a), *b = static_cast<const Float*>(job.b);
  auto* out = static_cast<Float*>(job.out);
  int64_t n = job.n, tasks = (job.rows + kTogether - 1) / kTogether;
  int64_t grain = kTaskElements / (kTogether * n);
  pool.each(tasks, grain < 1 ? 1 : grain, [&](int64_t task) {
    int64_t row = task * kTogether, end = row + kTogether < job.rows ? row + kTogether : job.rows;
    if (end - row == kTogether) {
      run_rows<Float, kTogether>(a + row * n, b + row * n, out + row * n, n, job.reverse);
      return;
    }
    for (; row < end; ++row) run_rows<Float, 1>(a + row * n, b + row * n, out + row * n, n, job.reverse);
  });
}

}  // namespace

bool recurrence(const RecurrenceJob& job, Pool& pool) {
  int64_t elements = job.rows * job.n;
  if (elements == 0) return true;
  SerialPool serial;
  Pool& threads = elements < kParallelFrom ? static_cast<Pool&>(serial) : pool;
  if (job.type == ElementType::kF32) return run<float>(job, threads), true;
  if (job.type == ElementType::kF64) return run<double>(job, threads), true;
  return false;
}

}  // namespace diffsort
