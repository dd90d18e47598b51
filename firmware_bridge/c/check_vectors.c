/* Reads bytes in hex, a line a case; prints for each frame found `type seq payload again`, all frames of a case on one
   line, or `-` for none. `again` is the frame encoded anew, its message read and written first where its type is
   known. Your implementation should print the same for firmware_bridge/wire/vectors.json. */
#include <stdio.h>
#include <string.h>

#include "edge_messages.h"

#define REWRITE(UPPER, lower)                                   \
    case EB_##UPPER:                                            \
        if (frame->length == EB_##UPPER##_BYTES) {              \
            eb_##lower message;                                 \
            eb_##lower##_read(frame, &message);                 \
            memset(frame->payload, 0xA5, sizeof frame->payload); \
            eb_##lower##_write(frame, &message);                \
        }                                                       \
        break;

static void rewrite(eb_frame *frame) {
    switch (frame->type) {
        REWRITE(HELLO, hello)
        REWRITE(STATUS, status)
        REWRITE(SET_LED, set_led)
        REWRITE(SET_HEATER, set_heater)
        REWRITE(GET_PARAM, get_param)
        REWRITE(SET_PARAM, set_param)
        REWRITE(PARAM, param)
        REWRITE(PING, ping)
        REWRITE(NONCE, nonce)
        REWRITE(PAIR, pair)
        REWRITE(SIGNED, signed)
        REWRITE(BUTTON, button)
        REWRITE(FRAME_SYNC, frame_sync)
        REWRITE(FAULT, fault)
        REWRITE(ACK, ack)
        REWRITE(NAK, nak)
        default: break;
    }
}

static void print_hex(const uint8_t *bytes, size_t num_bytes) {
    if (num_bytes == 0) putchar('.');
    while (num_bytes-- > 0) printf("%02x", *bytes++);
}

int main(void) {
    static char line[4096];
    uint8_t wire[EB_MAX_WIRE_BYTES];
    eb_decoder decoder;
    eb_frame frame;
    while (fgets(line, sizeof line, stdin)) {
        const char *at = line;
        unsigned byte;
        int num_frames = 0;
        eb_decoder_start(&decoder);
        for (; sscanf(at, "%2x", &byte) == 1; at += 2) {
            if (!eb_decoder_push(&decoder, (uint8_t)byte, &frame)) continue;
            printf("%s%u %u ", num_frames++ ? " " : "", frame.type, frame.seq);
            print_hex(frame.payload, frame.length);
            putchar(' ');
            rewrite(&frame);
            print_hex(wire, eb_encode(&frame, wire));
        }
        puts(num_frames ? "" : "-");
    }
    return 0;
}
