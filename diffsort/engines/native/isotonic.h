// Isotonic regression along rows, by its blocks: the runs of elements that get one value.
//
// Of z and w, both ascending, it finds the ascending v nearest to z − w: on each block v is the mean of z over the
// block less that of w, or, for the entropy, the logarithm of the sum of exp(z) less that of exp(w).

#pragma once

#include <cstdint>

#include "pool.h"
#include "sort.h"

namespace diffsort {

struct BlocksJob {
  ElementType type;  // kF32 or kF64
  int64_t rows, n;
  const void *z, *w;  // an element with a NaN is a block by itself
  uint8_t* first;     // 1 where a block begins, else 0
  bool entropic;
};

enum class WithinBlocks : int64_t { kMean, kDeviation, kLast };

struct WithinBlocksJob {
  ElementType type;  // kF32 or kF64
  int64_t rows, n;
  const void* x;
  const uint8_t* first;
  void* out;
  WithinBlocks what;  // the mean of each element's block; the element less it; the block's last element
};

enum class BlocksStatus { kDone, kOutOfMemory, kUnsupportedType };

// Pools adjacent violators, in linear time, in double.
BlocksStatus find_blocks(const BlocksJob& job, Pool& pool);

BlocksStatus within_blocks(const WithinBlocksJob& job, Pool& pool);

}  // namespace diffsort
