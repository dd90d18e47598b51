/* What edge_device.c and edge_commands.c share; not for the firmware around them. */
#ifndef EDGE_INTERNAL_H
#define EDGE_INTERNAL_H
#include "edge_device.h"

/* Queues one frame for the line, whole or, where there is no room, not at all. */
void eb_send(eb_device *device, uint8_t type, uint16_t seq, const uint8_t *payload, uint8_t length);

/* Works out what light and heater may give now, from what was asked, the heartbeat and the faults. */
void eb_decide_outputs(eb_device *device);

/* The first event in the queue is settled; the next one begins. */
void eb_end_event(eb_device *device);

/* Pairing: a new session's key; a key from the host; the answer to GET_NONCE. */
void eb_begin_session_key(eb_device *device);
uint8_t eb_take_key(eb_device *device, const eb_frame *frame);
void eb_write_nonce(const eb_device *device, eb_frame *answer);

/* The request in a SIGNED frame, still to be checked for its length; 0 where the signature is not the paired unit's. */
int eb_unwrap(eb_device *device, const eb_frame *frame, eb_frame *request);

/* Answers one frame from the host. */
void eb_handle(eb_device *device, const eb_frame *frame);

#endif
