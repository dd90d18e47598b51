#include "edge_sign.h"

#include <string.h>

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t turned(uint32_t value, int bits) {
    return value >> bits | value << (32 - bits);
}

/* One block of FIPS 180-4, 6.2.2. */
static void compress(uint32_t state[8], const uint8_t block[64]) {
    uint32_t words[64], v[8];
    int at;
    for (at = 0; at < 16; at++) {
        words[at] = (uint32_t)block[4 * at] << 24 | (uint32_t)block[4 * at + 1] << 16 |
                    (uint32_t)block[4 * at + 2] << 8 | block[4 * at + 3];
    }
    for (at = 16; at < 64; at++) {
        uint32_t low = turned(words[at - 15], 7) ^ turned(words[at - 15], 18) ^ words[at - 15] >> 3;
        uint32_t high = turned(words[at - 2], 17) ^ turned(words[at - 2], 19) ^ words[at - 2] >> 10;
        words[at] = words[at - 16] + low + words[at - 7] + high;
    }
    memcpy(v, state, sizeof v);
    for (at = 0; at < 64; at++) {
        uint32_t sum1 = turned(v[4], 6) ^ turned(v[4], 11) ^ turned(v[4], 25);
        uint32_t first = v[7] + sum1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + constants[at] + words[at];
        uint32_t sum0 = turned(v[0], 2) ^ turned(v[0], 13) ^ turned(v[0], 22);
        uint32_t second = sum0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += first;
        v[0] = first + second;
    }
    for (at = 0; at < 8; at++) state[at] += v[at];
}

/* SHA-256 of a block made of the key and one more text that ends in the next block. */
static void keyed(const uint8_t key[EB_KEY_BYTES], uint8_t pad, const uint8_t *bytes, size_t num_bytes, uint8_t hash[32]) {
    static const uint32_t begin[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint32_t state[8];
    uint8_t block[64];
    size_t at, num_bits = 8 * (sizeof block + num_bytes);
    memcpy(state, begin, sizeof state);
    for (at = 0; at < sizeof block; at++) block[at] = (uint8_t)((at < EB_KEY_BYTES ? key[at] : 0) ^ pad);
    compress(state, block);
    memset(block, 0, sizeof block);
    memcpy(block, bytes, num_bytes);
    block[num_bytes] = 0x80;
    block[62] = (uint8_t)(num_bits >> 8);
    block[63] = (uint8_t)num_bits;
    compress(state, block);
    for (at = 0; at < 32; at++) hash[at] = (uint8_t)(state[at / 4] >> (24 - 8 * (at % 4)));
}

void eb_hmac_sha256(const uint8_t key[EB_KEY_BYTES], const uint8_t *bytes, size_t num_bytes, uint8_t mac[32]) {
    uint8_t inner[32];
    keyed(key, 0x36, bytes, num_bytes, inner);
    keyed(key, 0x5c, inner, sizeof inner, mac);
}

int eb_same(const uint8_t *a, const uint8_t *b, size_t num_bytes) {
    uint8_t different = 0;
    while (num_bytes-- > 0) different |= (uint8_t)(a[num_bytes] ^ b[num_bytes]);
    return different == 0;
}
