// Rows beyond a tile: a radix sort from the most significant digit down, until each bucket fits a tile.
//
// Source: Knuth, The Art of Computer Programming 3, 5.2.5. Words hold their index in the lowest bits, so a bucket of
// one key is in order already.

#pragma once

#include "partition.h"
#include "tile.h"

namespace diffsort::DIFFSORT_TARGET {

template <class Codec>
class RadixSort {
 public:
  // Of the row (inner = 1) that begins at element `start`.
  RadixSort(const SortJob& job, int64_t start) : job_(job), start_(start), encoding_(encoding_for(job)) {}

  // Returns false where memory ran out.
  bool sort(Pool& pool) {
    int64_t n = job_.n;
    Workspace memory(2 * size_t(n) * sizeof(uint64_t));
    auto* words = static_cast<uint64_t*>(memory.data());
    if (!words) return false;
    Chunks chunks(n, pool);
    Packed packed[Chunks::kMax];
    pool.each(chunks.count, 1, [&](int64_t c) { packed[c] = pack(words, chunks.begin(c), chunks.end(c)); });
    WordRange range;
    for (int c = 0; c < chunks.count; ++c) {
      range.include(packed[c].range);
      is_lossy_ |= packed[c].is_lossy;
    }
    return sort_words(words, words + n, n, 0, range, pool);
  }

 private:
  static constexpr int L = Codec::L;
  using Bits = typename Codec::Bits;
  using U64 = typename Codec::U64;

  // What was packed.
  struct Packed {
    WordRange range;
    bool is_lossy;
  };

  // Sorts n words within `range`, as elements of the row from number `to` on; `spare` is as large. Returns false
  // where memory ran out.
  bool sort_words(uint64_t* words, uint64_t* spare, int64_t n, int64_t to, WordRange range, Pool& pool) {
    if (n == 0) return true;
    if (range.min >> encoding_.index_bits == range.max >> encoding_.index_bits) {
      write_in_order(words, n, to);
      return true;
    }
    if (n > kMaxBucket || (range.max - range.min) >> 52) return sort_buckets(words, spare, n, to, range, pool);
    Scratch memory(Tile<Codec>::bytes_for_row(kMaxBucket));
    if (!memory.data()) return false;
    Tile<Codec>(job_, memory.data()).sort_bucket(words, n, range.min, is_lossy_, start_ + to, start_);
    return true;
  }

  // Partitions words into buckets, and sorts each.
  bool sort_buckets(uint64_t* words, uint64_t* spare, int64_t n, int64_t to, WordRange range, Pool& pool) {
    Partition partition(words, spare, n, range, encoding_.index_bits, pool);
    if (!partition.run(pool)) return false;
    bool has_memory = true;
    pool.each(partition.buckets(), 1, [&](int64_t b) {
      SerialPool serial;
      int64_t begin = partition.begin(b);
      if (!sort_words(spare + begin, words + begin, partition.size(b), to + begin, partition.range(b), serial)) {
        __atomic_store_n(&has_memory, false, __ATOMIC_RELAXED);
      }
    });
    return has_memory;
  }

  // Packs elements number `begin` to `end` of the row.
  Packed pack(uint64_t* words, int64_t begin, int64_t end) const {
    Input<Codec> in(job_);
    U64 min = splat<U64>(~uint64_t(0)), max{};
    for (int64_t r = begin; r < end; r += L) {
      int count = end - r < L ? int(end - r) : L;
      Bits bits{}, masked{};
      U64 index = iota<U64>() + uint64_t(r);
      if (count == L) {
        bits = in.read(start_ + r);
        masked = in.read_masked(start_ + r);
      } else {  // lanes behind the end repeat the last element
        for (int j = 0; j < L; ++j) in.read_lane(j, start_ + r + (j < count ? j : count - 1), bits, masked);
        in.check(bits);
        index = index < uint64_t(end) ? index : splat<U64>(uint64_t(end - 1));
      }
      if (job_.ties_reversed) index = uint64_t(job_.n - 1) - index;
      U64 packed = Codec::pack_u64(bits, index, masked, encoding_);
      min = packed < min ? packed : min;
      max = packed > max ? packed : max;
      if (count == L && !job_.ties_reversed) {
        store(words + r, packed);
      } else {
        for (int j = 0; j < count; ++j) words[index[j]] = packed[j];
      }
    }
    WordRange range;
    for (int j = 0; j < L; ++j) range.include({min[j], max[j]});
    return {range, in.is_lossy()};
  }

  // Writes words of one key.
  void write_in_order(const uint64_t* words, int64_t n, int64_t to) const {
    Output<Codec> out(job_, is_lossy_);
    for (int64_t i = 0; i < n; ++i) {
      U64 word = splat<U64>(words[i]);
      out.write_one(start_ + to + i, Codec::decode_u64(word, encoding_)[0], Codec::index_u64(word, encoding_)[0],
                    start_);
    }
  }

  const SortJob& job_;
  int64_t start_;
  Encoding encoding_;
  bool is_lossy_ = false;
};

}  // namespace diffsort::DIFFSORT_TARGET
