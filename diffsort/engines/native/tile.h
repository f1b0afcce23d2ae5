// Tiles: what is sorted at once. In a tile of columns, of rows or of scattered lanes, each lane is a row or a column;
// in a tile of one row, each lane is a part of it.

#pragma once

#include "input.h"
#include "network.h"
#include "output.h"

namespace diffsort::DIFFSORT_TARGET {

template <class Codec>
class Tile {
 public:
  static constexpr int L = Codec::L;
  static constexpr int kMaxVectors = L >= 16 ? 1 : 16 / L;  // of neighbouring columns: a cache line of float32
  using Bits = typename Codec::Bits;
  using Word = typename Codec::Word;
  using U64 = typename Codec::U64;

  // The memory that a tile works in: one row, or lanes that are rows or columns of their own.
  static size_t bytes_for_row(int64_t n) { return size_t(part_length(n)) * sizeof(Word); }
  static size_t bytes_for_lanes(int64_t n) { return size_t(n) * kMaxVectors * sizeof(Word); }

  Tile(const SortJob& job, void* memory)
      : job_(job), words_(static_cast<Word*>(memory)), encoding_(encoding_for(job)) {}

  // Where the codec has no index, and the order of these values depends on one, the sorts below return false and have
  // written nothing.

  // Sorts L columns for each of up to kMaxVectors `vectors`, neighbours from element `first` on.
  bool sort_columns(int64_t first, int vectors) {
    int64_t n = job_.n;
    Input<Codec> in(job_);
    for (int64_t r = 0; r < n; ++r) {
      for (int v = 0; v < vectors; ++v) {
        int64_t at = first + r * job_.inner + v * L;
        words_[v * n + r] = Codec::pack(in.read(at), tie_breaker(splat<U64>(r)), in.read_masked(at), encoding_);
      }
    }
    if (in.is_lossy() && !Codec::kHasIndex) return false;
    for (int v = 0; v < vectors; ++v) sort_lanes(words_ + v * n, n);
    Output<Codec> out(job_, in.is_lossy());
    for (int64_t r = 0; r < n; ++r) {
      for (int v = 0; v < vectors; ++v) {
        Word word = words_[v * n + r];
        int64_t start = first + v * L;
        out.write(start + r * job_.inner, Codec::decode(word, encoding_), Codec::index(word, encoding_), start, 1);
      }
    }
    return true;
  }

  // Sorts L neighbouring rows (inner = 1), from element `first` on.
  bool sort_rows(int64_t first) {
    int64_t n = job_.n, r = 0;
    Input<Codec> in(job_);
    for (; r + L <= n; r += L) {
      Bits bits[L], masked[L] = {};
#pragma GCC unroll 16
      for (int j = 0; j < L; ++j) bits[j] = in.read(first + j * n + r);
      transpose(bits);
      if (job_.where) {
        for (int j = 0; j < L; ++j) masked[j] = in.read_masked(first + j * n + r);
        transpose(masked);
      }
#pragma GCC unroll 16
      for (int j = 0; j < L; ++j) {
        words_[r + j] = Codec::pack(bits[j], tie_breaker(splat<U64>(r + j)), masked[j], encoding_);
      }
    }
    for (; r < n; ++r) {
      Bits bits{}, masked{};
      for (int j = 0; j < L; ++j) in.read_lane(j, first + j * n + r, bits, masked);
      words_[r] = pack_lanes(in, bits, masked, r);
    }
    if (in.is_lossy() && !Codec::kHasIndex) return false;
    sort_lanes(words_, n);
    write_lanes(Output<Codec>(job_, in.is_lossy()), n, INT64_MAX, first, first, n);
    return true;
  }

  // Sorts `count` ≤ L rows or columns that begin at the elements `starts`.
  bool sort_scattered(const int64_t* starts, int count) {
    int64_t n = job_.n, inner = job_.inner;
    Input<Codec> in(job_);
    for (int64_t r = 0; r < n; ++r) {
      Bits bits{}, masked{};
      for (int j = 0; j < count; ++j) in.read_lane(j, starts[j] + r * inner, bits, masked);
      words_[r] = pack_lanes(in, bits, masked, r);
    }
    if (in.is_lossy() && !Codec::kHasIndex) return false;
    sort_lanes(words_, n);
    Output<Codec> out(job_, in.is_lossy());
    for (int64_t r = 0; r < n; ++r) {
      Bits bits = Codec::decode(words_[r], encoding_);
      Indices<L> index = Codec::index(words_[r], encoding_);
      for (int j = 0; j < count; ++j) out.write_one(starts[j] + r * inner, bits[j], index[j], starts[j]);
    }
    return true;
  }

