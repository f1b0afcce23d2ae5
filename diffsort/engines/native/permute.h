// The permutation: the linear map of a sort, and its transpose.

#pragma once

#include <cstdint>

#include "pool.h"

namespace diffsort {

// Moves elements along the middle axis of an array of shape (outer, n, inner), by a permutation or its inverse.
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

void permute(const PermuteJob& job, Pool& pool);

}  // namespace diffsort
