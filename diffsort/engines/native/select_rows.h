// Selection from one row: between two elements of a sample lie, almost surely, all the ranks that are asked for, and
// little else. What lies there is collected in one pass, and sorted.
//
// Source: Floyd and Rivest, "Expected time bounds for selection", 1975 (samples, and the margin around a rank).

#pragma once

#include <cmath>

#include "candidates.h"
#include "codecs.h"
#include "memory.h"
#include "select.h"
#include "sort_target.h"

namespace diffsort::DIFFSORT_TARGET {

inline constexpr int64_t kMaxSample = 4096;
inline constexpr int kMaxParts = 16;          // of a row, for one thread each
inline constexpr int64_t kMaxSorted = 16384;  // candidates that a network sorts; more of them are narrowed down again,
inline constexpr int64_t kMostNarrowed = 8192;  // unless more ranks are asked for: then they are sorted as a row is

// The ranks start ≤ rank < stop of n elements.
struct Ranks {
  int64_t start, stop, n;

  int64_t count() const { return stop - start; }
  bool is_at_an_end() const { return start == 0 || stop == n; }
  // How many elements to draw. More of them leave fewer candidates: in proportion at an end of the order, as the square
  // root within it.
  int64_t sample() const {
    int64_t size = 32;
    while (size < kMaxSample && (is_at_an_end() ? size * size < 4 * n : size * size * size < n * n)) size *= 2;
    return size;
  }
  // The ranks in a sample of that size between which they lie, but for one time in a thousand.
  int64_t low_in(int64_t size) const {
    double expected = double(start) * double(size) / double(n);
    return int64_t(expected - margin(expected, size) + 1) - 1;  // negative where there is none
  }
  int64_t high_in(int64_t size) const {
    double expected = double(stop) * double(size) / double(n);
    return int64_t(expected + margin(expected, size));
  }
  // How many candidates to expect.
  int64_t expected(int64_t size) const {
    int64_t low = low_in(size), high = high_in(size);
    return ((high < size ? high : size) + 1 - (low < 0 ? 0 : low)) * n / size;
  }

 private:
  static double margin(double expected, int64_t size) {
    double spread = expected * (1 - expected / double(size));
    return 3 * std::sqrt(spread < 0 ? 0 : spread) + 1.5;
  }
};

// A row as a source of candidates.
template <class Element>
class Row {
 public:
  using Stored = typename Element::Stored;
  static constexpr int W = kLanes * 8 / (sizeof(Stored) == 8 ? 8 : 4);
  using Format = LaneFormat<Stored, W>;
  using V = typename Format::Bits;
  using Lane = Scalar<V>;
  using Read = typename Candidates<Lane>::Read;

  Row(const SortJob& job, int64_t start)
      : x_(static_cast<const Stored*>(job.x) + start),
        where_(job.where ? job.where + start : nullptr),
        n_(job.n),
        flip_(Lane(encoding_for(job).flip)),
        ties_reversed_(job.ties_reversed) {}

  int64_t size() const { return n_; }
  DIFFSORT_INLINE Read read(int64_t at, int lanes) const {
    V place = iota<V>() + Lane(at);
    V tie = ties_reversed_ ? Lane(n_ - 1) - place : place;
    if (lanes == W) {
      constexpr Mask kAll = Mask((uint64_t(1) << W) - 1);
      Mask valid = where_ ? less(V{}, widened(load<Vector<uint8_t, W>>(where_ + at))) : kAll;
      return {encode(Format::read(x_ + at)), tie, valid};
    }
    V bits{}, unused{};
    Mask valid = 0;
    for (int j = 0; j < lanes; ++j) read_lane(j, at + j, bits, unused, valid);
    return {encode(bits), tie, valid};
  }
  DIFFSORT_INLINE void read_lane(int j, int64_t at, V& bits, V& tie, Mask& valid) const {
    bits[j] = Lane(x_[at]) << Format::kShift;
    tie[j] = Lane(ties_reversed_ ? n_ - 1 - at : at);
    valid |= Mask(!where_ || where_[at]) << j;
  }
  DIFFSORT_INLINE V encode(V bits) const { return Element::encode(bits) ^ flip_; }

