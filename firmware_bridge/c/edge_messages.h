/* Made by `python -m firmware_bridge.wire.generate` from firmware_bridge/wire/messages.py; do not edit. */
#ifndef EDGE_MESSAGES_H
#define EDGE_MESSAGES_H
#include "edge_frames.h"

enum { EB_MAX_LEDS = 4, EB_PERMILLE = 1000 };
enum { EB_UNKNOWN_U16 = 0xFFFF, EB_UNKNOWN_I16 = -0x8000 };

enum {
    EB_CAPABILITY_HEATER = 1,
    EB_CAPABILITY_BUTTON = 2,
    EB_CAPABILITY_FRAME_SYNC = 4,
    EB_CAPABILITY_HUMIDITY = 8,
    EB_CAPABILITY_PAIRING = 16
};
enum {
    EB_FAULT_OVER_TEMPERATURE = 1,
    EB_FAULT_SENSOR = 2,
    EB_FAULT_SUPPLY_LOW = 4,
    EB_FAULT_LED_DRIVER = 8,
    EB_FAULT_HEATER_DRIVER = 16,
    EB_FAULT_WATCHDOG = 32
};
enum {
    EB_RESET_CAUSE_POWER_ON = 1,
    EB_RESET_CAUSE_COMMAND = 2,
    EB_RESET_CAUSE_WATCHDOG = 3,
    EB_RESET_CAUSE_BROWN_OUT = 4
};
enum {
    EB_LIGHT_STATE_NORMAL = 0,
    EB_LIGHT_STATE_DIMMED = 1,
    EB_LIGHT_STATE_DARK = 2
};
enum {
    EB_BUTTON_ACTION_PRESS = 1,
    EB_BUTTON_ACTION_RELEASE = 2,
    EB_BUTTON_ACTION_LONG_PRESS = 3
};
enum {
    EB_PARAM_SYNC_DELAY_US = 1,
    EB_PARAM_LED_LIMIT_PERMILLE = 2,
    EB_PARAM_HEATER_LIMIT_PERMILLE = 3
};
enum {
    EB_NAK_REASON_UNKNOWN_TYPE = 1,
    EB_NAK_REASON_BAD_LENGTH = 2,
    EB_NAK_REASON_OUT_OF_RANGE = 3,
    EB_NAK_REASON_NO_SUCH_CHANNEL = 4,
    EB_NAK_REASON_NO_SUCH_PARAM = 5,
    EB_NAK_REASON_OVER_LIMIT = 6,
    EB_NAK_REASON_NO_SESSION = 7,
    EB_NAK_REASON_OLD_SEQ = 8,
    EB_NAK_REASON_WRONG_VERSION = 9,
    EB_NAK_REASON_FAULT_LATCHED = 10,
    EB_NAK_REASON_BUSY = 11,
    EB_NAK_REASON_NOT_SIGNED = 12,
    EB_NAK_REASON_NOT_CONFIRMED = 13
};
enum { EB_SYNC_DELAY_US_DEFAULT = 0, EB_SYNC_DELAY_US_MAX = 20000 };
enum { EB_LED_LIMIT_PERMILLE_DEFAULT = 1000, EB_LED_LIMIT_PERMILLE_MAX = 1000 };
enum { EB_HEATER_LIMIT_PERMILLE_DEFAULT = 800, EB_HEATER_LIMIT_PERMILLE_MAX = 1000 };

/* Opens a session; the device answers with its own. The header carries each side's protocol version. */
enum { EB_HELLO = 0x01, EB_HELLO_BYTES = 28 };
typedef struct {
    uint32_t session; /* number that the host draws at random; the answer repeats it */
    uint8_t version_major; /* the sender's own version, such as 1.4.2: major */
    uint8_t version_minor; /* minor */
    uint8_t version_patch; /* patch */
    uint8_t num_leds; /* light channels, 0 to 4; 0 from a host */
    uint32_t capabilities; /* bits of Capability; 0 from a host */
    char serial[16]; /* serial number, ASCII, filled up with NUL; a host gives its program's name */
} eb_hello;
void eb_hello_write(eb_frame *frame, const eb_hello *message);
void eb_hello_read(const eb_frame *frame, eb_hello *message);

