// Rows through a relaxed network: how they are cut into tiles, and what is done with a tile.

#pragma once

#include "memory.h"
#include "soft_comparator.h"
#include "soft_wires.h"

namespace diffsort::DIFFSORT_TARGET {

// A tile is as many rows as there are lanes, or a half, a quarter, … of that, which then take up more lanes each.
template <class T, Sigmoid S, NetworkOutput Output>
class SoftRows {
 public:
  SoftRows(const SoftNetworkJob& job, Pool& pool) : job_(job), pool_(pool) {
    int64_t comparators = job.rows * job.n / 2 * Layers(job.kind, job.n).size();
    int64_t threads = comparators < kParallelFrom ? 1 : pool.threads();
    rows_ = L;
    while (rows_ > 1 && (rows_ * threads > job.rows) && job.n * rows_ >= 8 * L) rows_ /= 2;
    lanes_ = L / rows_;
    if (job.kind == NetworkKind::kOddEven) {
      vectors_ = ((job.n + lanes_ - 1) / lanes_ + 1) / 2 * 2;
    } else {
      vectors_ = 2;
      while (vectors_ * lanes_ < job.n) vectors_ *= 2;
    }
  }

  bool run() {
    if (job_.rows == 0 || job_.n == 0) return true;
    pool_.each((job_.rows + rows_ - 1) / rows_, 1, [&](int64_t i) { run_tile(i * rows_); });
    return !is_out_of_memory_;
  }

 private:
  static constexpr int L = 8 * kLanes / int(sizeof(T));
  static constexpr int64_t kParallelFrom = 32768;  // comparators, for which another thread is worth waking
  static constexpr bool kGoesBack = Output != NetworkOutput::kValues;
  static constexpr bool kCarries = Output == NetworkOutput::kCarriedCotangent;
  static constexpr int kKept = Output == NetworkOutput::kValues ? 0 : kCarries ? 3 : 1;  // vectors to a comparator

  using V = Vector<T, L>;
  using Bits = BitsOf<V>;

  // The rows of a tile, in vectors.
  struct Tile {
    int64_t first_row;
    int64_t most;  // elements of a row
    Bits count;
    V steepness;
    V *x, *carried, *kept;
  };

  void run_tile(int64_t first_row) {
    Tile tile;
    tile.first_row = first_row;
    tile.most = 0;
    for (int j = 0; j < L; ++j) {
      int64_t count = count_of(first_row + j / lanes_);
      tile.count[j] = typename ExpConstants<T>::Bits(count);
      tile.steepness[j] = count ? static_cast<const T*>(job_.steepness)[first_row + j / lanes_] : T(1);
      if (count > tile.most) tile.most = count;
    }
    Layers layers(job_.kind, tile.most);
    int64_t kept = layers.size() * (vectors_ / 2) * kKept;
    Scratch memory(size_t((1 + kCarries) * vectors_ + kept) * sizeof(V));
    if (!memory.data()) return note_out_of_memory();
    tile.x = static_cast<V*>(memory.data());
    tile.carried = tile.x + kCarries * vectors_;
    tile.kept = tile.carried + vectors_;

    read(tile, job_.x, tile.x, T(__builtin_nan("")));
    if constexpr (kCarries) read(tile, job_.carried, tile.carried, T(0));
    for (int64_t i = 0; i < layers.size(); ++i) {
      run_layer(tile, layers[i], [&](auto wires, int64_t position, int64_t size, Bits active) {
        forward(tile, wires, tile.kept + (i * (vectors_ / 2) + position) * kKept, size, active);
      });
    }
    if constexpr (kGoesBack) {
      read(tile, job_.cotangent, tile.carried, T(0));
      if constexpr (kCarries) {
        for (int64_t i = 0; i < vectors_; ++i) tile.x[i] = V{};
      }
      for (int64_t i = layers.size(); i-- > 0;) {
        run_layer(tile, layers[i], [&](auto wires, int64_t position, int64_t size, Bits) {
          back(tile, wires, tile.kept + (i * (vectors_ / 2) + position) * kKept, size);
        });
      }
    }
    write(tile, tile.x);
  }

  template <class Wires>
  void forward(const Tile& tile, Wires wires, V* kept, int64_t size, Bits active) {
    V *x = tile.x, *carried = tile.carried, steepness = tile.steepness;
    for (int64_t i = 0; i < size; ++i, kept += kKept) {
      V a, b;
      wires.load(x, i, a, b);
      Outcome<V> outcome = compare<S>(a, b, steepness, active);
      wires.store(x, i, outcome.low, outcome.high);
      if constexpr (Output == NetworkOutput::kCotangent) kept[0] = outcome.gamma;
      if constexpr (Output == NetworkOutput::kTransposed) kept[0] = outcome.alpha;
      if constexpr (kCarries) {
        wires.load(carried, i, a, b);
        kept[0] = outcome.gamma;
        kept[1] = outcome.alpha;
        kept[2] = outcome.slope * (a - b);
        mix(outcome.alpha, a, b);
        wires.store(carried, i, a, b);
      }
    }
  }

