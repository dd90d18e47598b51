#include "edge_internal.h"
#include "edge_sign.h"

#include <string.h>

static void put(uint8_t *at, uint64_t value, int num_bytes) {
    for (; num_bytes > 0; num_bytes--, value >>= 8) *at++ = (uint8_t)value;
}

/* The session's own key, of the head's key and both sides' numbers: "edge-bridge 1", session, nonce, serial number. */
static void make_session_key(eb_device *device) {
    static const char purpose[13] = {'e', 'd', 'g', 'e', '-', 'b', 'r', 'i', 'd', 'g', 'e', ' ', '1'};
    uint8_t text[sizeof purpose + 4 + 8 + 16];
    memcpy(text, purpose, sizeof purpose);
    put(text + sizeof purpose, device->session, 4);
    put(text + sizeof purpose + 4, device->nonce, 8);
    memcpy(text + sizeof purpose + 12, device->identity.serial, 16);
    eb_hmac_sha256(device->key, text, sizeof text, device->session_key);
    device->signed_counter = 0;
}

/* What was asked for before is not known to be the paired unit's: dark until it says otherwise. */
static void forget_asked(eb_device *device) {
    memset(device->asked_led_permille, 0, sizeof device->asked_led_permille);
    device->asked_heater_permille = 0;
}

void eb_device_pairing(eb_device *device, const uint8_t *key, uint64_t boot_nonce) {
    device->identity.capabilities |= EB_CAPABILITY_PAIRING;
    device->nonce = boot_nonce;
    device->has_key = key != NULL;
    if (key != NULL) memcpy(device->key, key, sizeof device->key);
}

const uint8_t *eb_device_new_key(eb_device *device) {
    if (!device->key_changed) return NULL;
    device->key_changed = 0;
    return device->key;
}

void eb_begin_session_key(eb_device *device) {
    device->nonce++;
    if (!device->has_key) return;
    make_session_key(device);
    forget_asked(device);
}

uint8_t eb_take_key(eb_device *device, const eb_frame *frame) {
    static const uint8_t none[EB_KEY_BYTES];
    if (!device->is_pressed) return EB_NAK_REASON_NOT_CONFIRMED;
    memcpy(device->key, frame->payload, sizeof device->key);
    device->has_key = !eb_same(device->key, none, sizeof none);
    device->key_changed = 1;
    make_session_key(device);
    forget_asked(device);
    return 0;
}

void eb_write_nonce(const eb_device *device, eb_frame *answer) {
    eb_nonce message;
    message.nonce = device->nonce;
    message.is_paired = device->has_key;
    eb_nonce_write(answer, &message);
}

int eb_unwrap(eb_device *device, const eb_frame *frame, eb_frame *request) {
    eb_signed message;
    uint8_t text[5 + sizeof message.body], mac[32];
    eb_signed_read(frame, &message);
    put(text, message.counter, 4);
    text[4] = message.command;
    memcpy(text + 5, message.body, sizeof message.body);
    eb_hmac_sha256(device->session_key, text, sizeof text, mac);
    if (!device->has_key || message.counter <= device->signed_counter) return 0;
    if (!eb_same(mac, message.tag, sizeof message.tag)) return 0;
    device->signed_counter = message.counter;
    *request = *frame;
    request->type = message.command;
    memcpy(request->payload, message.body, sizeof message.body);
    return 1;
}
