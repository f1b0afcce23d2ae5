// What a selection works on: the elements that may be of the ranks asked for, as keys beside what breaks their ties.

#pragma once

#include "compress.h"
#include "network.h"

namespace diffsort::DIFFSORT_TARGET {

// A key, and what breaks its ties: an index.
template <class Lane>
struct Place {
  Lane key, tie;
};

// Keys and ties in arrays, behind whose end there is room for one more vector.
template <class LaneType>
struct Candidates {
  using Lane = LaneType;
  static constexpr int W = kLanes * 8 / int(sizeof(Lane));  // lanes of a register
  using V = Vector<Lane, W>;

  Lane *keys, *ties;
  int64_t room, count = 0;

  // As a source of other candidates.
  struct Read {
    V key, tie;
    Mask valid;
  };
  int64_t size() const { return count; }
  DIFFSORT_INLINE Read read(int64_t at, int lanes) const {
    return {load<V>(keys + at), load<V>(ties + at), (Mask(1) << lanes) - 1};
  }
  // Reads lane j.
  DIFFSORT_INLINE void read_lane(int j, int64_t at, V& key, V& tie, Mask& valid) const {
    key[j] = keys[at];
    tie[j] = ties[at];
    valid |= Mask(1) << j;
  }
  DIFFSORT_INLINE V encode(V key) const { return key; }
};

// The places between which candidates lie, the ends included.
template <class Lane>
struct Limits {
  Place<Lane> low{0, 0}, high{Lane(~Lane(0)), Lane(~Lane(0))};
  bool has_low = false;
};

// Lanes before a place, in the order of key and tie.
template <class V>
DIFFSORT_INLINE Mask before(V key, V tie, Place<Scalar<V>> place) {
  V bound = splat<V>(place.key);
  return less(key, bound) | (~less(bound, key) & less(tie, splat<V>(place.tie)));
}
// Lanes before a place or at it.
template <class V>
DIFFSORT_INLINE Mask up_to(V key, V tie, Place<Scalar<V>> place) {
  V bound = splat<V>(place.key);
  return less(key, bound) | (~less(bound, key) & ~less(splat<V>(place.tie), tie));
}

// Appends what lies within limits of the elements `begin` to `end` of a source. Returns how many lie below, or −1 where
// there was not enough room. A source may be what is appended to: nothing is written that has not been read.
template <bool HasLow, class Source, class Lane>
int64_t keep(const Source& source, int64_t begin, int64_t end, const Limits<Lane>& limits, Candidates<Lane>& to) {
  constexpr int W = Candidates<Lane>::W;
  const Source from = source;  // copies, which no store can change
  const Limits<Lane> within = limits;
  Lane *keys = to.keys, *ties = to.ties;
  int64_t below = 0, count = to.count, room = to.room - W;
  auto step = [&](int64_t at, int lanes) __attribute__((always_inline)) {
    auto [key, tie, valid] = from.read(at, lanes);
    Mask kept = up_to(key, tie, within.high) & valid;
    if constexpr (HasLow) {
      Mask under = before(key, tie, within.low) & valid;
      below += __builtin_popcount(under);
      kept &= ~under;
    }
    compress_store(keys + count, key, kept);
    count += compress_store(ties + count, tie, kept);
  };
  int64_t at = begin;
  for (; at + W <= end && count <= room; at += W) step(at, W);
  if (count > room) return -1;
  if (at < end) step(at, int(end - at));
  to.count = count;
  return below;
}

// Candidates in order, as words that a network sorts: key and tie in the mantissa of a double where they fit there,
// else side by side.
template <class Lane>
class Ordered {
 public:
  static size_t bytes_for(int64_t n) { return size_t(part_length(n)) * sizeof(PairWord<L>); }

  // Ties have at most `tie_bits`.
  Ordered(const Candidates<Lane>& given, int tie_bits, void* memory) : tie_bits_(tie_bits) {
    length_ = part_length(given.count);
    is_packed_ = find_least(given);
    if (is_packed_) {
      packed_ = static_cast<Packed*>(memory);
      sort(given, packed_, Packed{splat<Vector<double, L>>(4.0)}, [&](U64 key, U64 tie) {
        return Packed{bit_cast<Vector<double, L>>((key - least_) << tie_bits_ | tie | kOne)};
      });
    } else {
      pairs_ = static_cast<PairWord<L>*>(memory);
      Ints last = splat<Ints>(INT64_MAX);
      sort(given, pairs_, PairWord<L>{last, last},
           [](U64 key, U64 tie) { return PairWord<L>{(Ints)(key ^ kSign), (Ints)tie}; });
    }
  }

  Place<Lane> operator[](int64_t i) const { return place(i / length_, i % length_); }
  // Calls visit(place) for the ranks from `start` up to `stop`, in order.
  template <class Visit>
  void each(int64_t start, int64_t stop, Visit visit) const {
    int64_t lane = start / length_, at = start % length_;
    for (int64_t i = start; i < stop; ++i) {
      visit(place(lane, at));
      if (++at == length_) {
        at = 0;
        ++lane;
      }
    }
  }

 private:
  static constexpr int L = kLanes;
  using Packed = NumberWord<double, L>;
  using U64 = Vector<uint64_t, L>;
  using Ints = Vector<int64_t, L>;
  static constexpr uint64_t kOne = 0x3ff0000000000000u, kSign = uint64_t(1) << 63;

  static int64_t part_length(int64_t n) { return mergeable_length((n + L - 1) / L); }

  // Number `at` of those in a lane.
  DIFFSORT_INLINE Place<Lane> place(int64_t lane, int64_t at) const {
    if (!is_packed_) return {Lane(uint64_t(pairs_[at].key[lane]) ^ kSign), Lane(pairs_[at].index[lane])};
    uint64_t word;  // loaded by itself, not as a lane of its vector
    std::memcpy(&word, reinterpret_cast<const char*>(packed_ + at) + lane * 8, 8);
    word &= ~kOne;
    return {Lane((word >> tie_bits_) + least_), Lane(word & ((uint64_t(1) << tie_bits_) - 1))};
  }

  // Whether keys, less the least of them, leave 52 bits enough for a tie.
  bool find_least(const Candidates<Lane>& given) {
    if (sizeof(Lane) == 4 && tie_bits_ <= 20) return true;
    Lane least = ~Lane(0), greatest = 0;
    for (int64_t i = 0; i < given.count; ++i) {
      least = given.keys[i] < least ? given.keys[i] : least;
      greatest = given.keys[i] > greatest ? given.keys[i] : greatest;
    }
    least_ = least;
    return given.count == 0 || !(uint64_t(greatest - least) >> (52 - tie_bits_));
  }

  template <class Word, class Pack>
  void sort(const Candidates<Lane>& given, Word* words, Word sentinel, Pack pack) const {
    int64_t r = 0;
    for (; r * L < given.count; ++r) {
      U64 key = __builtin_convertvector((load<Vector<Lane, L>>(given.keys + r * L)), U64);
      U64 tie = __builtin_convertvector((load<Vector<Lane, L>>(given.ties + r * L)), U64);
      int64_t left = given.count - r * L;
      words[r] = left < L ? pack(key, tie).keep_first(int(left), sentinel) : pack(key, tie);
    }
    for (; r < length_; ++r) words[r] = sentinel;
    sort_lanes(words, length_);
    merge_lanes(words, length_);
  }

  int tie_bits_;
  bool is_packed_;
  uint64_t least_ = 0;
  int64_t length_;
  union {
    Packed* packed_;
    PairWord<L>* pairs_;
  };
};

}  // namespace diffsort::DIFFSORT_TARGET
