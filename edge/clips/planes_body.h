/* Included by planes.c once for each kind of processor: two rows of a frame, which share a row of each colour plane. */

static void NAME(rgb_rows)(const uint8_t *restrict y, const uint8_t *restrict u, const uint8_t *restrict v,
                           const int16_t *factors, uint8_t *restrict rgb, ptrdiff_t width)
{
    const int16_t light = factors[0], v_red = factors[1], u_green = factors[2], v_green = factors[3], u_blue = factors[4];
    int16_t red[BLOCK], green[BLOCK], blue[BLOCK];
    uint8_t r[BLOCK], g[BLOCK], b[BLOCK];
    for (ptrdiff_t left = 0; left < width; left += BLOCK) {
        ptrdiff_t size = width - left < BLOCK ? width - left : BLOCK;
        for (ptrdiff_t i = 0; i < size / 2; i++) {
            int16_t cu = (int16_t)((u[left / 2 + i] - 128) * 128), cv = (int16_t)((v[left / 2 + i] - 128) * 128);
            int16_t to_red = TIMES(cv, v_red), to_blue = TIMES(cu, u_blue);
            int16_t to_green = (int16_t)(TIMES(cu, u_green) + TIMES(cv, v_green));
            red[2 * i] = to_red, red[2 * i + 1] = to_red;
            green[2 * i] = to_green, green[2 * i + 1] = to_green;
            blue[2 * i] = to_blue, blue[2 * i + 1] = to_blue;
        }
        for (ptrdiff_t row = 0; row < 2; row++) {
            const uint8_t *restrict from = y + row * width + left;
            uint8_t *restrict to = rgb + 3 * (row * width + left);
            for (ptrdiff_t i = 0; i < size; i++) {
                int16_t code = (int16_t)((from[i] - 16) * 128), grey = TIMES(code, light);
                r[i] = CODE(grey + red[i]);
                g[i] = CODE(grey + green[i]);
                b[i] = CODE(grey + blue[i]);
            }
            for (ptrdiff_t i = 0; i < size; i++)
                to[3 * i] = r[i], to[3 * i + 1] = g[i], to[3 * i + 2] = b[i];
        }
    }
}
