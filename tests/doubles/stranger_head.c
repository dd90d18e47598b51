/* A camera head as a stranger would write it: from docs/firmware-protocol.md alone, with nothing of firmware_bridge/c.
   The mandatory part: two light channels and a heater, no button, no pairing. Opens a pseudo terminal, prints its name
   and is a head there until stdin ends. */
#define _XOPEN_SOURCE 600
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define LEDS 2
#define WINDOW 3310 /* 0.01 C */
#define BOARD 3000

static int line;
static double started;
static int has_session, cause = 1;
static uint32_t session;
static uint16_t newest, asked[LEDS], asked_heat;
static uint32_t param[4];
static double heartbeat;
static uint8_t last_payload[64];
static int last_type, last_size, last_seq = -1;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void start(int why) {
    started = heartbeat = now();
    has_session = 0;
    cause = why;
    memset(asked, 0, sizeof asked);
    asked_heat = 0;
    param[1] = 0;
    param[2] = 1000;
    param[3] = 800;
    last_seq = -1;
}

static uint32_t crc(const uint8_t *at, int size) {
    uint32_t sum = 0xFFFFFFFFu;
    int bit;
    while (size-- > 0)
        for (sum ^= *at++, bit = 0; bit < 8; bit++) sum = sum & 1 ? sum >> 1 ^ 0xEDB88320u : sum >> 1;
    return ~sum;
}

static void put(uint8_t *at, uint64_t value, int size) {
    for (; size > 0; size--, value >>= 8) *at++ = (uint8_t)value;
}

static uint32_t get(const uint8_t *at, int size) {
    uint32_t value = 0;
    while (size-- > 0) value = value << 8 | at[size];
    return value;
}

static void transmit(int type, int seq, const uint8_t *payload, int size) {
    uint8_t raw[80], wire[84];
    int from, to = 2, code = 1;
    raw[0] = 0x10;
    raw[1] = (uint8_t)type;
    put(raw + 2, (uint64_t)seq, 2);
    memcpy(raw + 4, payload, (size_t)size);
    size += 4;
    put(raw + size, crc(raw, size), 4);
    size += 4;
    wire[0] = 0;
    for (from = 0; from < size; from++) {
        if (raw[from]) {
            wire[to++] = raw[from];
        } else {
            wire[code] = (uint8_t)(to - code);
            code = to++;
        }
    }
    wire[code] = (uint8_t)(to - code);
    wire[to++] = 0;
    if (write(line, wire, (size_t)to) != to) exit(3);
}

static uint16_t lowest(uint32_t a, uint32_t b) { return (uint16_t)(a < b ? a : b); }

static int write_status(uint8_t *at) {
    double silent = now() - heartbeat;
    int state = silent >= 10 ? 2 : silent >= 2 ? 1 : 0, led;
    memset(at, 0, 34);
    put(at, (uint64_t)((now() - started) * 1e6), 8);
    for (led = 0; led < LEDS; led++) {
        put(at + 10 + 2 * led, state == 2 ? 0 : lowest(asked[led], state ? lowest(param[2], 100) : param[2]), 2);
    }
    put(at + 8, get(at + 10, 2) + get(at + 12, 2), 2);
    put(at + 18, state ? 0 : lowest(asked_heat, param[3]), 2);
    put(at + 20, WINDOW, 2);
    put(at + 22, BOARD, 2);
    put(at + 24, 0xFFFF, 2);
    put(at + 26, 0x8000, 2);
    put(at + 28, 5000, 2);
    at[32] = (uint8_t)cause;
    at[33] = (uint8_t)state;
    return 34;
}

static int length_of(int type) {
    switch (type) {
        case 1: return 28;
        case 2: case 10: return 0;
        case 4: return 3;
        case 5: return 2;
        case 6: return 1;
        case 7: return 5;
        case 9: return 4;
        default: return -1;
    }
}

/* The NAK reason, 0 for done. */
static int obey(int type, const uint8_t *p) {
    uint32_t value;
    switch (type) {
        case 4:
            value = get(p + 1, 2);
            if (p[0] >= LEDS) return 4;
            if (value > 1000) return 3;
            if (value > param[2]) return 6;
            asked[p[0]] = (uint16_t)value;
            return 0;
        case 5:
            value = get(p, 2);
            if (value > 1000) return 3;
            if (value > param[3]) return 6;
            asked_heat = (uint16_t)value;
            return 0;
        case 7:
            value = get(p + 1, 4);
            if (p[0] < 1 || p[0] > 3) return 5;
            if (value > (p[0] == 1 ? 20000u : 1000u)) return 3;
            param[p[0]] = value;
            return 0;
        default: return 0;
    }
}

