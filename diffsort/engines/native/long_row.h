// Long rows: words are dealt out by the upper bits of their keys, until each hand fits a tile.
//
// This is a radix sort from the most significant digit down (Knuth, TAOCP 3, 5.2.5). A digit covers the
// range of keys that there is, and a hand whose keys are all equal is in order already, so no
// distribution of keys needs more than a few deals.

#pragma once

#include "tile.h"

namespace diffsort::DIFFSORT_TARGET {

inline constexpr int64_t kSegment = 8192;  // words that a tile takes
inline constexpr int64_t kHand = 1024;     // words for which it is worth starting a tile

template <class Codec>
class LongRow {
 public:
  static constexpr int L = Codec::L;
  using Bits = typename Codec::Bits;
  using Word = typename Codec::Word;
  using Wide = typename Codec::Wide;

  // The row or column that begins at element `from`.
  LongRow(const SortJob& job, int64_t from)
      : job_(job), from_(from), coding_(coding_for(job)) {}

  // Returns false where memory ran out.
  bool sort(Pool& pool) {
    int64_t n = job_.n;
    chunks_ = pool.threads() < kMostChunks ? pool.threads() : kMostChunks;
    int bits = digit_bits(n, 13);
    int64_t digits = int64_t(1) << bits;
    Workspace memory((2 * n + digits + 1) * sizeof(uint64_t) + chunks_ * digits * sizeof(uint32_t));
    if (!memory.data()) return false;
    auto* words = static_cast<uint64_t*>(memory.data());
    uint64_t *spare = words + n, *begins = spare + n;
    auto* counts = reinterpret_cast<uint32_t*>(begins + digits + 1);

    pool.each(chunks_, 1, [&](int64_t c) { pack(words, c); });
    Range range = ranges_[0];
    for (int c = 0; c < chunks_; ++c) {
      range.include(ranges_[c]);
      lost_ |= losts_[c];
    }
    if (!thread_scratch(scratch_bytes())) return false;
    if (is_one_key(range)) {
      in_order(words, n, 0);
      return true;
    }
    Digit digit(range, bits, coding_.index_bits);
    pool.each(chunks_, 1, [&](int64_t c) {
      uint32_t* mine = counts + c * digits;
      std::memset(mine, 0, digits * sizeof(uint32_t));
      count(words + begin_of(c), begin_of(c + 1) - begin_of(c), digit, mine);
    });
    uint32_t total = 0;
    for (int64_t d = 0; d < digits; ++d) {
      begins[d] = total;
      for (int c = 0; c < chunks_; ++c) {
        uint32_t size = counts[c * digits + d];
        counts[c * digits + d] = total;
        total += size;
      }
    }
    begins[digits] = total;
    pool.each(chunks_, 1, [&](int64_t c) {
      deal(words + begin_of(c), begin_of(c + 1) - begin_of(c), digit, counts + c * digits, spare);
    });
    // Small neighbours go together.
    int64_t hands = 0;
    for (int64_t d = 1; d <= digits; ++d) {
      bool is_full = int64_t(begins[d] - begins[hands]) >= kHand;
      bool would_burst = d < digits && int64_t(begins[d + 1] - begins[hands]) > kSegment;
      if (is_full || would_burst || d == digits) {
        if (begins[d] > begins[hands]) begins[++hands] = begins[d];
      }
    }
    bool enough = true;
    pool.each(hands, 1, [&](int64_t h) {
      if (!thread_scratch(scratch_bytes())) {
        __atomic_store_n(&enough, false, __ATOMIC_RELAXED);
        return;
      }
      uint64_t begin = begins[h];
      refine(spare + begin, words + begin, begins[h + 1] - begin, begin);
    });
    return enough;
  }

 private:
  static constexpr int kMostChunks = 16;

  struct Range {
    uint64_t least = ~uint64_t(0), greatest = 0;

    void include(Range other) {
      if (other.least < least) least = other.least;
      if (other.greatest > greatest) greatest = other.greatest;
    }
  };

  // Which hand a word is dealt to.
  struct Digit {
    uint64_t base;
    int shift;

    Digit(Range range, int bits, int index_bits) {
      base = range.least >> index_bits << index_bits;
      shift = 0;
      while (((range.greatest - base) >> shift) >> bits) ++shift;
    }
    uint64_t of(uint64_t word) const { return (word - base) >> shift; }
  };

