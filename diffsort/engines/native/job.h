// What is to be sorted or moved: the one interface between the kernel and its callers.
//
// Code for every instruction set includes this, pool.h and memory.h: functions are declared there, or always
// inlined, so that none is compiled for one machine and linked into the path of another.

#pragma once

#include <cstdint>

#include "pool.h"

namespace diffsort {

enum class Type : int32_t { kF32, kBF16, kF16, kF64, kS8, kS16, kS32, kS64, kU8, kU16, kU32, kU64 };

// Sorts along the middle axis of an array of shape (outer, n, inner), n < 2^31.
struct SortJob {
  Type type;
  int64_t outer, n, inner;
  const void* x;
  const uint8_t* where;  // 0 for elements that come last; or null
  void* values;          // or null
  void* indices;         // or null
  int index_bytes;       // 4, or 2 where n ≤ 65536
  bool descending;
  bool ties_reversed;  // of equal elements the last comes first
};

// Moves elements along the middle axis by a permutation, or by its inverse.
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

// Returns false where memory ran out.
bool sort(const SortJob& job, Pool& pool);

void permute(const PermuteJob& job, Pool& pool);

}  // namespace diffsort