/* The host lives. Sent every 500 ms, answered with STATUS. */
enum { EB_HEARTBEAT = 0x02, EB_HEARTBEAT_BYTES = 0 };

/* The answer to HEARTBEAT: what the device measures and does, before that HEARTBEAT counts. */
enum { EB_STATUS = 0x03, EB_STATUS_BYTES = 34 };
typedef struct {
    uint64_t uptime_us; /* the device's clock: microseconds since it started */
    uint16_t led_ma; /* current of all lights together, mA */
    uint16_t led_permille[4]; /* what each channel gives now, after every limit, permille */
    uint16_t heater_permille; /* what the window heater gives now, permille */
    int16_t window_centi_celsius; /* window temperature, 0.01 C */
    int16_t board_centi_celsius; /* board temperature, 0.01 C */
    uint16_t humidity_permille; /* relative humidity at the window, permille */
    int16_t dew_margin_centi_celsius; /* window temperature less dew point, 0.01 C */
    uint16_t supply_mv; /* supply voltage, mV */
    uint16_t faults; /* bits of Fault */
    uint8_t reset_cause; /* ResetCause of the last start */
    uint8_t light_state; /* LightState */
} eb_status;
void eb_status_write(eb_frame *frame, const eb_status *message);
void eb_status_read(const eb_frame *frame, eb_status *message);

/* Set one channel of the ring light. Answered ACK. */
enum { EB_SET_LED = 0x04, EB_SET_LED_BYTES = 3 };
typedef struct {
    uint8_t channel; /* 0 to num_leds - 1 */
    uint16_t level_permille; /* 0 to 1000, at most LED_LIMIT_PERMILLE */
} eb_set_led;
void eb_set_led_write(eb_frame *frame, const eb_set_led *message);
void eb_set_led_read(const eb_frame *frame, eb_set_led *message);

/* Set the window heater. Answered ACK. */
enum { EB_SET_HEATER = 0x05, EB_SET_HEATER_BYTES = 2 };
typedef struct {
    uint16_t level_permille; /* 0 to 1000, at most HEATER_LIMIT_PERMILLE */
} eb_set_heater;
void eb_set_heater_write(eb_frame *frame, const eb_set_heater *message);
void eb_set_heater_read(const eb_frame *frame, eb_set_heater *message);

/* Answered PARAM. */
enum { EB_GET_PARAM = 0x06, EB_GET_PARAM_BYTES = 1 };
typedef struct {
    uint8_t param; /* Param */
} eb_get_param;
void eb_get_param_write(eb_frame *frame, const eb_get_param *message);
void eb_get_param_read(const eb_frame *frame, eb_get_param *message);

/* Holds until the device restarts. Answered ACK. */
enum { EB_SET_PARAM = 0x07, EB_SET_PARAM_BYTES = 5 };
typedef struct {
    uint8_t param; /* Param */
    uint32_t value; /* new value, in the limits of its Param */
} eb_set_param;
void eb_set_param_write(eb_frame *frame, const eb_set_param *message);
void eb_set_param_read(const eb_frame *frame, eb_set_param *message);

/* The answer to GET_PARAM. */
enum { EB_PARAM = 0x08, EB_PARAM_BYTES = 5 };
typedef struct {
    uint8_t param; /* Param */
    uint32_t value; /* its value */
} eb_param;
void eb_param_write(eb_frame *frame, const eb_param *message);
void eb_param_read(const eb_frame *frame, eb_param *message);

/* Answered PING with the same token; works without a session. */
enum { EB_PING = 0x09, EB_PING_BYTES = 4 };
typedef struct {
    uint32_t token; /* any number */
} eb_ping;
void eb_ping_write(eb_frame *frame, const eb_ping *message);
void eb_ping_read(const eb_frame *frame, eb_ping *message);

/* Answered ACK; then the device restarts, with lights and heater off and no session. */
enum { EB_RESET = 0x0A, EB_RESET_BYTES = 0 };

