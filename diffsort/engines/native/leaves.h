// The ends of a quicksort: few numbers, sorted as a tile and written; and many that are equal.

#pragma once

#include "split.h"
#include "tile.h"

namespace diffsort::DIFFSORT_TARGET {

// Values alone, as numbers of their codec, of the row (inner = 1) that begins at element `start`.
template <class Element>
class ValueLeaf {
 public:
  using Codec = ValueCodec<Element>;
  using Word = typename Codec::Word;
  using Row = Numbers<typename Codec::Number, false>;
  static constexpr bool kPaired = false;
  static constexpr int L = Codec::L;
  static constexpr int64_t kTile = 256 * L;  // below, a network costs less than splits and their wrong guesses

  static size_t bytes() { return Tile<Codec>::bytes_for_row(kTile); }
  // Elements as numbers, and whether these do not hold all their bits.
  static DIFFSORT_INLINE typename Word::V encode(typename Codec::Bits bits, const Encoding& encoding) {
    return Codec::pack(bits, typename Codec::U64{}, typename Codec::Bits{}, encoding).v;
  }
  static DIFFSORT_INLINE typename Codec::Bits lossy(typename Codec::Bits bits) { return Codec::lossy(bits); }

  ValueLeaf(const SortJob& job, int64_t start, bool, void* memory)
      : start_(start), tile_(job, memory), out_(job, false), encoding_(encoding_for(job)) {}

  // Sorts n ≤ kTile numbers, and writes them as elements from number `to` of the row on.
  bool sort(Row row, int64_t n, int64_t to) {
    if (n > 0) tile_.sort_numbers(row.keys, n, start_ + to);
    return true;
  }

  void write_equal(Row row, int64_t n, int64_t to) const {
    if (n == 0) return;
    auto bits = Codec::decode({splat<typename Word::V>(row.keys[0])}, encoding_);
    int64_t i = start_ + to, end = i + n;
    for (; i + L <= end; i += L) out_.write(i, bits, Indices<L>{}, 0, 0);
    for (; i < end; ++i) out_.write_one(i, bits[0], 0, 0);
  }

 private:
  int64_t start_;
  Tile<Codec> tile_;
  Output<Codec> out_;
  Encoding encoding_;
};

// The number of an element that is paired with its index, of L lanes: integers in the order of keys.
template <class Element>
struct PairedNumber {
  using Codec = IndexedCodec<Element>;
  static constexpr bool kIsWide = sizeof(typename Element::Stored) == 8;
  static constexpr int L = kIsWide ? kLanes : 2 * kLanes;
  using Number = std::conditional_t<kIsWide, int64_t, int32_t>;
  using Lane = std::make_unsigned_t<Number>;
  using Word = NumberWord<Number, L>;

  template <class Bits>
  static DIFFSORT_INLINE Vector<Number, kLanesOf<Bits>> encode(Bits bits, const Encoding& encoding) {
    return (Vector<Number, kLanesOf<Bits>>)(Element::encode(bits) ^ (Lane(encoding.flip) ^ kTopBit<Lane>));
  }
  template <class Keys>
  static DIFFSORT_INLINE Vector<Lane, kLanesOf<Keys>> decode(Keys keys, const Encoding& encoding) {
    using Bits = Vector<Lane, kLanesOf<Keys>>;
    return Element::decode((Bits)keys ^ (Lane(encoding.flip) ^ kTopBit<Lane>));
  }
};

// Numbers with their indices, of the row (inner = 1) that begins at element `start`; values are gathered where numbers
// do not hold all their bits.
template <class Element>
class PairLeaf {
 public:
  using Codec = IndexedCodec<Element>;
  using Paired = PairedNumber<Element>;
  using Word = typename Paired::Word;
  using Number = typename Paired::Number;
  using Row = Numbers<Number, true>;
  static constexpr bool kPaired = true;
  static constexpr int64_t kTile = Paired::kIsWide ? 512 : 2048;

  static size_t bytes() {
    size_t tile = Tile<Codec>::bytes_for_row(kTile), order = Order::bytes();
    return tile < order ? order : tile;
  }

  template <class Bits>
  static DIFFSORT_INLINE typename Word::V encode(Bits bits, const Encoding& encoding) {
    return Paired::encode(bits, encoding);
  }
  template <class Bits>
  static DIFFSORT_INLINE Bits lossy(Bits bits) {
    return Element::lossy(bits);
  }

  PairLeaf(const SortJob& job, int64_t start, bool gathers, void* memory)
      : job_(job), start_(start), gathers_(gathers), memory_(memory), encoding_(encoding_for(job)) {}

