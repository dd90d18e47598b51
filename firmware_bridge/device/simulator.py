"""A camera head behind a pseudo terminal: device, surroundings and a cable that can be as bad as wanted."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import select
import threading
import time
import tty
from dataclasses import dataclass, field
from pathlib import Path

from firmware_bridge.device.faulty_line import FaultyLine, LineFaults
from firmware_bridge.device.interface import Device, Stepped
from firmware_bridge.device.physics import Surroundings
from firmware_bridge.wire.frames import FrameDecoder, sent_bytes
from firmware_bridge.wire.messages import REQUESTS, Nak, NakReason, ResetCause, frame_from_message

_TICK_S = 0.004
_BOOT_S = 0.3
_STORM_NAKS = 20


@dataclass
class Switches:
    """What is wrong with device or cable; may be changed at any time.

    Attributes:
        hang: the device neither reads nor acts; its watchdog does not help it.
        nak_storm: it refuses everything as busy and floods the line with NAKs to numbers that nobody used.
        fps: exposures per second, 0 for none.
        pressed: whether the button is held.
    """

    hang: bool = False
    nak_storm: bool = False
    fps: float = 30.0
    pressed: bool = False
    surroundings: Surroundings = field(default_factory=Surroundings)


class Simulator:
    """Runs in a thread of its own. `path` is what a program opens: a link that stays when the plug is pulled and put
    back, as a udev name does.

    Args:
        speed: how much faster the device's clock runs than the wall's.
    """

    def __init__(
        self,
        device: Device,
        path: Path,
        faults: LineFaults = LineFaults(),  # noqa: B008  frozen
        *,
        speed: float = 1.0,
        seed: int | None = None,
        switches: Switches | None = None,
    ) -> None:
        self.path = path
        self.switches = switches or Switches()
        self.outputs: Stepped | None = None
        self._device = device
        self._down, self._up = FaultyLine(faults, seed), FaultyLine(faults, None if seed is None else seed + 1)
        self._random = random.Random(seed)
        self._speed = speed
        self._storm_decoder = FrameDecoder()
        self._master: int | None = None
        self._slave: int | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._booted_ns = time.monotonic_ns()
        self._worked_us = 0
        self._next_exposure_us = 0.0
        self._reboot: ResetCause | None = None
        self._thread = threading.Thread(target=self._run, name="camera-head-simulator", daemon=True)

    def __enter__(self) -> Simulator:
        self.plug()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(5.0)
        self.unplug()
        self._device.close()

    def plug(self) -> None:
        """Put the plug in: the port appears and the device starts."""
        with self._lock:
            if self._master is not None:
                return
            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
            os.set_blocking(self._master, False)
            fresh = self.path.with_name(f".{self.path.name}.new")
            fresh.unlink(missing_ok=True)
            fresh.symlink_to(os.ttyname(self._slave))
            fresh.replace(self.path)
            self._reboot = ResetCause.POWER_ON

    def unplug(self) -> None:
        """Pull the plug: the port goes away, and what is on the way is lost."""
        with self._lock:
            if self._master is None or self._slave is None:
                return
            self.path.unlink(missing_ok=True)
            os.close(self._master)
            os.close(self._slave)
            self._master = self._slave = None
            self._down.clear()
            self._up.clear()

    def reboot(self, cause: ResetCause = ResetCause.WATCHDOG) -> None:
        """Restart the device; it takes 0.3 s."""
        with self._lock:
            self._reboot = cause

    def set_faults(self, faults: LineFaults) -> None:
        """Make the cable better or worse."""
        with self._lock:
            self._down.faults = self._up.faults = faults

    def press(self, seconds: float = 0.1) -> None:
        """Press the button and let it go."""
        self.switches.pressed = True
        self._stop.wait(seconds)
        self.switches.pressed = False

    def _run(self) -> None:
        while not self._stop.is_set():
            master = self._master
            if master is None:
                self._stop.wait(_TICK_S)
                continue
            try:
                select.select([master], [], [], _TICK_S)
                with self._lock:
                    self._work()
            except (OSError, ValueError) as error:
                if isinstance(error, OSError) and error.errno not in (errno.EIO, errno.EBADF):
                    raise
                self._stop.wait(_TICK_S)  # unplugged meanwhile

    def _work(self) -> None:
        """One turn of the device's main loop."""
        if self._master is None:
            return
        now_ns = time.monotonic_ns()
        with contextlib.suppress(BlockingIOError):
            self._down.put(os.read(self._master, 4096), now_ns)
        if self._reboot is not None:
            self._device.start(self._reboot)
            self._reboot = None
            self._booted_ns, self._worked_us, self._next_exposure_us = now_ns + int(_BOOT_S * 1e9), 0, 0.0
        received = self._down.take(now_ns)
        if now_ns < self._booted_ns or self.switches.hang:
            return
        now_us = int((now_ns - self._booted_ns) * self._speed) // 1000
        if self.switches.nak_storm:
            self._up.put(self._storm(received), now_ns)
            received = b""
        stepped = self._device.step(
            now_us,
            received,
            self.switches.surroundings.sensors(),
            pressed=self.switches.pressed,
            exposure_us=self._exposure_us(now_us),
        )
        self.switches.surroundings.advance((now_us - self._worked_us) / 1e6, stepped)
        self.outputs, self._worked_us = stepped, now_us
        if stepped.wants_restart:
            self._reboot = ResetCause.COMMAND
        self._up.put(stepped.sent, now_ns)
        out = self._up.take(now_ns)
        if out:
            with contextlib.suppress(BlockingIOError):  # nobody reads: a real line would lose it as well
                os.write(self._master, out)

    def _exposure_us(self, now_us: int) -> int | None:
        """When an exposure began since the last turn; None where none did."""
        fps = self.switches.fps
        if not fps or now_us < self._next_exposure_us:
            return None
        started_us = int(self._next_exposure_us)
        late = now_us - self._next_exposure_us > 1e6 / fps
        self._next_exposure_us = (now_us if late else self._next_exposure_us) + 1e6 / fps
        return now_us if late else started_us

    def _storm(self, received: bytes) -> bytes:
        requests = [frame for frame in self._storm_decoder.feed(received) if frame.type in {r.TYPE for r in REQUESTS}]
        refused = [frame_from_message(Nak(frame.type, NakReason.BUSY), frame.seq) for frame in requests]
        noise = [Nak(self._random.randrange(1, 11), self._random.randrange(1, 12)) for _ in range(_STORM_NAKS)]
        noisy = [frame_from_message(nak, self._random.randrange(0x8000, 0x10000)) for nak in noise]
        return b"".join(map(sent_bytes, (*refused, *noisy)))
