"""What a check is and what comes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware_bridge.conform.probe import Probe

PASS, FAIL, NOT_APPLICABLE, LOST = "pass", "fail", "not applicable", "lost port"
"""LOST: the port went away, so that the rule is neither kept nor broken."""


class Failed(Exception):
    """The head broke the rule; the message says what was measured and what was expected."""


class NotApplicable(Exception):
    """The rule cannot be tried on this head, or not now; the message says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule of docs/firmware-protocol.md and how it is tried.

    Attributes:
        name: as the page and the report call it.
        rule: as the page says it, one line.
        seconds: about how long it takes.
        run: gives what was measured where the rule was kept; raises `Failed` or `NotApplicable`.
    """

    name: str
    rule: str
    seconds: float
    run: Callable[[Probe], str]


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one check.

    Attributes:
        verdict: pass, fail, not applicable or lost port.
        measured: what was seen, or why it could not be tried.
    """

    name: str
    rule: str
    verdict: str
    measured: str
    seconds: float
