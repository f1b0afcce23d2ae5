// Chooses, at run time, the selection for the machine's instruction set: the one that sorts take.

#include "select.h"

#include <cstring>

namespace diffsort {

SortStatus select(const SelectJob& job, Pool& pool) {
#ifdef DIFFSORT_X86
  static const bool is_avx512 = !std::strcmp(diffsort_target(), "avx512");
  static const bool is_avx2 = !std::strcmp(diffsort_target(), "avx2");
  if (is_avx512) return avx512::select(job, pool);
  if (is_avx2) return avx2::select(job, pool);
#endif
  return plain::select(job, pool);
}

}  // namespace diffsort
