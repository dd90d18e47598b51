/* Made by `python -m firmware_bridge.wire.generate` from firmware_bridge/wire/messages.py; do not edit. */
#include "edge_messages.h"

#include <string.h>

static uint8_t *put(uint8_t *at, uint64_t value, int num_bytes) {
    while (num_bytes-- > 0) {
        *at++ = (uint8_t)value;
        value >>= 8;
    }
    return at;
}

static uint64_t get(const uint8_t **at, int num_bytes) {
    uint64_t value = 0;
    int shift;
    for (shift = 0; shift < 8 * num_bytes; shift += 8) value |= (uint64_t)*(*at)++ << shift;
    return value;
}

static int16_t get_signed(const uint8_t **at) {
    int32_t value = (int32_t)get(at, 2);
    return (int16_t)(value >= 0x8000 ? value - 0x10000 : value);
}

int eb_length_fits(const eb_frame *frame, uint8_t num_bytes) {
    int newer = (frame->version & 15) > EB_VERSION_MINOR;
    return frame->length == num_bytes || (newer && frame->length > num_bytes);
}

void eb_hello_write(eb_frame *frame, const eb_hello *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_HELLO;
    frame->length = EB_HELLO_BYTES;
    at = put(at, message->session, 4);
    at = put(at, message->version_major, 1);
    at = put(at, message->version_minor, 1);
    at = put(at, message->version_patch, 1);
    at = put(at, message->num_leds, 1);
    at = put(at, message->capabilities, 4);
    at = (uint8_t *)memcpy(at, message->serial, 16) + 16;
    (void)at;
}

void eb_hello_read(const eb_frame *frame, eb_hello *message) {
    const uint8_t *at = frame->payload;
    message->session = (uint32_t)get(&at, 4);
    message->version_major = (uint8_t)get(&at, 1);
    message->version_minor = (uint8_t)get(&at, 1);
    message->version_patch = (uint8_t)get(&at, 1);
    message->num_leds = (uint8_t)get(&at, 1);
    message->capabilities = (uint32_t)get(&at, 4);
    memcpy(message->serial, at, 16);
    at += 16;
    (void)at;
}

void eb_status_write(eb_frame *frame, const eb_status *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_STATUS;
    frame->length = EB_STATUS_BYTES;
    at = put(at, message->uptime_us, 8);
    at = put(at, message->led_ma, 2);
    at = put(at, message->led_permille[0], 2);
    at = put(at, message->led_permille[1], 2);
    at = put(at, message->led_permille[2], 2);
    at = put(at, message->led_permille[3], 2);
    at = put(at, message->heater_permille, 2);
    at = put(at, (uint16_t)message->window_centi_celsius, 2);
    at = put(at, (uint16_t)message->board_centi_celsius, 2);
    at = put(at, message->humidity_permille, 2);
    at = put(at, (uint16_t)message->dew_margin_centi_celsius, 2);
    at = put(at, message->supply_mv, 2);
    at = put(at, message->faults, 2);
    at = put(at, message->reset_cause, 1);
    at = put(at, message->light_state, 1);
    (void)at;
}

void eb_status_read(const eb_frame *frame, eb_status *message) {
    const uint8_t *at = frame->payload;
    message->uptime_us = (uint64_t)get(&at, 8);
    message->led_ma = (uint16_t)get(&at, 2);
    message->led_permille[0] = (uint16_t)get(&at, 2);
    message->led_permille[1] = (uint16_t)get(&at, 2);
    message->led_permille[2] = (uint16_t)get(&at, 2);
    message->led_permille[3] = (uint16_t)get(&at, 2);
    message->heater_permille = (uint16_t)get(&at, 2);
    message->window_centi_celsius = get_signed(&at);
    message->board_centi_celsius = get_signed(&at);
    message->humidity_permille = (uint16_t)get(&at, 2);
    message->dew_margin_centi_celsius = get_signed(&at);
    message->supply_mv = (uint16_t)get(&at, 2);
    message->faults = (uint16_t)get(&at, 2);
    message->reset_cause = (uint8_t)get(&at, 1);
    message->light_state = (uint8_t)get(&at, 1);
    (void)at;
}

