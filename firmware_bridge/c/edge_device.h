/* The camera head's state machine: sessions, commands exactly once, events until they are acknowledged, and the
   safety rules of the light and the window heater. No allocation, no floating point, no dependency on a chip.

   The firmware owns one `eb_device` and calls, from its main loop:

       eb_device_start(&device, &identity, cause, now_us);
       for (;;) {
           eb_device_receive(&device, bytes, count, now_us);      bytes from the UART
           eb_device_tick(&device, &sensors, now_us);             at least every 50 ms
           set_pwm(eb_device_outputs(&device));                   what light and heater must give now
           count = eb_device_transmit(&device, bytes, room);      bytes for the UART
           if (eb_device_wants_restart(&device)) restart_chip();
       }

   `now_us` is microseconds since the start of the chip. A hardware watchdog should guard this loop. */
#ifndef EDGE_DEVICE_H
#define EDGE_DEVICE_H
#include "edge_messages.h"
#include "edge_sign.h"

/* Limits that a firmware may lower with -D. 41 C is what a part that touches a patient may have without a warning in
   the instructions (IEC 60601-1, 11.1.2). */
#ifndef EB_WINDOW_LIMIT_CENTI_CELSIUS
#define EB_WINDOW_LIMIT_CENTI_CELSIUS 4100
#endif
#ifndef EB_BOARD_LIMIT_CENTI_CELSIUS
#define EB_BOARD_LIMIT_CENTI_CELSIUS 8500
#endif
#ifndef EB_SUPPLY_LOW_MV
#define EB_SUPPLY_LOW_MV 4500
#endif
enum {
    EB_DIM_AFTER_US = 2000000,
    EB_DARK_AFTER_US = 10000000,
    EB_DIM_PERMILLE = 100,
    EB_LONG_PRESS_US = 800000,
    EB_EVENT_RETRY_US = 100000,
    EB_EVENT_TRIES = 10,
    EB_NUM_EVENTS = 8,
    EB_NUM_REMEMBERED = 4, /* answers; one would do on a line that keeps the order, see the page */
    EB_MAX_ANSWER_BYTES = EB_STATUS_BYTES,
    EB_TRANSMIT_BYTES = 512
};

typedef struct {
    uint8_t version_major, version_minor, version_patch;
    uint8_t num_leds;
    uint32_t capabilities;
    char serial[16];
} eb_identity;

/* What the firmware measures; EB_UNKNOWN_I16 and EB_UNKNOWN_U16 where a sensor is missing or fails. */
typedef struct {
    int16_t window_centi_celsius, board_centi_celsius;
    uint16_t humidity_permille;
    int16_t dew_margin_centi_celsius;
    uint16_t supply_mv, led_ma;
    uint16_t driver_faults; /* EB_FAULT_LED_DRIVER, EB_FAULT_HEATER_DRIVER, EB_FAULT_WATCHDOG */
} eb_sensors;

typedef struct {
    uint16_t led_permille[EB_MAX_LEDS];
    uint16_t heater_permille;
    uint32_t sync_delay_us;
} eb_outputs;

typedef struct {
    uint16_t seq;
    uint8_t type, length;
    uint8_t payload[EB_MAX_ANSWER_BYTES];
} eb_answer;

typedef struct {
    uint8_t type, length;
    uint8_t payload[EB_FAULT_BYTES];
} eb_event;

typedef struct {
    eb_identity identity;
    eb_decoder decoder;
    eb_sensors sensors;
    eb_outputs outputs;
    uint16_t asked_led_permille[EB_MAX_LEDS], asked_heater_permille;
    uint32_t led_limit_permille, heater_limit_permille;
    uint64_t now_us, heartbeat_us, button_since_us;
    uint32_t session;
    uint16_t last_seq, faults, reported_faults;
    uint8_t has_session, latched_hot, restarting, reset_cause, light_state, is_pressed, long_press_reported;
    eb_answer remembered[EB_NUM_REMEMBERED];
    uint8_t num_remembered, next_remembered;
    eb_event events[EB_NUM_EVENTS];
    uint8_t first_event, num_events, event_tries;
    uint16_t event_seq;
    uint64_t event_sent_us;
    uint32_t frame_counter;
    uint8_t transmit[EB_TRANSMIT_BYTES];
    uint16_t transmit_start, transmit_length;
    uint32_t effects, dropped_frames, dropped_events; /* commands carried out; what found no room */
    uint8_t key[EB_KEY_BYTES], session_key[EB_KEY_BYTES], has_key, key_changed;
    uint64_t nonce;
    uint32_t signed_counter;
} eb_device;

void eb_device_start(eb_device *device, const eb_identity *identity, uint8_t reset_cause, uint64_t now_us);
/* For a head that can be paired: call after eb_device_start, before anything is received.
   `key`: the 32 bytes that were stored, NULL where there are none.
   `boot_nonce`: a number that leaves 2^16 free above it and that no other start of this head has had: from a true random
   generator, or a counter of starts times 2^16 that is written to the flash before it is used. The counter lies in the same
   page as the key, so that one is not lost without the other. */
void eb_device_pairing(eb_device *device, const uint8_t *key, uint64_t boot_nonce);

/* The key that the firmware must store now, all zero for none; NULL while there is nothing new. Call after each receive. */
const uint8_t *eb_device_new_key(eb_device *device);

void eb_device_receive(eb_device *device, const uint8_t *bytes, size_t num_bytes, uint64_t now_us);
void eb_device_tick(eb_device *device, const eb_sensors *sensors, uint64_t now_us);
const eb_outputs *eb_device_outputs(const eb_device *device);

/* The debounced button; call at every change. */
void eb_device_button(eb_device *device, int is_pressed, uint64_t now_us);

/* An exposure began at `start_us`; call from the main loop, not from the interrupt that took the time. */
void eb_device_exposure(eb_device *device, uint64_t start_us, uint64_t now_us);

/* Moves at most `room` bytes that wait to be sent into `bytes`; returns how many. */
size_t eb_device_transmit(eb_device *device, uint8_t *bytes, size_t room);

/* True once RESET was answered and the answer has been handed over. */
int eb_device_wants_restart(const eb_device *device);

#endif
