/* RGB of the planes that FFmpeg gives (I420), each byte touched once.

   The factors are made in edge/clips/planes.py; where this was not built, FFmpeg converts. Plain C, compiled once for
   AVX2 and once for any processor. Nothing is allocated here, and nothing is kept from call to call. */

#include <stddef.h>
#include <stdint.h>

enum { BLOCK = 256 };

/* a * b rounded down, where b has 13 bits behind the point and a 7. */
#define TIMES(a, b) ((int16_t)((int16_t)(((int32_t)(a) * (b)) >> 16) >> 4))
#define CODE(x) ((uint8_t)((int16_t)(x) < 0 ? 0 : (int16_t)(x) > 255 ? 255 : (int16_t)(x)))

#define NAME(x) any_##x
#include "planes_body.h"
#undef NAME

#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,tune=haswell")
#endif
#define NAME(x) wide_##x
#include "planes_body.h"
#undef NAME
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#define CHOSEN(x) (__builtin_cpu_supports("avx2") ? wide_##x : any_##x)
#else
#define CHOSEN(x) any_##x
#endif

void edge_rgb_from_planes(const uint8_t *planes, const int16_t *factors, uint8_t *rgb, ptrdiff_t height,
                          ptrdiff_t width)
{
    const uint8_t *u = planes + width * height, *v = u + width * height / 4;
    for (ptrdiff_t row = 0; row < height; row += 2) {
        ptrdiff_t colour = row * width / 4;
        CHOSEN(rgb_rows)(planes + row * width, u + colour, v + colour, factors, rgb + 3 * row * width, width);
    }
}