/* Asked once after HELLO of a head with PAIRING. Answered NONCE. */
enum { EB_GET_NONCE = 0x0B, EB_GET_NONCE_BYTES = 0 };

/* The answer to GET_NONCE. */
enum { EB_NONCE = 0x0C, EB_NONCE_BYTES = 9 };
typedef struct {
    uint64_t nonce; /* of this session; no other session of this head has had it or will */
    uint8_t is_paired; /* 1: it has a key, and carries out nothing that is not signed; 0: it has none */
} eb_nonce;
void eb_nonce_write(eb_frame *frame, const eb_nonce *message);
void eb_nonce_read(const eb_frame *frame, eb_nonce *message);

/* Take this key, only while the head's button is held. Answered ACK. */
enum { EB_PAIR = 0x0D, EB_PAIR_BYTES = 32 };
typedef struct {
    uint64_t key[4]; /* the new key, lowest byte first; all zero: none from now on */
} eb_pair;
void eb_pair_write(eb_frame *frame, const eb_pair *message);
void eb_pair_read(const eb_frame *frame, eb_pair *message);

/* Another request with the proof that it is the paired unit's. Answered as that request is. */
enum { EB_SIGNED = 0x0E, EB_SIGNED_BYTES = 18 };
typedef struct {
    uint32_t counter; /* higher than in any earlier SIGNED of the session */
    uint8_t command; /* type of the request */
    uint8_t body[5]; /* its payload, filled up with zeros */
    uint8_t tag[8]; /* see Pairing */
} eb_signed;
void eb_signed_write(eb_frame *frame, const eb_signed *message);
void eb_signed_read(const eb_frame *frame, eb_signed *message);

/* The trigger button. The host answers ACK; until then the device repeats it, every 100 ms, ten times at most. */
enum { EB_BUTTON = 0x20, EB_BUTTON_BYTES = 9 };
typedef struct {
    uint8_t action; /* ButtonAction */
    uint64_t time_us; /* device clock when it happened */
} eb_button;
void eb_button_write(eb_frame *frame, const eb_button *message);
void eb_button_read(const eb_frame *frame, eb_button *message);

/* An exposure began. Sent once, never answered. */
enum { EB_FRAME_SYNC = 0x21, EB_FRAME_SYNC_BYTES = 20 };
typedef struct {
    uint32_t counter; /* frames since the device started */
    uint64_t exposure_start_us; /* device clock when the exposure began */
    uint64_t time_us; /* device clock when this was sent */
} eb_frame_sync;
void eb_frame_sync_write(eb_frame *frame, const eb_frame_sync *message);
void eb_frame_sync_read(const eb_frame *frame, eb_frame_sync *message);

/* The fault bits changed. Answered and repeated like BUTTON. */
enum { EB_FAULT = 0x22, EB_FAULT_BYTES = 12 };
typedef struct {
    uint16_t faults; /* bits of Fault that are set now */
    uint16_t changed; /* bits that have changed */
    uint64_t time_us; /* device clock when it happened */
} eb_fault;
void eb_fault_write(eb_frame *frame, const eb_fault *message);
void eb_fault_read(const eb_frame *frame, eb_fault *message);

/* Done. Never answered. */
enum { EB_ACK = 0x30, EB_ACK_BYTES = 1 };
typedef struct {
    uint8_t acked_type; /* type of the message that this answers */
} eb_ack;
void eb_ack_write(eb_frame *frame, const eb_ack *message);
void eb_ack_read(const eb_frame *frame, eb_ack *message);

/* Not done, and why. Never answered. */
enum { EB_NAK = 0x31, EB_NAK_BYTES = 2 };
typedef struct {
    uint8_t refused_type; /* type of the message that this answers */
    uint8_t reason; /* NakReason */
} eb_nak;
void eb_nak_write(eb_frame *frame, const eb_nak *message);
void eb_nak_read(const eb_frame *frame, eb_nak *message);

/* `_write` sets type, length and payload of a frame, `_read` reads the payload of one whose length was
   checked: `eb_length_fits` takes the exact length, or a longer one from a newer minor version. */
int eb_length_fits(const eb_frame *frame, uint8_t num_bytes);

#endif
