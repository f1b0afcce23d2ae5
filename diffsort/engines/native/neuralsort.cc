// Chooses, at run time, NeuralSort for the machine's instruction set: the one that sorts take.

#include "neuralsort.h"

#include <cstring>

#include "sort.h"

namespace diffsort {

bool neuralsort(const NeuralSortJob& job, Pool& pool) {
#ifdef DIFFSORT_X86
  static const bool is_avx512 = !std::strcmp(diffsort_target(), "avx512");
  static const bool is_avx2 = !std::strcmp(diffsort_target(), "avx2");
  if (is_avx512) return avx512::neuralsort(job, pool);
  if (is_avx2) return avx2::neuralsort(job, pool);
#endif
  return plain::neuralsort(job, pool);
}

}  // namespace diffsort
