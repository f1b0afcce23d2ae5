// The inverse of a sum of Laplace distributions around the elements of sorted rows.

#pragma once

#include <cstdint>

#include "pool.h"
#include "sort.h"

namespace diffsort {

// With F(y) the sum over a row's elements s of the distribution function of a Laplace distribution of scale 1 around
// them, y[k] is where F is k + 1/2, or k. What is given is the row's gaps, gaps[k] = s[k] - s[k - 1], and what is
// found is offsets[k] = y[k] - s[k]; where F is k in a gap that is too wide to matter, minus half of it.
struct LapSumJob {
  ElementType type;  // kF32 or kF64
  int64_t rows, n;
  const void* gaps;       // the first of a row does not count
  const int32_t* counts;  // how many elements of a row there are
  bool half;
  const void* cotangent;  // of the offsets; null for the offsets themselves
  void* out;              // the offsets, or the cotangent of the gaps; 0 behind the last element
};

enum class LapSumStatus { kDone, kOutOfMemory, kUnsupportedType };

LapSumStatus lapsum(const LapSumJob& job, Pool& pool);

}  // namespace diffsort
