// What is compared: vectors of words. Each lane of a vector stands for one element, with its index or without.
//
// A word with an index is a double in [1, 2): its 52 bits of mantissa hold the key above the index.
// Doubles of one exponent compare as their mantissas do, and floating-point minima and maxima are twice as
// fast as those of 64-bit integers (which AVX2 and NEON lack altogether).

#pragma once

#include "vectors.h"

namespace diffsort::DIFFSORT_TARGET {

// Words of one number each.
template <class T, int L>
struct NumberWord {
  static constexpr int kWordLanes = L;
  using V = Vector<T, L>;
  V v;

  // Leaves the smaller word of each lane in `a`, the larger in `b`.
  static DIFFSORT_INLINE void compare_exchange(NumberWord& a, NumberWord& b) {
    V low = a.v < b.v ? a.v : b.v;
    b.v = a.v < b.v ? b.v : a.v;
    a.v = low;
  }
  // The first `count` lanes of this word, and the remaining ones of `rest`.
  DIFFSORT_INLINE NumberWord keep_first(int count, NumberWord rest) const {
    for (int j = 0; j < count; ++j) rest.v[j] = v[j];
    return rest;
  }
  // Lane j of the result is lane j ^ K of this word.
  template <int K>
  DIFFSORT_INLINE NumberWord exchange() const {
    return {exchange_lanes<K>(v, std::make_integer_sequence<int, L>{})};
  }
  // Lane j of the result is that of `b` where bit K of j is set, else that of `a`.
  template <int K>
  static DIFFSORT_INLINE NumberWord blend(NumberWord a, NumberWord b) {
    return {blend_lanes<K>(a.v, b.v, std::make_integer_sequence<int, L>{})};
  }
};

// Words of a 64-bit key and an index, for elements of 64 bits.
template <int L>
struct PairWord {
  static constexpr int kWordLanes = L;
  using V = Vector<int64_t, L>;
  V key;
  V index;

  static DIFFSORT_INLINE void compare_exchange(PairWord& a, PairWord& b) {
    V swap = (b.key < a.key) | ((b.key == a.key) & (b.index < a.index));
    PairWord low{swap ? b.key : a.key, swap ? b.index : a.index};
    b = {swap ? a.key : b.key, swap ? a.index : b.index};
    a = low;
  }
  DIFFSORT_INLINE PairWord keep_first(int count, PairWord rest) const {
    for (int j = 0; j < count; ++j) {
      rest.key[j] = key[j];
      rest.index[j] = index[j];
    }
    return rest;
  }
  template <int K>
  DIFFSORT_INLINE PairWord exchange() const {
    constexpr std::make_integer_sequence<int, L> all{};
    return {exchange_lanes<K>(key, all), exchange_lanes<K>(index, all)};
  }
  template <int K>
  static DIFFSORT_INLINE PairWord blend(PairWord a, PairWord b) {
    constexpr std::make_integer_sequence<int, L> all{};
    return {blend_lanes<K>(a.key, b.key, all), blend_lanes<K>(a.index, b.index, all)};
  }
};

}  // namespace diffsort::DIFFSORT_TARGET
