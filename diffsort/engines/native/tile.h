// Tiles: what is sorted at once. In a tile of lanes each lane is a row or a column of its own; in a split
// tile the lanes are parts of one row.

#pragma once

#include "input.h"
#include "network.h"
#include "output.h"

namespace diffsort::DIFFSORT_TARGET {

// What became of a tile.
enum class Done {
  kYes,
  kNeedsIndex,  // nothing was written: the order of these values is told by an index only
};

template <class Codec>
class Tile {
 public:
  static constexpr int L = Codec::L;
  static constexpr int kGroups = L >= 16 ? 1 : 16 / L;  // vectors that share a cache line of float32
  using Bits = typename Codec::Bits;
  using Word = typename Codec::Word;
  using U64 = typename Codec::U64;

  // How many words a tile needs.
  static int64_t room(int64_t n) {
    int64_t lanes = n * kGroups, split = split_length(n);
    return lanes > split ? lanes : split;
  }
  static int64_t split_length(int64_t n) { return mergeable_length((n + L - 1) / L); }

  Tile(const SortJob& job, Word* words) : job_(job), words_(words), encoding_(encoding_for(job)) {}

  // Sorts `groups` ≤ kGroups times L neighbouring columns, from element `first` on.
  Done columns(int64_t first, int groups) {
    int64_t n = job_.n;
    Input<Codec> in(job_);
    for (int64_t r = 0; r < n; ++r) {
      for (int g = 0; g < groups; ++g) {
        int64_t at = first + r * job_.inner + g * L;
        words_[g * n + r] = Codec::pack(in.read(at), number(splat<U64>(r)), in.read_masked(at), encoding_);
      }
    }
    if (in.is_lossy() && !Codec::kHasIndex) return Done::kNeedsIndex;
    for (int g = 0; g < groups; ++g) sort_lanes(words_ + g * n, n);
    Output<Codec> out(job_, in.is_lossy());
    for (int64_t r = 0; r < n; ++r) {
      for (int g = 0; g < groups; ++g) {
        Word word = words_[g * n + r];
        int64_t from = first + g * L;
        out.write(from + r * job_.inner, Codec::decode(word, encoding_), Codec::index(word, encoding_), from, 1);
      }
    }
    return Done::kYes;
  }

  // Sorts L neighbouring rows (inner = 1), from element `first` on.
  Done rows(int64_t first) {
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
      for (int j = 0; j < L; ++j) words_[r + j] = Codec::pack(bits[j], number(splat<U64>(r + j)), masked[j], encoding_);
    }
    for (; r < n; ++r) words_[r] = assemble(in, r, L, [=](int j) { return first + j * n; });
    if (in.is_lossy() && !Codec::kHasIndex) return Done::kNeedsIndex;
    sort_lanes(words_, n);
    write_lanes(Output<Codec>(job_, in.is_lossy()), n, [=](int j) {
      int64_t begin = first + j * n;
      return Part{begin, n, begin};
    });
    return Done::kYes;
  }

  // Sorts `count` ≤ L rows or columns; number j begins at element `begin(j)`.
  template <class Begin>
  Done lanes(int count, Begin begin) {
    int64_t n = job_.n;
    Input<Codec> in(job_);
    for (int64_t r = 0; r < n; ++r) words_[r] = assemble(in, r, count, begin);
    if (in.is_lossy() && !Codec::kHasIndex) return Done::kNeedsIndex;
    sort_lanes(words_, n);
    write_one_by_one(Output<Codec>(job_, in.is_lossy()), 0, n,
                     [=](int j) { return Part{begin(j), j < count ? n : 0, begin(j)}; });
    return Done::kYes;
  }

