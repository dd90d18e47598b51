"""All checks one after the other, each from a head that is dark and cold, and that is how it is left."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from firmware_bridge.conform import (
    event_checks,
    frame_checks,
    heater_checks,
    light_checks,
    pairing_checks,
    request_checks,
    restart_checks,
    session_checks,
)
from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.verdicts import FAIL, LOST, NOT_APPLICABLE, PASS, Check, Failed, NotApplicable, Row
from firmware_bridge.errors import CommandFailed, PortError
from firmware_bridge.wire.messages import Hello, Param

CHECKS: tuple[Check, ...] = (
    *(*frame_checks.CHECKS, *session_checks.CHECKS, *request_checks.CHECKS, *restart_checks.CHECKS),
    *(*light_checks.CHECKS, *heater_checks.CHECKS, *event_checks.CHECKS, *pairing_checks.CHECKS),
)
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
OFF, UNKNOWN = "light and heater are off", "light and heater could not be seen to be off"


def met(probe: Probe) -> Hello:
    """Who is there, before anything is asked of it.

    Raises:
        PortError: no camera head answers, or it is another unit's.
    """
    try:
        hello = probe.greet()
        probe.found_params = {param: probe.param(param) for param in Param}
    except Failed as failure:
        counts = probe.decoder.counts
        if not counts.num_bytes:
            told = "not a byte came: what is on this port is no camera head, or has no power"
        elif not counts.frames:
            told = f"answers with what is no frame ({counts.num_bytes} bytes came): another --baud, or no camera head"
        else:
            told = f"no camera head of this protocol: {failure}; {counts.frames} frames came"
        raise PortError(told) from failure
    return hello


def rows(probe: Probe, checks: Sequence[Check], seen: Callable[[Row], None]) -> list[Row]:
    """Run the checks; each row is given to `seen` as it comes.

    Raises:
        PortError: the port went away and did not come back; the check in which it did was given to `seen` as lost.
    """
    found: list[Row] = []
    for check in checks:
        began_s = probe.line.now_s()
        gone: PortError | None = None
        try:
            verdict, measured = _tried(probe, check)
        except PortError as error:
            verdict, measured, gone = LOST, str(error), error
        row = Row(check.name, check.rule, verdict, measured, round(probe.line.now_s() - began_s, 2))
        found.append(row)
        seen(row)
        if gone is not None:
            raise gone
    return found


def _tried(probe: Probe, check: Check) -> tuple[str, str]:
    verdict = PASS
    try:
        measured = check.run(probe)
    except (Failed, CommandFailed) as failure:  # the latter: the head says of itself what cannot be
        verdict, measured = FAIL, str(failure)
    except NotApplicable as reason:
        verdict, measured = NOT_APPLICABLE, str(reason)
    except PortError as error:
        verdict, measured = LOST, f"the port went away: {error}"
        probe.line.reopen()
    try:
        probe.settle()
    except (Failed, CommandFailed) as failure:
        if verdict != FAIL:
            verdict, measured = FAIL, f"{measured}; then light and heater could not be put out: {failure}"
    return verdict, measured


@contextmanager
def left_dark(probe: Probe, say: Callable[[str], None]) -> Iterator[None]:
    """Puts light and heater out at the end, however it comes, and says whether they are."""
    try:
        yield
    finally:
        with _undisturbed():
            say(put_out(probe))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C does not keep the light on; what is done here takes seconds at most."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def put_out(probe: Probe) -> str:
    """Light and heater off and the parameters as after a start; says whether STATUS shows it."""
    try:
        return _put_out(probe)
    except PortError:
        pass
    try:
        probe.line.reopen()
        return _put_out(probe)
    except PortError as error:
        return f"{UNKNOWN}: {error}; a head that keeps the rules is dark 10 s after the last heartbeat"


def _put_out(probe: Probe) -> str:
    for way in (probe.settle, probe.restart):
        try:
            way()
            probe.greet()
            status = probe.status()
        except (Failed, CommandFailed):
            continue
        if not any(status.led_permille) and not status.heater_permille:
            return OFF
    return f"{UNKNOWN}: the head does not answer, or does not obey; unplug it"
