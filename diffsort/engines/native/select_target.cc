// The selection for one instruction set: compiled once for each, DIFFSORT_TARGET being its name.

#include "selector.h"

namespace diffsort::DIFFSORT_TARGET {

SortStatus select(const SelectJob& job, Pool& pool) {
  switch (job.order.type) {
    case ElementType::kF32:
      return Selector<Float32>(job, pool).run();
    case ElementType::kBF16:
      return Selector<BFloat16>(job, pool).run();
    case ElementType::kF16:
      return Selector<Float16>(job, pool).run();
    case ElementType::kF64:
      return Selector<Float64>(job, pool).run();
    case ElementType::kPred:
    case ElementType::kS8:
    case ElementType::kU8:
      return Selector<Integer<uint8_t>>(job, pool).run();
    case ElementType::kS16:
    case ElementType::kU16:
      return Selector<Integer<uint16_t>>(job, pool).run();
    case ElementType::kS32:
    case ElementType::kU32:
      return Selector<Integer<uint32_t>>(job, pool).run();
    case ElementType::kS64:
    case ElementType::kU64:
      return Selector<Integer<uint64_t>>(job, pool).run();
  }
  return SortStatus::kUnsupportedType;
}

}  // namespace diffsort::DIFFSORT_TARGET