  // Sorts n ≤ kTile numbers, and writes them as elements from number `to` of the row on. Returns false where they are
  // too many and too far apart for a tile.
  bool sort(Row row, int64_t n, int64_t to) {
    if (n == 0) return true;
    if constexpr (!Paired::kIsWide) {
      if (encoding_.index_bits + 32 > 52) {  // of a word
        Number least = row.keys[0], most = least;
        for (int64_t i = 1; i < n; ++i) {
          least = row.keys[i] < least ? row.keys[i] : least;
          most = row.keys[i] < most ? most : row.keys[i];
        }
        if ((uint64_t(int64_t(most) - least) + 1) << encoding_.index_bits > uint64_t(1) << 52) {
          if (n >= Split<typename Word::V, true>::kLeast) return false;
          sort_few(row, n);
          write_in_order(row, n, to);
          return true;
        }
        base_ = uint64_t(uint32_t(least) ^ kTopBit<uint32_t>) << encoding_.index_bits;
      }
    }
    Tile<Codec>(job_, memory_).sort_pairs(row.keys, row.indices, n, base_, gathers_, start_ + to, start_);
    return true;
  }

  // Writes n numbers that are equal, in the order of their indices.
  void write_equal(Row row, int64_t n, int64_t to);

 private:
  using Order = ValueLeaf<Integer<uint32_t>>;

  // Of a key with at least one in so many elements of a row, it is faster to look for the indices than to sort them.
  static constexpr int64_t kRereadShare = 8;

  // Finds the indices of the n elements with the same key, in order.
  void find_indices(Row row, int64_t n) const {
    using V = typename Word::V;
    using I = Vector<uint32_t, Paired::L>;
    using Format = LaneFormat<typename Element::Stored, Paired::L>;
    constexpr int L = Paired::L;
    const auto* x = static_cast<const typename Element::Stored*>(job_.x) + start_;
    const uint8_t* where = job_.where ? job_.where + start_ : nullptr;
    V key = splat<V>(row.keys[0]);
    int64_t found = 0;
    for (int64_t i = 0; found < n; i += L) {
      int count = job_.n - i < L ? int(job_.n - i) : L;
      Vector<typename Element::Stored, L> elements{};
      Vector<uint8_t, L> keeps = splat<Vector<uint8_t, L>>(1);
      std::memcpy(&elements, x + i, size_t(count) * sizeof(elements[0]));
      if (where) std::memcpy(&keeps, where + i, size_t(count));
      auto equal = Paired::encode(Format::widen(elements), encoding_) == key;
      Mask mask = mask_of(equal & (__builtin_convertvector(keeps, V) != 0)) & ((Mask(1) << count) - 1);
      uint32_t indices[L];
      int more = compress_store(indices, iota<I>() + uint32_t(i), mask);
      std::memcpy(row.indices + found, indices, size_t(n - found < L ? more : L) * sizeof(uint32_t));
      found += more;
    }
    if (!job_.ties_reversed) return;
    for (int64_t i = 0, j = n - 1; i <= j; ++i, --j) {
      uint32_t index = row.indices[i];
      row.indices[i] = uint32_t(job_.n - 1) - row.indices[j];
      row.indices[j] = uint32_t(job_.n - 1) - index;
    }
  }

  // Sorts numbers and indices by insertion.
  static void sort_few(Row row, int64_t n) {
    for (int64_t i = 1; i < n; ++i) {
      Number key = row.keys[i];
      uint32_t index = row.indices[i];
      int64_t j = i;
      for (; j > 0 && (key < row.keys[j - 1] || (key == row.keys[j - 1] && index < row.indices[j - 1])); --j) {
        row.keys[j] = row.keys[j - 1];
        row.indices[j] = row.indices[j - 1];
      }
      row.keys[j] = key;
      row.indices[j] = index;
    }
  }

  void write_in_order(Row row, int64_t n, int64_t to) const {
    constexpr int L = Codec::L;
    Output<Codec> out(job_, gathers_);
    int64_t i = 0;
    for (; i + L <= n; i += L) {
      auto bits = Paired::decode(load<Vector<Number, L>>(row.keys + i), encoding_);
      out.write(start_ + to + i, bits, load<Indices<L>>(row.indices + i), start_, 0);
    }
    for (; i < n; ++i) {
      auto bits = Paired::decode(splat<Vector<Number, L>>(row.keys[i]), encoding_);
      out.write_one(start_ + to + i, bits[0], row.indices[i], start_);
    }
  }

  const SortJob& job_;
  int64_t start_;
  bool gathers_;
  void* memory_;
  Encoding encoding_;
  uint64_t base_ = 0;
};

}  // namespace diffsort::DIFFSORT_TARGET
