// Isotonic regression: a stack of the blocks so far, the last of which are pooled until they ascend.

#include "isotonic.h"

#include <cmath>

#include "memory.h"

namespace diffsort {
namespace {

constexpr int64_t kTaskElements = 4096;   // for which another thread is worth waking
constexpr int64_t kParallelFrom = 16384;  // elements of a job for which several threads are

// A block whose value is the mean of z − w.
struct Squared {
  double sum;
  int64_t begin;

  Squared(double z, double w, int64_t begin) : sum(z - w), begin(begin) {}
  void pool(const Squared& next) { sum += next.sum; }

  // Whether the value is not below that of the next block, which ends before `end`; never with a NaN.
  bool violates(const Squared& next, int64_t end) const {
    return sum * double(end - next.begin) >= next.sum * double(next.begin - begin);
  }
};

// The logarithm of a sum of exponentials, as the last of the exponents and a sum relative to it; none is greater.
struct LogSum {
  double last, sum = 1;

  void pool(const LogSum& next) {
    sum = next.sum + (last == next.last ? sum : sum * std::exp(last - next.last));
    last = next.last;
  }
};

// A block whose value is the logarithm of the sum of exp(z), less that of exp(w).
struct Entropic {
  LogSum z, w;
  double value;
  int64_t begin;

  Entropic(double z, double w, int64_t begin) : z{z}, w{w}, value(z - w), begin(begin) {}
  void pool(const Entropic& next) {
    z.pool(next.z);
    w.pool(next.w);
    value = (z.last - w.last) + std::log(z.sum / w.sum);
  }
  bool violates(const Entropic& next, int64_t) const { return value >= next.value; }
};

template <class Block, class Float>
void find_in_row(const Float* z, const Float* w, uint8_t* first, int64_t n, Block* stack) {
  int64_t size = 0;
  for (int64_t i = 0; i < n; ++i) {
    Block last(double(z[i]), double(w[i]), i);
    while (size && stack[size - 1].violates(last, i + 1)) {
      Block& before = stack[--size];
      before.pool(last);
      last = before;
    }
    stack[size++] = last;
    first[i] = 0;
  }
  for (int64_t i = 0; i < size; ++i) first[stack[i].begin] = 1;
}

template <class Block, class Float>
BlocksStatus find(const BlocksJob& job, Pool& pool) {
  auto *z = static_cast<const Float*>(job.z), *w = static_cast<const Float*>(job.w);
  int64_t n = job.n, grain = kTaskElements / n;
  bool is_out_of_memory = false;
  pool.each(job.rows, grain < 1 ? 1 : grain, [&](int64_t row) {
    Scratch stack(size_t(n) * sizeof(Block));
    if (!stack.data()) return __atomic_store_n(&is_out_of_memory, true, __ATOMIC_RELAXED);
    find_in_row(z + row * n, w + row * n, job.first + row * n, n, static_cast<Block*>(stack.data()));
  });
  return is_out_of_memory ? BlocksStatus::kOutOfMemory : BlocksStatus::kDone;
}

// Sums are of differences from a block's first element, so that a mean of equal ones is exactly that. Of an infinite
// first element there are none: then the mean is infinite, or all are equal and do not deviate.
template <WithinBlocks What, class Float>
void map_row(const Float* x, const uint8_t* first, Float* out, int64_t n) {
  for (int64_t begin = 0, end; begin < n; begin = end) {
    for (end = begin + 1; end < n && !first[end];) ++end;
    if constexpr (What == WithinBlocks::kLast) {
      for (int64_t i = begin; i < end; ++i) out[i] = x[end - 1];
      continue;
    }
    bool is_finite = std::isfinite(x[begin]);
    double origin = is_finite ? double(x[begin]) : 0, sum = 0;
    for (int64_t i = begin; i < end; ++i) sum += double(x[i]) - origin;
    double mean = sum / double(end - begin);
    for (int64_t i = begin; i < end; ++i) {
      if constexpr (What == WithinBlocks::kMean) {
        out[i] = Float(origin + mean);
      } else {
        out[i] = is_finite ? Float((double(x[i]) - origin) - mean) : Float(0);
      }
    }
  }
}

template <WithinBlocks What, class Float>
void map(const WithinBlocksJob& job, Pool& pool) {
  auto* x = static_cast<const Float*>(job.x);
  auto* out = static_cast<Float*>(job.out);
  int64_t n = job.n, grain = kTaskElements / n;
  pool.each(job.rows, grain < 1 ? 1 : grain,
            [&](int64_t row) { map_row<What>(x + row * n, job.first + row * n, out + row * n, n); });
}

template <class Float>
void map(const WithinBlocksJob& job, Pool& pool) {
  switch (job.what) {
    case WithinBlocks::kMean:
      return map<WithinBlocks::kMean, Float>(job, pool);
    case WithinBlocks::kDeviation:
      return map<WithinBlocks::kDeviation, Float>(job, pool);
    case WithinBlocks::kLast:
      return map<WithinBlocks::kLast, Float>(job, pool);
  }
}

}  // namespace

BlocksStatus find_blocks(const BlocksJob& job, Pool& pool) {
  if (job.rows * job.n == 0) return BlocksStatus::kDone;
  SerialPool serial;
  Pool& threads = job.rows * job.n < kParallelFrom ? static_cast<Pool&>(serial) : pool;
  if (job.type == ElementType::kF32) {
    return job.entropic ? find<Entropic, float>(job, threads) : find<Squared, float>(job, threads);
  }
  if (job.type == ElementType::kF64) {
    return job.entropic ? find<Entropic, double>(job, threads) : find<Squared, double>(job, threads);
  }
  return BlocksStatus::kUnsupportedType;
}

BlocksStatus within_blocks(const WithinBlocksJob& job, Pool& pool) {
  if (job.rows * job.n == 0) return BlocksStatus::kDone;
  SerialPool serial;
  Pool& threads = job.rows * job.n < kParallelFrom ? static_cast<Pool&>(serial) : pool;
  if (job.type == ElementType::kF32) return map<float>(job, threads), BlocksStatus::kDone;
  if (job.type == ElementType::kF64) return map<double>(job, threads), BlocksStatus::kDone;
  return BlocksStatus::kUnsupportedType;
}

}  // namespace diffsort
