// The sort for one instruction set: compiled once for each, DIFFSORT_TARGET being its name.

#include "sort.h"

namespace diffsort::DIFFSORT_TARGET {

bool sort(const SortJob& job, Pool& pool) {
  switch (job.type) {
    case Type::kF32:
      return Sorter<Float32>(job, pool).run();
    case Type::kBF16:
      return Sorter<BFloat16>(job, pool).run();
    case Type::kF16:
      return Sorter<Float16>(job, pool).run();
    case Type::kF64:
      return Sorter<Float64>(job, pool).run();
    case Type::kS8:
    case Type::kU8:
      return Sorter<Integer<uint8_t>>(job, pool).run();
    case Type::kS16:
    case Type::kU16:
      return Sorter<Integer<uint16_t>>(job, pool).run();
    case Type::kS32:
    case Type::kU32:
      return Sorter<Integer<uint32_t>>(job, pool).run();
    case Type::kS64:
    case Type::kU64:
      return Sorter<Integer<uint64_t>>(job, pool).run();
  }
  return false;
}

}  // namespace diffsort::DIFFSORT_TARGET
