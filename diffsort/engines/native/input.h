// Reading elements into words, a vector or an element at a time.

#pragma once

#include "codecs.h"

namespace diffsort::DIFFSORT_TARGET {

template <class Codec>
class Input {
 public:
  static constexpr int L = Codec::L;
  using Bits = typename Codec::Bits;
  using Format = typename Codec::Format;
  using Stored = typename Codec::Stored;

  explicit Input(const SortJob& job) : job_(job), x_(static_cast<const Stored*>(job.x)) {}

  // Reads L contiguous elements, from element `at` on.
  DIFFSORT_INLINE Bits read(int64_t at) {
    Bits bits = Format::read(x_ + at);
    check(bits);
    return bits;
  }
  // 1 for masked elements.
  DIFFSORT_INLINE Bits read_masked(int64_t at) const {
    if (!job_.where) return Bits{};
    return __builtin_convertvector(load<Vector<uint8_t, L>>(job_.where + at), Bits) ^ 1;
  }

  // Reads one element into lane j.
  DIFFSORT_INLINE void read_lane(int j, int64_t at, Bits& bits, Bits& masked) const {
    bits[j] = Scalar<Bits>(x_[at]) << Format::kShift;
    masked[j] = job_.where && !job_.where[at];
  }
  // Takes note of elements that were read lane by lane.
  DIFFSORT_INLINE void check(Bits bits) { lossy_ |= Codec::lossy(bits); }

  // Whether the word of some element that was read does not hold all its bits.
  bool is_lossy() const { return any(lossy_); }

 private:
  const SortJob& job_;
  const Stored* x_;
  Bits lossy_{};
};

}  // namespace diffsort::DIFFSORT_TARGET
