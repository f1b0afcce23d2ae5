// Long rows: words are dealt out by the upper bits of their keys, until each hand fits a tile.
//
// This is a radix sort from the most significant digit down (Knuth, TAOCP 3, 5.2.5). A digit covers the
// range of keys that there is, small neighbours go into one hand, and a hand of one key is in order
// already: so no distribution of keys needs more than a few deals.

#pragma once

#include "memory.h"
#include "tile.h"

namespace diffsort::DIFFSORT_TARGET {

inline constexpr int64_t kSegment = 16384;  // words that a tile takes
inline constexpr int64_t kHand = 1024;      // words for which it is worth starting a tile

template <class Codec>
class LongRow {
 public:
  static constexpr int L = Codec::L;
  using Bits = typename Codec::Bits;
  using Word = typename Codec::Word;
  using U64 = typename Codec::U64;

  // The row (inner = 1) that begins at element `from`.
  LongRow(const SortJob& job, int64_t from) : job_(job), from_(from), encoding_(encoding_for(job)) {}

  // Returns false where memory ran out.
  bool sort(Pool& pool) {
    int64_t n = job_.n;
    Workspace memory(2 * n * sizeof(uint64_t));
    auto* words = static_cast<uint64_t*>(memory.data());
    if (!words) return false;
    Chunks chunks(n, pool);
    Range ranges[kMostChunks];
    bool are_lossy[kMostChunks] = {};
    pool.each(chunks.count, 1,
              [&](int64_t c) { pack(words, chunks.begin(c), chunks.begin(c + 1), ranges[c], are_lossy[c]); });
    Range range = ranges[0];
    for (int c = 0; c < chunks.count; ++c) {
      range.include(ranges[c]);
      is_lossy_ |= are_lossy[c];
    }
    return settle(words, words + n, n, 0, range, pool);
  }

 private:
  static constexpr int kMostChunks = 16;

  // What several threads share out.
  struct Chunks {
    int64_t n;
    int count;

    Chunks(int64_t n, const Pool& pool) : n(n), count(pool.threads() < kMostChunks ? pool.threads() : kMostChunks) {}
    int64_t begin(int64_t c) const { return c == count ? n : n / count / L * L * c; }
  };

  // Bounds of some words.
  struct Range {
    uint64_t least = ~uint64_t(0), greatest = 0;

    void include(Range other) {
      if (other.least < least) least = other.least;
      if (other.greatest > greatest) greatest = other.greatest;
    }
  };

  // The bits by which words are dealt out.
  struct Digit {
    uint64_t base, greatest;
    int shift = 0;

    Digit(Range range, int bits, int index_bits)
        : base(range.least >> index_bits << index_bits), greatest(range.greatest) {
      while (((greatest - base) >> shift) >> bits) ++shift;
    }
    uint64_t of(uint64_t word) const { return (word - base) >> shift; }
    // Bounds of the words with a digit from `first` to `last`.
    Range range(uint64_t first, uint64_t last) const {
      uint64_t least = base + (first << shift), most = ((last - first + 1) << shift) - 1;
      return {least, most < greatest - least ? least + most : greatest};
    }
  };

  static int digit_bits(int64_t n) {
    int bits = bits_for(n) - 5;
    return bits < 8 ? 8 : bits < 13 ? bits : 13;
  }

  // Puts n words, within `range`, in order, as elements of the row from number `to` on.
  bool settle(uint64_t* words, uint64_t* spare, int64_t n, int64_t to, Range range, Pool& pool) {
    if (n == 0) return true;
    if (range.least >> encoding_.index_bits == range.greatest >> encoding_.index_bits) {
      in_order(words, n, to);
      return true;
    }
    if (n <= kSegment && !((range.greatest - range.least) >> 52)) {
      void* scratch = thread_scratch(Tile<Codec>::split_length(kSegment) * sizeof(Word));
      if (!scratch) return false;
      Tile<Codec> tile(job_, static_cast<Word*>(scratch));
      tile.segment(words, n, range.least, is_lossy_, from_ + to, from_);
      return true;
    }
    return deal_out(words, spare, n, to, range, pool);
  }

  bool deal_out(uint64_t* words, uint64_t* spare, int64_t n, int64_t to, Range range, Pool& pool) {
    int bits = digit_bits(n);
    int64_t digits = int64_t(1) << bits;
    Digit digit(range, bits, encoding_.index_bits);
    Chunks chunks(n, pool);
    int64_t all_counts = chunks.count * digits;
    Workspace memory(Workspace::bytes_for<Hand>(digits + 1) + Workspace::bytes_for<uint32_t>(all_counts) +
                     Workspace::bytes_for<uint16_t>(digits));
    if (!memory.data()) return false;
    auto* hands = memory.take<Hand>(digits + 1);
    auto* counts = memory.take<uint32_t>(all_counts);
    auto* hand_of = memory.take<uint16_t>(digits);

    pool.each(chunks.count, 1, [&](int64_t c) {
      uint32_t* mine = counts + c * digits;
      std::memset(mine, 0, digits * sizeof(uint32_t));
      for (int64_t i = chunks.begin(c); i < chunks.begin(c + 1); ++i) ++mine[digit.of(words[i])];
    });
    // A tile holds words within 2^52 of each other.
    int64_t most = digit.shift < 52 ? int64_t(1) << (52 - digit.shift) : 1;
    int64_t dealt = plan(counts, chunks.count, digits, most, hands, hand_of);
    pool.each(chunks.count, 1, [&](int64_t c) {
      uint32_t* places = counts + c * digits;
      for (int64_t i = chunks.begin(c); i < chunks.begin(c + 1); ++i) {
        spare[places[hand_of[digit.of(words[i])]]++] = words[i];
      }
    });
    bool enough = true;
    pool.each(dealt, 1, [&](int64_t h) {
      uint64_t begin = hands[h].begin;
      int64_t size = int64_t(hands[h + 1].begin - begin);
      Range bounds = digit.range(hands[h].digit, hands[h + 1].digit - 1);
      if (size > kSegment) bounds = range_of(spare + begin, size);
      Alone alone;
      if (!settle(spare + begin, words + begin, size, to + begin, bounds, alone)) {
        __atomic_store_n(&enough, false, __ATOMIC_RELAXED);
      }
    });
    return enough;
  }

