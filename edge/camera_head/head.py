"""The camera head in the runtime: its button, light, heater and faults. Video does not depend on it."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from edge.basics.errors import ConfigError, DeviceMissing
from edge.camera_head.frame_sync import FrameSyncMatcher
from edge.camera_head.heater import DewPointFollower
from edge.camera_head.light import RingLight
from edge.config import BridgeConfig
from edge.frames.frame import FramePair
from edge.health.record import Health
from edge.saving.freeze import Freeze
from firmware_bridge.errors import CommandFailed, PortError
from firmware_bridge.host.bridge import Bridge, Snapshot, opened
from firmware_bridge.host.signer import FOREIGN, LOST
from firmware_bridge.host.texts import centi_text, faults_text, identity_text, reset_cause_text
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import (
    Button,
    ButtonAction,
    Capability,
    Fault,
    FaultEvent,
    FrameSync,
    GetParam,
    Hello,
    Param,
    ParamValue,
    SetHeater,
    SetLed,
    SetParam,
    Status,
)

log = logging.getLogger(__name__)

LATE_PRESS_NS = 2_000_000_000
"""A press that reaches the unit later than this does nothing: nobody means that moment any more."""


def refused_channels(config: BridgeConfig, num_leds: int) -> str:
    """Why the configured lights do not fit this head; empty where they do."""
    if len(config.led_permille) <= num_leds:
        return ""
    return (
        f"bridge.led_permille = {list(config.led_permille)}: this camera head has {num_leds} light channels, "
        f"expected at most {num_leds} values"
    )


def asked_head(config: BridgeConfig) -> tuple[Hello, Status, str]:
    """HELLO and STATUS of the configured head, and the port that it is on; opens the port for a moment.

    Raises:
        DeviceMissing: no camera head answers.
    """
    try:
        with opened(config.port, config.baud, Path(config.keys)) as bridge:
            snapshot = bridge.snapshot()
    except PortError as error:
        raise DeviceMissing(f"bridge.port = {config.port!r}: {error}") from error
    if snapshot.identity is None or snapshot.status is None:
        raise DeviceMissing(f"bridge.port = {config.port!r}: {snapshot.error}")
    return snapshot.identity, snapshot.status, snapshot.port


def check_head(config: BridgeConfig) -> str:
    """One line for `--check`.

    Raises:
        DeviceMissing: no camera head answers on the port, or a fault is set.
        ConfigError: a configured channel does not exist.
    """
    if not config.port:
        return "not configured"
    identity, status, port = asked_head(config)
    refusal = refused_channels(config, identity.num_leds)
    if refusal:
        raise ConfigError(refusal)
    if status.faults & ~Fault.WATCHDOG:
        raise DeviceMissing(f"{identity_text(identity)}: fault: {faults_text(status.faults)}")
    margin = centi_text(status.dew_margin_centi_celsius)
    return f"{identity_text(identity)} on {port}, window {margin} over the dew point"


def pairing_trouble(snapshot: Snapshot) -> str:
    """Why the head does not obey this unit alone though it was paired; empty where there is nothing to tell."""
    if snapshot.pairing not in (FOREIGN, LOST):
        return ""
    return f"camera head: {snapshot.pairing}; hold its button and run edge-bridge pair"


class CameraHead:
    """Ties the bridge to the unit. A sink, so that frames can be matched to exposures; it never waits for the line.

    Everything but `publish`, `describe` and `light` runs in the bridge's thread.
    """

    def __init__(self, config: BridgeConfig, health: Health, freeze: Freeze) -> None:
        self._config, self._health, self._freeze = config, health, freeze
        self._bridge = Bridge(config.port, config.baud, Path(config.keys))
        self.light = RingLight(config, self._bridge)
        self._bridge.subscribe(self._on_event, self._on_change)
        self._sync = FrameSyncMatcher()
        self._set_up_for: int | None = None
        self._heater = DewPointFollower(config.dew_margin_celsius)
        self._heater_limit_permille = 0
        self._config_error = ""
        self._status_seen: Status | None = None
        health.track("bridge", self.describe)

    def start(self) -> None:
        """Begin to look for the head; one that is missing is no error, it may come."""
        self._health.enter("bridge", "starting", "camera head not connected")
        self._bridge.start()

    def publish(self, pair: FramePair) -> None:
        self._sync.captured(pair.raw.t_capture_ns)

    def close(self) -> None:
        self._bridge.close()

    # ---- what the head tells

    def _on_event(self, event: Message, now_ns: int) -> None:
        if isinstance(event, FrameSync):
            start_ns = self._bridge.host_ns(event.exposure_start_us)
            if start_ns is not None:
                self._sync.exposed(start_ns)
        elif isinstance(event, Button):
            self._on_button(event, now_ns)
        elif isinstance(event, FaultEvent):
            log.warning("camera head: faults: %s", faults_text(event.faults))

    def _on_button(self, event: Button, now_ns: int) -> None:
        pressed_ns = self._bridge.host_ns(event.time_us)
        if pressed_ns is not None and now_ns - pressed_ns > LATE_PRESS_NS:
            log.warning("camera head: a press came %.1f s late and does nothing", (now_ns - pressed_ns) / 1e9)
            return
        actions = {
            ButtonAction.PRESS: self._freeze.press,
            ButtonAction.RELEASE: self._freeze.release,
            ButtonAction.LONG_PRESS: self._freeze.long_press,
        }
        if event.action in tuple(ButtonAction):
            actions[ButtonAction(event.action)]()

    def _on_change(self) -> None:
        snapshot = self._bridge.snapshot()
        if not snapshot.open or snapshot.identity is None:
            self._health.enter("bridge", "failed", "camera head not connected")
            return
        if self._set_up_for != snapshot.num_reconnects:
            self._set_up_for = snapshot.num_reconnects
            self._sync.restart()
            self._set_up(snapshot.identity.num_leds)
        status = snapshot.status
        faults = 0 if status is None else status.faults & ~Fault.WATCHDOG
        trouble = f"camera head: {faults_text(faults)}" if faults else self._config_error or pairing_trouble(snapshot)
        self._health.enter("bridge", "degraded" if trouble else "ok", trouble)
        if status is not None and status is not self._status_seen:
            self._status_seen = status
            if snapshot.identity.capabilities & Capability.HEATER:
                self._follow_dew_point(status)

    # ---- what the head is told

    def _set_up(self, num_leds: int) -> None:
        """A session has opened: bring the head into the configured state."""
        config = self._config
        self._config_error = refused_channels(config, num_leds)
        if self._config_error:
            log.error("%s", self._config_error)
        self._send(SetParam(Param.LED_LIMIT_PERMILLE, config.led_limit_permille))
        self._send(SetParam(Param.SYNC_DELAY_US, config.sync_delay_us))
        for channel, level in enumerate(self.light.levels_permille(num_leds)):
            self._send(SetLed(channel, level))
        self._send(GetParam(Param.HEATER_LIMIT_PERMILLE))

    def _follow_dew_point(self, status: Status) -> None:
        wanted = 0
        if self._config.heater == "auto":
            margin = _celsius(status.dew_margin_centi_celsius)
            window = _celsius(status.window_centi_celsius)
            wanted = self._heater.permille(margin, window, self._heater_limit_permille)
        if wanted != status.heater_permille and not status.faults & Fault.OVER_TEMPERATURE:
            self._send(SetHeater(wanted))

    def _send(self, message: Message) -> None:
        if self._bridge.snapshot().pairing == FOREIGN and not isinstance(message, GetParam):
            return  # told in health; each would be refused
        try:
            self._bridge.submit(message).add_done_callback(self._on_answer)
        except CommandFailed as error:
            log.warning("camera head: %s", error)

    def _on_answer(self, future: Future[Message]) -> None:
        error = future.exception()
        if error is not None:
            log.warning("camera head: %s", error)
            return
        answer = future.result()
        if isinstance(answer, ParamValue) and answer.param == Param.HEATER_LIMIT_PERMILLE:
            self._heater_limit_permille = answer.value

    # ---- /health

    def describe(self) -> dict[str, Any]:
        """The record `bridge` of `/health`."""
        snapshot = self._bridge.snapshot()
        record: dict[str, Any] = {
            "state": "connected" if snapshot.open else "lost",
            "reason": snapshot.error or self._config_error,
            "port": snapshot.port or self._config.port,
            "reconnects": snapshot.num_reconnects,
        }
        if snapshot.identity is not None:
            identity = snapshot.identity
            firmware = f"{identity.version_major}.{identity.version_minor}.{identity.version_patch}"
            record |= {"serial": identity.serial, "firmware": firmware, "num_leds": identity.num_leds}
            record["pairing"] = snapshot.pairing or "cannot be paired"
        if snapshot.status is not None:
            record |= _measured(snapshot, snapshot.status)
        return record | {"frame_sync": self._sync.report() | {"uncertainty_ms": self._uncertainty_ms()}}

    def _uncertainty_ms(self) -> float | None:
        uncertainty_ns = self._bridge.clock_uncertainty_ns
        return None if uncertainty_ns is None else round(uncertainty_ns / 1e6, 2)


def _celsius(centi: int | None) -> float | None:
    return None if centi is None else centi / 100


def _measured(snapshot: Snapshot, status: Status) -> dict[str, Any]:
    num_leds = 0 if snapshot.identity is None else snapshot.identity.num_leds
    humidity = status.humidity_permille
    return {
        "status_age_s": None if snapshot.status_age_s is None else round(snapshot.status_age_s, 2),
        "led_permille": list(status.led_permille[:num_leds]),
        "led_ma": status.led_ma,
        "light_state": status.light_state,
        "heater_permille": status.heater_permille,
        "window_celsius": _celsius(status.window_centi_celsius),
        "dew_margin_celsius": _celsius(status.dew_margin_centi_celsius),
        "board_celsius": _celsius(status.board_centi_celsius),
        "humidity_percent": None if humidity is None else humidity / 10,
        "supply_v": status.supply_mv / 1000,
        "faults": [flag.name for flag in Fault if status.faults & flag],
        "reset_cause": reset_cause_text(status.reset_cause),
        "uptime_s": round(status.uptime_us / 1e6, 1),
        "line": snapshot.counts,
    }
