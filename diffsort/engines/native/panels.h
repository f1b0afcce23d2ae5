// Panels: neighbouring columns, which share cache lines. They are transposed into rows and back.
//
// Where a panel does not fit the cache, this costs less than random access to its columns.

#pragma once

#include <cstdint>

namespace diffsort {
namespace {

constexpr int64_t kCacheLine = 64;  // bytes

// Copies `width` columns of `n` elements, `inner` apart, to rows.
template <class Element>
void columns_to_rows(const Element* columns, Element* rows, int64_t n, int64_t inner, int64_t width) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t c = 0; c < width; ++c) rows[c * n + i] = columns[i * inner + c];
  }
}

template <class Element, class To>
void rows_to_columns(const Element* rows, To* columns, int64_t n, int64_t inner, int64_t width) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t c = 0; c < width; ++c) columns[i * inner + c] = To(rows[c * n + i]);
  }
}

}  // namespace
}  // namespace diffsort
