// Chooses, at run time, the sort for the machine's instruction set.

#include "sort.h"

#include <cstdlib>
#include <cstring>

#include "sort_target.h"

namespace diffsort {
namespace {

struct Target {
  const char* name;
  SortStatus (*sort)(const SortJob&, Pool&);
};

Target best_target() {
#ifdef DIFFSORT_X86
  __builtin_cpu_init();
  // A way to test, and to time, what other machines would run.
  const char* limit = std::getenv("DIFFSORT_TARGET");
  bool is_allowed = !limit || !std::strcmp(limit, "avx512");
  if (is_allowed && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return {"avx512", avx512::sort};
  }
  is_allowed = is_allowed || !std::strcmp(limit, "avx2");
  if (is_allowed && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) return {"avx2", avx2::sort};
#endif
  return {"plain", plain::sort};
}

const Target& target() {
  static const Target target = best_target();
  return target;
}

}  // namespace

SortStatus sort(const SortJob& job, Pool& pool) { return target().sort(job, pool); }

}  // namespace diffsort

const char* diffsort_target() { return diffsort::target().name; }
