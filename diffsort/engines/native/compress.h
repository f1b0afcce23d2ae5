// Lanes of a vector that a mask keeps, packed and stored: the step of which partitions are made.
//
// A whole vector is written at all times, and what is behind the lanes kept means nothing. AVX-512 packs in a register:
// its compressing stores to memory run a tenth as fast on some machines. AVX2 permutes by a table, by the idea of
// Bramas, "A novel hybrid quicksort algorithm vectorized using AVX-512 on Intel Skylake", 2017, and its successors.

#pragma once

#include <type_traits>

#include "vectors.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace diffsort::DIFFSORT_TARGET {

using Mask = uint32_t;  // a bit for each lane, the lowest for lane 0

// The lanes that a comparison of vectors finds true.
template <class V>
DIFFSORT_INLINE Mask mask_of(V compared) {
  constexpr int kBits = 8 * sizeof(Scalar<V>);
  static_assert(kBits == 32 || kBits == 64);
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && kBits == 32) return _mm512_movepi32_mask(bit_cast<__m512i>(compared));
  if constexpr (sizeof(V) == 64 && kBits == 64) return _mm512_movepi64_mask(bit_cast<__m512i>(compared));
#endif
#if defined(__AVX2__)
  if constexpr (sizeof(V) == 32 && kBits == 32) return Mask(_mm256_movemask_ps(bit_cast<__m256>(compared)));
  if constexpr (sizeof(V) == 32 && kBits == 64) return Mask(_mm256_movemask_pd(bit_cast<__m256d>(compared)));
#endif
  Mask mask = 0;
  for (int j = 0; j < kLanesOf<V>; ++j) mask |= Mask(compared[j] != 0) << j;
  return mask;
}

// The lanes of `a` that are less than those of `b`.
template <class V>
DIFFSORT_INLINE Mask less(V a, V b) {
#if defined(__AVX512F__)  // whose comparisons make masks, though compilers turn them into vectors and back
  if constexpr (sizeof(V) == 64) {
    using T = Scalar<V>;
    if constexpr (std::is_same_v<T, float>) return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ);
    if constexpr (std::is_same_v<T, double>) return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ);
    if constexpr (std::is_same_v<T, int32_t>) return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b);
    if constexpr (std::is_same_v<T, uint32_t>) return _mm512_cmplt_epu32_mask((__m512i)a, (__m512i)b);
    if constexpr (std::is_same_v<T, int64_t>) return _mm512_cmplt_epi64_mask((__m512i)a, (__m512i)b);
    if constexpr (std::is_same_v<T, uint64_t>) return _mm512_cmplt_epu64_mask((__m512i)a, (__m512i)b);
  }
#endif
  return mask_of(a < b);
}

#if defined(__AVX2__)
// For each mask of lanes, the 32-bit lanes from which they are fetched, those kept before all others.
template <int Lanes>
struct CompressTable {
  uint64_t of[1 << Lanes] = {};

  constexpr CompressTable() {
    constexpr int kParts = 8 / Lanes;  // 32-bit lanes to a lane
    for (int mask = 0; mask < 1 << Lanes; ++mask) {
      int place = 0;
      for (int pass = 1; pass >= 0; --pass) {
        for (int j = 0; j < 8; ++j) {
          if ((mask >> j / kParts & 1) == pass) of[mask] |= uint64_t(j) << 8 * place++;
        }
      }
    }
  }
};
template <int Lanes>
inline constexpr CompressTable<Lanes> kCompress{};

// Whether a vector is permuted by the table.
template <class V>
inline constexpr bool kHasTable = sizeof(V) == 32 || (sizeof(V) == 16 && sizeof(Scalar<V>) == 4);

// The lanes of `v` in `mask`, in order, and behind them all others.
template <class V>
DIFFSORT_INLINE V permute_by_table(V v, Mask mask) {
  if constexpr (sizeof(V) == 32) {
    __m256i from = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(int64_t(kCompress<kLanesOf<V>>.of[mask])));
    return bit_cast<V>(_mm256_permutevar8x32_epi32(bit_cast<__m256i>(v), from));
  } else {
    __m128i from = _mm_cvtepu8_epi32(_mm_cvtsi32_si128(int32_t(kCompress<8>.of[mask])));
    return bit_cast<V>(_mm_permutevar_ps(bit_cast<__m128>(v), from));
  }
}
#endif

// Stores the lanes of `v` in `mask` one behind the other, from address `to` on; returns how many they are. All of a
// vector is written.
template <class V>
DIFFSORT_INLINE int compress_store(void* to, V v, Mask mask) {
  constexpr int kBits = 8 * sizeof(Scalar<V>);
  static_assert(kBits == 32 || kBits == 64);
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && kBits == 32) {
    store(to, _mm512_maskz_compress_epi32(__mmask16(mask), bit_cast<__m512i>(v)));
    return __builtin_popcount(mask);
  }
  if constexpr (sizeof(V) == 64 && kBits == 64) {
    store(to, _mm512_maskz_compress_epi64(__mmask8(mask), bit_cast<__m512i>(v)));
    return __builtin_popcount(mask);
  }
#endif
#if defined(__AVX2__)
  if constexpr (kHasTable<V>) {
    store(to, permute_by_table(v, mask));
    return __builtin_popcount(mask);
  }
#endif
  Scalar<V> packed[kLanesOf<V>] = {};
  int count = 0;
  for (int j = 0; j < kLanesOf<V>; ++j) {
    packed[count] = v[j];
    count += mask >> j & 1;
  }
  std::memcpy(to, packed, sizeof(V));
  return count;
}

// The lanes of `v` in `mask`, in order, and behind them all others.
template <class V>
DIFFSORT_INLINE V separate(V v, Mask mask) {
  constexpr int kBits = 8 * sizeof(Scalar<V>);
  static_assert(kBits == 32 || kBits == 64);
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64 && kBits == 32) {
    __mmask16 kept = __mmask16(mask), behind = __mmask16(~Mask(0) << __builtin_popcount(mask));
    __m512i all = bit_cast<__m512i>(v), others = _mm512_maskz_compress_epi32(__mmask16(~mask), all);
    return bit_cast<V>(_mm512_mask_expand_epi32(_mm512_maskz_compress_epi32(kept, all), behind, others));
  }
  if constexpr (sizeof(V) == 64 && kBits == 64) {
    __mmask8 kept = __mmask8(mask), behind = __mmask8(~Mask(0) << __builtin_popcount(mask));
    __m512i all = bit_cast<__m512i>(v), others = _mm512_maskz_compress_epi64(__mmask8(~mask), all);
    return bit_cast<V>(_mm512_mask_expand_epi64(_mm512_maskz_compress_epi64(kept, all), behind, others));
  }
#endif
#if defined(__AVX2__)
  if constexpr (kHasTable<V>) return permute_by_table(v, mask);
#endif
  V separated = v;
  int count = 0, others = __builtin_popcount(mask);
  for (int j = 0; j < kLanesOf<V>; ++j) separated[mask >> j & 1 ? count++ : others++] = v[j];
  return separated;
}

}  // namespace diffsort::DIFFSORT_TARGET
