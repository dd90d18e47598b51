"""The rules of what the head sends of its own accord. Most need a person at the button."""

from __future__ import annotations

import statistics
from itertools import pairwise

from firmware_bridge.conform.asking import Arrived, name_of
from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.verdicts import Check, Failed, NotApplicable
from firmware_bridge.wire.messages import Button, ButtonAction, Capability, FaultEvent, FrameSync

RETRY_S, TRIES = 0.1, 10
PERSON_S = 30.0
_PERSON_HELP = "no fault is set, and nobody is asked to press the button; run with --ask"


def _first_event(probe: Probe) -> Arrived:
    """A FAULT that a new session tells, else a press of the button.

    Raises:
        NotApplicable: neither can be had.
        Failed: it did not come.
    """
    probe.events.clear()
    probe.greet()
    has_fault = bool(probe.status().faults)
    if not has_fault:
        _ask_for_button(probe, "Press the button of the head, and let it go.")
    kind = FaultEvent if has_fault else Button
    found = _wait_for(probe, kind.TYPE, 1.0 if has_fault else PERSON_S)
    if found is None:
        raise Failed(f"no {name_of(kind.TYPE)} came")
    return found


def _ask_for_button(probe: Probe, text: str) -> None:
    if not probe.identity.capabilities & Capability.BUTTON:
        raise NotApplicable("no fault is set, and the head has no button")
    if probe.person is None:
        raise NotApplicable(_PERSON_HELP)
    probe.person(text)


def _wait_for(probe: Probe, type_: int, seconds: float) -> Arrived | None:
    """The first event of the type, with heartbeats while it does not come."""
    end_s = probe.line.now_s() + seconds
    while True:
        found = next((event for event in probe.events if event.frame.type == type_), None)
        if found is not None or probe.line.now_s() >= end_s:
            return found
        probe.listen(0.1)
        probe.status()


def check_without_session(probe: Probe) -> str:
    probe.restart()
    probe.events.clear()
    probe.listen(0.6)
    if probe.events:
        raise Failed(f"{name_of(probe.events[0].frame.type)} came without a session; expected nothing")
    return "0.6 s of silence"


def check_repeats(probe: Probe) -> str:
    probe.acknowledges = False
    try:
        first = _first_event(probe)
        probe.listen(RETRY_S * (TRIES + 5))
    finally:
        probe.acknowledges = True
    same = [event for event in probe.events if event.frame == first.frame]
    gaps_s = [after.at_s - before.at_s for before, after in pairwise(same)]
    gap_s = statistics.median(gaps_s) if gaps_s else 0.0
    measured = f"{name_of(first.frame.type)} came {len(same)} times, {gap_s * 1000:.0f} ms apart"
    if not 2 <= len(same) <= TRIES or not 0.5 * RETRY_S < gap_s < 2 * RETRY_S:
        raise Failed(f"{measured}; expected {TRIES} times at most, 100 ms apart")
    return measured


def check_ends(probe: Probe) -> str:
    first = _first_event(probe)
    probe.listen(RETRY_S * 4)
    copies = sum(event.frame == first.frame for event in probe.events) - 1
    if copies > 1:  # one may be on the way
        raise Failed(f"{name_of(first.frame.type)} came {copies} times more after its ACK; expected nothing")
    return f"{name_of(first.frame.type)} came no more after its ACK"


def check_button(probe: Probe) -> str:
    if not probe.greet().capabilities & Capability.BUTTON:
        raise NotApplicable("the head has no button")
    if probe.person is None:
        raise NotApplicable("nobody is asked to press the button; run with --ask")
    probe.events.clear()
    probe.person("Hold the button of the head for 2 s, then let it go.")
    presses: list[Button] = []
    end_s = probe.line.now_s() + PERSON_S
    while probe.line.now_s() < end_s and ButtonAction.RELEASE not in [press.action for press in presses]:
        probe.listen(0.1)
        probe.status()
        frames = dict.fromkeys(event.frame for event in probe.events if event.frame.type == Button.TYPE)
        presses = [Button.from_payload(frame.payload, longer=True) for frame in frames]
    actions = [press.action for press in presses]
    if actions != [ButtonAction.PRESS, ButtonAction.LONG_PRESS, ButtonAction.RELEASE]:
        raise Failed(f"actions {actions}; expected 1 PRESS, 3 LONG_PRESS, 2 RELEASE, each once")
    held_ms = (presses[2].time_us - presses[0].time_us) / 1000
    long_ms = (presses[1].time_us - presses[0].time_us) / 1000
    if abs(long_ms - 800) > 100:
        raise Failed(f"LONG_PRESS came {long_ms:.0f} ms after PRESS; expected 800")
    return f"held for {held_ms:.0f} ms, LONG_PRESS after {long_ms:.0f} ms"


def check_frame_sync(probe: Probe) -> str:
    if not probe.greet().capabilities & Capability.FRAME_SYNC:
        raise NotApplicable("the head tells no exposures")
    probe.events.clear()
    probe.keep(1.0)
    frames = [event.frame for event in probe.events if event.frame.type == FrameSync.TYPE]
    if len(frames) < 2:
        raise NotApplicable("no exposures came; start the camera")
    syncs = [FrameSync.from_payload(frame.payload, longer=True) for frame in frames]
    for before, after in pairwise(syncs):
        if after.counter - before.counter != 1:
            raise Failed(f"counter {before.counter}, then {after.counter}; expected each once, in order")
    late = next((sync for sync in syncs if sync.exposure_start_us > sync.time_us), None)
    if late is not None:
        raise Failed(f"exposure {late.counter} began at {late.exposure_start_us} us, and was told at {late.time_us} us")
    return f"{len(syncs)} exposures in 1 s, none missing, none twice"


CHECKS = (
    Check("no-event-without-session", "Without a session no event is sent.", 1.5, check_without_session),
    Check("event-repeats", "An event is repeated every 100 ms until its ACK, ten times at most.", 2, check_repeats),
    Check("event-ends", "After its ACK an event comes no more.", 0.8, check_ends),
    Check("button", "The button tells PRESS, LONG_PRESS after 800 ms, and RELEASE, each once.", 0.2, check_button),
    Check("frame-sync", "FRAME_SYNC counts the exposures, and is sent once each.", 1.2, check_frame_sync),
)
