/* HMAC-SHA-256 (RFC 2104, FIPS 180-4) of short texts: what a paired head checks commands by. */
#ifndef EDGE_SIGN_H
#define EDGE_SIGN_H
#include <stddef.h>
#include <stdint.h>

enum { EB_KEY_BYTES = 32, EB_HMAC_MAX_BYTES = 55 };

/* `num_bytes` is at most EB_HMAC_MAX_BYTES: one block of SHA-256. */
void eb_hmac_sha256(const uint8_t key[EB_KEY_BYTES], const uint8_t *bytes, size_t num_bytes, uint8_t mac[32]);

/* Whether two texts are the same; takes as long where they are not. */
int eb_same(const uint8_t *a, const uint8_t *b, size_t num_bytes);

#endif
