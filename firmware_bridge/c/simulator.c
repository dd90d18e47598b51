/* The device run by a program on a PC: takes steps from stdin and answers them on stdout, so that time, sensors and
   the line are the caller's (firmware_bridge/device/c_device.py). Little-endian, fixed layouts.

   'I': num_leds u8, capabilities u32, serial 16 bytes               no answer
   'R': reset cause u8                                               no answer; the device starts anew at time 0
   'K': has a key u8, key 32 bytes, boot nonce u64                   no answer; a head that can be paired, after 'R'
   'S': now_us u64, window i16, board i16, humidity u16, margin i16, supply u16, led_ma u16, driver faults u16,
        pressed u8, has_exposure u8, exposure_us u64, count u16, bytes
     -> count u16, bytes, led u16 x 4, heater u16, sync delay u32, faults u16, light state u8, wants restart u8,
        effects u32, has a new key u8, key 32 bytes */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge_device.h"

static uint8_t buffer[65536];

static void take(uint8_t *bytes, size_t num_bytes) {
    if (fread(bytes, 1, num_bytes, stdin) != num_bytes) exit(0); /* the caller has gone */
}

static uint64_t take_uint(int num_bytes) {
    uint8_t bytes[8];
    uint64_t value = 0;
    take(bytes, (size_t)num_bytes);
    while (num_bytes-- > 0) value = value << 8 | bytes[num_bytes];
    return value;
}

static void give_uint(uint64_t value, int num_bytes) {
    for (; num_bytes > 0; num_bytes--, value >>= 8) putchar((int)(value & 0xFF));
}

static void step(eb_device *device) {
    static const uint8_t none[EB_KEY_BYTES];
    const eb_outputs *outputs;
    const uint8_t *key;
    eb_sensors sensors;
    uint64_t now_us = take_uint(8), exposure_us;
    int pressed, has_exposure, channel;
    size_t count;
    sensors.window_centi_celsius = (int16_t)(uint16_t)take_uint(2);
    sensors.board_centi_celsius = (int16_t)(uint16_t)take_uint(2);
    sensors.humidity_permille = (uint16_t)take_uint(2);
    sensors.dew_margin_centi_celsius = (int16_t)(uint16_t)take_uint(2);
    sensors.supply_mv = (uint16_t)take_uint(2);
    sensors.led_ma = (uint16_t)take_uint(2);
    sensors.driver_faults = (uint16_t)take_uint(2);
    pressed = (int)take_uint(1);
    has_exposure = (int)take_uint(1);
    exposure_us = take_uint(8);
    count = (size_t)take_uint(2);
    take(buffer, count);
    eb_device_receive(device, buffer, count, now_us);
    eb_device_tick(device, &sensors, now_us);
    eb_device_button(device, pressed, now_us);
    if (has_exposure) eb_device_exposure(device, exposure_us, now_us);
    count = eb_device_transmit(device, buffer, sizeof buffer);
    give_uint(count, 2);
    fwrite(buffer, 1, count, stdout);
    outputs = eb_device_outputs(device);
    for (channel = 0; channel < EB_MAX_LEDS; channel++) give_uint(outputs->led_permille[channel], 2);
    give_uint(outputs->heater_permille, 2);
    give_uint(outputs->sync_delay_us, 4);
    give_uint(device->faults, 2);
    give_uint(device->light_state, 1);
    give_uint((uint64_t)eb_device_wants_restart(device), 1);
    give_uint(device->effects, 4);
    key = eb_device_new_key(device);
    give_uint(key != NULL, 1);
    fwrite(key == NULL ? none : key, 1, EB_KEY_BYTES, stdout);
    fflush(stdout);
}

int main(void) {
    static eb_device device;
    uint8_t key[EB_KEY_BYTES];
    int has_key;
    eb_identity identity;
    memset(&identity, 0, sizeof identity);
    identity.version_major = 1;
    for (;;) {
        switch (take_uint(1)) {
            case 'I':
                identity.num_leds = (uint8_t)take_uint(1);
                identity.capabilities = (uint32_t)take_uint(4);
                take((uint8_t *)identity.serial, sizeof identity.serial);
                break;
            case 'R':
                eb_device_start(&device, &identity, (uint8_t)take_uint(1), 0);
                break;
            case 'K':
                has_key = (int)take_uint(1);
                take(key, sizeof key);
                eb_device_pairing(&device, has_key ? key : NULL, take_uint(8));
                break;
            case 'S':
                step(&device);
                break;
            default:
                return 2;
        }
    }
}
