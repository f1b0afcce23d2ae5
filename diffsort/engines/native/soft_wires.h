// Which wires the comparators of a network are on, and where these lie in vectors.
//
// A row takes up K lanes of m vectors: its wire number k m + s is lane k of vector s. Comparators are done in vectors, of
// wires that are in the same lane mostly.

#pragma once

#include "soft_network.h"
#include "vectors.h"

namespace diffsort::DIFFSORT_TARGET {

struct Layer {
  int64_t distance;     // between the wires of a comparator; a power of two
  bool is_mirrored;     // the first wire of a block with its last one, the second with the last but one …
  bool is_shifted;      // from the second wire on
  int64_t needed;       // the elements, from number `needed` on, for which there is this layer
};

// Odd-even: n layers of neighbours. Bitonic: for blocks of 2, 4, 8, … wires, of which both halves ascend, one mirrored
// layer and then those of half the distance each. As no comparator puts the greater value on the lower wire, wires
// that are missing behind the last one change nothing.
class Layers {
 public:
  Layers(NetworkKind kind, int64_t elements) : kind_(kind), size_(0) {
    if (kind == NetworkKind::kOddEven) {
      size_ = elements > 1 ? elements : 0;
    } else {
      for (int stage = 1; (int64_t(1) << (stage - 1)) < elements; ++stage) size_ += stage;
    }
  }

  int64_t size() const { return size_; }

  Layer operator[](int64_t number) const {
    if (kind_ == NetworkKind::kOddEven) return {1, false, number % 2 == 1, number};
    int stage = 1;
    for (; number >= stage; ++stage) number -= stage;
    int64_t half = int64_t(1) << (stage - 1);
    return {half >> number, number == 0, false, half};
  }

 private:
  NetworkKind kind_;
  int64_t size_;
};

#if defined(__clang__)
template <class V, class Index>
DIFFSORT_INLINE V permute_lanes(V v, Index from) {
  V out;
  for (int j = 0; j < kLanesOf<V>; ++j) out[j] = v[from[j]];
  return out;
}
#else
template <class V, class Index>
DIFFSORT_INLINE V permute_lanes(V v, Index from) {
  return __builtin_shuffle(v, from);
}
#endif

// Wires in one lane. `flip` is by which bits the numbers of the wires of a comparator differ.
template <class V>
struct WithinLanes {
  int64_t distance, flip, first;

  DIFFSORT_INLINE void load(const V* v, int64_t i, V& low, V& high) const {
    int64_t wire = i + (i & -distance);
    low = v[first + wire];
    high = v[first + (wire ^ flip)];
  }
  DIFFSORT_INLINE void store(V* v, int64_t i, V low, V high) const {
    int64_t wire = i + (i & -distance);
    v[first + wire] = low;
    v[first + (wire ^ flip)] = high;
  }
};

// Wires in two lanes, with numbers of vectors that add up to the last one. Two vectors hold both ends of as many
// comparators as there are lanes.
template <class V, class Index>
struct MirroredLanes {
  Index partner, is_upper;
  int64_t last;

  DIFFSORT_INLINE void load(const V* v, int64_t i, V& low, V& high) const {
    V one = v[i], other = permute_lanes(v[last - i], partner);
    low = is_upper ? other : one;
    high = is_upper ? one : other;
  }
  DIFFSORT_INLINE void store(V* v, int64_t i, V low, V high) const {
    v[i] = is_upper ? high : low;
    v[last - i] = permute_lanes<V>(is_upper ? low : high, partner);
  }
};

// Wires in two lanes of one vector.
template <class V, class Index>
struct AcrossLanes {
  Index partner, is_upper;

  DIFFSORT_INLINE void load(const V* v, int64_t i, V& low, V& high) const {
    V one = v[2 * i], other = v[2 * i + 1];
    low = is_upper ? permute_lanes(other, partner) : one;
    high = is_upper ? other : permute_lanes(one, partner);
  }
  DIFFSORT_INLINE void store(V* v, int64_t i, V low, V high) const {
    v[2 * i] = is_upper ? permute_lanes(high, partner) : low;
    v[2 * i + 1] = is_upper ? high : permute_lanes(low, partner);
  }
};

// The last wire of a lane with the first one of the next lane.
template <class V, class Index>
struct NextLane {
  Index next, previous;
  int64_t last;

  DIFFSORT_INLINE void load(const V* v, int64_t, V& low, V& high) const {
    low = v[last];
    high = permute_lanes(v[0], next);
  }
  DIFFSORT_INLINE void store(V* v, int64_t, V low, V high) const {
    v[last] = low;
    v[0] = permute_lanes(high, previous);
  }
};

}  // namespace diffsort::DIFFSORT_TARGET
