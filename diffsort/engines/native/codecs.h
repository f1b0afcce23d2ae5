// From elements to words and back: with an index in every word, or of values alone.

#pragma once

#include "elements.h"
#include "sort.h"
#include "words.h"

namespace diffsort::DIFFSORT_TARGET {

template <int L>
using Indices = Vector<uint32_t, L>;

// What the words of a job have in common.
struct Encoding {
  int index_bits;     // of a word that holds key and index
  uint64_t flip;      // bits of a key that are inverted for its order
  uint64_t base = 0;  // subtracted from a packed word, where all are known to be at least this
};

inline int bits_for(int64_t n) {
  int bits = 0;
  while ((int64_t(1) << bits) < n) ++bits;
  return bits;
}

inline Encoding encoding_for(const SortJob& job) {
  bool is_signed = job.type == ElementType::kS8 || job.type == ElementType::kS16 || job.type == ElementType::kS32 ||
                   job.type == ElementType::kS64;
  int lane_bits =
      job.type == ElementType::kF64 || job.type == ElementType::kS64 || job.type == ElementType::kU64 ? 64 : 32;
  uint64_t sign = is_signed ? uint64_t(1) << (lane_bits - 1) : 0;
  return {bits_for(job.n), sign ^ (job.descending ? ~uint64_t(0) : 0)};
}

// Key and index of elements of up to 32 bits, packed into 52 bits: from the highest down a flag for masked
// elements, the key, and the index.
template <class Element>
struct PackedCodec {
  static constexpr int L = kLanes;
  static constexpr bool kHasIndex = true;
  using Stored = typename Element::Stored;
  using Format = LaneFormat<Stored, L>;
  using Bits = typename Format::Bits;
  using Word = NumberWord<double, L>;
  using U64 = Vector<uint64_t, L>;
  static constexpr uint64_t kOne = 0x3ff0000000000000u;
  static constexpr uint64_t kMantissa = 0x000fffffffffffffu;

  static DIFFSORT_INLINE U64 pack_u64(Bits bits, U64 index, Bits masked, const Encoding& encoding) {
    Bits key = Element::encode(bits) ^ uint32_t(encoding.flip);
    U64 high = __builtin_convertvector(key, U64) | (__builtin_convertvector(masked & 1, U64) << 32);
    return (high << encoding.index_bits) | index;
  }
  static DIFFSORT_INLINE Word pack(Bits bits, U64 index, Bits masked, const Encoding& encoding) {
    return from_u64(pack_u64(bits, index, masked, encoding), 0);
  }
  static DIFFSORT_INLINE Word from_u64(U64 packed, uint64_t base) {
    return {bit_cast<Vector<double, L>>((packed - base) | kOne)};
  }
  // Of keys as integers with a sign, in their order.
  static DIFFSORT_INLINE Word join(Vector<int32_t, L> key, Indices<L> index, const Encoding& encoding) {
    U64 high = __builtin_convertvector((Bits)key ^ kTopBit<uint32_t>, U64) << encoding.index_bits;
    return from_u64(high | __builtin_convertvector(index, U64), encoding.base);
  }
  static DIFFSORT_INLINE U64 to_u64(Word word, uint64_t base) { return (bit_cast<U64>(word.v) & kMantissa) + base; }
  static DIFFSORT_INLINE Word sentinel() { return {splat<Vector<double, L>>(4.0)}; }

  static DIFFSORT_INLINE Bits decode_u64(U64 packed, const Encoding& encoding) {
    Bits key = __builtin_convertvector(packed >> encoding.index_bits, Bits);
    return Element::decode(key ^ uint32_t(encoding.flip));
  }
  static DIFFSORT_INLINE Indices<L> index_u64(U64 packed, const Encoding& encoding) {
    return __builtin_convertvector(packed & ((uint64_t(1) << encoding.index_bits) - 1), Indices<L>);
  }
  static DIFFSORT_INLINE Bits decode(Word word, const Encoding& encoding) {
    return decode_u64(to_u64(word, encoding.base), encoding);
  }
  static DIFFSORT_INLINE Indices<L> index(Word word, const Encoding& encoding) {
    return index_u64(to_u64(word, encoding.base), encoding);
  }
  // Not zero where a word does not hold all the bits of an element.
  static DIFFSORT_INLINE Bits lossy(Bits bits) { return Element::lossy(bits); }
};

// Key and index of elements of 64 bits, side by side. A masked element has the largest key, and an index larger
// than all others.
template <class Element>
struct PairCodec {
  static constexpr int L = kLanes;
  static constexpr bool kHasIndex = true;
  using Stored = typename Element::Stored;
  using Format = LaneFormat<Stored, L>;
  using Bits = typename Format::Bits;
  using Word = PairWord<L>;
  using U64 = Vector<uint64_t, L>;
  using Ints = Vector<int64_t, L>;
  static constexpr int64_t kMasked = int64_t(1) << 40;

