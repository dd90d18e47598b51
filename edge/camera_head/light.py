"""The ring light as a person sets it: kept when the head connects again, until the program ends."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Protocol

from edge.basics.errors import ConfigError, DeviceMissing
from edge.config import BridgeConfig
from firmware_bridge.errors import CommandFailed
from firmware_bridge.host.bridge import Snapshot
from firmware_bridge.host.signer import FOREIGN
from firmware_bridge.wire.layout import Message
from firmware_bridge.wire.messages import SetLed


class Line(Protocol):
    """The part of `firmware_bridge.host.bridge.Bridge` that is needed here."""

    def snapshot(self) -> Snapshot: ...
    def submit(self, message: Message) -> Future[Message]: ...


class RingLight:
    """Safe to call from any thread."""

    def __init__(self, config: BridgeConfig, line: Line) -> None:
        self._config, self._line = config, line
        self._percent: float | None = None

    @property
    def limit_percent(self) -> float:
        """The most that may be asked for."""
        return self._config.led_limit_permille / 10

    def percent(self) -> float | None:
        """What the brightest channel was told to give; None where no head with a light is connected."""
        snapshot = self._line.snapshot()
        if not snapshot.open or snapshot.identity is None or snapshot.identity.num_leds == 0:
            return None
        if self._percent is not None:
            return self._percent
        status = snapshot.status
        return None if status is None else max(status.led_permille[: snapshot.identity.num_leds]) / 10

    def levels_permille(self, num_leds: int) -> tuple[int, ...]:
        """Of each channel, for a head that connects: as a person has set it, else as configured; empty: left alone."""
        if self._percent is None:
            limit = self._config.led_limit_permille
            return tuple(min(level, limit) for level in self._config.led_permille[:num_leds])
        return self._shares(self._percent, num_leds)

    def set_percent(self, percent: float) -> Future[None]:
        """Tell the head; done when every channel has it, and raises EdgeError where one has not.

        Raises:
            ConfigError: it is more than the configured limit.
            DeviceMissing: there is no head that would do it.
        """
        if not 0 <= percent <= self.limit_percent:
            limit = f"from 0 to {self.limit_percent:g}, by bridge.led_limit_permille"
            raise ConfigError(f"percent = {percent:g}: expected a number {limit}")
        snapshot = self._line.snapshot()
        if not snapshot.open or snapshot.identity is None:
            raise DeviceMissing("camera head not connected")
        if snapshot.pairing == FOREIGN:
            raise DeviceMissing(f"camera head: {snapshot.pairing}; hold its button and run edge-bridge pair")
        if snapshot.identity.num_leds == 0:
            raise DeviceMissing("this camera head has no light")
        levels = self._shares(percent, snapshot.identity.num_leds)
        try:
            answers = [self._line.submit(SetLed(channel, level)) for channel, level in enumerate(levels)]
        except CommandFailed as error:
            raise DeviceMissing(f"camera head: {error}") from error
        return self._when_all_have(answers, percent)

    def _shares(self, percent: float, num_leds: int) -> tuple[int, ...]:
        """Permille of each channel: the brightest has all of it, the others as much less as they are configured."""
        configured = [*self._config.led_permille[:num_leds]]
        brightest = max(configured, default=0)
        if not brightest:
            return (round(percent * 10),) * num_leds
        weights = [level / brightest for level in configured] + [0.0] * (num_leds - len(configured))
        return tuple(round(percent * 10 * weight) for weight in weights)

    def _when_all_have(self, answers: list[Future[Message]], percent: float) -> Future[None]:
        done: Future[None] = Future()
        lock, left = threading.Lock(), [len(answers)]

        def on_answer(answer: Future[Message]) -> None:
            error = answer.exception()
            with lock:
                left[0] -= 1
                if done.done():
                    return
                if error is not None:
                    done.set_exception(DeviceMissing(f"camera head: {error}"))
                elif left[0] == 0:
                    self._percent = percent
                    done.set_result(None)

        for answer in answers:
            answer.add_done_callback(on_answer)
        return done