  // Sorts one row (inner = 1) from element `first` on.
  Done split(int64_t first) {
    int64_t n = job_.n, length = split_length(n), r = 0;
    Input<Codec> in(job_);
    for (; (r + 1) * L <= n; ++r) {
      int64_t at = first + r * L;
      words_[r] = Codec::pack(in.read(at), number(iota<U64>() + uint64_t(r * L)), in.read_masked(at), encoding_);
    }
    if (r * L < n) {
      int rest = int(n - r * L);
      Bits bits{}, masked{};
      for (int j = 0; j < rest; ++j) in.read_lane(j, first + r * L + j, bits, masked);
      in.check(bits);
      U64 index = number(iota<U64>() + uint64_t(r * L));
      words_[r] = Codec::pack(bits, index, masked, encoding_).keep_first(rest, Codec::sentinel());
      ++r;
    }
    if (in.is_lossy() && !Codec::kHasIndex) return Done::kNeedsIndex;
    for (; r < length; ++r) words_[r] = Codec::sentinel();
    sort_split(Output<Codec>(job_, in.is_lossy()), n, first, first);
    return Done::kYes;
  }

  // Sorts `n` words of a long row (inner = 1), all from `least` to less than 2^52 above it. They become the
  // elements from `to` on, of the row that begins at element `from`.
  void segment(const uint64_t* wide, int64_t n, uint64_t least, bool gathers, int64_t to, int64_t from) {
    encoding_.base = least;
    int64_t length = split_length(n), r = 0;
    for (; (r + 1) * L <= n; ++r) words_[r] = Codec::from_u64(load<U64>(wide + r * L), least);
    if (r * L < n) {
      U64 last{};
      for (int64_t i = r * L; i < n; ++i) last[i - r * L] = wide[i];
      words_[r] = Codec::from_u64(last, least).keep_first(int(n - r * L), Codec::sentinel());
      ++r;
    }
    for (; r < length; ++r) words_[r] = Codec::sentinel();
    sort_split(Output<Codec>(job_, gathers), n, to, from);
  }

 private:
  // Where a lane's elements go: to `valid` elements from `to` on, in the row or column beginning at `from`.
  struct Part {
    int64_t to, valid, from;
  };

  // The numbers by which equal elements are ordered.
  DIFFSORT_INLINE U64 number(U64 place) const { return job_.ties_reversed ? uint64_t(job_.n - 1) - place : place; }

  template <class Begin>
  DIFFSORT_INLINE Word assemble(Input<Codec>& in, int64_t r, int count, Begin begin) const {
    Bits bits{}, masked{};
    for (int j = 0; j < count; ++j) in.read_lane(j, begin(j) + r * job_.inner, bits, masked);
    in.check(bits);
    return Codec::pack(bits, number(splat<U64>(r)), masked, encoding_);
  }

  void sort_split(const Output<Codec>& out, int64_t n, int64_t to, int64_t from) {
    int64_t length = split_length(n);
    sort_lanes(words_, length);
    merge_lanes(words_, length);
    write_lanes(out, length, [=](int j) {
      int64_t left = n - j * length;
      return Part{to + j * length, left < length ? left : length, from};
    });
  }

  template <class PartOf>
  void write_lanes(const Output<Codec>& out, int64_t length, PartOf part) const {
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
        Part p = part(j);
        if (r + L <= p.valid) {
          out.write(p.to + r, bits[j], index[j], p.from, 0);
        } else {
          for (int k = 0; r + k < p.valid; ++k) out.write_one(p.to + r + k, bits[j][k], index[j][k], p.from);
        }
      }
    }
    write_one_by_one(out, r, length, part);
  }

  template <class PartOf>
  void write_one_by_one(const Output<Codec>& out, int64_t r, int64_t length, PartOf part) const {
    for (; r < length; ++r) {
      Bits bits = Codec::decode(words_[r], encoding_);
      Indices<L> index = Codec::index(words_[r], encoding_);
      for (int j = 0; j < L; ++j) {
        Part p = part(j);
        if (r < p.valid) out.write_one(p.to + r * job_.inner, bits[j], index[j], p.from);
      }
    }
  }

  const SortJob& job_;
  Word* words_;
  Encoding encoding_;
};

}  // namespace diffsort::DIFFSORT_TARGET
