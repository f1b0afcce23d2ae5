// Numbers split around a pivot, in place, alone or each with its index.
//
// As many vectors as are written at once are kept aside from both ends. From then on vectors are read from the end
// with less room between what is read and what is written, and each is written at both ends: the smaller numbers count
// at the one, the others at the other.
//
// Source of the idea: Bramas, "A novel hybrid quicksort algorithm vectorized using AVX-512 on Intel Skylake", 2017.

#pragma once

#include "compress.h"

namespace diffsort::DIFFSORT_TARGET {

// Numbers, each with the index at the same place where they are paired.
template <class Number, bool kPaired>
struct Numbers {
  Number* keys;
  uint32_t* indices;

  DIFFSORT_INLINE Numbers operator+(int64_t i) const {
    if constexpr (kPaired) {
      return {keys + i, indices + i};
    } else {
      return {keys + i, nullptr};
    }
  }
  DIFFSORT_INLINE void copy_to(const Numbers& to, int64_t n) const {
    std::memcpy(to.keys, keys, size_t(n) * sizeof(Number));
    if constexpr (kPaired) std::memcpy(to.indices, indices, size_t(n) * sizeof(uint32_t));
  }
};

template <class V, bool kPaired>
struct Split {
  using Number = Scalar<V>;
  using Row = Numbers<Number, kPaired>;
  static constexpr int L = kLanesOf<V>;
  using I = Vector<uint32_t, L>;
  static constexpr Mask kAll = Mask((uint64_t(1) << L) - 1);
  static constexpr int kUnroll = kPaired ? 4 : 8;  // vectors: enough to hide how long a count takes to reach a load
  static constexpr int64_t kBlock = kUnroll * L;   // numbers
  static constexpr int64_t kLeast = 2 * kBlock;    // that can be split
  static constexpr int64_t kAhead = 4 * kBlock;    // to fetch from memory what is read then

  // The lanes that go first: less than the pivot, or not greater.
  template <bool kOrEqual>
  static DIFFSORT_INLINE Mask goes_first(V v, V pivot) {
    return kOrEqual ? kAll & ~less(pivot, v) : less(v, pivot);
  }

  // Moves those of n ≥ kLeast numbers to the front that are less than the pivot, or not greater; returns how many.
  // Not inlined, as what it keeps aside would lie on the stack at every level of a recursion.
  template <bool kOrEqual>
  static __attribute__((noinline)) int64_t run(Row row, int64_t n, Number pivot_number) {
    if constexpr (!kHasPermutations) return run_one_by_one<kOrEqual>(row, n, pivot_number);
    V pivot = splat<V>(pivot_number);
    Room<3 * kBlock + L> room;
    Row aside = room.row();
    row.copy_to(aside, kBlock);
    (row + (n - kBlock)).copy_to(aside + kBlock, kBlock);
    int64_t begin = kBlock, end = n - kBlock;  // of what is to be read
    int64_t to = 0, gap = n;                   // where the front goes on, and from there to where the back does
    while (end - begin >= kBlock) {
      bool at_front = begin - to <= to + gap - end;
      int64_t from = at_front ? begin : end - kBlock;
      int64_t soon = at_front ? from + kAhead : from - kAhead;  // from here the hardware does not guess
      begin += at_front ? kBlock : 0;
      end -= at_front ? 0 : kBlock;
      V v[kUnroll];
      I index[kUnroll];
#pragma GCC unroll 8
      for (int i = 0; i < kUnroll; ++i) {
        __builtin_prefetch(row.keys + soon + i * L);
        v[i] = load<V>(row.keys + from + i * L);
        if constexpr (kPaired) {
          __builtin_prefetch(row.indices + soon + i * L);
          index[i] = load<I>(row.indices + from + i * L);
        }
      }
#pragma GCC unroll 8
      for (int i = 0; i < kUnroll; ++i) {
        Mask first = goes_first<kOrEqual>(v[i], pivot);
        gap -= L;
        V separated = separate(v[i], first);
        store(row.keys + to, separated);
        store(row.keys + to + gap, separated);
        if constexpr (kPaired) {
          I with = separate(index[i], first);
          store(row.indices + to, with);
          store(row.indices + to + gap, with);
        }
        to += __builtin_popcount(first);
      }
    }
    (row + begin).copy_to(aside + 2 * kBlock, end - begin);
    return to + split_apart<kOrEqual>(aside, gap, pivot, row + to);
  }

 private:
#if defined(__AVX2__)
  static constexpr bool kHasPermutations = true;
#else
  static constexpr bool kHasPermutations = false;  // by a mask
#endif

  // The same, without a branch: each number changes places with the first of those that do not go first.
  template <bool kOrEqual>
  static int64_t run_one_by_one(Row row, int64_t n, Number pivot) {
    int64_t first = 0;
    for (int64_t i = 0; i < n; ++i) {
      Number key = row.keys[i];
      row.keys[i] = row.keys[first];
      row.keys[first] = key;
      if constexpr (kPaired) {
        uint32_t index = row.indices[i];
        row.indices[i] = row.indices[first];
        row.indices[first] = index;
      }
      first += kOrEqual ? key <= pivot : key < pivot;
    }
    return first;
  }

  // Room for numbers that are kept aside.
  template <int64_t kSize>
  struct Room {
    Number keys[kSize];
    uint32_t indices[kPaired ? kSize : 1];
    Row row() { return {keys, indices}; }
  };

  // Splits the n numbers `aside` into as much room; returns how many go first.
  template <bool kOrEqual>
  static int64_t split_apart(Row aside, int64_t n, V pivot, Row to) {
    Room<3 * kBlock + L> room;
    Row others = room.row();
    int64_t first_count = 0, other_count = 0;
    auto add = [&](int64_t i, Mask valid) {
      V v = load<V>(aside.keys + i);
      Mask first = goes_first<kOrEqual>(v, pivot) & valid, other = valid & ~first;
      if constexpr (kPaired) {
        I index = load<I>(aside.indices + i);
        compress_store(to.indices + first_count, index, first);
        compress_store(others.indices + other_count, index, other);
      }
      first_count += compress_store(to.keys + first_count, v, first);
      other_count += compress_store(others.keys + other_count, v, other);
    };
    int64_t whole = n / L * L;
    // The vector that is not full comes first, while there is room behind.
    if (whole < n) add(whole, (Mask(1) << (n - whole)) - 1);
    for (int64_t i = 0; i < whole; i += L) add(i, kAll);
    others.copy_to(to + first_count, other_count);
    return first_count;
  }
};

}  // namespace diffsort::DIFFSORT_TARGET
