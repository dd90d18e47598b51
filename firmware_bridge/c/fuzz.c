/* fuzz SEED NUM_RANDOM_BYTES NUM_MUTATED_FRAMES: damage of every kind through the decoder and the whole device.
   Built with -fsanitize=address,undefined. Exit 0 when no frame was accepted that was not sent, and after every damage
   the next undamaged frame was received. Prints the counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge_device.h"

static const uint8_t key[EB_KEY_BYTES] = {1, 2, 3};

static uint64_t state;

static uint32_t draw(uint32_t below) { /* xorshift64*, Vigna 2016 */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 2685821657736338717ull) >> 32) % below;
}

static void draw_frame(eb_frame *frame) {
    uint8_t at;
    frame->version = EB_VERSION;
    frame->type = (uint8_t)(draw(4) ? draw(0x34) : draw(256));
    frame->seq = (uint16_t)draw(0x10000);
    frame->length = (uint8_t)draw(EB_MAX_PAYLOAD_BYTES + 1);
    for (at = 0; at < frame->length; at++) frame->payload[at] = (uint8_t)(draw(3) ? draw(256) : 0);
}

/* Half of the time a request that the device will carry out: opens a session, or has its next number and its length. */
static void draw_request(eb_frame *frame, const eb_device *device) {
    static const uint8_t lengths[] = {0,
                                      EB_HELLO_BYTES,
                                      EB_HEARTBEAT_BYTES,
                                      0,
                                      EB_SET_LED_BYTES,
                                      EB_SET_HEATER_BYTES,
                                      EB_GET_PARAM_BYTES,
                                      EB_SET_PARAM_BYTES,
                                      0,
                                      EB_PING_BYTES,
                                      EB_RESET_BYTES};
    uint8_t at;
    draw_frame(frame);
    if (draw(2)) return;
    frame->type = (uint8_t)(device->has_session && draw(20) ? 1 + draw(sizeof lengths - 1) : EB_HELLO);
    frame->length = lengths[frame->type];
    for (at = 0; at < frame->length; at++) frame->payload[at] = (uint8_t)draw(5);
    frame->seq = (uint16_t)(device->last_seq + draw(3));
}

static int same(const eb_frame *a, const eb_frame *b) {
    return a->version == b->version && a->type == b->type && a->seq == b->seq && a->length == b->length &&
           memcmp(a->payload, b->payload, a->length) == 0;
}

/* One to four changes: a byte altered, lost, put in or repeated; the end cut off. */
static size_t mutate(uint8_t *wire, size_t size, size_t room) {
    uint32_t changes = 1 + draw(4);
    while (changes-- > 0 && size > 0) {
        size_t at = draw((uint32_t)size);
        switch (draw(5)) {
            case 0: wire[at] ^= (uint8_t)(1 + draw(255)); break;
            case 1: wire[at] ^= (uint8_t)(1u << draw(8)); break;
            case 2:
                memmove(wire + at, wire + at + 1, size - at - 1);
                size--;
                break;
            case 3:
                if (size == room) break;
                memmove(wire + at + 1, wire + at, size - at);
                if (draw(2)) wire[at] = (uint8_t)draw(256);
                size++;
                break;
            default: size = at; break;
        }
    }
    return size;
}

static unsigned long effects;
static const eb_sensors sensors = {3500, 4000, 900, 200, 5000, 300, 0};

static void feed_device(eb_device *device, const uint8_t *bytes, size_t count, uint64_t now_us) {
    static uint8_t sent[EB_TRANSMIT_BYTES];
    const eb_identity identity = {1, 0, 0, 4, 15, "FUZZ"};
    eb_device_receive(device, bytes, count, now_us);
    eb_device_tick(device, &sensors, now_us);
    eb_device_button(device, (int)draw(2), now_us);
    if (draw(8) == 0) eb_device_exposure(device, now_us, now_us);
    if (draw(4)) eb_device_transmit(device, sent, draw(sizeof sent));
    effects += device->effects;
    device->effects = 0;
    if (device->restarting) {
        eb_device_start(device, &identity, EB_RESET_CAUSE_COMMAND, now_us);
        eb_device_pairing(device, NULL, now_us << 16);
    }
}

int main(int argc, char **argv) {
    static eb_decoder decoder;
    static eb_device device;
    const eb_identity identity = {1, 0, 0, 4, 15, "FUZZ"};
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, now_us = 0;
    unsigned long num_random = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
    unsigned long num_mutated = argc > 3 ? strtoul(argv[3], NULL, 10) : 10000;
    unsigned long forged = 0, missed = 0, intact = 0, count;
    uint8_t wire[2 * EB_MAX_WIRE_BYTES + 2], chunk[64];
    eb_frame sent, got, next;
    size_t size, at;
    state = seed * 0x9E3779B97F4A7C15ull + 1;
    eb_decoder_start(&decoder);
    eb_device_start(&device, &identity, EB_RESET_CAUSE_POWER_ON, 0);
    eb_device_pairing(&device, seed % 3 ? NULL : key, 1 << 16);
    for (count = 0; count < num_random; count += sizeof chunk) {
        for (at = 0; at < sizeof chunk; at++) {
            chunk[at] = (uint8_t)draw(256);
            forged += (unsigned long)eb_decoder_push(&decoder, chunk[at], &got);
        }
        feed_device(&device, chunk, sizeof chunk, now_us += draw(30000));
    }
    for (count = 0; count < num_mutated; count++) {
        int found = 0;
        draw_frame(&sent);
        draw_request(&next, &device);
        wire[0] = 0;
        size = mutate(wire, 1 + eb_encode(&sent, wire + 1), sizeof wire);
        for (at = 0; at < size; at++) {
            if (!eb_decoder_push(&decoder, wire[at], &got)) continue;
            if (same(&got, &sent)) {
                intact++;
            } else {
                forged++;
            }
        }
        feed_device(&device, wire, size, now_us += draw(30000));
        wire[0] = 0;
        size = 1 + eb_encode(&next, wire + 1);
        for (at = 0; at < size; at++) {
            if (!eb_decoder_push(&decoder, wire[at], &got)) continue;
            if (same(&got, &next)) {
                found = 1;
            } else if (same(&got, &sent)) {
                intact++; /* only its closing 00 had been damaged */
            } else {
                forged++;
            }
        }
        missed += (unsigned long)!found;
        feed_device(&device, wire, size, now_us += draw(30000));
    }
    printf("seed %lu: %lu random bytes, %lu mutated frames: %lu forged, %lu missed, %lu left intact, "
           "%lu bad length, %lu bad cobs, %lu bad crc, %lu commands carried out\n",
           (unsigned long)seed, num_random, num_mutated, forged, missed, intact, (unsigned long)decoder.bad_length,
           (unsigned long)decoder.bad_cobs, (unsigned long)decoder.bad_crc, effects);
    return forged || missed ? 1 : 0;
}
