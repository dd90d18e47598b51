"""`python -m edge.reference_page`: exit codes, limits and the fields of `/health` in docs/reference.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from edge.basics.errors import EXIT_CODES
from edge.basics.markdown import replace_section, table
from edge.guard import ladder, process, supervisor
from edge.health import disk, fields, heat, state
from edge.sources import judgement
from edge.video import peer_limits, thrift
from edge.web import audience, gate, kept, limits
from edge.web.api import pictures
from edge.web.streams import websocket, wishes

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
MADE_BY = "<!-- Made by `python -m edge.reference_page`; do not edit. -->"
_NS_PER_S, _MIB = 1_000_000_000, 1 << 20


def exit_codes() -> str:
    """Every exit code in Markdown."""
    return table(("code", "means"), [*EXIT_CODES.items()])


def health_fields() -> str:
    """Every field of `/health` in Markdown."""
    rows = [(f"`{one.path}`", one.explain, one.when) for one in fields.FIELDS]
    return table(("field", "what", "there with"), rows)


def limits_of_unit() -> str:
    """What the unit does not go beyond, with the numbers that it is held to."""
    rows = [*_of_picture(), *_of_engine(), *_of_disk(), *_of_web(), *_of_streams()]
    return table(("what", "limit"), rows)


def _of_picture() -> list[tuple[str, str]]:
    return [
        ("age from which a picture is STALE", f"{state.STALE_AFTER_MS:g} ms"),
        ("silence of the camera from which it is NO SIGNAL", f"{state.NO_SIGNAL_AFTER_MS / 1000:g} s"),
        ("the same pixels, after which a camera counts as lost", f"{judgement.REPEATED_NS / _NS_PER_S:g} s"),
        ("damaged pictures in a row, after which it is opened again", f"{judgement.MAX_REFUSED}"),
    ]


def _of_engine() -> list[tuple[str, str]]:
    first_s, longest_s = ladder.FIRST_WAIT_NS / _NS_PER_S, ladder.LONGEST_WAIT_NS / _NS_PER_S
    unwatched_h, watched_h = (ns / _NS_PER_S / 3600 for ns in (supervisor.PROVE_AFTER_NS, supervisor.PROVE_AT_LAST_NS))
    return [
        ("time for a picture; then raw is shown", f"{process.DEADLINE_S * 1000:g} ms"),
        ("engine that does not answer is ended after", f"{process.HUNG_S:g} s"),
        (
            "bad pictures until the next rung",
            f"{ladder.MAX_IN_A_ROW} in a row, or {ladder.MAX_OF_LAST} of the last {ladder.NUM_LAST}",
        ),
        (
            "restarts until the next rung; until raw",
            f"{ladder.SAME_RUNG_RESTARTS} on one rung; {ladder.RESTARTS} in {ladder.RESTART_WINDOW_NS / _NS_PER_S:g} s",
        ),
        ("a better rung is tried after", f"{first_s:g} s, then twice as long each time, {longest_s:g} s at most"),
        ("a rung is trusted again after", f"{ladder.HELD_NS / _NS_PER_S:g} s without trouble"),
        ("the golden frame is run again after", f"{unwatched_h:g} h unwatched, {watched_h:g} h watched"),
        ("heat is taken back", f"{heat.HYSTERESIS_CELSIUS:g} C below its limit"),
    ]


def _of_disk() -> list[tuple[str, str]]:
    return [
        (
            "free space from which `storage` is `degraded`; `failed`",
            f"{disk.LOW_BYTES // _MIB} MiB; {disk.FULL_BYTES // _MIB} MiB",
        ),
        ("it is asked", f"every {disk.CHECK_EVERY_NS / _NS_PER_S:g} s"),
    ]


def _of_web() -> list[tuple[str, str]]:
    most = limits.Limits()
    bodies_kib = limits.MAX_BODY_BYTES // 1024, gate.BODY_BYTES["/api/webrtc"] // 1024
    weights = ", ".join(f"`{path}` {weight:g}" for path, weight in gate.WEIGHTS.items())
    return [
        (
            "connections, of all; of one address",
            f"{most.connections}, or half of the descriptors where that is less; {most.connections_of_one}",
        ),
        (
            "refused ones that are still being told so",
            f"{most.leaving}, or an eighth of the descriptors where that is less",
        ),
        ("new connections a second; while nobody watches", f"{most.accepts:g}; {most.accepts * most.ease:g}"),
        ("streams, and as many `/events`", "`[web] streams`, `streams_per_address`"),
        ("dividers of `view=split` at a time", f"{most.splits}"),
        (
            "requests a second of one address; while nobody watches",
            f"{most.requests:g}; {most.requests * most.ease:g}; more wait {gate.PATIENCE_S:g} s at most",
        ),
        ("a request that counts as more than one", weights),
        (
            "head; body",
            f"{limits.MAX_HEAD_BYTES // 1024} KiB; {bodies_kib[0]} KiB, of `/api/webrtc` {bodies_kib[1]} KiB",
        ),
        (
            "a silent connection; an answered one; an answer to be read",
            f"{limits.SILENT_S:g} s; {limits.IDLE_S:g} s; {limits.ANSWER_WITHIN_S:g} s",
        ),
        (
            "new pairs saved by the page; snapshots",
            f"{pictures.SAVED_AT_ONCE}; {pictures.SHOWN_AT_ONCE} at once, then one in {1 / pictures.NEW_A_SECOND:g} s",
        ),
        ("a pair that was answered can be fetched by `seq` for", f"{kept.HOLD_S:g} s"),
        ("a viewer's `place` is kept for", f"{audience.HELD_S:g} s"),
    ]


def _of_streams() -> list[tuple[str, str]]:
    return [
        ("WebSocket: message; silence", f"{wishes.MAX_BYTES} bytes; {websocket.ASK_WITHIN_S:g} s"),
        ("WebRTC: silence; least rate on a weak network", f"{peer_limits.SILENT_S:g} s; {thrift.LEAST_KBITS} kbit/s"),
    ]


SECTIONS: Final[Mapping[str, Callable[[], str]]] = {
    "exit-codes": exit_codes,
    "limits": limits_of_unit,
    "health": health_fields,
}
"""Name of a section -> its table."""


def section(name: str) -> str:
    """As it stands in the page."""
    return f"{MADE_BY}\n\n{SECTIONS[name]()}"


def main() -> None:
    for name in SECTIONS:
        replace_section(PAGE, name, section(name))


if __name__ == "__main__":
    main()
