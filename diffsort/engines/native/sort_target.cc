// The sort for one instruction set: compiled once for each, DIFFSORT_TARGET being its name.

#include "sort_target.h"

#include "sorter.h"

namespace diffsort::DIFFSORT_TARGET {

SortStatus sort(const SortJob& job, Pool& pool) {
  switch (job.type) {
    case ElementType::kF32:
      return Sorter<Float32>(job, pool).run();
    case ElementType::kBF16:
      return Sorter<BFloat16>(job, pool).run();
    case ElementType::kF16:
      return Sorter<Float16>(job, pool).run();
    case ElementType::kF64:
      return Sorter<Float64>(job, pool).run();
    case ElementType::kPred:
    case ElementType::kS8:
    case ElementType::kU8:
      return Sorter<Integer<uint8_t>>(job, pool).run();
    case ElementType::kS16:
    case ElementType::kU16:
      return Sorter<Integer<uint16_t>>(job, pool).run();
    case ElementType::kS32:
    case ElementType::kU32:
      return Sorter<Integer<uint32_t>>(job, pool).run();
    case ElementType::kS64:
    case ElementType::kU64:
      return Sorter<Integer<uint64_t>>(job, pool).run();
  }
  return SortStatus::kUnsupportedType;
}

}  // namespace diffsort::DIFFSORT_TARGET
