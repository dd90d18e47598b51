"""The rules of a restart."""

from __future__ import annotations

from firmware_bridge.conform.asking import answer_text
from firmware_bridge.conform.probe import Probe
from firmware_bridge.conform.verdicts import Check, Failed
from firmware_bridge.wire.messages import Ack, Param, Reset, ResetCause

_MARK_US = 333
_YOUNG_S = 12.0
"""More than a head on USB needs until the system has found it again."""


def check_answered(probe: Probe) -> str:
    answer = probe.restart()
    if answer.type != Ack.TYPE or answer.payload != bytes((Reset.TYPE,)):
        raise Failed(f"RESET: {answer_text(answer)}; expected ACK before the restart")
    return "ACK, and then the restart"


def check_restarts(probe: Probe) -> str:
    began_s = probe.line.now_s()
    probe.restart()
    away_s = probe.line.now_s() - began_s
    probe.greet()
    status = probe.status()
    cause, age_s = status.reset_cause, status.uptime_us / 1e6
    if cause != ResetCause.COMMAND or age_s > _YOUNG_S:
        raise Failed(f"reset_cause {cause}, running for {age_s:.1f} s; expected {ResetCause.COMMAND:d}, a new start")
    return f"without a session within {away_s:.1f} s"


def check_forgets(probe: Probe) -> str:
    probe.greet()
    probe.set_param(Param.SYNC_DELAY_US, _MARK_US)
    probe.restart()
    probe.greet()
    found = probe.param(Param.SYNC_DELAY_US)
    if found == _MARK_US:
        raise Failed(f"SYNC_DELAY_US is still {found} after a restart")
    return f"SYNC_DELAY_US {_MARK_US} before, {found} after"


CHECKS = (
    Check("reset-answered", "RESET is answered before the restart.", 0.5, check_answered),
    Check("reset-restarts", "After RESET there is no session, and STATUS says COMMAND.", 0.5, check_restarts),
    Check("reset-forgets", "A parameter that was set is as after a start again.", 0.5, check_forgets),
)