static void handle(const uint8_t *raw, int size) {
    int version = raw[0], type = raw[1], seq = (int)get(raw + 2, 2), wanted = length_of(type);
    const uint8_t *p = raw + 4;
    uint8_t answer[64], ahead_is_old;
    int answer_type = 0x31, answer_size = 2, reason = 0;
    size -= 4;
    answer[0] = (uint8_t)type;
    answer[1] = 0;
    if (version >> 4 != 1) {
        answer[1] = 9;
        transmit(0x31, seq, answer, 2);
        return;
    }
    if (type == 0x30 || type == 0x31) return;
    if (wanted >= 0 && size != wanted && !((version & 15) > 0 && size > wanted)) {
        answer[1] = 2;
        transmit(0x31, seq, answer, 2);
        return;
    }
    if (type == 1) {
        if (!has_session || session != get(p, 4)) {
            has_session = 1;
            session = get(p, 4);
            newest = (uint16_t)seq;
            last_seq = -1;
            heartbeat = now();
        }
        memset(answer, 0, 28);
        put(answer, session, 4);
        answer[5] = 9;
        answer[7] = LEDS;
        answer[8] = 1;
        memcpy(answer + 12, "STRANGER", 8);
        transmit(1, seq, answer, 28);
        return;
    }
    if (!has_session) {
        answer[1] = 7;
        if (type == 9) transmit(9, seq, p, 4);
        else transmit(0x31, seq, answer, 2);
        return;
    }
    ahead_is_old = seq == newest || (uint16_t)(seq - newest) >= 32768;
    if (ahead_is_old) {
        answer[1] = 8;
        if (seq == last_seq) transmit(last_type, seq, last_payload, last_size);
        else transmit(0x31, seq, answer, 2);
        return;
    }
    if (wanted < 0) {
        answer[1] = 1;
    } else if (type == 2) {
        answer_type = 3;
        answer_size = write_status(answer);
        heartbeat = now();
    } else if (type == 9) {
        answer_type = 9;
        answer_size = 4;
        memcpy(answer, p, 4);
    } else if (type == 6 && p[0] >= 1 && p[0] <= 3) {
        answer_type = 8;
        answer_size = 5;
        answer[0] = p[0];
        put(answer + 1, param[p[0]], 4);
    } else if (type == 6) {
        answer[1] = 5;
    } else if ((reason = obey(type, p)) != 0) {
        answer[1] = (uint8_t)reason;
    } else {
        answer_type = 0x30;
        answer_size = 1;
    }
    newest = (uint16_t)seq;
    last_seq = seq;
    last_type = answer_type;
    last_size = answer_size;
    memcpy(last_payload, answer, sizeof answer);
    transmit(answer_type, seq, answer, answer_size);
    if (type == 10) {
        tcdrain(line);
        usleep(50000);
        start(2);
    }
}

static void take(uint8_t byte) {
    static uint8_t run[73], raw[80];
    static int length;
    int at = 0, to = 0, size;
    if (byte) {
        if (length < (int)sizeof run) run[length] = byte;
        if (length < 1000) length++;
        return;
    }
    size = length;
    length = 0;
    if (size < 9 || size > (int)sizeof run) return;
    while (at < size) {
        int code = run[at];
        if (at + code > size) return;
        if (to) raw[to - 1] = 0;
        memcpy(raw + to, run + at + 1, (size_t)(code - 1));
        to += code;
        at += code;
    }
    size = to - 1;
    if (crc(raw, size - 4) == get(raw + size - 4, 4)) handle(raw, size - 4);
}

int main(void) {
    struct termios raw;
    struct pollfd polled[2];
    uint8_t bytes[256];
    int slave, count, at;
    line = posix_openpt(O_RDWR | O_NOCTTY);
    if (line < 0 || grantpt(line) || unlockpt(line)) return 1;
    slave = open(ptsname(line), O_RDWR | O_NOCTTY); /* held open, so that nobody's leaving ends the line */
    tcgetattr(slave, &raw);
    raw.c_iflag = raw.c_oflag = raw.c_lflag = 0;
    raw.c_cflag = CS8 | CREAD | CLOCAL;
    tcsetattr(slave, TCSANOW, &raw);
    start(1);
    puts(ptsname(line));
    fflush(stdout);
    polled[0].fd = line;
    polled[1].fd = 0;
    polled[0].events = polled[1].events = POLLIN;
    while (poll(polled, 2, -1) >= 0) {
        if (polled[1].revents) return 0;
        count = (int)read(line, bytes, sizeof bytes);
        for (at = 0; at < count; at++) take(bytes[at]);
    }
    return 0;
}
