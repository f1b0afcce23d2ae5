// A long row with a mask: what it leaves is packed, and what it takes away is written behind.

#pragma once

#include "leaves.h"

namespace diffsort::DIFFSORT_TARGET {

template <class Element>
class MaskedRow {
 public:
  using Paired = PairedNumber<Element>;
  using Row = typename PairLeaf<Element>::Row;

  // Of the row (inner = 1) that begins at element `start`.
  MaskedRow(const SortJob& job, int64_t start) : job_(job), start_(start), encoding_(encoding_for(job)) {}

  // Packs what the mask leaves with its indices, and writes the rest; returns how much was packed.
  int64_t pack(Row row, Pool& pool) {
    int chunks = pool.threads() < kMaxChunks ? pool.threads() : kMaxChunks;
    int64_t kept[kMaxChunks + 1] = {};  // before each chunk, after they were counted
    pool.each(chunks, 1, [&](int64_t c) { kept[c + 1] = count(begin(c, chunks), begin(c + 1, chunks)); });
    for (int c = 0; c < chunks; ++c) kept[c + 1] += kept[c];
    pool.each(chunks, 1, [&](int64_t c) {
      pack_chunk(row, begin(c, chunks), begin(c + 1, chunks), kept[c], kept[c + 1], kept[chunks]);
    });
    return kept[chunks];
  }

  bool is_lossy() const { return is_lossy_; }

 private:
  using Codec = IndexedCodec<Element>;
  using Stored = typename Element::Stored;
  using Number = typename Paired::Number;
  static constexpr int kMaxChunks = 16, L = Paired::L;
  using Format = LaneFormat<Stored, L>;
  using Bits = typename Format::Bits;
  using I = Vector<uint32_t, L>;

  int64_t begin(int64_t chunk, int chunks) const { return job_.n * chunk / chunks; }

  int64_t count(int64_t from, int64_t to) const {
    int64_t kept = 0;
    for (int64_t i = from; i < to; ++i) kept += job_.where[start_ + i] != 0;
    return kept;
  }

  // Packs elements number `from` to `to` to places from `kept` to `last`, `all` of them being kept in the row.
  void pack_chunk(Row row, int64_t from, int64_t to, int64_t kept, int64_t last, int64_t all) {
    Output<Codec> out(job_, false);
    const Stored* x = static_cast<const Stored*>(job_.x) + start_;
    const uint8_t* where = job_.where + start_;
    Bits lossy{};
    for (int64_t i = from; i < to; i += L) {
      int count = to - i < L ? int(to - i) : L;
      Vector<Stored, L> elements{};
      Vector<uint8_t, L> keeps{};
      std::memcpy(&elements, x + i, size_t(count) * sizeof(Stored));
      std::memcpy(&keeps, where + i, size_t(count));
      Mask mask = mask_of(__builtin_convertvector(keeps, Bits) != 0);
      Bits bits = Format::widen(elements);
      lossy |= Element::lossy(bits);
      I index = iota<I>() + uint32_t(i);
      if (job_.ties_reversed) index = uint32_t(job_.n - 1) - index;
      Number keys[L];
      uint32_t indices[L];
      int left = compress_store(keys, Paired::encode(bits, encoding_), mask);
      compress_store(indices, index, mask);
      // Behind the last place begins another thread's.
      int stored = last - kept < L ? left : L;
      std::memcpy(row.keys + kept, keys, size_t(stored) * sizeof(Number));
      std::memcpy(row.indices + kept, indices, size_t(stored) * sizeof(uint32_t));
      for (int j = 0, before = 0; j < count; ++j) {
        if (mask >> j & 1) {
          ++before;
          continue;
        }
        int64_t place = i + j - kept - before;  // among those that are not kept
        out.write_one(start_ + (job_.ties_reversed ? job_.n - 1 - place : all + place), 0, index[j], start_);
      }
      kept += left;
    }
    if (any(lossy)) __atomic_store_n(&is_lossy_, true, __ATOMIC_RELAXED);
  }

  const SortJob& job_;
  int64_t start_;
  Encoding encoding_;
  bool is_lossy_ = false;
};

}  // namespace diffsort::DIFFSORT_TARGET
