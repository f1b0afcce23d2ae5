// Sorting networks over vectors of words: each lane is sorted by itself, all lanes at once.
//
// Sources: Knuth, The Art of Computer Programming 3, 5.2.2, Algorithm M (merge exchange, for the leaves);
// Batcher, "Sorting networks and their applications", 1968 (bitonic merging). A network whose length is not a
// power of two is the next longer one, with +inf behind the end, where no comparison changes it.

#pragma once

#include "words.h"

namespace diffsort::DIFFSORT_TARGET {

inline constexpr int kLeaf = 16;  // vectors that are sorted in registers, at the ends of the recursion

struct Comparator {
  int low, high;
};

struct Comparators {
  int size = 0;
  Comparator of[80] = {};

  constexpr void add(int low, int high) {
    of[size].low = low;
    of[size++].high = high;
  }
};

constexpr int next_power_of_two(int n) {
  int p = 1;
  while (p < n) p *= 2;
  return p;
}

constexpr Comparators sorting_network(int n) {
  Comparators list;
  int top = next_power_of_two(n) / 2;
  for (int p = top; p > 0; p /= 2) {
    int q = top, r = 0, d = p;
    while (true) {
      for (int i = 0; i < n - d; ++i) {
        if ((i & p) == r) list.add(i, i + d);
      }
      if (q == p) break;
      d = q - p;
      q /= 2;
      r = p;
    }
  }
  return list;
}

constexpr Comparators merging_network(int n) {
  Comparators list;
  for (int h = next_power_of_two(n) / 2; h > 0; h /= 2) {
    for (int i = 0; i + h < n; ++i) {
      if (!(i & h)) list.add(i, i + h);
    }
  }
  return list;
}

template <int N>
struct SortingNetwork {
  static constexpr int kSize = N;
  static constexpr Comparators kComparators = sorting_network(N);
};
template <int N>
struct MergingNetwork {
  static constexpr int kSize = N;
  static constexpr Comparators kComparators = merging_network(N);
};

template <class Network, class Word, int... I>
DIFFSORT_INLINE void apply_all(Word* r, std::integer_sequence<int, I...>) {
  (Word::compare_exchange(r[Network::kComparators.of[I].low], r[Network::kComparators.of[I].high]), ...);
}

// Applies a network to `Network::kSize` vectors, a `stride` apart, in registers.
template <class Network, class Word>
DIFFSORT_INLINE void apply(Word* t, int64_t stride = 1) {
  constexpr int n = Network::kSize;
  Word r[n];
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) r[i] = t[i * stride];
  apply_all<Network>(r, std::make_integer_sequence<int, Network::kComparators.size>{});
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) t[i * stride] = r[i];
}

template <template <int> class Network, class Word, int... N>
inline void apply_leaf_of(Word* t, int64_t n, std::integer_sequence<int, N...>) {
  (void)((n == N + 1 && (apply<Network<N + 1>>(t), true)) || ...);
}

// Applies the network of any size from 1 to kLeaf.
template <template <int> class Network, class Word>
__attribute__((noinline)) void apply_leaf(Word* t, int64_t n) {
  apply_leaf_of<Network>(t, n, std::make_integer_sequence<int, kLeaf>{});
}

// Sorts bitonic sequences of n = leaf × 2^k vectors: k times in halves, then `Leaf` sorts what is left. The length
// of a bitonic sequence need only be even for that.
template <class Leaf, class Word>
void bitonic_merge(Word* t, int64_t n) {
  constexpr int64_t leaf = Leaf::kSize;
  if (n >= 8 * leaf) {
    for (int64_t i = 0; i < n / 8; ++i) apply<MergingNetwork<8>>(t + i, n / 8);
    for (int64_t i = 0; i < n; i += n / 8) bitonic_merge<Leaf>(t + i, n / 8);
    return;
  }
  if (n == 4 * leaf) {
    for (int64_t i = 0; i < leaf; ++i) apply<MergingNetwork<4>>(t + i, leaf);
  } else if (n == 2 * leaf) {
    for (int64_t i = 0; i < leaf; ++i) apply<MergingNetwork<2>>(t + i, leaf);
  }
  for (int64_t i = 0; i < n; i += leaf) apply<Leaf>(t + i);
}

// Sorts bitonic sequences of a power of two of vectors.
template <class Word>
DIFFSORT_INLINE void merge_power_of_two(Word* t, int64_t n) {
  if (n < kLeaf) {
    apply_leaf<MergingNetwork>(t, n);
  } else {
    bitonic_merge<MergingNetwork<kLeaf>>(t, n);
  }
}

constexpr int64_t power_of_two_below(int64_t n) {
  int64_t p = 1;
  while (2 * p < n) p *= 2;
  return p;
}

