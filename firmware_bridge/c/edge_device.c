#include "edge_internal.h"

#include <string.h>

/* ---- what is sent */

void eb_send(eb_device *device, uint8_t type, uint16_t seq, const uint8_t *payload, uint8_t length) {
    uint8_t wire[1 + EB_MAX_WIRE_BYTES];
    eb_frame frame;
    size_t size, at;
    frame.version = EB_VERSION;
    frame.type = type;
    frame.seq = seq;
    frame.length = length;
    if (length > 0) memcpy(frame.payload, payload, length);
    wire[0] = 0;
    size = 1 + eb_encode(&frame, wire + 1);
    if (size > (size_t)(EB_TRANSMIT_BYTES - device->transmit_length)) {
        device->dropped_frames++; /* a whole frame or none; the host asks again */
        return;
    }
    for (at = 0; at < size; at++) {
        device->transmit[(device->transmit_start + device->transmit_length++) % EB_TRANSMIT_BYTES] = wire[at];
    }
}

size_t eb_device_transmit(eb_device *device, uint8_t *bytes, size_t room) {
    size_t at;
    for (at = 0; at < room && device->transmit_length > 0; at++) {
        bytes[at] = device->transmit[device->transmit_start];
        device->transmit_start = (uint16_t)((device->transmit_start + 1) % EB_TRANSMIT_BYTES);
        device->transmit_length--;
    }
    return at;
}

int eb_device_wants_restart(const eb_device *device) {
    return device->restarting && device->transmit_length == 0;
}

/* ---- events: one at a time, in order, until the host acknowledges or ten tries are spent */

static void send_first_event(eb_device *device) {
    const eb_event *event = &device->events[device->first_event];
    eb_send(device, event->type, device->event_seq, event->payload, event->length);
    device->event_sent_us = device->now_us;
    device->event_tries++;
}

static void begin_event(eb_device *device) {
    if (device->num_events == 0) return;
    device->event_seq++;
    device->event_tries = 0;
    send_first_event(device);
}

void eb_end_event(eb_device *device) {
    device->first_event = (uint8_t)((device->first_event + 1) % EB_NUM_EVENTS);
    device->num_events--;
    begin_event(device);
}

static void queue_event(eb_device *device, const eb_frame *frame) {
    eb_event *event;
    if (!device->has_session) return; /* nobody listens, and an old press must not act later */
    if (device->num_events == EB_NUM_EVENTS) {
        device->dropped_events++;
        return;
    }
    event = &device->events[(device->first_event + device->num_events) % EB_NUM_EVENTS];
    event->type = frame->type;
    event->length = frame->length;
    memcpy(event->payload, frame->payload, frame->length);
    if (++device->num_events == 1) begin_event(device);
}

static void tick_events(eb_device *device) {
    if (device->num_events == 0 || device->now_us - device->event_sent_us < EB_EVENT_RETRY_US) return;
    if (device->event_tries < EB_EVENT_TRIES) {
        send_first_event(device);
    } else {
        device->dropped_events++;
        eb_end_event(device);
    }
}

static void queue_button(eb_device *device, uint8_t action) {
    eb_frame frame;
    eb_button button;
    button.action = action;
    button.time_us = device->now_us;
    eb_button_write(&frame, &button);
    queue_event(device, &frame);
}

void eb_device_button(eb_device *device, int is_pressed, uint64_t now_us) {
    device->now_us = now_us;
    if ((is_pressed != 0) == device->is_pressed) return;
    device->is_pressed = is_pressed != 0;
    device->button_since_us = now_us;
    device->long_press_reported = 0;
    queue_button(device, is_pressed ? EB_BUTTON_ACTION_PRESS : EB_BUTTON_ACTION_RELEASE);
}

void eb_device_exposure(eb_device *device, uint64_t start_us, uint64_t now_us) {
    eb_frame frame;
    eb_frame_sync sync;
    device->now_us = now_us;
    sync.counter = ++device->frame_counter;
    sync.exposure_start_us = start_us;
    sync.time_us = now_us;
    if (!device->has_session) return;
    eb_frame_sync_write(&frame, &sync);
    eb_send(device, frame.type, (uint16_t)sync.counter, frame.payload, frame.length);
}

/* ---- safety: what light and heater may give now */

static uint16_t at_most(uint32_t value, uint32_t limit) {
    return (uint16_t)(value < limit ? value : limit);
}

