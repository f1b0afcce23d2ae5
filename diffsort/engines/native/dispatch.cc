// Chooses, at run time, the sort for the machine's instruction set.

#include <cstdlib>
#include <cstring>

#include "job.h"

namespace diffsort {

#define DIFFSORT_DECLARE(target)    \
  namespace target {                \
  bool sort(const SortJob&, Pool&); \
  }
DIFFSORT_DECLARE(plain)
#ifdef DIFFSORT_X86
DIFFSORT_DECLARE(avx2)
DIFFSORT_DECLARE(avx512)
#endif

namespace {

using Sort = bool (*)(const SortJob&, Pool&);

struct Target {
  const char* name;
  Sort sort;
};

Target best() {
#ifdef DIFFSORT_X86
  __builtin_cpu_init();
  // A way to test, and to time, what other machines would run.
  const char* most = std::getenv("DIFFSORT_TARGET");
  bool is_free = !most || !std::strcmp(most, "avx512");
  if (is_free && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return {"avx512", avx512::sort};
  }
  is_free = is_free || !std::strcmp(most, "avx2");
  if (is_free && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) return {"avx2", avx2::sort};
#endif
  return {"plain", plain::sort};
}

const Target& chosen() {
  static const Target target = best();
  return target;
}

}  // namespace

bool sort(const SortJob& job, Pool& pool) { return chosen().sort(job, pool); }

}  // namespace diffsort

extern "C" __attribute__((visibility("default"))) const char* diffsort_target() { return diffsort::chosen().name; }
