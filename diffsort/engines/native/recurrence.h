// A linear recurrence along rows: f[k] = a[k] f[k - 1] + b[k], or from the end, f[k] = a[k] f[k + 1] + b[k].

#pragma once

#include <cstdint>

#include "pool.h"
#include "sort.h"

namespace diffsort {

struct RecurrenceJob {
  ElementType type;  // kF32 or kF64
  int64_t rows, n;
  const void *a, *b;
  void* out;
  bool reverse;
};

// Returns false where the type is none.
bool recurrence(const RecurrenceJob& job, Pool& pool);

}  // namespace diffsort