void eb_set_led_write(eb_frame *frame, const eb_set_led *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_SET_LED;
    frame->length = EB_SET_LED_BYTES;
    at = put(at, message->channel, 1);
    at = put(at, message->level_permille, 2);
    (void)at;
}

void eb_set_led_read(const eb_frame *frame, eb_set_led *message) {
    const uint8_t *at = frame->payload;
    message->channel = (uint8_t)get(&at, 1);
    message->level_permille = (uint16_t)get(&at, 2);
    (void)at;
}

void eb_set_heater_write(eb_frame *frame, const eb_set_heater *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_SET_HEATER;
    frame->length = EB_SET_HEATER_BYTES;
    at = put(at, message->level_permille, 2);
    (void)at;
}

void eb_set_heater_read(const eb_frame *frame, eb_set_heater *message) {
    const uint8_t *at = frame->payload;
    message->level_permille = (uint16_t)get(&at, 2);
    (void)at;
}

void eb_get_param_write(eb_frame *frame, const eb_get_param *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_GET_PARAM;
    frame->length = EB_GET_PARAM_BYTES;
    at = put(at, message->param, 1);
    (void)at;
}

void eb_get_param_read(const eb_frame *frame, eb_get_param *message) {
    const uint8_t *at = frame->payload;
    message->param = (uint8_t)get(&at, 1);
    (void)at;
}

void eb_set_param_write(eb_frame *frame, const eb_set_param *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_SET_PARAM;
    frame->length = EB_SET_PARAM_BYTES;
    at = put(at, message->param, 1);
    at = put(at, message->value, 4);
    (void)at;
}

void eb_set_param_read(const eb_frame *frame, eb_set_param *message) {
    const uint8_t *at = frame->payload;
    message->param = (uint8_t)get(&at, 1);
    message->value = (uint32_t)get(&at, 4);
    (void)at;
}

void eb_param_write(eb_frame *frame, const eb_param *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_PARAM;
    frame->length = EB_PARAM_BYTES;
    at = put(at, message->param, 1);
    at = put(at, message->value, 4);
    (void)at;
}

void eb_param_read(const eb_frame *frame, eb_param *message) {
    const uint8_t *at = frame->payload;
    message->param = (uint8_t)get(&at, 1);
    message->value = (uint32_t)get(&at, 4);
    (void)at;
}

void eb_ping_write(eb_frame *frame, const eb_ping *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_PING;
    frame->length = EB_PING_BYTES;
    at = put(at, message->token, 4);
    (void)at;
}

void eb_ping_read(const eb_frame *frame, eb_ping *message) {
    const uint8_t *at = frame->payload;
    message->token = (uint32_t)get(&at, 4);
    (void)at;
}

void eb_nonce_write(eb_frame *frame, const eb_nonce *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_NONCE;
    frame->length = EB_NONCE_BYTES;
    at = put(at, message->nonce, 8);
    at = put(at, message->is_paired, 1);
    (void)at;
}

void eb_nonce_read(const eb_frame *frame, eb_nonce *message) {
    const uint8_t *at = frame->payload;
    message->nonce = (uint64_t)get(&at, 8);
    message->is_paired = (uint8_t)get(&at, 1);
    (void)at;
}

void eb_pair_write(eb_frame *frame, const eb_pair *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_PAIR;
    frame->length = EB_PAIR_BYTES;
    at = put(at, message->key[0], 8);
    at = put(at, message->key[1], 8);
    at = put(at, message->key[2], 8);
    at = put(at, message->key[3], 8);
    (void)at;
}

void eb_pair_read(const eb_frame *frame, eb_pair *message) {
    const uint8_t *at = frame->payload;
    message->key[0] = (uint64_t)get(&at, 8);
    message->key[1] = (uint64_t)get(&at, 8);
    message->key[2] = (uint64_t)get(&at, 8);
    message->key[3] = (uint64_t)get(&at, 8);
    (void)at;
}

