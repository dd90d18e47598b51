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

/* Answers one frame from the host. */
void eb_handle(eb_device *device, const eb_frame *frame);

#endif
