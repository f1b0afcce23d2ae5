// NeuralSort for one instruction set: compiled once for each, DIFFSORT_TARGET being its name.
//
// As many neighbouring ranks as there are lanes go outward from their elements together: at each step they meet
// neighbouring gaps and elements. Derivatives come back inward, over the weights that were kept.

#include "exp.h"
#include "memory.h"
#include "neuralsort.h"

namespace diffsort::DIFFSORT_TARGET {
namespace {

constexpr int64_t kParallelFrom = 1024;  // elements of a job for which several threads are

template <class T, bool IsTransposed, bool IsCotangent>
class Bands {
 public:
  Bands(const NeuralSortJob& job, Pool& pool) : job_(job), pool_(pool), stride_(job.n + 2 * kPadding) {
    int64_t groups = (job.n + L - 1) / L;
    int64_t wanted = kAdds ? (pool.threads() + job.rows - 1) / job.rows : (groups + kTaskGroups - 1) / kTaskGroups;
    parts_ = wanted < groups ? wanted : groups;
  }

  bool run() {
    int64_t size = job_.rows * stride_, sums = kAdds ? size * parts_ : 0;
    Workspace memory((kReads + 1) * Workspace::bytes_for<T>(size) + Workspace::bytes_for<T>(sums));
    if (!memory.data()) return false;
    gaps_ = padded(job_.gaps, memory.allocate<T>(size), true);
    if (kReads > 0) first_ = padded(IsTransposed ? job_.u : job_.cotangent, memory.allocate<T>(size), false);
    if (kReads > 1) second_ = padded(job_.cotangent, memory.allocate<T>(size), false);
    if (kAdds) sums_ = memory.allocate<T>(sums);
    pool_.each(job_.rows * parts_, 1, [&](int64_t task) { run_part(task / parts_, task % parts_); });
    if (is_out_of_memory_) return false;
    if (kAdds) pool_.each(job_.rows, 1 + kTaskElements / job_.n, [&](int64_t row) { add_up(row); });
    return true;
  }

 private:
  static constexpr bool kAdds = IsTransposed || IsCotangent;  // to the results of other ranks
  static constexpr int kReads = int(IsTransposed) + int(IsCotangent);
  static constexpr int L = 8 * kLanes / int(sizeof(T));
  static constexpr int kUnrolled = 4;                       // steps, after which it is seen whether all weights vanish
  static constexpr int64_t kPadding = L + 2 * kUnrolled;    // how far lanes go beyond the ends of a row
  static constexpr int64_t kTaskGroups = 8;                 // for which another thread is worth waking
  static constexpr int64_t kTaskElements = 16384;           // likewise, of sums
  static constexpr T kFar = -ExpConstants<T>::kLowest + 1;  // a gap over which no weight is left

  using V = Vector<T, L>;

  // What a step outward leaves.
  struct Step {
    V weight;
    V distance;  // from the element at the rank, in gaps
  };

  // The ranks from `rank` on, a lane each, and their sums so far.
  struct Group {
    const T* gaps;  // of the first rank, in its row
    const T* read;  // the elements of `second_`, likewise
    V total, mean;
  };

  void run_part(int64_t row, int64_t part) {
    int64_t groups = (job_.n + L - 1) / L;
    int64_t begin = groups * part / parts_ * L, end = groups * (part + 1) / parts_ * L;
    int64_t most = job_.n + kPadding;  // steps in one direction
    Scratch memory(kAdds ? size_t(2 * most) * sizeof(Step) : 64);
    if (!memory.data()) return __atomic_store_n(&is_out_of_memory_, true, __ATOMIC_RELAXED);
    Step* up = static_cast<Step*>(memory.data());
    Step* down = up + most;
    int64_t origin = row * stride_ + kPadding;
    T* sums = nullptr;
    if (kAdds) {
      sums = sums_ + (row * parts_ + part) * stride_;
      for (int64_t i = 0; i < stride_; ++i) sums[i] = 0;
      sums += kPadding;
    }
    for (int64_t rank = begin; rank < end; rank += L) {
      Group group{gaps_ + origin + rank, nullptr, splat<V>(1), V{}};
      if constexpr (kReads > 1) {
        group.read = second_ + origin + rank;
        group.mean = load<V>(group.read);
      }
      int64_t above = outward<1>(group, up), below = outward<-1>(group, down);
      group.mean /= group.total;
      if constexpr (!kAdds) {
        T* out = static_cast<T*>(job_.out) + row * job_.n + rank;
        for (int64_t j = 0; j < L && rank + j < job_.n; ++j) out[j] = group.mean[j];
      } else {
        V scale = load<V>(first_ + origin + rank) / group.total;
        if constexpr (!IsCotangent) add(sums + rank, scale);
        inward<1>(group, scale, up, above, sums + rank);
        inward<-1>(group, scale, down, below, sums + rank);
      }
    }
  }

