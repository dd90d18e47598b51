#include "edge_internal.h"

#include <string.h>

static void write_status(eb_device *device, eb_frame *answer) {
    eb_status status;
    int channel;
    eb_decide_outputs(device);
    status.uptime_us = device->now_us;
    status.led_ma = device->sensors.led_ma;
    for (channel = 0; channel < EB_MAX_LEDS; channel++) {
        status.led_permille[channel] = device->outputs.led_permille[channel];
    }
    status.heater_permille = device->outputs.heater_permille;
    status.window_centi_celsius = device->sensors.window_centi_celsius;
    status.board_centi_celsius = device->sensors.board_centi_celsius;
    status.humidity_permille = device->sensors.humidity_permille;
    status.dew_margin_centi_celsius = device->sensors.dew_margin_centi_celsius;
    status.supply_mv = device->sensors.supply_mv;
    status.faults = device->faults;
    status.reset_cause = device->reset_cause;
    status.light_state = device->light_state;
    eb_status_write(answer, &status);
}

static uint8_t set_led(eb_device *device, const eb_frame *frame) {
    eb_set_led command;
    eb_set_led_read(frame, &command);
    if (command.channel >= device->identity.num_leds) return EB_NAK_REASON_NO_SUCH_CHANNEL;
    if (command.level_permille > EB_PERMILLE) return EB_NAK_REASON_OUT_OF_RANGE;
    if (command.level_permille > device->led_limit_permille) return EB_NAK_REASON_OVER_LIMIT;
    device->asked_led_permille[command.channel] = command.level_permille;
    return 0;
}

static uint8_t set_heater(eb_device *device, const eb_frame *frame) {
    eb_set_heater command;
    eb_set_heater_read(frame, &command);
    if (!(device->identity.capabilities & EB_CAPABILITY_HEATER)) return EB_NAK_REASON_NO_SUCH_CHANNEL;
    if (command.level_permille > EB_PERMILLE) return EB_NAK_REASON_OUT_OF_RANGE;
    if (command.level_permille > device->heater_limit_permille) return EB_NAK_REASON_OVER_LIMIT;
    if (device->latched_hot && command.level_permille > 0) return EB_NAK_REASON_FAULT_LATCHED;
    device->asked_heater_permille = command.level_permille;
    return 0;
}

/* Where a parameter lives and the most it may be; NULL where there is none of this number. */
static uint32_t *param_of(eb_device *device, uint8_t param, uint32_t *max) {
    switch (param) {
        case EB_PARAM_SYNC_DELAY_US:
            *max = EB_SYNC_DELAY_US_MAX;
            return &device->outputs.sync_delay_us;
        case EB_PARAM_LED_LIMIT_PERMILLE:
            *max = EB_LED_LIMIT_PERMILLE_MAX;
            return &device->led_limit_permille;
        case EB_PARAM_HEATER_LIMIT_PERMILLE:
            *max = EB_HEATER_LIMIT_PERMILLE_MAX;
            return &device->heater_limit_permille;
        default:
            return NULL;
    }
}

static uint8_t set_param(eb_device *device, const eb_frame *frame) {
    eb_set_param command;
    uint32_t max = 0, *param;
    eb_set_param_read(frame, &command);
    param = param_of(device, command.param, &max);
    if (param == NULL) return EB_NAK_REASON_NO_SUCH_PARAM;
    if (command.value > max) return EB_NAK_REASON_OUT_OF_RANGE;
    *param = command.value;
    return 0;
}

static uint8_t get_param(eb_device *device, const eb_frame *frame, eb_frame *answer) {
    eb_get_param command;
    eb_param value;
    uint32_t max = 0, *param;
    eb_get_param_read(frame, &command);
    param = param_of(device, command.param, &max);
    if (param == NULL) return EB_NAK_REASON_NO_SUCH_PARAM;
    value.param = command.param;
    value.value = *param;
    eb_param_write(answer, &value);
    return 0;
}

/* -1 for a type that this head does not know; older firmware knows none of those of pairing. */
static int request_length(const eb_device *device, uint8_t type) {
    if (device->identity.capabilities & EB_CAPABILITY_PAIRING) {
        switch (type) {
            case EB_GET_NONCE: return EB_GET_NONCE_BYTES;
            case EB_PAIR: return EB_PAIR_BYTES;
            case EB_SIGNED: return EB_SIGNED_BYTES;
            default: break;
        }
    }
    switch (type) {
        case EB_HELLO: return EB_HELLO_BYTES;
        case EB_HEARTBEAT: return EB_HEARTBEAT_BYTES;
        case EB_SET_LED: return EB_SET_LED_BYTES;
        case EB_SET_HEATER: return EB_SET_HEATER_BYTES;
        case EB_GET_PARAM: return EB_GET_PARAM_BYTES;
        case EB_SET_PARAM: return EB_SET_PARAM_BYTES;
        case EB_PING: return EB_PING_BYTES;
        case EB_RESET: return EB_RESET_BYTES;
        default: return -1;
    }
}

static void nak(eb_frame *answer, const eb_frame *frame, uint8_t reason) {
    eb_nak message;
    message.refused_type = frame->type;
    message.reason = reason;
    eb_nak_write(answer, &message);
}

static void ack(eb_frame *answer, const eb_frame *frame) {
    eb_ack message;
    message.acked_type = frame->type;
    eb_ack_write(answer, &message);
}

static int may_be_signed(uint8_t type) {
    return type == EB_HEARTBEAT || type == EB_SET_LED || type == EB_SET_HEATER || type == EB_SET_PARAM || type == EB_RESET;
}

