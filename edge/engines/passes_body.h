/* The two passes, included once for each kind of processor: NAME(x) is x for that kind. */

/* 4x4 means of rows first to last of the small picture, halves to the even neighbour as OpenCV rounds, and how much
   neighbours differ inside each cell, from one row of it, saturated at 255; past the right edge nothing differs.
   Sums are made at every place of a row, of which the cells then pick theirs: in vectors that is less work.
   frame: RGB uint8 (4 H, 4 W, 3); shrunk: (H, W, 3); activity: (H, W); sums: room for 24 W numbers. */
static void NAME(shrink)(const uint8_t *restrict frame, uint8_t *restrict shrunk, uint8_t *restrict activity,
                 uint16_t *restrict sums, ptrdiff_t width, ptrdiff_t first, ptrdiff_t last)
{
    const ptrdiff_t row_bytes = width * CELL;
    uint8_t *restrict means = (uint8_t *)(sums + row_bytes);
    for (ptrdiff_t row = first; row < last; row++) {
        const uint8_t *restrict top = frame + row * SCALE * row_bytes;
        for (ptrdiff_t i = 0; i < row_bytes; i++)
            sums[i] = (uint16_t)(top[i] + top[i + row_bytes] + top[i + 2 * row_bytes] + top[i + 3 * row_bytes]);
        for (ptrdiff_t i = 0; i < row_bytes - 3 * CHANNELS; i++) {
            const unsigned sum = sums[i] + sums[i + CHANNELS] + sums[i + 2 * CHANNELS] + sums[i + 3 * CHANNELS];
            means[i] = (uint8_t)((uint16_t)(sum + 7 + ((sum >> 4) & 1)) >> 4);
        }
        uint8_t *restrict small = shrunk + row * width * CHANNELS;
        for (ptrdiff_t cell = 0; cell < width; cell++)
            for (ptrdiff_t channel = 0; channel < CHANNELS; channel++)
                small[cell * CHANNELS + channel] = means[cell * CELL + channel];
        const uint8_t *restrict line = top + ACTIVITY_ROW * row_bytes;
        for (ptrdiff_t i = 0; i < row_bytes - CHANNELS; i++) {
            const uint8_t here = line[i], next = line[i + CHANNELS];
            sums[i] = (uint16_t)(next > here ? next - here : here - next);
        }
        for (ptrdiff_t i = row_bytes - CHANNELS; i < row_bytes; i++)
            sums[i] = 0;
        for (ptrdiff_t i = 0; i < row_bytes - 3; i++)
            sums[i] = (uint16_t)(sums[i] + sums[i + 1] + sums[i + 2] + sums[i + 3]);
        for (ptrdiff_t cell = 0; cell < width; cell++) {
            const uint16_t *fours = sums + cell * CELL;
            const unsigned sum = (unsigned)fours[0] + fours[4] + fours[8];
            activity[row * width + cell] = (uint8_t)(sum > 255 ? 255 : sum);
        }
    }
}

/* One row of a map, four times as wide: bilinear between the centres of the cells. line: (W, 3); wide: (4 W, 3).
   Three channels at a time in vectors of four, whose fourth number the next store overwrites; the last two cells, where
   a fourth would lie behind the row, one number at a time. */
static inline __attribute__((always_inline)) void NAME(widen)(const float *restrict line, float *restrict wide,
                                                              ptrdiff_t width)
{
    for (ptrdiff_t cell = 0; cell < width - 2; cell++) {
        const float *at = line + cell * CHANNELS;
        const Four here = *(const Four *)at;
        const Four before = (cell > 0 ? *(const Four *)(at - CHANNELS) : here) - here;
        const Four after = *(const Four *)(at + CHANNELS) - here;
        float *to = wide + cell * CELL;
        *(Four *)to = here + 0.375f * before;
        *(Four *)(to + CHANNELS) = here + 0.125f * before;
        *(Four *)(to + 2 * CHANNELS) = here + 0.125f * after;
        *(Four *)(to + 3 * CHANNELS) = here + 0.375f * after;
    }
    for (ptrdiff_t cell = width > 2 ? width - 2 : 0; cell < width; cell++)
        for (ptrdiff_t channel = 0; channel < CHANNELS; channel++) {
            const float *at = line + cell * CHANNELS + channel;
            const float before = cell > 0 ? at[-CHANNELS] - at[0] : 0.0f;
            const float after = cell + 1 < width ? at[CHANNELS] - at[0] : 0.0f;
            float *to = wide + cell * CELL + channel;
            to[0] = at[0] + 0.375f * before;
            to[CHANNELS] = at[0] + 0.125f * before;
            to[2 * CHANNELS] = at[0] + 0.125f * after;
            to[3 * CHANNELS] = at[0] + 0.375f * after;
        }
}

static inline __attribute__((always_inline)) uint8_t NAME(level)(float value)
{
    value = value < 0.0f ? 0.0f : value;
    value = value > 255.0f ? 255.0f : value;
    return (uint8_t)(int)(value + 0.5f);
}

static inline __attribute__((always_inline)) void
NAME(carry_row)(const uint8_t *restrict from, const float *restrict slope_above, const float *restrict slope_below,
          const float *restrict add_above, const float *restrict add_below, uint8_t *restrict to, float share,
          ptrdiff_t length)
{
    for (ptrdiff_t i = 0; i < length; i++) {
        const float gain = slope_above[i] + share * (slope_below[i] - slope_above[i]);
        const float add = add_above[i] + share * (add_below[i] - add_above[i]);
        to[i] = NAME(level)((float)from[i] * gain + add);
    }
}