  // Sorts the one row (inner = 1) from element `first` on.
  bool sort_row(int64_t first) {
    int64_t n = job_.n, length = part_length(n), r = 0;
    Input<Codec> in(job_);
    for (; (r + 1) * L <= n; ++r) {
      int64_t at = first + r * L;
      U64 index = tie_breaker(iota<U64>() + uint64_t(r * L));
      words_[r] = Codec::pack(in.read(at), index, in.read_masked(at), encoding_);
    }
    if (r * L < n) {
      int rest = int(n - r * L);
      Bits bits{}, masked{};
      for (int j = 0; j < rest; ++j) in.read_lane(j, first + r * L + j, bits, masked);
      in.check(bits);
      U64 index = tie_breaker(iota<U64>() + uint64_t(r * L));
      words_[r] = Codec::pack(bits, index, masked, encoding_).keep_first(rest, Codec::sentinel());
      ++r;
    }
    if (in.is_lossy() && !Codec::kHasIndex) return false;
    for (; r < length; ++r) words_[r] = Codec::sentinel();
    sort_parts(Output<Codec>(job_, in.is_lossy()), n, first, first);
    return true;
  }

  // Sorts n numbers of a row (inner = 1), as elements from `to` on. Of values alone.
  void sort_numbers(const void* numbers, int64_t n, int64_t to) {
    int64_t length = part_length(n), whole = n / L * L;
    std::memcpy(words_, numbers, size_t(whole) * sizeof(Word) / L);
    for (int64_t r = n / L; r < length; ++r) words_[r] = Codec::sentinel();
    std::memcpy(words_ + n / L, static_cast<const Word*>(numbers) + n / L, size_t(n - whole) * sizeof(Word) / L);
    sort_parts(Output<Codec>(job_, false), n, to, to);
  }

  // Sorts n keys, integers in their order, with their indices, of the row (inner = 1) that begins at element `start`;
  // they become elements from `to` on. Their words are at least `base`, and less than 2^52 above it.
  template <class Key>
  void sort_pairs(const Key* keys, const uint32_t* indices, int64_t n, uint64_t base, bool gathers, int64_t to,
                  int64_t start) {
    using Keys = Vector<Key, L>;
    encoding_.base = base;
    int64_t length = part_length(n), r = 0;
    for (; (r + 1) * L <= n; ++r) {
      words_[r] = Codec::join(load<Keys>(keys + r * L), load<Indices<L>>(indices + r * L), encoding_);
    }
    if (r * L < n) {
      Keys last{};
      Indices<L> index{};
      std::memcpy(&last, keys + r * L, size_t(n - r * L) * sizeof(Key));
      std::memcpy(&index, indices + r * L, size_t(n - r * L) * sizeof(uint32_t));
      words_[r] = Codec::join(last, index, encoding_).keep_first(int(n - r * L), Codec::sentinel());
      ++r;
    }
    for (; r < length; ++r) words_[r] = Codec::sentinel();
    sort_parts(Output<Codec>(job_, gathers), n, to, start);
  }

 private:
  // The words of each lane, where a row of n is split over them.
  static int64_t part_length(int64_t n) { return mergeable_length((n + L - 1) / L); }

  // What orders equal elements.
  DIFFSORT_INLINE U64 tie_breaker(U64 index) const { return job_.ties_reversed ? uint64_t(job_.n - 1) - index : index; }

  // Packs elements number r of all lanes.
  DIFFSORT_INLINE Word pack_lanes(Input<Codec>& in, Bits bits, Bits masked, int64_t r) const {
    in.check(bits);
    return Codec::pack(bits, tie_breaker(splat<U64>(r)), masked, encoding_);
  }

  // Sorts `n` words of one row, and sentinels behind them. Inlined, it runs a tenth slower.
  __attribute__((noinline)) void sort_parts(const Output<Codec>& out, int64_t n, int64_t to, int64_t start) {
    int64_t length = part_length(n);
    sort_lanes(words_, length);
    merge_lanes(words_, length);
    write_lanes(out, length, n, to, start, 0);
  }

  // Writes lanes of `length` words one behind the other (inner = 1), as at most `total` elements from element `to` on.
  // The row of lane j begins at element `start + j × start_step`. Inlined, so that rows need not look at the total.
  DIFFSORT_INLINE void write_lanes(const Output<Codec>& out, int64_t length, int64_t total, int64_t to, int64_t start,
                                   int64_t start_step) const {
    int64_t r = 0;
    for (; r + L <= length; r += L) {
      Bits bits[L];
      Indices<L> index[L] = {};
#pragma GCC unroll 16
      for (int k = 0; k < L; ++k) bits[k] = Codec::decode(words_[r + k], encoding_);
      transpose(bits);
      if (out.needs_indices()) {
#pragma GCC unroll 16
        for (int k = 0; k < L; ++k) index[k] = Codec::index(words_[r + k], encoding_);
        transpose(index);
      }
      for (int j = 0; j < L; ++j) {
        int64_t at = j * length + r, row = start + j * start_step;
        if (at + L <= total) {
          out.write(to + at, bits[j], index[j], row, 0);
        } else {
          for (int k = 0; at + k < total; ++k) out.write_one(to + at + k, bits[j][k], index[j][k], row);
        }
      }
    }
    for (; r < length; ++r) {
      Bits bits = Codec::decode(words_[r], encoding_);
      Indices<L> index = Codec::index(words_[r], encoding_);
      for (int j = 0; j < L; ++j) {
        int64_t at = j * length + r;
        if (at < total) out.write_one(to + at, bits[j], index[j], start + j * start_step);
      }
    }
  }

  const SortJob& job_;
  Word* words_;
  Encoding encoding_;
};

}  // namespace diffsort::DIFFSORT_TARGET