 private:
  static DIFFSORT_INLINE V widened(Vector<uint8_t, W> bytes) { return __builtin_convertvector(bytes, V); }

  const Stored* x_;
  const uint8_t* where_;
  int64_t n_;
  Lane flip_;
  bool ties_reversed_;
};

// What a thread selects with, one row after the other.
template <class Element>
class RowSelection {
 public:
  RowSelection(const SelectJob& job, int parts)
      : job_(job),
        ranks_{job.start, job.stop, job.order.n},
        tie_bits_(bits_for(ranks_.n)),
        drawn_(ranks_.sample()),
        parts_(parts),
        room_(room_for(ranks_, drawn_, parts)),
        memory_(2 * (lanes(kMaxSample + W) + lanes(parts * room_)) + Ordered<Lane>::bytes_for(kMaxSorted)) {
    if (!memory_.data()) return;
    sample_ = {memory_.allocate<Lane>(kMaxSample + W), memory_.allocate<Lane>(kMaxSample + W), kMaxSample + W};
    keys_ = memory_.allocate<Lane>(parts * room_);
    ties_ = memory_.allocate<Lane>(parts * room_);
    network_ = memory_.allocate<uint8_t>(int64_t(Ordered<Lane>::bytes_for(kMaxSorted)));
  }

  bool has_memory() const { return memory_.data() != nullptr; }

  // Selects from row number `row` (inner = 1). Returns false, and has written nothing, where the sample was misleading.
  bool select(int64_t row, Pool& pool) {
    Row<Element> elements(job_.order, row * ranks_.n);
    Ranks ranks = ranks_;
    Candidates<Lane> found{keys_, ties_, parts_ * room_};
    if (!collect(elements, find_limits(elements, ranks, drawn_), ranks, found, pool)) return false;
    while (found.count > kMaxSorted && ranks.count() <= kMostNarrowed) {
      int64_t count = found.count;
      Candidates<Lane> fewer{keys_, ties_, parts_ * room_};
      Limits<Lane> limits = find_limits(found, ranks, ranks.sample());
      if (!settle(keep_all(found, 0, count, limits, fewer), ranks, fewer) || fewer.count > count / 2) return false;
      found = fewer;
    }
    if (found.count > kMaxSorted) return sort_found(found, ranks, row, pool);
    Ordered<Lane> ordered(found, tie_bits_, network_);
    int64_t to = row * ranks.count();
    ordered.each(ranks.start, ranks.stop, [&](Place<Lane> place) { write(place.tie, row, to++); });
    return true;
  }

 private:
  using Stored = typename Element::Stored;
  using Lane = typename Row<Element>::Lane;
  using V = typename Row<Element>::V;
  static constexpr int W = Row<Element>::W;

  static size_t lanes(int64_t count) { return Workspace::bytes_for<Lane>(count); }
  static int64_t room_for(Ranks ranks, int64_t drawn, int parts) {
    int64_t room = 4 * ranks.expected(drawn) + 1024, most = ranks.n / parts + parts;
    return (room < most ? room : most) + W;
  }

  // The limits between which the ranks lie, by a sample: one element at random of each of `size` parts.
  template <class Source>
  Limits<Lane> find_limits(const Source& source, Ranks ranks, int64_t size) {
    int shift = __builtin_ctzll(uint64_t(size));  // a power of two
    int64_t end = 0;
    sample_.count = 0;
    for (int64_t i = 0; i < size; i += W) {
      V key{}, tie{};
      Mask valid = 0;
      for (int j = 0; j < W; ++j) {
        int64_t begin = end, width = ((i + j + 1) * ranks.n >> shift) - begin;
        end += width;
        uint64_t chance = uint32_t(i + j + 1) * 0x9e3779b1u;
        source.read_lane(j, begin + int64_t(chance * uint64_t(width) >> 32), key, tie, valid);
      }
      append(source.encode(key), tie, valid);
    }
    Limits<Lane> limits;
    if (sample_.count == 0) return limits;  // all masked
    Ordered<Lane> ordered(sample_, tie_bits_, network_);
    int64_t low = ranks.low_in(size), high = ranks.high_in(size);
    limits.has_low = low >= 0;
    if (low >= 0) limits.low = ordered[low < sample_.count ? low : sample_.count - 1];
    if (high < sample_.count) limits.high = ordered[high];
    return limits;
  }

