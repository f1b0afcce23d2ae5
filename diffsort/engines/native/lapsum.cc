// The inverse of a sum of Laplace distributions: elements and results are walked along together, in linear time.

#include "lapsum.h"

#include <atomic>
#include <cmath>

#include "memory.h"

namespace diffsort {
namespace {

// Beyond this, what is on one side of a gap has no weight on the other, in any type.
constexpr double kFar = 700;

// Memory for one row, in double precision whatever its type.
struct Row {
  double* position;  // of the elements, from the first of their cluster
  double* below;     // weight of the elements below and of the element itself, as seen from there
  double* above;
  double* into;  // what reaches the elements from results on either side, for the cotangent
};

// Where F is `target`, between elements: the one below weighs `below`, the one above `above`.
struct Place {
  double from_below, from_above;  // the distances to the two
};

Place solve(double excess, double below, double above, double gap) {
  double root = std::sqrt(excess * excess + below * above * std::exp(-gap));
  if (excess >= 0) {
    double distance = std::log(above) - std::log(excess + root);
    return {gap - distance, distance};
  }
  double distance = std::log(below) - std::log(root - excess);
  return {distance, gap - distance};
}

template <class Float>
struct Solver {
  const LapSumJob& job;

  LapSumStatus run(Pool& pool) const {
    std::atomic<bool> is_done{true};
    int64_t grain = 4096 / (job.n ? job.n : 1);
    pool.each(job.rows, grain < 1 ? 1 : grain, [&](int64_t row) {
      if (!run_row(row)) is_done = false;
    });
    return is_done ? LapSumStatus::kDone : LapSumStatus::kOutOfMemory;
  }

  bool run_row(int64_t row) const {
    int64_t n = job.n;
    Workspace memory(4 * Workspace::bytes_for<double>(n + 1));
    if (!memory.data()) return false;
    Row scratch{memory.allocate<double>(n + 1), memory.allocate<double>(n + 1), memory.allocate<double>(n + 1),
                memory.allocate<double>(n + 1)};
    auto* gaps = static_cast<const Float*>(job.gaps) + row * n;
    auto* cotangent = job.cotangent ? static_cast<const Float*>(job.cotangent) + row * n : nullptr;
    auto* out = static_cast<Float*>(job.out) + row * n;
    int64_t count = job.counts[row] < n ? job.counts[row] : n;
    for (int64_t k = count < 0 ? 0 : count; k < n; ++k) out[k] = 0;
    for (int64_t begin = 0; begin < count;) {
      int64_t end = begin + 1;
      while (end < count && double(gaps[end]) < kFar) ++end;
      run_cluster(gaps, cotangent, out, begin, end, scratch);
      begin = end;
    }
    return true;
  }

  // Elements that are near each other; what is below them counts in full.
  void run_cluster(const Float* gaps, const Float* cotangent, Float* out, int64_t begin, int64_t end,
                   const Row& row) const {
    auto [position, below, above, into] = row;
    position[begin] = 0;
    below[begin] = 1;
    for (int64_t i = begin + 1; i < end; ++i) {
      position[i] = position[i - 1] + double(gaps[i]);
      below[i] = 1 + std::exp(-double(gaps[i])) * below[i - 1];
    }
    above[end - 1] = 1;
    for (int64_t i = end - 1; i > begin; --i) above[i - 1] = 1 + std::exp(-double(gaps[i])) * above[i];
    if (cotangent) {
      for (int64_t i = begin; i < end; ++i) into[i] = out[i] = 0;
    }
    int64_t passed = begin;  // how many elements are not above the result
    for (int64_t k = begin; k < end; ++k) {
      double target = double(k) + (job.half ? 0.5 : 0);
      if (!job.half && k == begin) {
        if (!cotangent) out[k] = Float(-0.5 * std::fmin(double(gaps[k]), 1e30));
        continue;
      }
      while (passed < end && double(passed) + (1 + above[passed] - below[passed]) / 2 <= target) ++passed;
      Place place = between(target, passed, begin, end, gaps, row);
      if (cotangent) {
        spread(double(cotangent[k]), place, passed, begin, end, row, out);
      } else if (passed < end) {
        out[k] = Float(position[passed] - place.from_above - position[k]);
      } else {
        out[k] = Float(position[end - 1] + place.from_below - position[k]);
      }
    }
    if (cotangent) gather(gaps, cotangent, out, begin, end, row);
  }

  Place between(double target, int64_t passed, int64_t begin, int64_t end, const Float* gaps, const Row& row) const {
    double excess = target - double(passed);
    if (passed == begin) return {kFar, std::log(row.above[begin]) - std::log(2 * excess)};
    if (passed == end) return {std::log(row.below[end - 1]) - std::log(-2 * excess), kFar};
    return solve(excess, row.below[passed - 1], row.above[passed], double(gaps[passed]));
  }

  // A result's derivative is a mean of the elements', each of which weighs less the farther it is: what comes to the
  // two nearest goes on from these, upwards in `into`, downwards in `out`.
  void spread(double cotangent, const Place& place, int64_t passed, int64_t begin, int64_t end, const Row& row,
              Float* out) const {
    double up = passed < end ? std::exp(-place.from_above) : 0;
    double down = passed > begin ? std::exp(-place.from_below) : 0;
    double total = (passed < end ? up * row.above[passed] : 0) + (passed > begin ? down * row.below[passed - 1] : 0);
    if (passed < end) row.into[passed] += cotangent / total * up;
    if (passed > begin) out[passed - 1] = Float(double(out[passed - 1]) + cotangent / total * down);
  }

  // From the cotangents of the elements to those of the gaps.
  void gather(const Float* gaps, const Float* cotangent, Float* out, int64_t begin, int64_t end, const Row& row) const {
    double* into = row.into;
    for (int64_t i = begin + 1; i < end; ++i) into[i] += std::exp(-double(gaps[i])) * into[i - 1];
    double downwards = 0, total = 0;
    for (int64_t i = end - 1; i >= begin; --i) {
      downwards += double(out[i]);
      // Offsets are from the elements of the same number; F is k for none of the first.
      bool is_result = job.half || i > begin;
      total += into[i] + downwards - (is_result ? double(cotangent[i]) : 0);
      out[i] = i > begin ? Float(total) : Float(0);
      if (i > begin) downwards *= std::exp(-double(gaps[i]));
    }
  }
};

}  // namespace

LapSumStatus lapsum(const LapSumJob& job, Pool& pool) {
  if (job.rows * job.n == 0) return LapSumStatus::kDone;
  SerialPool serial;
  Pool& threads = job.rows * job.n < 8192 ? static_cast<Pool&>(serial) : pool;
  if (job.type == ElementType::kF32) return Solver<float>{job}.run(threads);
  if (job.type == ElementType::kF64) return Solver<double>{job}.run(threads);
  return LapSumStatus::kUnsupportedType;
}

}  // namespace diffsort