static void judge_faults(eb_device *device) {
    const eb_sensors *sensors = &device->sensors;
    uint16_t faults = sensors->driver_faults;
    int window_known = sensors->window_centi_celsius != EB_UNKNOWN_I16;
    if (window_known && sensors->window_centi_celsius >= EB_WINDOW_LIMIT_CENTI_CELSIUS) device->latched_hot = 1;
    if (sensors->board_centi_celsius >= EB_BOARD_LIMIT_CENTI_CELSIUS) device->latched_hot = 1;
    if (device->latched_hot) faults |= EB_FAULT_OVER_TEMPERATURE;
    if (!window_known || sensors->board_centi_celsius == EB_UNKNOWN_I16) faults |= EB_FAULT_SENSOR;
    if (sensors->supply_mv < EB_SUPPLY_LOW_MV) faults |= EB_FAULT_SUPPLY_LOW;
    if (device->reset_cause == EB_RESET_CAUSE_WATCHDOG) faults |= EB_FAULT_WATCHDOG;
    device->faults = faults;
    if (faults != device->reported_faults && device->has_session) {
        eb_frame frame;
        eb_fault fault;
        fault.faults = faults;
        fault.changed = faults ^ device->reported_faults;
        fault.time_us = device->now_us;
        device->reported_faults = faults;
        eb_fault_write(&frame, &fault);
        queue_event(device, &frame);
    }
}

void eb_decide_outputs(eb_device *device) {
    uint64_t silent_us = device->now_us - device->heartbeat_us;
    uint32_t most = device->led_limit_permille;
    int heater_allowed = device->has_session && silent_us < EB_DIM_AFTER_US && !device->latched_hot &&
                         !device->restarting && device->sensors.window_centi_celsius != EB_UNKNOWN_I16;
    int channel;
    device->light_state = EB_LIGHT_STATE_NORMAL;
    if (!device->has_session || device->restarting || silent_us >= EB_DARK_AFTER_US) {
        device->light_state = EB_LIGHT_STATE_DARK;
        most = 0;
    } else if (device->latched_hot || silent_us >= EB_DIM_AFTER_US) {
        device->light_state = EB_LIGHT_STATE_DIMMED;
        most = at_most(most, EB_DIM_PERMILLE);
    }
    for (channel = 0; channel < EB_MAX_LEDS; channel++) {
        device->outputs.led_permille[channel] = at_most(device->asked_led_permille[channel], most);
    }
    device->outputs.heater_permille =
        heater_allowed ? at_most(device->asked_heater_permille, device->heater_limit_permille) : 0;
}

void eb_device_tick(eb_device *device, const eb_sensors *sensors, uint64_t now_us) {
    device->now_us = now_us;
    device->sensors = *sensors;
    judge_faults(device);
    eb_decide_outputs(device);
    if (device->is_pressed && !device->long_press_reported && now_us - device->button_since_us >= EB_LONG_PRESS_US) {
        device->long_press_reported = 1;
        queue_button(device, EB_BUTTON_ACTION_LONG_PRESS);
    }
    tick_events(device);
}

const eb_outputs *eb_device_outputs(const eb_device *device) {
    return &device->outputs;
}

void eb_device_receive(eb_device *device, const uint8_t *bytes, size_t num_bytes, uint64_t now_us) {
    eb_frame frame;
    device->now_us = now_us;
    while (num_bytes-- > 0 && !device->restarting) {
        if (eb_decoder_push(&device->decoder, *bytes++, &frame)) eb_handle(device, &frame);
    }
}

void eb_device_start(eb_device *device, const eb_identity *identity, uint8_t reset_cause, uint64_t now_us) {
    memset(device, 0, sizeof *device);
    device->identity = *identity;
    if (device->identity.num_leds > EB_MAX_LEDS) device->identity.num_leds = EB_MAX_LEDS;
    device->reset_cause = reset_cause;
    device->now_us = now_us;
    device->outputs.sync_delay_us = EB_SYNC_DELAY_US_DEFAULT;
    device->led_limit_permille = EB_LED_LIMIT_PERMILLE_DEFAULT;
    device->heater_limit_permille = EB_HEATER_LIMIT_PERMILLE_DEFAULT;
    device->sensors.window_centi_celsius = EB_UNKNOWN_I16; /* until the first tick the heater stays off */
    device->sensors.board_centi_celsius = EB_UNKNOWN_I16;
    device->sensors.humidity_permille = EB_UNKNOWN_U16;
    device->sensors.dew_margin_centi_celsius = EB_UNKNOWN_I16;
    eb_decide_outputs(device);
}
