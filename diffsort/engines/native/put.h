// The transpose of a selection: selected elements back in their places, and zeros in all others.

#pragma once

#include <cstdint>

#include "pool.h"

namespace diffsort {

// out[indices[i]] = values[i] along the middle axis of arrays of shapes (outer, n, inner) and (outer, count, inner).
struct PutJob {
  int64_t outer, n, inner, count;
  int element_bytes;  // 1, 2, 4, 8 or 16
  const void* values;
  const int32_t* indices;  // none twice; those out of range count as the last
  void* out;
};

void put(const PutJob& job, Pool& pool);

}  // namespace diffsort