/* The same for the four frame rows between two rows of the maps, which are read once. */
static inline __attribute__((always_inline)) void
NAME(carry_four)(const uint8_t *restrict from, const float *restrict slope_above, const float *restrict slope_below,
          const float *restrict add_above, const float *restrict add_below, uint8_t *restrict to, ptrdiff_t length)
{
    const uint8_t *restrict from1 = from + length, *restrict from2 = from1 + length, *restrict from3 = from2 + length;
    uint8_t *restrict to1 = to + length, *restrict to2 = to1 + length, *restrict to3 = to2 + length;
    for (ptrdiff_t i = 0; i < length; i++) {
        const float gain = slope_above[i], gain_step = slope_below[i] - gain;
        const float add = add_above[i], add_step = add_below[i] - add;
        to[i] = NAME(level)((float)from[i] * (gain + 0.125f * gain_step) + (add + 0.125f * add_step));
        to1[i] = NAME(level)((float)from1[i] * (gain + 0.375f * gain_step) + (add + 0.375f * add_step));
        to2[i] = NAME(level)((float)from2[i] * (gain + 0.625f * gain_step) + (add + 0.625f * add_step));
        to3[i] = NAME(level)((float)from3[i] * (gain + 0.875f * gain_step) + (add + 0.875f * add_step));
    }
}

/* up(slope) * frame + up(intercept), rounded and saturated, for the rows between the centres of two rows of the maps:
   slot n of first..last lies between map rows n - 1 and n, and its frame rows are 4 n - 2 to 4 n + 1 where there are.
   slope, intercept: float (H, W, 3) in display levels; wide: room for 4 x 12 W numbers. */
static void NAME(carry)(const uint8_t *restrict frame, const float *restrict slope, const float *restrict intercept,
                uint8_t *restrict out, float *restrict wide, ptrdiff_t height, ptrdiff_t width, ptrdiff_t first,
                ptrdiff_t last)
{
    const ptrdiff_t row_bytes = width * CELL, map_row = width * CHANNELS;
    float *slope_above = wide, *slope_below = wide + row_bytes, *add_above = wide + 2 * row_bytes, *add_below = wide + 3 * row_bytes;
    ptrdiff_t held = -2;
    for (ptrdiff_t slot = first; slot < last; slot++) {
        const ptrdiff_t above = slot > 0 ? slot - 1 : 0, below = slot < height ? slot : height - 1;
        if (held == above) {
            float *swap = slope_above; slope_above = slope_below; slope_below = swap;
            swap = add_above; add_above = add_below; add_below = swap;
        } else {
            NAME(widen)(slope + above * map_row, slope_above, width);
            NAME(widen)(intercept + above * map_row, add_above, width);
        }
        NAME(widen)(slope + below * map_row, slope_below, width);
        NAME(widen)(intercept + below * map_row, add_below, width);
        held = below;
        const ptrdiff_t begin = slot > 0 ? 0 : 2, end = slot < height ? SCALE : 2;
        if (end - begin == SCALE) {
            const ptrdiff_t at = (slot * SCALE - 2) * row_bytes;
            NAME(carry_four)(frame + at, slope_above, slope_below, add_above, add_below, out + at, row_bytes);
            continue;
        }
        for (ptrdiff_t part = begin; part < end; part++) {
            const float share = 0.125f + 0.25f * (float)part;
            const ptrdiff_t at = (slot * SCALE - 2 + part) * row_bytes;
            NAME(carry_row)(frame + at, slope_above, slope_below, add_above, add_below, out + at, share, row_bytes);
        }
    }
}

/* Means of blocks of 40x40 px from every eighth row, the fifth first, halves to the even neighbour as OpenCV rounds.
   frame: RGB uint8 (40 H, 40 W, 3); blocks: (H, W, 3); columns: room for 120 W numbers. */
static void NAME(sample)(const uint8_t *restrict frame, uint8_t *restrict blocks, uint16_t *restrict columns,
                 ptrdiff_t height, ptrdiff_t width)
{
    enum { LINE = BLOCK * CHANNELS, GROUP = 24, NUM_SAMPLED = BLOCK / ROW_STEP };
    const ptrdiff_t row_bytes = width * LINE, step = ROW_STEP * row_bytes;
    for (ptrdiff_t row = 0; row < height; row++) {
        const uint8_t *restrict top = frame + (row * BLOCK + ROW_STEP / 2) * row_bytes;
        for (ptrdiff_t i = 0; i < row_bytes; i++)
            columns[i] = (uint16_t)(top[i] + top[i + step] + top[i + 2 * step] + top[i + 3 * step] + top[i + 4 * step]);
        for (ptrdiff_t block = 0; block < width; block++) {
            uint16_t sums[GROUP] = {0};
            for (ptrdiff_t group = 0; group < LINE; group += GROUP)
                for (ptrdiff_t i = 0; i < GROUP; i++)
                    sums[i] = (uint16_t)(sums[i] + columns[block * LINE + group + i]);
            for (ptrdiff_t channel = 0; channel < CHANNELS; channel++) {
                unsigned sum = 0;
                for (ptrdiff_t i = channel; i < GROUP; i += CHANNELS)
                    sum += sums[i];
                const unsigned count = BLOCK * NUM_SAMPLED, whole = sum / count, rest = 2 * (sum % count);
                const unsigned up = rest > count || (rest == count && (whole & 1));
                blocks[(row * width + block) * CHANNELS + channel] = (uint8_t)(whole + up);
            }
        }
    }
}