  // Digits that go together, up to the next hand's first, and where their words begin.
  struct Hand {
    uint32_t digit, begin;
  };

  // Groups digits into hands, at most so many to a hand, and makes of every chunk's counts by digit its
  // places by hand. Returns how many hands there are.
  static int64_t plan(uint32_t* counts, int chunks, int64_t digits, int64_t most, Hand* hands, uint16_t* hand_of) {
    int64_t hand = 0;
    uint32_t total = 0, size = 0;
    uint32_t sizes[kMostChunks] = {};
    hands[0] = {0, 0};
    for (int64_t d = 0; d < digits; ++d) {
      uint32_t more = 0;
      for (int c = 0; c < chunks; ++c) more += counts[c * digits + d];
      // A digit too large for a tile gets a hand of its own, and so does what came before it.
      bool is_full = size >= kHand || int64_t(size) + more > kSegment;
      if (d - hands[hand].digit == most || (size && is_full)) {
        total = close(counts, chunks, digits, sizes, hand, total);
        hands[++hand] = {uint32_t(d), total};
        size = 0;
      }
      hand_of[d] = uint16_t(hand);
      size += more;
      for (int c = 0; c < chunks; ++c) sizes[c] += counts[c * digits + d];
    }
    total = close(counts, chunks, digits, sizes, hand, total);
    hands[++hand] = {uint32_t(digits), total};
    return hand;
  }

  // Sets every chunk's place in a hand; returns where the next hand begins. There are no more hands than
  // digits so far: counts that are overwritten have been read.
  static uint32_t close(uint32_t* counts, int chunks, int64_t digits, uint32_t* sizes, int64_t hand, uint32_t begin) {
    for (int c = 0; c < chunks; ++c) {
      counts[c * digits + hand] = begin;
      begin += sizes[c];
      sizes[c] = 0;
    }
    return begin;
  }

  static Range range_of(const uint64_t* words, int64_t n) {
    Range range;
    for (int64_t i = 0; i < n; ++i) range.include({words[i], words[i]});
    return range;
  }

  // Packs elements number r to end.
  void pack(uint64_t* words, int64_t r, int64_t end, Range& range, bool& is_lossy) const {
    Input<Codec> in(job_);
    U64 least = splat<U64>(~uint64_t(0)), greatest{};
    int64_t n = job_.n;
    auto note = [&](U64 wide) {
      least = wide < least ? wide : least;
      greatest = wide > greatest ? wide : greatest;
    };
    for (; r < end; r += L) {
      int count = end - r < L ? int(end - r) : L;
      Bits bits{}, masked{};
      if (count == L) {
        bits = in.read(from_ + r);
        masked = in.read_masked(from_ + r);
      } else {
        for (int j = 0; j < L; ++j) {
          // Lanes behind the end repeat the last element.
          in.read_lane(j, from_ + r + (j < count ? j : count - 1), bits, masked);
        }
        in.check(bits);
      }
      U64 place = iota<U64>() + uint64_t(r);
      if (count < L) place = place < uint64_t(end) ? place : splat<U64>(end - 1);
      if (job_.ties_reversed) {
        U64 wide = Codec::pack_u64(bits, uint64_t(n - 1) - place, masked, encoding_);
        note(wide);
        for (int j = 0; j < count; ++j) words[n - 1 - r - j] = wide[j];
      } else {
        U64 wide = Codec::pack_u64(bits, place, masked, encoding_);
        note(wide);
        if (count == L) {
          store(words + r, wide);
        } else {
          for (int j = 0; j < count; ++j) words[r + j] = wide[j];
        }
      }
    }
    for (int j = 0; j < L; ++j) range.include({least[j], greatest[j]});
    is_lossy = in.is_lossy();
  }

  // Writes words of one key, which are in order already.
  void in_order(const uint64_t* words, int64_t n, int64_t to) const {
    Output<Codec> out(job_, is_lossy_);
    for (int64_t i = 0; i < n; ++i) {
      U64 wide = splat<U64>(words[i]);
      out.write_one(from_ + to + i, Codec::decode_u64(wide, encoding_)[0], Codec::index_u64(wide, encoding_)[0], from_);
    }
  }

  const SortJob& job_;
  int64_t from_;
  Encoding encoding_;
  bool is_lossy_ = false;
};

}  // namespace diffsort::DIFFSORT_TARGET
