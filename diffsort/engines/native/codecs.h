// From elements to words and back: with an index in every word, or for the values alone.

#pragma once

#include "elements.h"
#include "job.h"
#include "words.h"

namespace diffsort::DIFFSORT_TARGET {

template <int L>
using Indices = Vector<uint32_t, L>;

// What all words of a row have in common.
struct Coding {
  int index_bits;     // of a word, where it holds key and index
  uint64_t flip;      // bits of a key that are flipped for its order
  uint64_t base = 0;  // subtracted from a word, where keys are known to lie above it
};

inline int bits_for(int64_t n) {
  int bits = 0;
  while ((int64_t(1) << bits) < n) ++bits;
  return bits;
}

inline Coding coding_for(const SortJob& job) {
  bool is_signed = job.type == Type::kS8 || job.type == Type::kS16 || job.type == Type::kS32 || job.type == Type::kS64;
  int lane_bits = job.type == Type::kF64 || job.type == Type::kS64 || job.type == Type::kU64 ? 64 : 32;
  uint64_t sign = is_signed ? uint64_t(1) << (lane_bits - 1) : 0;
  return {bits_for(job.n), sign ^ (job.descending ? ~uint64_t(0) : 0)};
}

// Key and index of elements of up to 32 bits: flag of a mask, key, index, from the top of 52 bits down.
template <class Element>
struct Indexed {
  static constexpr int L = kLanes;
  static constexpr bool has_index = true;
  using Memory = typename Element::Memory;
  using In = Held<Memory, L>;
  using Bits = typename In::Bits;
  using Word = Simple<double, L>;
  using Wide = Vector<uint64_t, L>;
  static constexpr uint64_t kOne = 0x3ff0000000000000u;
  static constexpr uint64_t kMantissa = 0x000fffffffffffffu;

  static DIFFSORT_INLINE Wide pack_wide(Bits bits, Wide index, Bits masked, const Coding& c) {
    Bits key = Element::encode(bits) ^ uint32_t(c.flip);
    Wide high = __builtin_convertvector(key, Wide) | (__builtin_convertvector(masked & 1, Wide) << 32);
    return (high << c.index_bits) | index;
  }
  static DIFFSORT_INLINE Word pack(Bits bits, Wide index, Bits masked, const Coding& c) {
    return from_wide(pack_wide(bits, index, masked, c), 0);
  }
  static DIFFSORT_INLINE Word from_wide(Wide wide, uint64_t base) {
    return {bit_cast<Vector<double, L>>((wide - base) | kOne)};
  }
  static DIFFSORT_INLINE Wide to_wide(Word word, uint64_t base) { return (bit_cast<Wide>(word.v) & kMantissa) + base; }
  static DIFFSORT_INLINE Word last() { return {splat<Vector<double, L>>(4.0)}; }

  static DIFFSORT_INLINE Bits decode_wide(Wide wide, const Coding& c) {
    Bits key = __builtin_convertvector(wide >> c.index_bits, Bits);
    return Element::decode(key ^ uint32_t(c.flip));
  }
  static DIFFSORT_INLINE Indices<L> index_wide(Wide wide, const Coding& c) {
    return __builtin_convertvector(wide & ((uint64_t(1) << c.index_bits) - 1), Indices<L>);
  }
  static DIFFSORT_INLINE Bits decode(Word word, const Coding& c) { return decode_wide(to_wide(word, c.base), c); }
  static DIFFSORT_INLINE Indices<L> index(Word word, const Coding& c) { return index_wide(to_wide(word, c.base), c); }
  // Elements that a word cannot give back.
  static DIFFSORT_INLINE Bits lost(Bits bits) { return Element::lossy(bits); }
};

// Key and index of elements of 64 bits. A masked element has the greatest key and an index above all others.
template <class Element>
struct IndexedWide {
  static constexpr int L = kLanes;
  static constexpr bool has_index = true;
  using Memory = typename Element::Memory;
  using In = Held<Memory, L>;
  using Bits = typename In::Bits;
  using Word = Pair<L>;
  using Wide = Vector<uint64_t, L>;
  using Ints = Vector<int64_t, L>;
  static constexpr int64_t kMasked = int64_t(1) << 40;