  // Sums up the weights of the elements above or below, and what has the mean. Returns the number of steps.
  template <int Direction>
  static int64_t outward(Group& group, Step* steps) {
    V logarithm{}, distance{}, total = group.total, mean = group.mean;
    const T* gaps = group.gaps + (Direction > 0 ? 1 : 0);
    T odd = 1;
    int64_t t = 0;
    do {
#pragma GCC unroll 4
      for (int i = 0; i < kUnrolled; ++i, ++t, odd += 2) {
        V gap = load<V>(gaps + Direction * t);
        logarithm -= gap * odd;
        distance += gap;
        V weight = exp_of(logarithm);
        total += weight;
        if constexpr (kReads > 1) {
          mean += weight * load<V>(group.read + Direction * (t + 1));
        } else {
          mean += weight * (Direction > 0 ? distance : -distance);
        }
        if constexpr (kAdds) steps[t] = {weight, distance};
      }
    } while (any(logarithm > ExpConstants<T>::kLowest));
    group.total = total;
    group.mean = mean;
    return t;
  }

  // Adds to the elements above or below what they get, or to the gaps up to them.
  template <int Direction>
  static void inward(const Group& group, V scale, const Step* steps, int64_t count, T* sums) {
    V tail{}, weights{};
    for (int64_t t = count; t >= 1; --t) {
      V weight = scale * steps[t - 1].weight;
      if constexpr (!IsCotangent) {
        add(sums + Direction * t, weight);
        continue;
      }
      T odd = T(2 * t - 1);
      T* gap = sums + (Direction > 0 ? t : 1 - t);
      if constexpr (IsTransposed) {
        tail += weight * (load<V>(group.read + Direction * t) - group.mean);
        add(gap, tail * -odd);
      } else {
        V distance = steps[t - 1].distance;
        tail += weight * ((Direction > 0 ? distance : -distance) - group.mean);
        weights += weight;
        add(gap, (Direction > 0 ? weights : -weights) - tail * odd);
      }
    }
  }

  static DIFFSORT_INLINE void add(T* to, V v) { store(to, load<V>(to) + v); }

  void add_up(int64_t row) const {
    T* out = static_cast<T*>(job_.out) + row * job_.n;
    const T* sums = sums_ + row * parts_ * stride_ + kPadding;
    for (int64_t i = 0; i < job_.n; ++i) out[i] = sums[i];
    for (int64_t part = 1; part < parts_; ++part) {
      sums += stride_;
      for (int64_t i = 0; i < job_.n; ++i) out[i] += sums[i];
    }
    if (IsCotangent) out[0] = 0;
  }

  // Copies rows to where lanes may go beyond their ends, to gaps that are far, or to zeros.
  const T* padded(const void* from, T* to, bool are_gaps) const {
    const T* x = static_cast<const T*>(from);
    T* out = to;
    for (int64_t row = 0; row < job_.rows; ++row, x += job_.n, out += stride_) {
      for (int64_t i = 0; i < stride_; ++i) out[i] = are_gaps ? kFar : T(0);
      for (int64_t i = are_gaps; i < job_.n; ++i) out[kPadding + i] = are_gaps && !(x[i] < kFar) ? kFar : x[i];
    }
    return to;
  }

  const NeuralSortJob& job_;
  Pool& pool_;
  int64_t stride_, parts_;
  const T *gaps_ = nullptr, *first_ = nullptr, *second_ = nullptr;
  T* sums_ = nullptr;
  bool is_out_of_memory_ = false;
};

template <class T>
bool run(const NeuralSortJob& job, Pool& pool) {
  if (job.is_transposed) {
    return job.is_cotangent ? Bands<T, true, true>(job, pool).run() : Bands<T, true, false>(job, pool).run();
  }
  return job.is_cotangent ? Bands<T, false, true>(job, pool).run() : Bands<T, false, false>(job, pool).run();
}

}  // namespace

bool neuralsort(const NeuralSortJob& job, Pool& pool) {
  if (job.rows * job.n == 0) return true;
  SerialPool serial;
  Pool& threads = job.rows * job.n < kParallelFrom ? static_cast<Pool&>(serial) : pool;
  return job.is_double ? run<double>(job, threads) : run<float>(job, threads);
}

}  // namespace diffsort::DIFFSORT_TARGET
