// Reading elements into words, a vector or an element at a time.

#pragma once

#include "codecs.h"

namespace diffsort::DIFFSORT_TARGET {

template <class Codec>
class Input {
 public:
  static constexpr int L = Codec::L;
  using Bits = typename Codec::Bits;
  using In = typename Codec::In;
  using Memory = typename Codec::Memory;

  explicit Input(const SortJob& job) : job_(job), x_(static_cast<const Memory*>(job.x)) {}

  // Reads L neighbours, from element `at` on.
  DIFFSORT_INLINE Bits bits(int64_t at) {
    Bits bits = In::from(x_ + at);
    lost_ |= Codec::lost(bits);
    return bits;
  }
  // 1 for masked elements.
  DIFFSORT_INLINE Bits masked(int64_t at) const {
    if (!job_.where) return Bits{};
    return __builtin_convertvector(load<Vector<uint8_t, L>>(job_.where + at), Bits) ^ 1;
  }

  // Reads one element into lane j.
  DIFFSORT_INLINE void lane(int j, int64_t at, Bits& bits, Bits& masked) const {
    bits[j] = Scalar<Bits>(x_[at]) << In::kShift;
    masked[j] = job_.where && !job_.where[at];
  }
  DIFFSORT_INLINE void note(Bits bits) { lost_ |= Codec::lost(bits); }

  // Whether a word did not keep all the bits of its element.
  bool lost() const { return any(lost_); }

 private:
  const SortJob& job_;
  const Memory* x_;
  Bits lost_{};
};

}  // namespace diffsort::DIFFSORT_TARGET
