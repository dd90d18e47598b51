/* Frames of the camera head's serial protocol: COBS, CRC-32, resynchronisation. docs/firmware-protocol.md.
   No allocation, no floating point, no dependency on a chip. Not safe for calls from two contexts at once: hand
   received bytes from the interrupt to the main loop through a ring buffer. */
#ifndef EDGE_FRAMES_H
#define EDGE_FRAMES_H
#include <stddef.h>
#include <stdint.h>

enum { EB_VERSION_MAJOR = 1, EB_VERSION_MINOR = 0, EB_VERSION = EB_VERSION_MAJOR << 4 | EB_VERSION_MINOR };
enum {
    EB_MAX_PAYLOAD_BYTES = 64,
    EB_HEADER_BYTES = 4,
    EB_CRC_BYTES = 4,
    EB_MIN_FRAME_BYTES = EB_HEADER_BYTES + EB_CRC_BYTES,
    EB_MAX_FRAME_BYTES = EB_MIN_FRAME_BYTES + EB_MAX_PAYLOAD_BYTES,
    EB_MAX_COBS_BYTES = EB_MAX_FRAME_BYTES + 1,
    EB_MAX_WIRE_BYTES = EB_MAX_COBS_BYTES + 1
};

typedef struct {
    uint8_t version; /* major in the high four bits, minor in the low four */
    uint8_t type;
    uint16_t seq;
    uint8_t length; /* of the payload, 0 to 64 */
    uint8_t payload[EB_MAX_PAYLOAD_BYTES];
} eb_frame;

/* CRC-32 as in IEEE 802.3: reflected polynomial 0xEDB88320, start and final xor 0xFFFFFFFF; "123456789" gives
   0xCBF43926. */
uint32_t eb_crc32(const uint8_t *bytes, size_t num_bytes);

/* Writes the frame's COBS bytes and the 00 that ends them; returns how many. Send one 00 more in front. */
size_t eb_encode(const eb_frame *frame, uint8_t wire[EB_MAX_WIRE_BYTES]);

typedef struct {
    uint8_t run[EB_MAX_COBS_BYTES];
    uint8_t length;
    uint8_t overlong;
    uint32_t frames, bad_cobs, bad_crc, bad_length;
} eb_decoder;

void eb_decoder_start(eb_decoder *decoder);

/* Takes one byte; returns 1 where it completes a frame, which is then in `frame`, else 0. */
int eb_decoder_push(eb_decoder *decoder, uint8_t byte, eb_frame *frame);

#endif
