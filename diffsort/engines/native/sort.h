// The sort: its arguments and its outcome.
//
// Code for every instruction set includes this, pool.h and memory.h. What these define is always inlined or belongs to
// one instruction set, and all else they only declare: so no function that was compiled for one machine is linked into
// code for another.

#pragma once

#include <cstdint>

#include "pool.h"

namespace diffsort {

// The numbers are XLA's own.
enum class ElementType : int32_t {
  kPred = 1,
  kS8 = 2,
  kS16 = 3,
  kS32 = 4,
  kS64 = 5,
  kU8 = 6,
  kU16 = 7,
  kU32 = 8,
  kU64 = 9,
  kF16 = 10,
  kF32 = 11,
  kF64 = 12,
  kBF16 = 16,
};

// Sorts along the middle axis of an array of shape (outer, n, inner), n < 2^31.
struct SortJob {
  ElementType type;
  int64_t outer, n, inner;
  const void* x;
  const uint8_t* where;  // or null; 0 for elements that are to come last
  void* values;          // or null
  void* indices;         // or null
  int index_bytes;       // 4, or 2 where n ≤ 65536
  bool descending;
  bool ties_reversed;  // of equal elements the last comes first
};

enum class SortStatus { kSorted, kOutOfMemory, kUnsupportedType };

// Sorts with the best instruction set of the machine.
SortStatus sort(const SortJob& job, Pool& pool);

}  // namespace diffsort

// The name of that instruction set.
extern "C" __attribute__((visibility("default"))) const char* diffsort_target();
