// Vectors of lanes, in the portable terms of GCC's and Clang's vector extensions.
//
// Everything here lives in a namespace named after the instruction set that it is compiled for, so that
// code for one machine is never linked into the path of another.

#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#define DIFFSORT_INLINE inline __attribute__((always_inline))

namespace diffsort::DIFFSORT_TARGET {

// 64-bit lanes of one register.
#if defined(__AVX512F__)
inline constexpr int kLanes = 8;
#elif defined(__AVX2__)
inline constexpr int kLanes = 4;
#else
inline constexpr int kLanes = 2;
#endif

template <class T, int L>
struct VectorOf {
  typedef T type __attribute__((vector_size(L * sizeof(T))));
};
template <class T, int L>
using Vector = typename VectorOf<T, L>::type;

template <class V>
using Scalar = std::remove_reference_t<decltype(std::declval<V&>()[0])>;

template <class V>
inline constexpr int kLanesOf = sizeof(V) / sizeof(Scalar<V>);

template <class V>
DIFFSORT_INLINE V splat(Scalar<V> value) {
  return value - V{};
}

template <class V, int... J>
DIFFSORT_INLINE V iota_of(std::integer_sequence<int, J...>) {
  return V{Scalar<V>(J)...};
}
template <class V>
DIFFSORT_INLINE V iota() {
  return iota_of<V>(std::make_integer_sequence<int, kLanesOf<V>>{});
}

// out[j] = (a, b)[I[j]]: lanes of `b` count on from those of `a`.
template <int... I, class V>
DIFFSORT_INLINE V shuffle(V a, V b) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, I...);
#else
  using Index = std::conditional_t<sizeof(Scalar<V>) == 8, int64_t, int32_t>;
  return __builtin_shuffle(a, b, Vector<Index, kLanesOf<V>>{I...});
#endif
}

// out[j] = v[j ^ K]
template <int K, class V, int... J>
DIFFSORT_INLINE V exchange_lanes(V v, std::integer_sequence<int, J...>) {
  return shuffle<(J ^ K)...>(v, v);
}

// out[j] = bit K of j is set ? b[j] : a[j]
template <int K, class V, int... J>
DIFFSORT_INLINE V blend_lanes(V a, V b, std::integer_sequence<int, J...>) {
  return shuffle<((J & K) ? int(sizeof...(J)) + J : J)...>(a, b);
}

// One step of a transposition: swaps the off-diagonal blocks of size D of two vectors.
template <int D, class V, int... J>
DIFFSORT_INLINE void exchange_blocks(V& a, V& b, std::integer_sequence<int, J...>) {
  constexpr int L = sizeof...(J);
  V first = shuffle<((J & D) ? L + J - D : J)...>(a, b);
  b = shuffle<((J & D) ? L + J : J + D)...>(a, b);
  a = first;
}

template <int D, class V, int L>
DIFFSORT_INLINE void transpose_step(V (&v)[L]) {
  if constexpr (D > 0) {
#pragma GCC unroll 16
    for (int i = 0; i < L; ++i) {
      if (!(i & D)) exchange_blocks<D>(v[i], v[i + D], std::make_integer_sequence<int, L>{});
    }
    transpose_step<D / 2>(v);
  }
}

// Transposes a square of lanes.
template <class V, int L>
DIFFSORT_INLINE void transpose(V (&v)[L]) {
  static_assert(kLanesOf<V> == L);
  transpose_step<L / 2>(v);
}

template <class To, class From>
DIFFSORT_INLINE To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof(To));
  return to;
}

template <class V>
DIFFSORT_INLINE V load(const void* address) {
  V v;
  std::memcpy(&v, address, sizeof(V));
  return v;
}

template <class V>
DIFFSORT_INLINE void store(void* address, V v) {
  std::memcpy(address, &v, sizeof(V));
}

template <class V>
DIFFSORT_INLINE bool any(V mask) {
  Scalar<V> set = 0;
  for (int j = 0; j < kLanesOf<V>; ++j) set |= mask[j];
  return set != 0;
}

}  // namespace diffsort::DIFFSORT_TARGET
