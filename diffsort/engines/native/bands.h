// Bands: neighbouring columns that share cache lines, turned into rows and back.
//
// Columns so long that a band of them leaves the cache are cheaper to turn than to walk at random.

#pragma once

#include <cstdint>

namespace diffsort {
namespace {

constexpr int64_t kBandBytes = 64;

// Copies `width` columns of `n` elements, `inner` apart, to rows.
template <class Element>
void to_rows(const Element* columns, Element* rows, int64_t n, int64_t inner, int64_t width) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t c = 0; c < width; ++c) rows[c * n + i] = columns[i * inner + c];
  }
}

template <class Element>
void to_columns(const Element* rows, Element* columns, int64_t n, int64_t inner, int64_t width) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t c = 0; c < width; ++c) columns[i * inner + c] = rows[c * n + i];
  }
}

}  // namespace
}  // namespace diffsort
