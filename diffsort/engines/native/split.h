// Numbers split around a pivot, in place.
//
// As many vectors as are written at once are kept aside from both ends. From then on vectors are read from the end
// with less room between what is read and what is written, and each is written at both ends: the smaller numbers count
// at the one, the others at the other.
//
// Source of the idea: Bramas, "A novel hybrid quicksort algorithm vectorized using AVX-512 on Intel Skylake", 2017.

#pragma once

#include "compress.h"

namespace diffsort::DIFFSORT_TARGET {

template <class V>
struct Split {
  using Number = Scalar<V>;
  static constexpr int L = kLanesOf<V>;
  static constexpr Mask kAll = Mask((uint64_t(1) << L) - 1);
  static constexpr int kUnroll = 8;               // vectors: enough to hide how long a count takes to reach a load
  static constexpr int64_t kBlock = kUnroll * L;  // numbers
  static constexpr int64_t kLeast = 2 * kBlock;   // that can be split
  static constexpr int64_t kAhead = 4 * kBlock;   // to fetch from memory what is read then

  // The lanes that go first: less than the pivot, or not greater.
  template <bool kOrEqual>
  static DIFFSORT_INLINE Mask goes_first(V v, V pivot) {
    return kOrEqual ? kAll & ~less(pivot, v) : less(v, pivot);
  }

  // Moves those of n ≥ kLeast numbers to the front that are less than the pivot, or not greater; returns how many.
  template <bool kOrEqual>
  static int64_t run(Number* numbers, int64_t n, Number pivot_number) {
    V pivot = splat<V>(pivot_number);
    Number aside[3 * kBlock + L];
    std::memcpy(aside, numbers, kBlock * sizeof(Number));
    std::memcpy(aside + kBlock, numbers + n - kBlock, kBlock * sizeof(Number));
    const Number *begin = numbers + kBlock, *end = numbers + n - kBlock;  // of what is to be read
    Number* to = numbers;                                                 // where the front goes on
    int64_t gap = n;                                                      // from there to where the back does
    while (end - begin >= kBlock) {
      bool at_front = begin - to <= to + gap - end;
      const Number* from = at_front ? begin : end - kBlock;
      begin += at_front ? kBlock : 0;
      end -= at_front ? 0 : kBlock;
      const Number* soon = at_front ? from + kAhead : from - kAhead;  // from here the hardware does not guess
      V v[kUnroll];
#pragma GCC unroll 8
      for (int i = 0; i < kUnroll; ++i) __builtin_prefetch(soon + i * L);
#pragma GCC unroll 8
      for (int i = 0; i < kUnroll; ++i) v[i] = load<V>(from + i * L);
#pragma GCC unroll 8
      for (int i = 0; i < kUnroll; ++i) {
        Mask first = goes_first<kOrEqual>(v[i], pivot);
        V separated = separate(v[i], first);
        gap -= L;
        store(to, separated);
        store(to + gap, separated);
        to += __builtin_popcount(first);
      }
    }
    std::memcpy(aside + 2 * kBlock, begin, size_t(end - begin) * sizeof(Number));
    return to + split_apart<kOrEqual>(aside, gap, pivot, to) - numbers;
  }

 private:
  // Splits the n numbers `aside` into as much room; returns how many go first.
  template <bool kOrEqual>
  static int64_t split_apart(const Number* aside, int64_t n, V pivot, Number* to) {
    Number others[3 * kBlock + L], *end = to, *last = others;
    auto add = [&](const Number* from, Mask valid) {
      V v = load<V>(from);
      Mask first = goes_first<kOrEqual>(v, pivot);
      end += compress_store(end, v, first & valid);
      last += compress_store(last, v, ~first & valid);
    };
    int64_t whole = n / L * L;
    // The vector that is not full comes first, while there is room behind.
    if (whole < n) add(aside + whole, (Mask(1) << (n - whole)) - 1);
    for (int64_t i = 0; i < whole; i += L) add(aside + i, kAll);
    std::memcpy(end, others, size_t(last - others) * sizeof(Number));
    return end - to;
  }
};

}  // namespace diffsort::DIFFSORT_TARGET