// Sorts bitonic sequences of any length, as if +inf were behind the end.
template <class Word>
void merge_any_length(Word* t, int64_t n) {
  if (n <= kLeaf) return apply_leaf<MergingNetwork>(t, n);
  int64_t half = power_of_two_below(n);
  for (int64_t i = 0; i < n - half; ++i) Word::compare_exchange(t[i], t[i + half]);
  merge_power_of_two(t, half);
  merge_any_length(t + half, n - half);
}

// Merges two sorted sequences of `half` ≥ 16 vectors, a power of two. The first three steps run in
// registers: they compare vectors i + jq of the first half and h + (q−1−i) + jq of the second with each other only.
template <class Word>
void merge_halves(Word* t, int64_t half) {
  int64_t q = half / 4;
  for (int64_t i = 0; i < q; ++i) {
    Word *low = t + i, *high = t + half + (q - 1 - i);
    Word a[4] = {low[0], low[q], low[2 * q], low[3 * q]};
    Word b[4] = {high[0], high[q], high[2 * q], high[3 * q]};
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) Word::compare_exchange(a[j], b[3 - j]);
    constexpr auto steps = std::make_integer_sequence<int, MergingNetwork<4>::kComparators.size>{};
    apply_all<MergingNetwork<4>>(a, steps);
    apply_all<MergingNetwork<4>>(b, steps);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      low[j * q] = a[j];
      high[j * q] = b[j];
    }
  }
  if (q == 4) {
    for (int64_t i = 0; i < 2 * half; i += 4) apply<MergingNetwork<4>>(t + i);
  } else if (q == 8) {
    for (int64_t i = 0; i < 2 * half; i += 8) apply<MergingNetwork<8>>(t + i);
  } else {
    for (int64_t i = 0; i < 2 * half; i += q) bitonic_merge<MergingNetwork<kLeaf>>(t + i, q);
  }
}

// Sorts each lane of n vectors.
template <class Word>
void sort_lanes(Word* t, int64_t n) {
  if (n == kLeaf) return apply<SortingNetwork<kLeaf>>(t);
  if (n < kLeaf) return apply_leaf<SortingNetwork>(t, n);
  int64_t half = power_of_two_below(n);
  sort_lanes(t, half);
  sort_lanes(t + half, n - half);
  if (n == 2 * half) return merge_halves(t, half);
  for (int64_t i = 0; i < n - half; ++i) Word::compare_exchange(t[half - 1 - i], t[half + i]);
  merge_power_of_two(t, half);
  merge_any_length(t + half, n - half);
}

// The smallest length ≥ n that `merge_lanes` takes: up to 8 vectors, or 5, 6, 7 or 8 times a power of two.
inline int64_t mergeable_length(int64_t n) {
  int64_t unit = 1;
  while (8 * unit < n) unit *= 2;
  return (n + unit - 1) / unit * unit;
}

template <int W, int D, class Word>
DIFFSORT_INLINE void bitonic_merge_across(Word& v) {
  if constexpr (D > 0) {
    Word low = v, high = v.template exchange<D>();
    Word::compare_exchange(low, high);
    v = Word::template blend<D>(low, high);
    bitonic_merge_across<W, D / 2>(v);
  }
}

// Merges, in every group of W lanes, two sorted sequences of W/2 lanes; a sequence runs down one lane
// and goes on at the top of the next.
template <int W, class Word>
void merge_groups(Word* t, int64_t n) {
  for (int64_t i = 0, last = n - 1; i <= last; ++i, --last) {
    Word low_i = t[i], high_i = t[last].template exchange<W - 1>();
    Word::compare_exchange(low_i, high_i);
    Word first = Word::template blend<W / 2>(low_i, high_i);
    Word second = Word::template blend<W / 2>(high_i, low_i).template exchange<W - 1>();
    bitonic_merge_across<W, W / 4>(first);
    bitonic_merge_across<W, W / 4>(second);
    t[i] = first;
    t[last] = second;
  }
  int64_t leaf = n;
  while (leaf > 8) leaf /= 2;
  // What is left of a bitonic sequence whose length is not a power of two takes a whole sort.
  if (leaf == 8) return bitonic_merge<MergingNetwork<8>>(t, n);
  if (leaf == 7) return bitonic_merge<SortingNetwork<7>>(t, n);
  if (leaf == 6) return bitonic_merge<SortingNetwork<6>>(t, n);
  if (leaf == 5) return bitonic_merge<SortingNetwork<5>>(t, n);
  apply_leaf<SortingNetwork>(t, n);
}

template <int W, class Word>
DIFFSORT_INLINE void merge_groups_from(Word* t, int64_t n) {
  if constexpr (W <= Word::kWordLanes) {
    merge_groups<W>(t, n);
    merge_groups_from<2 * W>(t, n);
  }
}

// Makes one sorted sequence of the sorted lanes of n vectors; n from `mergeable_length`.
template <class Word>
void merge_lanes(Word* t, int64_t n) {
  merge_groups_from<2>(t, n);
}

}  // namespace diffsort::DIFFSORT_TARGET
