// A relaxed comparator, on vectors of wires.
//
// Of the two values the less, l, and the greater, h, it leaves l + s (h − l) and h − s (h − l), with s = f(−β (h − l)) in
// [0, 1/2]: the same as the definition, without a difference of near numbers. Where s is 0 these are l and h
// themselves, also where they are infinite. NaN stands for an element that is not there: one on the upper wire leaves
// all as it is.

#pragma once

#include "exp.h"
#include "soft_network.h"

namespace diffsort::DIFFSORT_TARGET {

template <class V>
using BitsOf = Vector<typename ExpConstants<Scalar<V>>::Bits, kLanesOf<V>>;

// f(−v) and the derivative of f there, of v ≥ 0.
template <class V>
struct SigmoidTail {
  V share, slope;
};

// arctan(low / high) of 0 ≤ low ≤ high, low finite. Fitted at Chebyshev points; at most 2 units in the last place off.
template <class V>
DIFFSORT_INLINE V arctan(V low, V high) {
  using T = Scalar<V>;
  static constexpr float kFloat[] = {0.3333333f, -0.19999538f, 0.14263897f, -0.107430995f, 0.06449835f};
  static constexpr double kDouble[] = {0.3333333333333333,    -0.1999999999999548,  0.14285714284657894,
                                       -0.11111111014561013,  0.09090904549884611,  -0.07692182535116648,
                                       0.06664502215671447,   -0.058580687568615106, 0.05085030492810941,
                                       -0.03921955253255129,  0.019162068915902573};
  auto is_steep = low > high * T(0.41421356237309503);  // then arctan(q) = π/4 + arctan((q − 1) / (q + 1))
  V q = (is_steep ? low - high : low) / (is_steep ? low + high : high);
  V square = q * q, sum;
  if constexpr (sizeof(T) == 4) {
    sum = polynomial(square, kFloat);
  } else {
    sum = polynomial(square, kDouble);
  }
  V angle = q - q * square * sum;
  return is_steep ? angle + T(0.7853981633974483) : angle;
}

template <Sigmoid S, class V>
DIFFSORT_INLINE SigmoidTail<V> sigmoid_tail(V v) {
  using T = Scalar<V>;
  V one = splat<V>(1);
  if constexpr (S == Sigmoid::kLogistic) {  // f(v) = 1 / (1 + exp(−v))
    V e = exp_of(-v), rest = one / (one + e);
    return {e * rest, e * rest * rest};
  } else if constexpr (S == Sigmoid::kCauchy) {  // f(v) = 1/2 + arctan(v) / π
    constexpr T kInversePi = T(0.3183098861837907);
    auto is_far = v > one;
    V angle = arctan<V>(is_far ? one : v, is_far ? v : one) * kInversePi;
    return {is_far ? angle : T(0.5) - angle, kInversePi / (one + v * v)};
  } else {  // f(v) = 1/2 + v up to v = 1/4, then 1 − 1 / (16 v)
    auto is_far = v > T(0.25);
    V inverse = T(0.0625) / v;
    return {is_far ? inverse : T(0.5) - v, is_far ? inverse / v : one};
  }
}

// What a comparator does with the values on its wires, and with other things that it carries along.
template <class V>
struct Outcome {
  V low, high;  // on the wires
  V alpha;      // by which anything else is carried along
  V gamma;      // α + v f'(v), v = β (b − a): by which cotangents of `low` and `high` go back
  V slope;      // ∂α / ∂b = −∂α / ∂a
};

// `active`: the lanes in which there is a comparator.
template <Sigmoid S, class V>
DIFFSORT_INLINE Outcome<V> compare(V a, V b, V steepness, BitsOf<V> active) {
  auto swap = (b < a) & active;
  V low = swap ? b : a, high = swap ? a : b;
  V distance = a == b ? V{} : high - low;  // so of two infinities too
  V v = steepness * distance;
  auto [share, slope] = sigmoid_tail<S>(v);
  auto is_relaxed = (share > V{}) & active;  // not so of NaN
  share = is_relaxed ? share : V{};
  slope = is_relaxed ? slope : V{};
  V exchanged = is_relaxed ? share * distance : V{};
  V rest = is_relaxed ? share - v * slope : V{};
  V one = splat<V>(1);
  return {low + exchanged, high - exchanged, swap ? share : one - share, swap ? rest : one - rest, steepness * slope};
}

// Two cotangents, or values, that go through a comparator: (w a + (1 − w) b, (1 − w) a + w b), which is its own transpose.
template <class V>
DIFFSORT_INLINE void mix(V weight, V& a, V& b) {
  V rest = splat<V>(1) - weight, mixed = weight * a + rest * b;
  b = rest * a + weight * b;
  a = mixed;
}

}  // namespace diffsort::DIFFSORT_TARGET
