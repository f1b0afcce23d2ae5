// A quicksort of numbers, alone or each with its index: split around pivots, until what is left fits a tile.
//
// A pivot is the median of medians of a sample. All numbers of a part are at least the pivot that came before: where
// that is drawn again, the numbers equal to it are split off. A part that pivots of samples have not made small in many
// steps is split in the middle between its least and its greatest number instead, which halves a range of at most 64
// bits: so no input takes more than a bounded number of passes.
//
// Sources: Wassenberg et al., "Vectorized and performance-portable Quicksort", 2022 (what a vector machine makes of
// it); Peters, "Pattern-defeating quicksort", 2021 (equal numbers).

#pragma once

#include <limits>

#include "leaves.h"
#include "split.h"

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

template <class Leaf>
class Quicksort {
 public:
  using Word = typename Leaf::Word;
  using V = typename Word::V;
  using Number = Scalar<V>;
  using Splitter = Split<V, Leaf::kPaired>;
  using Row = typename Splitter::Row;
  static constexpr int L = Word::kWordLanes;
  static constexpr int kSample = 15;  // vectors
  static constexpr Number kLeast = std::numeric_limits<Number>::has_infinity ? -std::numeric_limits<Number>::infinity()
                                                                             : std::numeric_limits<Number>::min();

  explicit Quicksort(const Leaf& leaf) : leaf_(leaf) {}

  // Sorts n numbers ≥ `least`, and writes them as elements from number `to` of the row on.
  void sort(Row row, int64_t n, int64_t to, Number least) { sort(row, n, to, least, sampled_splits(n)); }

  // Whether one number comes before another. Of floats it does not depend on how the thread treats denormals.
  static bool precedes(Number a, Number b) { return ordered(a) < ordered(b); }

  // A number that about half of n are less than: the median of lane-wise medians of vectors spread over them.
  static Number sampled(const Number* numbers, int64_t n) {
    Word sample[kSample];
    for (int i = 0; i < kSample; ++i) sample[i] = {load<V>(numbers + (n - L) / (kSample - 1) * i)};
    apply<SortingNetwork<kSample>>(sample);
    merge_lanes(sample + kSample / 2, 1);
    return sample[kSample / 2].v[L / 2];
  }

 private:
  using Int = std::conditional_t<sizeof(Number) == 8, int64_t, int32_t>;
  using Lane = std::make_unsigned_t<Int>;

  void sort(Row row, int64_t n, int64_t to, Number least, int splits_left) {
    while (n > Leaf::kTile || !leaf_.sort(row, n, to)) {
      bool is_sampled = n > Leaf::kTile && splits_left > 0;
      Number pivot = is_sampled ? sampled(row.keys, n) : middle(row.keys, n, least);
      if (!precedes(least, pivot)) {
        int64_t equal = Splitter::template run<true>(row, n, least);
        leaf_.write_equal(row, equal, to);
        row = row + equal, to += equal, n -= equal;
        continue;
      }
      --splits_left;
      int64_t less = Splitter::template run<false>(row, n, pivot);
      sort(row, less, to, least, splits_left);
      row = row + less, to += less, n -= less;
      least = pivot;
    }
  }

  // Halfway from the least to the greatest of n numbers; raises `least` to the least of them.
  static Number middle(const Number* numbers, int64_t n, Number& least) {
    Word low{load<V>(numbers)}, high = low;
    for (int64_t i = 0; i < n; i += L) {
      V v = load<V>(numbers + (i + L > n ? n - L : i));
      low.v = v < low.v ? v : low.v;
      high.v = v < high.v ? high.v : v;
    }
    merge_lanes(&low, 1);
    merge_lanes(&high, 1);
    if (precedes(least, low.v[0])) least = low.v[0];
    Lane from = Lane(ordered(low.v[0])), distance = Lane(ordered(high.v[L - 1])) - from;
    return bit_cast<Number>(reordered(Int(from + distance / 2 + distance % 2)));
  }

  // A number as an integer in its order; and an integer that stands for a float as its bits, or the other way round.
  static Int ordered(Number number) { return reordered(bit_cast<Int>(number)); }
  static Int reordered(Int bits) {
    return std::numeric_limits<Number>::is_integer ? bits : bits ^ Int(Lane(bits >> (8 * sizeof(Int) - 1)) >> 1);
  }

  Leaf leaf_;
};

}  // namespace diffsort::DIFFSORT_TARGET