  static DIFFSORT_INLINE Word pack(Bits bits, Wide index, Bits masked, const Coding& c) {
    Bits key = Element::encode(bits) ^ c.flip;
    Ints all = (Ints)(Bits{} - (masked & 1));
    Ints greatest = splat<Ints>(INT64_MAX);
    Ints compared = (Ints)(key ^ kTopBit<uint64_t>);
    return {(compared & ~all) | (greatest & all), (Ints)index | (all & kMasked)};
  }
  static DIFFSORT_INLINE Word last() { return {splat<Ints>(INT64_MAX), splat<Ints>(INT64_MAX)}; }
  static DIFFSORT_INLINE Bits decode(Word word, const Coding& c) {
    Bits key = (Bits)word.key ^ kTopBit<uint64_t> ^ c.flip;
    return Element::decode(key) & (Bits)(word.index < kMasked);
  }
  static DIFFSORT_INLINE Indices<L> index(Word word, const Coding&) {
    return __builtin_convertvector(word.index, Indices<L>);
  }
  static DIFFSORT_INLINE Bits lost(Bits bits) { return Element::lossy(bits); }
};

// The values alone, compared as what they are. Floats of which some are equal and yet different, or NaN,
// are lost here: their order is told by an index.
template <class Element>
struct Values {
  using Memory = typename Element::Memory;
  static constexpr bool is_wide = sizeof(Memory) == 8;
  static constexpr bool is_float = Element::kCompare == Compare::kFloat;
  static constexpr int L = is_wide ? kLanes : 2 * kLanes;
  static constexpr bool has_index = false;
  using In = Held<Memory, L>;
  using Bits = typename In::Bits;
  using Lane = Scalar<Bits>;
  using Number = std::conditional_t<is_float, std::conditional_t<is_wide, double, float>,
                                    std::conditional_t<is_wide, int64_t, int32_t>>;
  using Word = Simple<Number, L>;
  using Wide = Vector<uint64_t, L>;

  static DIFFSORT_INLINE Lane flip(const Coding& c) {
    if constexpr (is_float) {
      return Lane(c.flip) & kTopBit<Lane>;
    } else {
      return Lane(c.flip) ^ kTopBit<Lane>;
    }
  }
  static DIFFSORT_INLINE Word pack(Bits bits, Wide, Bits, const Coding& c) {
    if constexpr (is_float) {
      return {bit_cast<Vector<Number, L>>(bits ^ flip(c))};
    } else {
      return {bit_cast<Vector<Number, L>>(Element::encode(bits) ^ flip(c))};
    }
  }
  static DIFFSORT_INLINE Word last() {
    if constexpr (is_float) {
      return {bit_cast<Vector<Number, L>>(splat<Bits>(Element::kInfinity))};
    } else {
      return {splat<Vector<Number, L>>(is_wide ? Number(INT64_MAX) : Number(INT32_MAX))};
    }
  }
  static DIFFSORT_INLINE Bits decode(Word word, const Coding& c) {
    Bits bits = bit_cast<Bits>(word.v) ^ flip(c);
    if constexpr (is_float) {
      return bits;
    } else {
      return Element::decode(bits);
    }
  }
  static DIFFSORT_INLINE Indices<L> index(Word, const Coding&) { return Indices<L>{}; }
  static DIFFSORT_INLINE Bits lost(Bits bits) { return Element::lossy(bits) | Element::is_nan(bits); }
};

template <class Element>
using IndexedOf = std::conditional_t<sizeof(typename Element::Memory) == 8, IndexedWide<Element>, Indexed<Element>>;

}  // namespace diffsort::DIFFSORT_TARGET