void eb_signed_write(eb_frame *frame, const eb_signed *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_SIGNED;
    frame->length = EB_SIGNED_BYTES;
    at = put(at, message->counter, 4);
    at = put(at, message->command, 1);
    at = put(at, message->body[0], 1);
    at = put(at, message->body[1], 1);
    at = put(at, message->body[2], 1);
    at = put(at, message->body[3], 1);
    at = put(at, message->body[4], 1);
    at = put(at, message->tag[0], 1);
    at = put(at, message->tag[1], 1);
    at = put(at, message->tag[2], 1);
    at = put(at, message->tag[3], 1);
    at = put(at, message->tag[4], 1);
    at = put(at, message->tag[5], 1);
    at = put(at, message->tag[6], 1);
    at = put(at, message->tag[7], 1);
    (void)at;
}

void eb_signed_read(const eb_frame *frame, eb_signed *message) {
    const uint8_t *at = frame->payload;
    message->counter = (uint32_t)get(&at, 4);
    message->command = (uint8_t)get(&at, 1);
    message->body[0] = (uint8_t)get(&at, 1);
    message->body[1] = (uint8_t)get(&at, 1);
    message->body[2] = (uint8_t)get(&at, 1);
    message->body[3] = (uint8_t)get(&at, 1);
    message->body[4] = (uint8_t)get(&at, 1);
    message->tag[0] = (uint8_t)get(&at, 1);
    message->tag[1] = (uint8_t)get(&at, 1);
    message->tag[2] = (uint8_t)get(&at, 1);
    message->tag[3] = (uint8_t)get(&at, 1);
    message->tag[4] = (uint8_t)get(&at, 1);
    message->tag[5] = (uint8_t)get(&at, 1);
    message->tag[6] = (uint8_t)get(&at, 1);
    message->tag[7] = (uint8_t)get(&at, 1);
    (void)at;
}

void eb_button_write(eb_frame *frame, const eb_button *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_BUTTON;
    frame->length = EB_BUTTON_BYTES;
    at = put(at, message->action, 1);
    at = put(at, message->time_us, 8);
    (void)at;
}

void eb_button_read(const eb_frame *frame, eb_button *message) {
    const uint8_t *at = frame->payload;
    message->action = (uint8_t)get(&at, 1);
    message->time_us = (uint64_t)get(&at, 8);
    (void)at;
}

void eb_frame_sync_write(eb_frame *frame, const eb_frame_sync *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_FRAME_SYNC;
    frame->length = EB_FRAME_SYNC_BYTES;
    at = put(at, message->counter, 4);
    at = put(at, message->exposure_start_us, 8);
    at = put(at, message->time_us, 8);
    (void)at;
}

void eb_frame_sync_read(const eb_frame *frame, eb_frame_sync *message) {
    const uint8_t *at = frame->payload;
    message->counter = (uint32_t)get(&at, 4);
    message->exposure_start_us = (uint64_t)get(&at, 8);
    message->time_us = (uint64_t)get(&at, 8);
    (void)at;
}

void eb_fault_write(eb_frame *frame, const eb_fault *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_FAULT;
    frame->length = EB_FAULT_BYTES;
    at = put(at, message->faults, 2);
    at = put(at, message->changed, 2);
    at = put(at, message->time_us, 8);
    (void)at;
}

void eb_fault_read(const eb_frame *frame, eb_fault *message) {
    const uint8_t *at = frame->payload;
    message->faults = (uint16_t)get(&at, 2);
    message->changed = (uint16_t)get(&at, 2);
    message->time_us = (uint64_t)get(&at, 8);
    (void)at;
}

void eb_ack_write(eb_frame *frame, const eb_ack *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_ACK;
    frame->length = EB_ACK_BYTES;
    at = put(at, message->acked_type, 1);
    (void)at;
}

void eb_ack_read(const eb_frame *frame, eb_ack *message) {
    const uint8_t *at = frame->payload;
    message->acked_type = (uint8_t)get(&at, 1);
    (void)at;
}

void eb_nak_write(eb_frame *frame, const eb_nak *message) {
    uint8_t *at = frame->payload;
    frame->type = EB_NAK;
    frame->length = EB_NAK_BYTES;
    at = put(at, message->refused_type, 1);
    at = put(at, message->reason, 1);
    (void)at;
}

void eb_nak_read(const eb_frame *frame, eb_nak *message) {
    const uint8_t *at = frame->payload;
    message->refused_type = (uint8_t)get(&at, 1);
    message->reason = (uint8_t)get(&at, 1);
    (void)at;
}
