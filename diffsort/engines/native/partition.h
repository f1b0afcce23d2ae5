// One pass of a radix sort: words are partitioned into buckets, by a digit of theirs.
//
// A digit covers the range of words that there is, and a bucket holds as many digits as a tile takes. So no
// distribution of keys needs more than a few passes.

#pragma once

#include "codecs.h"
#include "memory.h"

namespace diffsort::DIFFSORT_TARGET {

inline constexpr int64_t kMaxBucket = 16384;  // words that a tile takes
inline constexpr int64_t kMinBucket = 1024;   // words for which it is worth starting a tile

// From the smallest to the largest of some words.
struct WordRange {
  uint64_t min = ~uint64_t(0), max = 0;

  void include(WordRange other) {
    if (other.min < min) min = other.min;
    if (other.max > max) max = other.max;
  }
};

// The bits by which words of a range are partitioned.
struct Digit {
  uint64_t base, max;
  int shift = 0;

  Digit(WordRange range, int bits, int index_bits) : base(range.min >> index_bits << index_bits), max(range.max) {
    while (((max - base) >> shift) >> bits) ++shift;
  }
  uint64_t of(uint64_t word) const { return (word - base) >> shift; }
  // The range of words with a digit from `first` to `last`.
  WordRange range(uint64_t first, uint64_t last) const {
    uint64_t low = base + (first << shift), width = ((last - first + 1) << shift) - 1;
    return {low, width < max - low ? low + width : max};
  }
};

// Parts of n words, one for each thread, that begin at whole vectors.
struct Chunks {
  static constexpr int kMax = 16;

  Chunks(int64_t n, const Pool& pool) : count(pool.threads() < kMax ? pool.threads() : kMax), n_(n) {}
  int64_t begin(int64_t c) const { return c == count ? n_ : n_ / count / kLanes * kLanes * c; }
  int64_t end(int64_t c) const { return begin(c + 1); }

  const int count;

 private:
  int64_t n_;
};

class Partition {
 public:
  // Of n words in `range`, from `words` to `target`.
  Partition(const uint64_t* words, uint64_t* target, int64_t n, WordRange range, int index_bits, const Pool& pool)
      : words_(words),
        target_(target),
        chunks_(n, pool),
        digits_(int64_t(1) << digit_bits(n)),
        digit_(range, digit_bits(n), index_bits),
        memory_(Workspace::bytes_for<Bucket>(digits_ + 1) + Workspace::bytes_for<uint32_t>(chunks_.count * digits_) +
                Workspace::bytes_for<uint16_t>(digits_)) {}

  // Returns false where memory ran out.
  bool run(Pool& pool) {
    if (!memory_.data()) return false;
    buckets_ = memory_.allocate<Bucket>(digits_ + 1);
    counts_ = memory_.allocate<uint32_t>(chunks_.count * digits_);
    bucket_of_ = memory_.allocate<uint16_t>(digits_);
    pool.each(chunks_.count, 1, [&](int64_t c) { count_digits(c); });
    choose_buckets();
    pool.each(chunks_.count, 1, [&](int64_t c) { scatter(c); });
    return true;
  }

  int64_t buckets() const { return count_; }
  int64_t begin(int64_t b) const { return buckets_[b].begin; }
  int64_t size(int64_t b) const { return int64_t(buckets_[b + 1].begin) - buckets_[b].begin; }
  // The range of the words in a bucket.
  WordRange range(int64_t b) const {
    if (size(b) <= kMaxBucket) return digit_.range(buckets_[b].digit, buckets_[b + 1].digit - 1);
    WordRange range;
    for (int64_t i = begin(b); i < begin(b + 1); ++i) range.include({target_[i], target_[i]});
    return range;
  }

 private:
  // Digits that go together, up to the first of the next bucket, and where their words begin.
  struct Bucket {
    uint32_t digit, begin;
  };

  static int digit_bits(int64_t n) {
    int bits = bits_for(n) - 5;
    return bits < 8 ? 8 : bits < 13 ? bits : 13;
  }

  // Makes the histogram of a chunk.
  void count_digits(int64_t chunk) const {
    const uint64_t* words = words_;
    uint32_t* counts = counts_ + chunk * digits_;
    Digit digit = digit_;
    std::memset(counts, 0, size_t(digits_) * sizeof(uint32_t));
    for (int64_t i = chunks_.begin(chunk), end = chunks_.end(chunk); i < end; ++i) ++counts[digit.of(words[i])];
  }

  // Groups digits into buckets, and turns every chunk's counts by digit into its offsets by bucket.
  void choose_buckets() {
    // A tile holds words within 2^52 of each other.
    int64_t max_digits = digit_.shift < 52 ? int64_t(1) << (52 - digit_.shift) : 1;
    uint32_t total = 0, size = 0;
    uint32_t sizes[Chunks::kMax] = {};
    buckets_[0] = {0, 0};
    for (int64_t d = 0; d < digits_; ++d) {
      uint32_t more = 0;
      for (int c = 0; c < chunks_.count; ++c) more += counts_[c * digits_ + d];
      // A digit too frequent for a tile gets a bucket of its own, and so does what came before it.
      bool is_full = size >= kMinBucket || int64_t(size) + more > kMaxBucket;
      if (d - buckets_[count_].digit == max_digits || (size && is_full)) {
        total = set_offsets(sizes, total);
        buckets_[++count_] = {uint32_t(d), total};
        size = 0;
      }
      bucket_of_[d] = uint16_t(count_);
      size += more;
      for (int c = 0; c < chunks_.count; ++c) sizes[c] += counts_[c * digits_ + d];
    }
    total = set_offsets(sizes, total);
    buckets_[++count_] = {uint32_t(digits_), total};
  }

  // Sets every chunk's offset of the last bucket, whose words begin at `begin`; returns where they end. There are
  // no more buckets than digits so far: counts that are overwritten have been read.
  uint32_t set_offsets(uint32_t* sizes, uint32_t begin) {
    for (int c = 0; c < chunks_.count; ++c) {
      counts_[c * digits_ + count_] = begin;
      begin += sizes[c];
      sizes[c] = 0;
    }
    return begin;
  }

  // Moves the words of a chunk into their buckets, in order.
  void scatter(int64_t chunk) const {
    const uint64_t* words = words_;
    uint64_t* target = target_;
    uint32_t* offsets = counts_ + chunk * digits_;
    const uint16_t* bucket_of = bucket_of_;
    Digit digit = digit_;
    for (int64_t i = chunks_.begin(chunk), end = chunks_.end(chunk); i < end; ++i) {
      target[offsets[bucket_of[digit.of(words[i])]]++] = words[i];
    }
  }

  const uint64_t* words_;
  uint64_t* target_;
  Chunks chunks_;
  int64_t digits_;
  Digit digit_;
  Workspace memory_;
  Bucket* buckets_ = nullptr;
  uint32_t* counts_ = nullptr;
  uint16_t* bucket_of_ = nullptr;
  int64_t count_ = 0;  // of buckets
};

}  // namespace diffsort::DIFFSORT_TARGET
