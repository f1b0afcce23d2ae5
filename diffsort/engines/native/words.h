// What is compared: one vector of words, a lane of which stands for one element and its place.
//
// A word with an index is a double in [1, 2): its 52 bits of mantissa hold the key above the index.
// Doubles of one exponent compare as their mantissas do, and floating-point minima and maxima are twice as
// fast as those of 64-bit integers (which AVX2 and NEON lack altogether).

#pragma once

#include "vectors.h"

namespace diffsort::DIFFSORT_TARGET {

// Words of one machine number each.
template <class T, int L>
struct Simple {
  static constexpr int lanes = L;
  using V = Vector<T, L>;
  V v;

  // Leaves the lesser of each lane in `a`, the greater in `b`.
  static DIFFSORT_INLINE void order(Simple& a, Simple& b) {
    V low = a.v < b.v ? a.v : b.v;
    b.v = a.v < b.v ? b.v : a.v;
    a.v = low;
  }
  // The first `count` lanes of this, and the others of `rest`.
  DIFFSORT_INLINE Simple first(int count, Simple rest) const {
    for (int j = 0; j < count; ++j) rest.v[j] = v[j];
    return rest;
  }
  template <int K>
  DIFFSORT_INLINE Simple exchanged() const {
    return {exchange_lanes<K>(v, std::make_integer_sequence<int, L>{})};
  }
  template <int K>
  static DIFFSORT_INLINE Simple blend(Simple a, Simple b) {
    return {blend_lanes<K>(a.v, b.v, std::make_integer_sequence<int, L>{})};
  }
};

// Words of a 64-bit key and an index, for elements of 64 bits.
template <int L>
struct Pair {
  static constexpr int lanes = L;
  using V = Vector<int64_t, L>;
  V key;
  V index;

  static DIFFSORT_INLINE void order(Pair& a, Pair& b) {
    V swap = (b.key < a.key) | ((b.key == a.key) & (b.index < a.index));
    Pair low{swap ? b.key : a.key, swap ? b.index : a.index};
    b = {swap ? a.key : b.key, swap ? a.index : b.index};
    a = low;
  }
  DIFFSORT_INLINE Pair first(int count, Pair rest) const {
    for (int j = 0; j < count; ++j) {
      rest.key[j] = key[j];
      rest.index[j] = index[j];
    }
    return rest;
  }
  template <int K>
  DIFFSORT_INLINE Pair exchanged() const {
    constexpr std::make_integer_sequence<int, L> all{};
    return {exchange_lanes<K>(key, all), exchange_lanes<K>(index, all)};
  }
  template <int K>
  static DIFFSORT_INLINE Pair blend(Pair a, Pair b) {
    constexpr std::make_integer_sequence<int, L> all{};
    return {blend_lanes<K>(a.key, b.key, all), blend_lanes<K>(a.index, b.index, all)};
  }
};

}  // namespace diffsort::DIFFSORT_TARGET
