"""What each field of `/health` says, for a person: docs/reference.md has it as a table, a test holds the unit to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

ANY = "*"
"""In a path: a name that depends on the unit, such as a stage's or a zone's."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the record.

    Attributes:
        path: dotted; `ANY` for names that are not always the same.
        explain: what it says, with its unit.
        when: what must be so for it to be there; empty where it always is.
    """

    path: str
    explain: str
    when: str = ""


_HEAD, _CAMERA, _SCREEN, _PACS, _MPPS = "a head", "a camera", "a screen", "`[pacs]`", "`worklist.mpps`"

FIELDS: Final = (
    Field("state", "`live`, `degraded`, `stale`, `no-signal`, `starting`"),
    Field("reason", "why, and what to do"),
    Field("mode", "`enhanced` or `raw`: the newest picture"),
    Field("profile", "what enhances"),
    Field("model_sha256", "its manifest"),
    Field("device", "where it runs"),
    Field("source", "address of the camera, without secrets"),
    Field("fps_in", "pictures a second from the source"),
    Field("fps_out", "pictures a second shown"),
    Field("dropped", "pictures that nobody took in time, since the start"),
    Field("dropped_by.*", "the same by stage"),
    Field("frames", "pictures shown since the start"),
    Field("age_ms", "age of the newest picture; null before the first"),
    Field("latency_ms.*", "from capture to publish: `p50`, `p95`, `p99`, `max` of the last 600"),
    Field("stage_ms.*.*", "time of each stage: `p50`, `p95`, `max`"),
    Field("uptime_s", "since the start"),
    Field("notices", "words shown beneath the banner"),
    Field(
        "parts.*.state",
        "`ok`, `degraded`, `failed`, `starting`, `off` of `source`, `engine`, `bridge`, `sinks`, `storage`, `heat`, "
        "`pacs`",
    ),
    Field("parts.*.reason", "why"),
    Field("parts.*.since_s", "since when"),
    Field("pid", "of the program"),
    Field("frozen", "somebody holds a picture"),
    Field("strength", "share of the enhancement that is shown"),
    Field("viewers", "who watch"),
    Field("transports", "ways of the live picture that are on"),
    Field("ladder.rung", "what enhances now"),
    Field("ladder.rungs", "all that could, best first"),
    Field("ladder.restarts", "of the engine's process"),
    Field("ladder.engine_pid", "null while there is none"),
    Field("ladder.engine_not_held", "what this kernel cannot keep from the engine"),
    Field("frame_faults.*", "pictures by what was wrong with them, since the start"),
    Field("camera.not_as_calibrated", "settings that differ from those at the calibration"),
    Field("camera.asked", "size, format and rate", "a V4L2 camera"),
    Field("camera.granted", "what it gives", _CAMERA),
    Field("camera.controls.*", "its settings, as its driver numbers them", "a V4L2 camera"),
    Field("camera.clock", "what tells the age of its pictures", "a network camera or GStreamer"),
    Field("camera.picture.*", "its size, `fit`, and in `told` what is cut or added", _CAMERA),
    Field("access.users", "the page asks who comes in"),
    Field("access.tls", "it is served over TLS"),
    Field("access.certificate_sha256", "fingerprint to compare"),
    Field("access.notices", "what is wrong with that"),
    Field("recording.running", "name, since, seconds, views, bytes, dropped; null: none"),
    Field("recording.before.*", "seconds and bytes kept in memory", "`[recording] before_s`"),
    Field("recording.encoder", "how clips are coded"),
    Field("recording.ended", "by what the last one ended"),
    Field("retention.days", "`[privacy] retention_days`; 0: for ever"),
    Field("retention.waiting", "pictures and recordings that are older, and wait for the PACS"),
    Field("retention.notice", 'what to know of it: what goes soon, what stays, a clock that leapt; "": nothing'),
    Field("video.encoder", "of WebRTC and RTSP"),
    Field("video.viewers.*", "by view"),
    Field("video.reason", "why there is none"),
    Field("unit_state.level", "heat: 0 cool, 1 warm, 2 hot"),
    Field("unit_state.temperatures_celsius.*", "by zone"),
    Field("unit_state.clocks_mhz.*", "by part of the chip"),
    Field("unit_state.cooling.*", "what slows down, and how much"),
    Field("unit_state.over_current_events.*", "that grow: the supply is too weak"),
    Field("unit_state.power_watts.*", "by rail"),
    Field("unit_state.nvpmodel", "a Jetson's power mode"),
    Field("models", "folder of the unit's own profiles; empty: the shipped ones alone"),
    Field("reload", "`count`, `at`, `ok`, `reason` of the last one; null before it"),
    Field("bridge", "the camera head; null without one"),
    Field("bridge.state", "`connected` or `lost`", _HEAD),
    Field("bridge.reason", "why it is lost", _HEAD),
    Field("bridge.port", "where it is", _HEAD),
    Field("bridge.reconnects", "times that it came back", _HEAD),
    Field("bridge.serial", "of the head", _HEAD),
    Field("bridge.firmware", "its version", _HEAD),
    Field("bridge.num_leds", "channels of light", _HEAD),
    Field("bridge.pairing", "`cannot be paired`, `not paired`, `paired`, or what is wrong", _HEAD),
    Field("bridge.status_age_s", "age of what follows", _HEAD),
    Field("bridge.led_permille", "light of each channel", _HEAD),
    Field("bridge.led_ma", "current of all light", _HEAD),
    Field("bridge.light_state", "as [the protocol](firmware-protocol.md) numbers it", _HEAD),
    Field("bridge.heater_permille", "heat of the window", _HEAD),
    Field("bridge.window_celsius", "window", _HEAD),
    Field("bridge.dew_margin_celsius", "window above the dew point", _HEAD),
    Field("bridge.board_celsius", "board", _HEAD),
    Field("bridge.humidity_percent", "air", _HEAD),
    Field("bridge.supply_v", "supply", _HEAD),
    Field("bridge.faults", "that it tells", _HEAD),
    Field("bridge.reset_cause", "of its last start", _HEAD),
    Field("bridge.uptime_s", "since then", _HEAD),
    Field("bridge.line.*", "counts of the serial line: requests, retries, bad frames, ...", _HEAD),
    Field("bridge.frame_sync.matched", "frames with an exposure", _HEAD),
    Field("bridge.frame_sync.unmatched", "frames without", _HEAD),
    Field("bridge.frame_sync.offset_ms", "exposure's start to capture time, median", _HEAD),
    Field("bridge.frame_sync.jitter_ms", "its spread, 5th to 95th percentile", _HEAD),
    Field("bridge.frame_sync.uncertainty_ms", "how well the head's clock is known", _HEAD),
    Field("pacs", "what is sent to the archive; null where none is configured"),
    Field("pacs.to", "where it is", _PACS),
    Field("pacs.waiting", "objects that are not sent yet; null where nobody can say", _PACS),
    Field("pacs.sent", "sent, and not yet said to be kept", _PACS),
    Field("pacs.committed", "said to be kept for good", _PACS),
    Field("pacs.failed", "refused; `edge-enhance pacs retry` sends them again", _PACS),
    Field("pacs.oldest_waiting_s", "since the oldest waits; null: none does", _PACS),
    Field("pacs.reason", "what went wrong last, as long as it does", _PACS),
    Field("pacs.session", "of the patient session that is open, or was the last one", _PACS),
    Field("pacs.session.id", "which", _PACS),
    Field(
        "pacs.session.waiting", "its objects that are not sent yet; of an open one all, they go when it closes", _PACS
    ),
    Field("pacs.session.sent", "sent, and not yet said to be kept", _PACS),
    Field("pacs.session.committed", "said to be kept for good", _PACS),
    Field("pacs.session.failed", "refused", _PACS),
    Field("pacs.mpps", "sessions that the worklist is told of; null where `worklist.mpps` is empty", _PACS),
    Field("pacs.mpps.to", "who is told", _MPPS),
    Field("pacs.mpps.begun", "IN PROGRESS, there or on the way there; null where nobody can say", _MPPS),
    Field("pacs.mpps.completed", "ended, with what was saved", _MPPS),
    Field("pacs.mpps.discontinued", "ended, with nothing saved", _MPPS),
    Field("pacs.mpps.failed", "refused; `edge-enhance pacs retry` tells them again", _MPPS),
    Field("pacs.mpps.reason", "what went wrong last, as long as it does", _MPPS),
    Field("display.sink", "GStreamer's element", _SCREEN),
    Field("display.reason", "why there is no picture on it", _SCREEN),
    Field("display.fps", "pictures a second", _SCREEN),
    Field("display.latency_ms.*", "from the camera to the screen", _SCREEN),
)


def undescribed(record: Mapping[str, Any]) -> list[str]:
    """Dotted paths of a record that no field describes."""
    return [path for path in _leaves(record) if not any(_covers(one.path, path) for one in FIELDS)]


def absent(record: Mapping[str, Any]) -> list[str]:
    """Fields that should always be there and are not; one below `ANY` may be, where its table is empty."""
    always = [one.path for one in FIELDS if not one.when]
    return [path for path in always if not _has(record, path.split("."))]


def _leaves(record: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for name, value in record.items():
        path = f"{above}{name}"
        if isinstance(value, Mapping) and path not in _WHOLE:
            yield from _leaves(value, f"{path}.")
        else:
            yield path


_WHOLE = {one.path for one in FIELDS if not any(other.path.startswith(f"{one.path}.") for other in FIELDS)}
"""Described in one row, whatever is below them."""


def _covers(pattern: str, path: str) -> bool:
    wanted, found = pattern.split("."), path.split(".")
    # a zone's name may have dots of its own
    if wanted[-1] == ANY and len(found) > len(wanted):
        found = [*found[: len(wanted) - 1], ".".join(found[len(wanted) - 1 :])]
    return len(wanted) == len(found) and all(one in (ANY, name) for one, name in zip(wanted, found, strict=True))


def _has(record: Any, names: list[str]) -> bool:
    if not names:
        return True
    if not isinstance(record, Mapping):
        return False
    if names[0] == ANY:
        return all(_has(below, names[1:]) for below in record.values())
    return names[0] in record and _has(record[names[0]], names[1:])
