// NeuralSort along ascending rows, band by band.
//
// The gaps g[i] between the elements i − 1 and i, in units of the temperature, are all it depends on. At rank r the
// element r weighs most; relative to it, the logarithm of the weight of r + t is −Σ (2u − 1) g[r + u] over u ≤ t, and
// that of r − t is −Σ (2u − 1) g[r − u + 1]. A row of weights ends where they vanish. P is made of those rows, each
// divided by its sum.

#pragma once

#include <cstdint>

#include "pool.h"

namespace diffsort {

// All arrays hold `rows` rows of n elements, of float or of double. A row's first gap is none, and gets 0.
struct NeuralSortJob {
  bool is_transposed, is_cotangent, is_double;
  int64_t rows, n;
  const void* gaps;       // not negative, maybe infinite
  const void* u;          // for the transposed
  const void* cotangent;  // for the cotangent
  // Pᵀ u if transposed; else how far, at each rank r, the mean of the elements under row r of P is above element r, in
  // units of the temperature. Or the cotangent of the gaps, given that of these.
  void* out;
};

// Computes it with the best instruction set of the machine. Returns false where memory ran out.
bool neuralsort(const NeuralSortJob& job, Pool& pool);

// For each instruction set, in a namespace of its name.
namespace plain {
bool neuralsort(const NeuralSortJob& job, Pool& pool);
}
#ifdef DIFFSORT_X86
namespace avx2 {
bool neuralsort(const NeuralSortJob& job, Pool& pool);
}
namespace avx512 {
bool neuralsort(const NeuralSortJob& job, Pool& pool);
}
#endif

}  // namespace diffsort