  static int digit_bits(int64_t n, int most) {
    int bits = bits_for(n) - 5;
    return bits < 8 ? 8 : bits < most ? bits : most;
  }
  static size_t scratch_bytes() { return Tile<Codec>::split_length(kSegment) * sizeof(Word); }

  int64_t begin_of(int64_t chunk) const { return chunk == chunks_ ? job_.n : job_.n / chunks_ / L * L * chunk; }
  bool is_one_key(Range r) const { return r.least >> coding_.index_bits == r.greatest >> coding_.index_bits; }

  void pack(uint64_t* words, int64_t c) {
    Input<Codec> in(job_);
    Wide least = splat<Wide>(~uint64_t(0)), greatest{};
    int64_t n = job_.n, r = begin_of(c), end = begin_of(c + 1);
    auto note = [&](Wide wide) {
      least = wide < least ? wide : least;
      greatest = wide > greatest ? wide : greatest;
    };
    for (; r < end; r += L) {
      int count = end - r < L ? int(end - r) : L;
      Bits bits{}, masked{};
      if (count == L && job_.inner == 1) {
        bits = in.bits(from_ + r);
        masked = in.masked(from_ + r);
      } else {
        for (int j = 0; j < L; ++j) {
          // Lanes behind the end repeat the last element.
          in.lane(j, from_ + (r + (j < count ? j : count - 1)) * job_.inner, bits, masked);
        }
        in.note(bits);
      }
      Wide place = iota<Wide>() + uint64_t(r);
      if (count < L) place = place < uint64_t(end) ? place : splat<Wide>(end - 1);
      if (job_.ties_reversed) {
        Wide wide = Codec::pack_wide(bits, uint64_t(n - 1) - place, masked, coding_);
        note(wide);
        for (int j = 0; j < count; ++j) words[n - 1 - r - j] = wide[j];
      } else {
        Wide wide = Codec::pack_wide(bits, place, masked, coding_);
        note(wide);
        if (count == L) {
          store(words + r, wide);
        } else {
          for (int j = 0; j < count; ++j) words[r + j] = wide[j];
        }
      }
    }
    Range range;
    for (int j = 0; j < L; ++j) range.include({least[j], greatest[j]});
    ranges_[c] = range;
    losts_[c] = in.lost();
  }

  static void count(const uint64_t* words, int64_t n, Digit digit, uint32_t* counts) {
    for (int64_t i = 0; i < n; ++i) ++counts[digit.of(words[i])];
  }
  static void deal(const uint64_t* words, int64_t n, Digit digit, uint32_t* places, uint64_t* out) {
    for (int64_t i = 0; i < n; ++i) out[places[digit.of(words[i])]++] = words[i];
  }

  // Sorts n words in the calling thread, to elements from number `to` of the row on.
  void refine(uint64_t* words, uint64_t* spare, int64_t n, int64_t to) {
    Range range;
    for (int64_t i = 0; i < n; ++i) range.include({words[i], words[i]});
    if (is_one_key(range)) return in_order(words, n, to);
    Tile<Codec> tile(job_, static_cast<Word*>(thread_scratch(scratch_bytes())));
    if (n <= kSegment && !((range.greatest - range.least) >> 52)) {
      return tile.segment(words, n, range.least, lost_, from_ + to * job_.inner, from_);
    }
    constexpr int kBits = 10;
    Digit digit(range, kBits, coding_.index_bits);
    uint32_t places[1 << kBits] = {};
    count(words, n, digit, places);
    uint32_t total = 0;
    for (uint32_t& place : places) {
      uint32_t size = place;
      place = total;
      total += size;
    }
    deal(words, n, digit, places, spare);
    uint32_t begin = 0;
    for (uint32_t end : places) {  // a place has moved on to the end of its hand
      if (end > begin) refine(spare + begin, words + begin, end - begin, to + begin);
      begin = end;
    }
  }

  // Writes words of one key, which are in order already.
  void in_order(const uint64_t* words, int64_t n, int64_t to) const {
    Output<Codec> out(job_, lost_);
    for (int64_t i = 0; i < n; ++i) {
      Wide wide = splat<Wide>(words[i]);
      out.put(from_ + (to + i) * job_.inner, Codec::decode_wide(wide, coding_)[0],
              Codec::index_wide(wide, coding_)[0], from_);
    }
  }

  const SortJob& job_;
  int64_t from_;
  Coding coding_;
  int chunks_ = 1;
  Range ranges_[kMostChunks];
  bool losts_[kMostChunks] = {};
  bool lost_ = false;
};

}  // namespace diffsort::DIFFSORT_TARGET
