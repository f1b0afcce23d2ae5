// The sort for each instruction set that the kernel is compiled for, in a namespace of its name.

#pragma once

#include "sort.h"

namespace diffsort {

namespace plain {
SortStatus sort(const SortJob& job, Pool& pool);
}
#ifdef DIFFSORT_X86
namespace avx2 {
SortStatus sort(const SortJob& job, Pool& pool);
}
namespace avx512 {
SortStatus sort(const SortJob& job, Pool& pool);
}
#endif

}  // namespace diffsort