  static DIFFSORT_INLINE Word pack(Bits bits, U64 index, Bits masked, const Encoding& encoding) {
    Bits key = Element::encode(bits) ^ encoding.flip;
    Ints all = (Ints)(Bits{} - (masked & 1));
    Ints greatest = splat<Ints>(INT64_MAX);
    Ints compared = (Ints)(key ^ kTopBit<uint64_t>);
    return {(compared & ~all) | (greatest & all), (Ints)index | (all & kMasked)};
  }
  static DIFFSORT_INLINE Word join(Ints key, Indices<L> index, const Encoding&) {
    return {key, __builtin_convertvector(index, Ints)};
  }
  static DIFFSORT_INLINE Word sentinel() { return {splat<Ints>(INT64_MAX), splat<Ints>(INT64_MAX)}; }
  static DIFFSORT_INLINE Bits decode(Word word, const Encoding& encoding) {
    Bits key = (Bits)word.key ^ kTopBit<uint64_t> ^ encoding.flip;
    return Element::decode(key) & (Bits)(word.index < kMasked);
  }
  static DIFFSORT_INLINE Indices<L> index(Word word, const Encoding&) {
    return __builtin_convertvector(word.index, Indices<L>);
  }
  static DIFFSORT_INLINE Bits lossy(Bits bits) { return Element::lossy(bits); }
};

// The values alone, compared as the numbers they are; floats of up to 32 bits as integers in their order, where these
// have minima, which run faster. Lossy for floats that are equal though their bits differ, whose order depends on an
// index, and for NaNs where floats are compared.
template <class Element>
struct ValueCodec {
  using Stored = typename Element::Stored;
  static constexpr bool kIsWide = sizeof(Stored) == 8;
#if defined(__AVX2__)
  static constexpr bool kHasIntegerMinima = !kIsWide;
#else
  static constexpr bool kHasIntegerMinima = false;
#endif
  static constexpr bool kIsOrdered = Element::kCompare == Compare::kFloat && kHasIntegerMinima;
  static constexpr bool kIsFloat = Element::kCompare == Compare::kFloat && !kHasIntegerMinima;
  static constexpr int L = kIsWide ? kLanes : 2 * kLanes;
  static constexpr bool kHasIndex = false;
  using Format = LaneFormat<Stored, L>;
  using Bits = typename Format::Bits;
  using Lane = Scalar<Bits>;
  using Number = std::conditional_t<kIsFloat, std::conditional_t<kIsWide, double, float>,
                                    std::conditional_t<kIsWide, int64_t, int32_t>>;
  using Word = NumberWord<Number, L>;
  using U64 = Vector<uint64_t, L>;

  static DIFFSORT_INLINE Lane flip(const Encoding& encoding) {
    if constexpr (kIsFloat) {
      return Lane(encoding.flip) & kTopBit<Lane>;
    } else if constexpr (kIsOrdered) {
      return Lane(encoding.flip);
    } else {
      return Lane(encoding.flip) ^ kTopBit<Lane>;
    }
  }
  // The bits of floats as integers in their order, and back.
  static DIFFSORT_INLINE Bits reorder(Bits bits) { return bits ^ ((Bits)((Vector<int32_t, L>)bits >> 31) >> 1); }

  static DIFFSORT_INLINE Word pack(Bits bits, U64, Bits, const Encoding& encoding) {
    if constexpr (kIsFloat) {
      return {bit_cast<Vector<Number, L>>(bits ^ flip(encoding))};
    } else if constexpr (kIsOrdered) {
      return {bit_cast<Vector<Number, L>>(reorder(bits) ^ flip(encoding))};
    } else {
      return {bit_cast<Vector<Number, L>>(Element::encode(bits) ^ flip(encoding))};
    }
  }
  static DIFFSORT_INLINE Word sentinel() {
    if constexpr (kIsFloat) {
      return {bit_cast<Vector<Number, L>>(splat<Bits>(Element::kInfinity))};
    } else {
      return {splat<Vector<Number, L>>(kIsWide ? Number(INT64_MAX) : Number(INT32_MAX))};
    }
  }
  static DIFFSORT_INLINE Bits decode(Word word, const Encoding& encoding) {
    Bits bits = bit_cast<Bits>(word.v) ^ flip(encoding);
    if constexpr (kIsFloat) {
      return bits;
    } else if constexpr (kIsOrdered) {
      return reorder(bits);
    } else {
      return Element::decode(bits);
    }
  }
  static DIFFSORT_INLINE Indices<L> index(Word, const Encoding&) { return Indices<L>{}; }
  static DIFFSORT_INLINE Bits lossy(Bits bits) {
    if constexpr (kIsFloat) {
      return Element::lossy(bits) | Element::is_nan(bits);
    } else {
      return Element::lossy(bits);
    }
  }
};

template <class Element>
using IndexedCodec =
    std::conditional_t<sizeof(typename Element::Stored) == 8, PairCodec<Element>, PackedCodec<Element>>;

}  // namespace diffsort::DIFFSORT_TARGET
