#include "edge_frames.h"

#include <string.h>

uint32_t eb_crc32(const uint8_t *bytes, size_t num_bytes) {
    uint32_t crc = 0xFFFFFFFFu;
    int bit;
    while (num_bytes-- > 0) {
        crc ^= *bytes++;
        for (bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

size_t eb_encode(const eb_frame *frame, uint8_t wire[EB_MAX_WIRE_BYTES]) {
    uint8_t length = frame->length <= EB_MAX_PAYLOAD_BYTES ? frame->length : EB_MAX_PAYLOAD_BYTES;
    uint8_t *body = wire + 1; /* COBS shifts everything by the one code in front */
    size_t end = EB_HEADER_BYTES + (size_t)length, at, code_at = 0;
    uint32_t crc;
    body[0] = frame->version;
    body[1] = frame->type;
    body[2] = (uint8_t)frame->seq;
    body[3] = (uint8_t)(frame->seq >> 8);
    memcpy(body + EB_HEADER_BYTES, frame->payload, length);
    crc = eb_crc32(body, end);
    for (at = 0; at < EB_CRC_BYTES; at++) body[end++] = (uint8_t)(crc >> (8 * at));
    for (at = 1; at <= end; at++) {
        if (wire[at] == 0) {
            wire[code_at] = (uint8_t)(at - code_at);
            code_at = at;
        }
    }
    wire[code_at] = (uint8_t)(end + 1 - code_at);
    wire[end + 1] = 0;
    return end + 2;
}

void eb_decoder_start(eb_decoder *decoder) {
    memset(decoder, 0, sizeof *decoder);
}

static int decode_run(eb_decoder *decoder, eb_frame *frame) {
    uint8_t *run = decoder->run;
    size_t end = decoder->length, at = 0, next, payload_end;
    uint32_t crc = 0;
    if (end <= EB_MIN_FRAME_BYTES) {
        decoder->bad_length++;
        return 0;
    }
    while (at < end) {
        next = at + run[at];
        run[at] = 0;
        at = next;
    }
    if (at != end) {
        decoder->bad_cobs++;
        return 0;
    }
    payload_end = end - EB_CRC_BYTES;
    for (at = EB_CRC_BYTES; at-- > 0;) crc = crc << 8 | run[payload_end + at];
    if (crc != eb_crc32(run + 1, payload_end - 1)) {
        decoder->bad_crc++;
        return 0;
    }
    frame->version = run[1];
    frame->type = run[2];
    frame->seq = (uint16_t)(run[3] | run[4] << 8);
    frame->length = (uint8_t)(payload_end - 1 - EB_HEADER_BYTES);
    memcpy(frame->payload, run + 1 + EB_HEADER_BYTES, frame->length);
    decoder->frames++;
    return 1;
}

int eb_decoder_push(eb_decoder *decoder, uint8_t byte, eb_frame *frame) {
    int found = 0;
    if (byte != 0) {
        if (decoder->overlong) return 0;
        if (decoder->length == EB_MAX_COBS_BYTES) {
            decoder->overlong = 1;
            decoder->bad_length++;
            return 0;
        }
        decoder->run[decoder->length++] = byte;
        return 0;
    }
    if (!decoder->overlong && decoder->length > 0) found = decode_run(decoder, frame);
    decoder->length = 0;
    decoder->overlong = 0;
    return found;
}
