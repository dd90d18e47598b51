"""The state of the camera head in words, for terminals and logs."""

from __future__ import annotations

from collections.abc import Sequence

from firmware_bridge.host.bridge import Snapshot
from firmware_bridge.wire.frames import VERSION_MAJOR, VERSION_MINOR
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import (
    Button,
    ButtonAction,
    Capability,
    Fault,
    FaultEvent,
    Hello,
    LightState,
    ResetCause,
    Status,
    bits_text,
)

_LIGHT_STATES = {
    LightState.NORMAL: "not dimmed",
    LightState.DIMMED: "dimmed to 10% by the camera head: no heartbeat, or too hot",
    LightState.DARK: "dark: no heartbeat",
}


def identity_text(hello: Hello) -> str:
    """`EC-0001, firmware 1.4.2, 4 lights, protocol 1.0`"""
    firmware = f"{hello.version_major}.{hello.version_minor}.{hello.version_patch}"
    lights = f"{hello.num_leds} light{'' if hello.num_leds == 1 else 's'}"
    return f"{hello.serial}, firmware {firmware}, {lights}, protocol {VERSION_MAJOR}.{VERSION_MINOR}"


def centi_text(centi_celsius: int | None) -> str:
    """Degrees with one decimal and unit; `not fitted` for None."""
    return "not fitted" if centi_celsius is None else f"{centi_celsius / 100:.1f} C"


def faults_text(faults: int) -> str:
    """The fault bits in words, `none` for 0."""
    return bits_text(faults, Fault) or "none"


def reset_cause_text(cause: int) -> str:
    return ResetCause(cause).name.lower().replace("_", " ") if cause in tuple(ResetCause) else f"unknown ({cause})"


def status_rows(snapshot: Snapshot) -> list[tuple[str, str]]:
    """Name and value, a row a line; one row where no session is open."""
    if not snapshot.open or snapshot.identity is None:
        return [("camera head", f"not connected: {snapshot.error}")]
    rows = [
        ("camera head", identity_text(snapshot.identity)),
        ("has", bits_text(snapshot.identity.capabilities, Capability) or "nothing beyond lights"),
        ("port", snapshot.port),
        ("pairing", snapshot.pairing or "this firmware cannot be paired"),
    ]
    if snapshot.status is None:
        return [*rows, ("status", "none yet")]
    return [*rows, *_measured(snapshot.status, snapshot.identity.num_leds), ("line", _line_text(snapshot))]


def table_text(rows: Sequence[tuple[str, str]]) -> str:
    """Name and value, a row a line."""
    return "".join(f"{name:17} {value}\n" for name, value in rows)


def light_text(status: Status, num_leds: int) -> str:
    """`600 600 permille, not dimmed`"""
    levels = " ".join(str(level) for level in status.led_permille[:num_leds])
    known = status.light_state in tuple(LightState)
    state = _LIGHT_STATES[LightState(status.light_state)] if known else f"state {status.light_state}"
    return f"{levels} permille, {state}"


def event_text(event: Message) -> str:
    """What the head told, in words, with its clock."""
    if isinstance(event, Button):
        actions = {ButtonAction.PRESS: "pressed", ButtonAction.RELEASE: "let go", ButtonAction.LONG_PRESS: "held"}
        known = event.action in tuple(ButtonAction)
        action = actions[ButtonAction(event.action)] if known else f"action {event.action}"
        return f"button {action}, {event.time_us / 1e6:.2f} s after the head's start"
    if isinstance(event, FaultEvent):
        came, went = event.faults & event.changed, event.changed & ~event.faults
        parts = [f"{faults_text(came)} came"] if came else []
        parts += [f"{faults_text(went)} went"] if went else []
        return f"fault: {', '.join(parts) or 'none'}, {event.time_us / 1e6:.2f} s after the head's start"
    return type(event).__name__


def _measured(status: Status, num_leds: int) -> list[tuple[str, str]]:
    light = light_text(status, num_leds).replace(" permille,", f" permille, {status.led_ma} mA,")
    humidity = "not fitted" if status.humidity_permille is None else f"{status.humidity_permille / 10:.0f}%"
    return [
        ("light", light),
        ("heater", f"{status.heater_permille} permille"),
        ("window", f"{centi_text(status.window_centi_celsius)}, humidity {humidity}"),
        ("dew point margin", centi_text(status.dew_margin_centi_celsius)),
        ("board", centi_text(status.board_centi_celsius)),
        ("supply", f"{status.supply_mv / 1000:.2f} V"),
        ("faults", faults_text(status.faults)),
        ("running for", f"{status.uptime_us / 1e6:.0f} s since {reset_cause_text(status.reset_cause)}"),
    ]


def _line_text(snapshot: Snapshot) -> str:
    counts = snapshot.counts
    age = "" if snapshot.status_age_s is None else f"status {snapshot.status_age_s:.1f} s old, "
    return (
        f"{age}{counts['requests']} requests, {counts['retries']} retries, {counts['failed']} failed, "
        f"{counts['frames']} frames, {counts['bad_frames']} bad, {snapshot.num_reconnects} reconnects"
    )
