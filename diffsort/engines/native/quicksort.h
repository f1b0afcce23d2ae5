// A quicksort of numbers: split around pivots, until what is left fits a tile.
//
// A pivot is the median of medians of a sample. All numbers of a part are at least the pivot that came before: where
// that is drawn again, the numbers equal to it are split off, and are done. A part that pivots of samples have not made
// small in many steps is split in the middle between its least and its greatest number instead, which halves a range
// of at most 64 bits: so no input takes more than a bounded number of passes.
//
// Sources: Wassenberg et al., "Vectorized and performance-portable Quicksort", 2022 (what a vector machine makes of
// it); Peters, "Pattern-defeating quicksort", 2021 (equal numbers).

#pragma once

#include <limits>

#include "split.h"
#include "tile.h"

namespace diffsort::DIFFSORT_TARGET {

// How often in a row n numbers are split around samples, before they are in the middle of their range. A build for
// tests lets that begin early.
inline int sampled_splits(int64_t n) {
#ifdef DIFFSORT_SAMPLED_SPLITS
  return n < 0 ? 0 : DIFFSORT_SAMPLED_SPLITS;
#else
  return 2 * bits_for(n);
#endif
}

// Of the row (inner = 1) of a job, whose values alone are asked for.
template <class Codec>
class Quicksort {
 public:
  using Word = typename Codec::Word;
  using V = typename Word::V;
  using Number = Scalar<V>;
  static constexpr int L = Codec::L;
  static constexpr int64_t kTile = 32 * L;  // numbers that a tile takes

  static constexpr Number kLeast = std::numeric_limits<Number>::has_infinity ? -std::numeric_limits<Number>::infinity()
                                                                             : std::numeric_limits<Number>::min();

  // `memory` is that of a tile.
  Quicksort(const SortJob& job, void* memory) : tile_(job, memory), out_(job, false), encoding_(encoding_for(job)) {}

  static size_t bytes() { return Tile<Codec>::bytes_for_row(kTile); }

  // Sorts n numbers ≥ `least`, and writes them as elements from number `to` on.
  void sort(Number* numbers, int64_t n, int64_t to, Number least) { sort(numbers, n, to, least, sampled_splits(n)); }

  // Writes n numbers that are in order already.
  void write(const Number* numbers, int64_t n, int64_t to) const {
    int64_t i = 0;
    for (; i + L <= n; i += L) {
      out_.write(to + i, Codec::decode({load<V>(numbers + i)}, encoding_), Indices<L>{}, 0, 0);
    }
    for (; i < n; ++i) out_.write_one(to + i, Codec::decode({splat<V>(numbers[i])}, encoding_)[0], 0, 0);
  }

  // Whether one number comes before another. Of floats it does not depend on how the thread treats denormals.
  static bool precedes(Number a, Number b) { return ordered(a) < ordered(b); }

  // A number that about half of n are less than.
  static Number sampled(const Number* numbers, int64_t n) {
    return n < 8 * kTile ? median<7>(numbers, n) : median<15>(numbers, n);
  }

  // The median of lane-wise medians of vectors spread over n numbers.
  template <int kVectors>
  static Number median(const Number* numbers, int64_t n) {
    Word sample[kVectors];
    for (int i = 0; i < kVectors; ++i) sample[i] = {load<V>(numbers + (n - L) / (kVectors - 1) * i)};
    apply<SortingNetwork<kVectors>>(sample);
    merge_lanes(sample + kVectors / 2, 1);
    return sample[kVectors / 2].v[L / 2];
  }

 private:
  using Lane = typename Codec::Lane;
  using Int = std::make_signed_t<Lane>;

  void sort(Number* numbers, int64_t n, int64_t to, Number least, int splits_left) {
    while (n > kTile) {
      Number pivot = splits_left > 0 ? sampled(numbers, n) : middle(numbers, n, least);
      if (!precedes(least, pivot)) {
        int64_t equal = Split<V>::template run<true>(numbers, n, least);
        write(numbers, equal, to);
        numbers += equal, to += equal, n -= equal;
        continue;
      }
      --splits_left;
      int64_t less = Split<V>::template run<false>(numbers, n, pivot);
      sort(numbers, less, to, least, splits_left);
      numbers += less, to += less, n -= less;
      least = pivot;
    }
    if (n > 0) tile_.sort_numbers(numbers, n, to);
  }

  // Halfway from the least to the greatest of n numbers, or `least`, set to the least of them.
  static Number middle(const Number* numbers, int64_t n, Number& least) {
    Word low{load<V>(numbers)}, high = low;
    for (int64_t i = 0; i <= n - L; i += L) {
      Word word{load<V>(numbers + (i + 2 * L > n ? n - L : i))};
      low.v = word.v < low.v ? word.v : low.v;
      high.v = word.v < high.v ? high.v : word.v;
    }
    merge_lanes(&low, 1);
    merge_lanes(&high, 1);
    Lane from = Lane(ordered(low.v[0])), to = Lane(ordered(high.v[L - 1]));
    Number pivot = number(Int(from + (to - from) / 2 + (to - from) % 2));
    if (precedes(least, low.v[0])) least = low.v[0];
    return pivot;
  }

  // A number as an integer in its order, and back.
  static Int ordered(Number number) {
    Int bits = bit_cast<Int>(number);
    return Codec::kIsFloat ? bits ^ ((bits >> (8 * sizeof(Int) - 1)) & Int(~kTopBit<Lane>)) : bits;
  }
  static Number number(Int ordered) {
    Int bits = Codec::kIsFloat ? ordered ^ ((ordered >> (8 * sizeof(Int) - 1)) & Int(~kTopBit<Lane>)) : ordered;
    return bit_cast<Number>(bits);
  }

  Tile<Codec> tile_;
  Output<Codec> out_;
  Encoding encoding_;
};

}  // namespace diffsort::DIFFSORT_TARGET
