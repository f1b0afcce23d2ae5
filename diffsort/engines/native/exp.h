// The exponential function of vectors of float or double.
//
// Cody and Waite: x = n ln 2 + r with an integer n and |r| ≤ ln 2 / 2; exp(x) = 2^n exp(r), the latter by a polynomial
// that was fitted at Chebyshev points. In units of the last place, it is at most 1.1 off for either type.

#pragma once

#include "vectors.h"

namespace diffsort::DIFFSORT_TARGET {

template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  using Bits = int32_t;
  static constexpr float kLowest = -87.33654f;  // below it 2^n is no normal number
  static constexpr float kLog2High = 0x1.62e4p-1f, kLog2Low = 0x1.7f7d1cp-20f;
  static constexpr float kRounding = 0x1.8p23f;  // added, it leaves an integer in the last bits
  static constexpr int kMantissa = 23, kBias = 127;
  static constexpr float kPolynomial[] = {0.5f, 0.16666576f, 0.041666552f, 0.008363233f, 0.001392625f};
};

template <>
struct ExpConstants<double> {
  using Bits = int64_t;
  static constexpr double kLowest = -708.3964185322641;
  static constexpr double kLog2High = 0x1.62e42feep-1, kLog2Low = 0x1.a39ef35793c76p-33;
  static constexpr double kRounding = 0x1.8p52;
  static constexpr int kMantissa = 52, kBias = 1023;
  static constexpr double kPolynomial[] = {0.5000000000000001,     0.16666666666666669,    0.041666666666623824,
                                           0.008333333333330039,   0.0013888888917367081,  0.00019841269863171557,
                                           2.4801521057868204e-05, 2.7557268276905696e-06, 2.7620201591031547e-07,
                                           2.5100472505694996e-08};
};

// c[0] + c[1] x + c[2] x² + …
template <class V, int N>
DIFFSORT_INLINE V polynomial(V x, const Scalar<V> (&c)[N]) {
  V sum = splat<V>(c[N - 1]);
#pragma GCC unroll 16
  for (int i = N - 2; i >= 0; --i) sum = sum * x + c[i];
  return sum;
}

// exp(x) of x up to 88 (709 for double), as in what the greatest was subtracted from. 0 where it is no normal number;
// NaN of NaN.
template <class V>
DIFFSORT_INLINE V exp_of(V x) {
  using C = ExpConstants<Scalar<V>>;
  using Bits = Vector<typename C::Bits, kLanesOf<V>>;
  V rounded = x * Scalar<V>(1.4426950408889634) + C::kRounding;
  V n = rounded - C::kRounding;
  V r = (x - n * C::kLog2High) - n * C::kLog2Low;
  V power = (r * r) * polynomial(r, C::kPolynomial) + r + 1;
  Bits exponent = bit_cast<Bits>(rounded) - bit_cast<Bits>(splat<V>(C::kRounding)) + C::kBias;
  V scaled = power * bit_cast<V>(Bits(exponent << C::kMantissa));
  return x < C::kLowest ? V{} : scaled;
}

}  // namespace diffsort::DIFFSORT_TARGET