/* Carries out a request that was not seen before and writes its answer; the length has been checked. */
static void carry_out(eb_device *device, const eb_frame *frame, eb_frame *answer, int is_signed) {
    uint8_t refused = 0;
    eb_frame request;
    ack(answer, frame);
    if (device->has_key && !is_signed && may_be_signed(frame->type) && frame->type != EB_HEARTBEAT) {
        nak(answer, frame, EB_NAK_REASON_NOT_SIGNED);
        return;
    }
    switch (frame->type) {
        case EB_HEARTBEAT:
            write_status(device, answer); /* first: it tells what a silence has done, which nobody could see otherwise */
            if (is_signed || !device->has_key) device->heartbeat_us = device->now_us;
            eb_decide_outputs(device);
            return;
        case EB_GET_NONCE: eb_write_nonce(device, answer); return;
        case EB_SIGNED:
            if (!eb_unwrap(device, frame, &request)) {
                nak(answer, frame, EB_NAK_REASON_NOT_SIGNED);
            } else if (!may_be_signed(request.type)) {
                nak(answer, &request, EB_NAK_REASON_UNKNOWN_TYPE);
            } else {
                request.length = (uint8_t)request_length(device, request.type);
                carry_out(device, &request, answer, 1);
            }
            return;
        case EB_PAIR: refused = eb_take_key(device, frame); break;
        case EB_PING:
            *answer = *frame;
            answer->length = EB_PING_BYTES;
            return;
        case EB_GET_PARAM: refused = get_param(device, frame, answer); break;
        case EB_SET_LED: refused = set_led(device, frame); break;
        case EB_SET_HEATER: refused = set_heater(device, frame); break;
        case EB_SET_PARAM: refused = set_param(device, frame); break;
        default: device->restarting = 1; break;
    }
    if (refused) {
        nak(answer, frame, refused);
    } else if (frame->type != EB_GET_PARAM) {
        device->effects++;
        eb_decide_outputs(device);
    }
}

static void greet(eb_device *device, const eb_frame *frame, eb_frame *answer) {
    eb_hello hello;
    eb_hello_read(frame, &hello);
    if (!device->has_session || hello.session != device->session) {
        device->has_session = 1;
        device->session = hello.session;
        device->last_seq = frame->seq;
        device->num_remembered = 0;
        device->next_remembered = 0;
        device->num_events = 0;
        device->event_seq = 0;
        device->reported_faults = 0;
        device->heartbeat_us = device->now_us;
        eb_begin_session_key(device);
        eb_decide_outputs(device);
    }
    hello.version_major = device->identity.version_major;
    hello.version_minor = device->identity.version_minor;
    hello.version_patch = device->identity.version_patch;
    hello.num_leds = device->identity.num_leds;
    hello.capabilities = device->identity.capabilities;
    memcpy(hello.serial, device->identity.serial, sizeof hello.serial);
    eb_hello_write(answer, &hello);
}

static void remember(eb_device *device, const eb_frame *answer, uint16_t seq) {
    eb_answer *slot = &device->remembered[device->next_remembered];
    slot->seq = seq;
    slot->type = answer->type;
    slot->length = answer->length;
    memcpy(slot->payload, answer->payload, answer->length);
    device->next_remembered = (uint8_t)((device->next_remembered + 1) % EB_NUM_REMEMBERED);
    if (device->num_remembered < EB_NUM_REMEMBERED) device->num_remembered++;
}

static int repeat_answer(eb_device *device, uint16_t seq) {
    int at;
    for (at = 0; at < device->num_remembered; at++) {
        const eb_answer *slot = &device->remembered[at];
        if (slot->seq == seq) {
            eb_send(device, slot->type, seq, slot->payload, slot->length);
            return 1;
        }
    }
    return 0;
}

void eb_handle(eb_device *device, const eb_frame *frame) {
    int length = request_length(device, frame->type);
    uint16_t ahead = (uint16_t)(frame->seq - device->last_seq);
    eb_frame answer;
    if (frame->version >> 4 != EB_VERSION_MAJOR) {
        nak(&answer, frame, EB_NAK_REASON_WRONG_VERSION);
    } else if (frame->type == EB_ACK || frame->type == EB_NAK) {
        if (device->num_events > 0 && frame->seq == device->event_seq && frame->length >= 1 &&
            frame->payload[0] == device->events[device->first_event].type) {
            eb_end_event(device);
        }
        return;
    } else if (length >= 0 && !eb_length_fits(frame, (uint8_t)length)) {
        nak(&answer, frame, EB_NAK_REASON_BAD_LENGTH);
    } else if (frame->type == EB_HELLO) {
        greet(device, frame, &answer);
    } else if (!device->has_session) {
        if (frame->type == EB_PING) {
            carry_out(device, frame, &answer, 0);
        } else {
            nak(&answer, frame, EB_NAK_REASON_NO_SESSION);
        }
    } else if (ahead == 0 || ahead >= 0x8000u) { /* seen before: RFC 1982, 3.2 */
        if (repeat_answer(device, frame->seq)) return;
        nak(&answer, frame, EB_NAK_REASON_OLD_SEQ);
    } else {
        if (length < 0) {
            nak(&answer, frame, EB_NAK_REASON_UNKNOWN_TYPE);
        } else {
            carry_out(device, frame, &answer, 0);
        }
        device->last_seq = frame->seq;
        remember(device, &answer, frame->seq);
    }
    eb_send(device, answer.type, frame->seq, answer.payload, answer.length);
}
