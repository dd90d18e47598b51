/* The two passes over a 1080p frame that the guided profiles make on the host, each touching memory once, and what the
   output judge looks at of a frame.

   The definitions are the OpenCV forms in edge/engines/guided.py and edge/engines/sampling.py, which run where this was
   not built; tests hold both to the same pixels. Plain C, compiled once for AVX2 with FMA and once for any processor.
   Nothing is allocated here, and nothing is kept from call to call. */

#include <stddef.h>
#include <stdint.h>

enum { SCALE = 4, CHANNELS = 3, CELL = SCALE * CHANNELS, ACTIVITY_ROW = 1, BLOCK = 40, ROW_STEP = 8 };
typedef float Four __attribute__((vector_size(16), aligned(4)));

#define NAME(x) any_##x
#include "passes_body.h"
#undef NAME

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,tune=haswell")
#endif
#define NAME(x) wide_##x
#include "passes_body.h"
#undef NAME
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#define CHOSEN(x) (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? wide_##x : any_##x)
#else
#define CHOSEN(x) any_##x
#endif

void edge_shrink(const uint8_t *frame, uint8_t *shrunk, uint8_t *activity, uint16_t *sums, ptrdiff_t width,
                 ptrdiff_t first, ptrdiff_t last)
{
    CHOSEN(shrink)(frame, shrunk, activity, sums, width, first, last);
}

void edge_carry(const uint8_t *frame, const float *slope, const float *intercept, uint8_t *out, float *wide,
                ptrdiff_t height, ptrdiff_t width, ptrdiff_t first, ptrdiff_t last)
{
    CHOSEN(carry)(frame, slope, intercept, out, wide, height, width, first, last);
}

void edge_sample(const uint8_t *frame, uint8_t *blocks, uint16_t *columns, ptrdiff_t height, ptrdiff_t width)
{
    CHOSEN(sample)(frame, blocks, columns, height, width);
}