  void append(V key, V tie, Mask valid) {
    compress_store(sample_.keys + sample_.count, key, valid);
    sample_.count += compress_store(sample_.ties + sample_.count, tie, valid);
  }

  template <class Source>
  static int64_t keep_all(const Source& source, int64_t begin, int64_t end, const Limits<Lane>& limits,
                          Candidates<Lane>& to) {
    return limits.has_low ? keep<true>(source, begin, end, limits, to) : keep<false>(source, begin, end, limits, to);
  }

  // Collects the candidates of a row, each thread those of a part of it.
  bool collect(const Row<Element>& elements, const Limits<Lane>& limits, Ranks& ranks, Candidates<Lane>& found,
               Pool& pool) {
    if (parts_ == 1) return settle(keep_all(elements, 0, ranks.n, limits, found), ranks, found);
    int64_t below[kMaxParts], counts[kMaxParts];
    pool.each(parts_, 1, [&](int64_t p) {
      Candidates<Lane> part{keys_ + p * room_, ties_ + p * room_, room_};
      int64_t begin = ranks.n / parts_ * p, end = p == parts_ - 1 ? ranks.n : ranks.n / parts_ * (p + 1);
      below[p] = keep_all(elements, begin, end, limits, part);
      counts[p] = part.count;
    });
    int64_t total = 0;
    for (int p = 0; p < parts_; ++p) {
      if (below[p] < 0) return false;
      total += below[p];
      std::memmove(keys_ + found.count, keys_ + p * room_, size_t(counts[p]) * sizeof(Lane));
      std::memmove(ties_ + found.count, ties_ + p * room_, size_t(counts[p]) * sizeof(Lane));
      found.count += counts[p];
    }
    return settle(total, ranks, found);
  }

  // Makes the ranks those among the candidates, below which so many elements are; returns whether they are there.
  static bool settle(int64_t below, Ranks& ranks, const Candidates<Lane>& found) {
    ranks = {ranks.start - below, ranks.stop - below, found.count};
    return below >= 0 && ranks.start >= 0 && ranks.stop <= found.count;
  }

  // Sorts keys as a row of integers is sorted: ties in the order of the row, which is that of the candidates.
  bool sort_found(const Candidates<Lane>& found, Ranks ranks, int64_t row, Pool& pool) {
    Workspace memory(Workspace::bytes_for<uint32_t>(found.count));
    auto* places = static_cast<uint32_t*>(memory.data());
    if (!places) return false;
    SortJob keys{sizeof(Lane) == 8 ? ElementType::kU64 : ElementType::kU32, 1, found.count, 1, found.keys};
    keys.indices = places;
    keys.index_bytes = 4;
    keys.ties_reversed = job_.order.ties_reversed;
    if (DIFFSORT_TARGET::sort(keys, pool) != SortStatus::kSorted) return false;
    int64_t to = row * ranks.count();
    for (int64_t i = ranks.start; i < ranks.stop; ++i) write(found.ties[places[i]], row, to++);
    return true;
  }

  // Writes the element of a tie as result number `to`. Its value is read again: a key does not hold all bits of it.
  DIFFSORT_INLINE void write(Lane tie, int64_t row, int64_t to) const {
    const SortJob& order = job_.order;
    int64_t index = order.ties_reversed ? order.n - 1 - int64_t(tie) : int64_t(tie);
    if (order.values)
      static_cast<Stored*>(order.values)[to] = static_cast<const Stored*>(order.x)[row * order.n + index];
    if (order.indices && order.index_bytes == 4) static_cast<uint32_t*>(order.indices)[to] = uint32_t(index);
    if (order.indices && order.index_bytes == 2) static_cast<uint16_t*>(order.indices)[to] = uint16_t(index);
  }

  const SelectJob& job_;
  const Ranks ranks_;
  const int tie_bits_;
  const int64_t drawn_;
  const int parts_;
  const int64_t room_;  // of a part
  Workspace memory_;
  Candidates<Lane> sample_{};
  Lane *keys_, *ties_;
  void* network_;
};

}  // namespace diffsort::DIFFSORT_TARGET