  template <class Wires>
  void back(const Tile& tile, Wires wires, const V* kept, int64_t size) {
    V *x = tile.x, *carried = tile.carried;
    for (int64_t i = 0; i < size; ++i, kept += kKept) {
      V a, b, change{};
      if constexpr (kCarries) {
        wires.load(carried, i, a, b);
        change = kept[2] * (a - b);
        mix(kept[1], a, b);
        wires.store(carried, i, a, b);
      }
      wires.load(x, i, a, b);
      mix(kept[0], a, b);
      wires.store(x, i, a - change, b + change);
    }
  }

  // Calls run(wires, position, size, active) for all comparators of a layer: `position` is the number of the first.
  template <class Run>
  void run_layer(const Tile& tile, Layer layer, Run run) {
    Bits active = tile.count > splat<Bits>(typename ExpConstants<T>::Bits(layer.needed));
    Bits lane = iota<Bits>(), one = splat<Bits>(1), zero{};
    if (layer.is_shifted) {
      run(WithinLanes<V>{1, 1, 1}, 0, vectors_ / 2 - 1, active);
      Bits is_last = (lane & Bits(splat<Bits>(lanes_ - 1))) == splat<Bits>(lanes_ - 1);
      NextLane<V, Bits> wires{(lane + one) & splat<Bits>(L - 1), (lane - one) & splat<Bits>(L - 1), vectors_ - 1};
      run(wires, vectors_ / 2 - 1, 1, active & ~is_last);
      return;
    }
    int64_t block = 2 * layer.distance;
    if (block <= vectors_) {
      run(WithinLanes<V>{layer.distance, layer.is_mirrored ? block - 1 : layer.distance, 0}, 0, vectors_ / 2, active);
    } else {
      int64_t flip = (layer.is_mirrored ? block - 1 : layer.distance) / vectors_;
      Bits partner = lane ^ splat<Bits>(flip), is_upper = (lane & splat<Bits>(layer.distance / vectors_)) != zero;
      if (layer.is_mirrored) {
        run(MirroredLanes<V, Bits>{partner, is_upper, vectors_ - 1}, 0, vectors_ / 2, active);
      } else {
        run(AcrossLanes<V, Bits>{partner, is_upper}, 0, vectors_ / 2, active);
      }
    }
  }

  int64_t count_of(int64_t row) const {
    if (row >= job_.rows) return 0;
    return job_.count && job_.count[row] < job_.n ? job_.count[row] : job_.n;
  }

  // The wires of a lane begin at wire (lane % lanes_) * vectors_ of its row. What is not there is `absent`.
  void read(const Tile& tile, const void* from, V* to, T absent) const {
    T* out = reinterpret_cast<T*>(to);
    for (int64_t j = 0; j < L; ++j) {
      int64_t row = tile.first_row + j / lanes_, begin = j % lanes_ * vectors_, there = count_of(row) - begin;
      const T* x = static_cast<const T*>(from) + row * job_.n + begin;
      for (int64_t i = 0; i < vectors_; ++i) out[i * L + j] = i < there ? x[i] : absent;
    }
  }

  void write(const Tile& tile, const V* from) const {
    const T* x = reinterpret_cast<const T*>(from);
    for (int64_t j = 0; j < L && tile.first_row + j / lanes_ < job_.rows; ++j) {
      int64_t row = tile.first_row + j / lanes_, begin = j % lanes_ * vectors_, there = count_of(row) - begin;
      T* out = static_cast<T*>(job_.out) + row * job_.n + begin;
      int64_t size = job_.n - begin < vectors_ ? job_.n - begin : vectors_;
      for (int64_t i = 0; i < size; ++i) out[i] = i < there ? x[i * L + j] : T(0);
    }
  }

  // Not std::atomic, whose functions might be shared with code for other machines.
  void note_out_of_memory() { __atomic_store_n(&is_out_of_memory_, true, __ATOMIC_RELAXED); }

  const SoftNetworkJob& job_;
  Pool& pool_;
  int64_t rows_, lanes_, vectors_;  // rows to a tile, lanes to a row, vectors to a tile
  bool is_out_of_memory_ = false;
};

}  // namespace diffsort::DIFFSORT_TARGET
