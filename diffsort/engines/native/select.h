// Selection: elements by their ranks, without the sort of all others.

#pragma once

#include "sort.h"

namespace diffsort {

// Of the sort that `order` asks for, the elements of the ranks start ≤ rank < stop alone: its results have stop − start
// elements along the sorted axis.
struct SelectJob {
  SortJob order;
  int64_t start, stop;
};

// Selects with the best instruction set of the machine.
SortStatus select(const SelectJob& job, Pool& pool);

// For each instruction set, in a namespace of its name.
namespace plain {
SortStatus select(const SelectJob& job, Pool& pool);
}
#ifdef DIFFSORT_X86
namespace avx2 {
SortStatus select(const SelectJob& job, Pool& pool);
}
namespace avx512 {
SortStatus select(const SelectJob& job, Pool& pool);
}
#endif

}  // namespace diffsort
