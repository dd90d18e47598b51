"""The rows of a conformity run in words and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.verdicts import FAIL, LOST, NOT_APPLICABLE, PASS, Row
from firmware_bridge.host.texts import identity_text
from firmware_bridge.wire.frames import VERSION_MAJOR, VERSION_MINOR


def row_text(row: Row) -> str:
    """One line, and for a failure the rule that was broken."""
    text = f"{row.verdict:14}  {row.name:25} {row.measured}\n"
    return text + (f"{'':14}  {'':25} the rule: {row.rule}\n" if row.verdict == FAIL else "")


def counts_text(found: Sequence[Row]) -> str:
    """`40 passed, 1 failed (light-dims), 9 not applicable`; where the port went away: `, 1 lost port (resync)` too."""
    counts = Counter(row.verdict for row in found)
    named = {verdict: [row.name for row in found if row.verdict == verdict] for verdict in (FAIL, LOST)}
    failed, lost = (f" ({', '.join(names)})" if names else "" for names in named.values())
    of_port = f", {counts[LOST]} {LOST}{lost}" if lost else ""
    return f"{counts[PASS]} passed, {counts[FAIL]} failed{failed}, {counts[NOT_APPLICABLE]} not applicable{of_port}"


def line_text(probe: Probe) -> str:
    """How good the line was."""
    return f"line: {probe.decoder.counts.bad} damaged frames received, {probe.num_repeated} requests sent again"


def record(probe: Probe, found: Sequence[Row], ending: str, made_at: str) -> dict[str, Any]:
    """For programs.

    Args:
        ending: whether light and heater are off.
        made_at: date and time with its zone.
    """
    identity = probe.identity
    return {
        "passed": all(row.verdict not in (FAIL, LOST) for row in found),
        "serial": identity.serial,
        "firmware": f"{identity.version_major}.{identity.version_minor}.{identity.version_patch}",
        "protocol": f"{VERSION_MAJOR}.{VERSION_MINOR}",
        "made_at": made_at,
        "ending": ending,
        "damaged_frames": probe.decoder.counts.bad,
        "requests_sent_again": probe.num_repeated,
        "checks": [asdict(row) for row in found],
    }


def report_text(probe: Probe, found: Sequence[Row], ending: str, made_at: str) -> str:
    """The report as a text file."""
    return (
        f"{identity_text(probe.identity)}\ntested {made_at}\n\n{''.join(map(row_text, found))}\n"
        f"{counts_text(found)}\n{line_text(probe)}\n{ending}\n"
    )
