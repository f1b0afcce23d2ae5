// Chooses, at run time, the relaxed networks for the machine's instruction set: the one that sorts take.

#include "soft_network.h"

#include <cstring>

#include "sort.h"

namespace diffsort {

bool soft_network(const SoftNetworkJob& job, Pool& pool) {
#ifdef DIFFSORT_X86
  static const bool is_avx512 = !std::strcmp(diffsort_target(), "avx512");
  static const bool is_avx2 = !std::strcmp(diffsort_target(), "avx2");
  if (is_avx512) return avx512::soft_network(job, pool);
  if (is_avx2) return avx2::soft_network(job, pool);
#endif
  return plain::soft_network(job, pool);
}

}  // namespace diffsort
