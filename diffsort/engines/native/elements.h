// Elements as order-preserving unsigned keys, and back.
//
// The order is that of jax.numpy.sort: every NaN is one key above +inf; −0.0, +0.0 and what XLA's CPU code
// flushes to zero are one key. Keys that stand for several bit patterns decode to one of them; an element
// with another pattern is reported as lossy, and the sort then gathers the values instead of decoding them.
//
// Elements of up to 32 bits are held in the upper bits of a 32-bit lane, so that one float format of 32
// bits covers bfloat16 as well.

#pragma once

#include "vectors.h"

namespace diffsort::DIFFSORT_TARGET {

// How L elements are stored in memory, and held in the lanes of a vector.
template <class Stored, int L>
struct LaneFormat {
  using Lane = std::conditional_t<sizeof(Stored) == 8, uint64_t, uint32_t>;
  using Bits = Vector<Lane, L>;
  static constexpr int kShift = 8 * (sizeof(Lane) - sizeof(Stored));

  static DIFFSORT_INLINE Bits widen(Vector<Stored, L> v) { return __builtin_convertvector(v, Bits) << kShift; }
  static DIFFSORT_INLINE Bits read(const void* address) { return widen(load<Vector<Stored, L>>(address)); }
  static DIFFSORT_INLINE void write(void* address, Bits bits) {
    store(address, __builtin_convertvector(bits >> kShift, Vector<Stored, L>));
  }
};

enum class Compare { kInteger, kFloat };

template <class Lane>
inline constexpr Lane kTopBit = Lane(1) << (8 * sizeof(Lane) - 1);

// Integers are their own keys; those with a sign have its bit flipped by `Encoding::flip`.
template <class M>
struct Integer {
  using Stored = M;
  static constexpr Compare kCompare = Compare::kInteger;
  template <class Bits>
  static DIFFSORT_INLINE Bits encode(Bits bits) {
    return bits;
  }
  template <class Bits>
  static DIFFSORT_INLINE Bits decode(Bits key) {
    return key;
  }
  template <class Bits>
  static DIFFSORT_INLINE Bits lossy(Bits) {
    return Bits{};
  }
  template <class Bits>
  static DIFFSORT_INLINE Bits is_nan(Bits) {
    return Bits{};
  }
};

// Smallest: the smallest magnitude that is not taken for zero. Infinity and Nan: those bit patterns.
template <class M, auto Smallest, auto Infinity, auto Nan, bool IsFloat32>
struct Float {
  using Stored = M;
  // Bits that are those of a float32 or float64 can be compared as such.
  static constexpr Compare kCompare = IsFloat32 ? Compare::kFloat : Compare::kInteger;
  static constexpr auto kInfinity = Infinity;

  template <class Bits>
  using Ints = Vector<std::make_signed_t<Scalar<Bits>>, kLanesOf<Bits>>;

  template <class Bits>
  static DIFFSORT_INLINE Ints<Bits> magnitude(Bits bits) {
    return (Ints<Bits>)(bits & ~kTopBit<Scalar<Bits>>);
  }
  template <class Bits>
  static DIFFSORT_INLINE Bits canonical(Bits bits) {
    auto m = magnitude(bits);
    using Int = Scalar<Ints<Bits>>;
    bits &= (Bits)(m >= Int(Smallest));
    auto nan = (Bits)(m > Int(Infinity));
    return (bits & ~nan) | (nan & Scalar<Bits>(Nan));
  }
  template <class Bits>
  static DIFFSORT_INLINE Bits encode(Bits bits) {
    Bits c = canonical(bits);
    auto sign = (Ints<Bits>)c >> (8 * sizeof(Scalar<Bits>) - 1);
    return c ^ ((Bits)sign | kTopBit<Scalar<Bits>>);
  }
  template <class Bits>
  static DIFFSORT_INLINE Bits decode(Bits key) {
    auto positive = (Ints<Bits>)key >> (8 * sizeof(Scalar<Bits>) - 1);
    return key ^ (~(Bits)positive | kTopBit<Scalar<Bits>>);
  }
  template <class Bits>
  static DIFFSORT_INLINE Bits lossy(Bits bits) {
    return bits ^ canonical(bits);
  }
  template <class Bits>
  static DIFFSORT_INLINE Bits is_nan(Bits bits) {
    return (Bits)(magnitude(bits) > Scalar<Ints<Bits>>(Infinity));
  }
};

using Float32 = Float<uint32_t, 0x00800000u, 0x7f800000u, 0x7fc00000u, true>;
using BFloat16 = Float<uint16_t, 0x00800000u, 0x7f800000u, 0x7fc00000u, true>;
using Float16 = Float<uint16_t, 1u, 0x7c000000u, 0x7e000000u, false>;
using Float64 = Float<uint64_t, 0x0010000000000000u, 0x7ff0000000000000u, 0x7ff8000000000000u, true>;

}  // namespace diffsort::DIFFSORT_TARGET
