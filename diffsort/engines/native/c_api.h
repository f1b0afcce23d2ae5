// The kernel without XLA: plain C entry points, for tests of the kernel by itself. Arguments are those of the jobs,
// and how many threads to work with.

#pragma once

#include <cstdint>

#pragma GCC visibility push(default)

// Those that return something return 1, or 0 where memory ran out or the type is none.
extern "C" int diffsort_sort(int type, int64_t outer, int64_t n, int64_t inner, const void* x, const uint8_t* where,
                             void* values, void* indices, int index_bytes, int descending, int ties_reversed,
                             int threads);

extern "C" int diffsort_select(int type, int64_t outer, int64_t n, int64_t inner, const void* x, const uint8_t* where,
                               void* values, void* indices, int index_bytes, int descending, int ties_reversed,
                               int64_t start, int64_t stop, int threads);

extern "C" void diffsort_permute(int64_t outer, int64_t n, int64_t inner, int element_bytes, int index_bytes,
                                 const void* x, const void* indices, void* out, int inverse, int trusted, int threads);

extern "C" int diffsort_soft_network(int kind, int sigmoid, int output, int is_double, int64_t rows, int64_t n,
                                     const void* x, const void* steepness, const int32_t* count, const void* cotangent,
                                     const void* carried, void* out, int threads);

extern "C" int diffsort_blocks(int type, int64_t rows, int64_t n, const void* z, const void* w, uint8_t* first,
                               int entropic, int threads);

extern "C" int diffsort_within_blocks(int type, int64_t rows, int64_t n, const void* x, const uint8_t* first, void* out,
                                      int what, int threads);

extern "C" int diffsort_neuralsort(int transposed, int cotangents, int is_double, int64_t rows, int64_t n,
                                   const void* gaps, const void* u, const void* cotangent, void* out, int threads);

extern "C" int diffsort_recurrence(int type, int64_t rows, int64_t n, const void* a, const void* b, void* out,
                                   int reverse, int threads);

extern "C" int diffsort_lapsum(int type, int64_t rows, int64_t n, const void* gaps, const int32_t* counts, int half,
                               const void* cotangent, void* out, int threads);

#pragma GCC visibility pop
