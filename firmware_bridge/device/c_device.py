"""The device in C, compiled on this machine and run as a process of its own, step by step."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from firmware_bridge.device.interface import Flash, Identity, Sensors, Stepped
from firmware_bridge.errors import BridgeError
from firmware_bridge.wire.layout import UNKNOWN_I16, UNKNOWN_U16
from firmware_bridge.wire.messages import Capability, ResetCause
from firmware_bridge.wire.signing import KEY_BYTES

C_FOLDER = Path(__file__).parent.parent / "c"
FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-O2")
SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_STEP = struct.Struct("<cQhhHhHHHBBQH")
_STEPPED = struct.Struct("<4HHIHBBIB32s")


def compiler() -> str | None:
    """The C compiler on the path, None where there is none."""
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


def compiled(program: str, extra_flags: Sequence[str] = ()) -> Path:
    """Build `c/<program>.c` with the device; a build of the same sources is used again.

    Raises:
        BridgeError: there is no compiler, or it refuses the sources.
    """
    cc = compiler()
    if cc is None:
        raise BridgeError("no C compiler (cc, gcc or clang) on the path; on Debian: sudo apt-get install gcc")
    sources = [C_FOLDER / f"{program}.c", *sorted(C_FOLDER.glob("edge_*.c"))]
    headers = sorted(C_FOLDER.glob("*.h"))
    flags = (*FLAGS, *extra_flags)
    key = hashlib.sha256(repr((cc, flags)).encode())
    for path in (*sources, *headers):
        key.update(path.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-enhance"
    target = cache / f"{program}-{key.hexdigest()[:16]}"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            built = Path(folder) / program
            command = [cc, *flags, "-o", str(built), *map(str, sources)]
            made = subprocess.run(command, capture_output=True, text=True, check=False)
            if made.returncode:
                first = (made.stderr.strip().splitlines() or ["no message"])[0]
                raise BridgeError(f"{cc} refuses {C_FOLDER}: {first}")
            built.replace(target)
    return target


class CDevice:
    """See `firmware_bridge.device.interface.Device`.

    Args:
        extra_flags: for the compiler, such as `SANITIZERS`.
    """

    def __init__(self, identity: Identity = Identity(), extra_flags: Sequence[str] = ()) -> None:  # noqa: B008  frozen
        program = compiled("simulator", extra_flags)
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._process.stdin is not None and self._process.stdout is not None, "pipes were asked for"
        self._in, self._out = self._process.stdin, self._process.stdout
        serial = identity.serial.encode("ascii", "replace")
        self._in.write(struct.pack("<cBI16s", b"I", identity.num_leds, identity.capabilities, serial))
        self._flash = Flash() if identity.capabilities & Capability.PAIRING else None
        self.start(ResetCause.POWER_ON)

    def start(self, cause: ResetCause) -> None:
        self._in.write(b"R" + bytes((cause,)))
        if self._flash is not None:
            key, nonce = self._flash.key, self._flash.next_boot_nonce()
            self._in.write(struct.pack("<cB32sQ", b"K", key is not None, key or bytes(KEY_BYTES), nonce))

    def step(
        self, now_us: int, received: bytes, sensors: Sensors, *, pressed: bool = False, exposure_us: int | None = None
    ) -> Stepped:
        def signed(value: int | None) -> int:
            return UNKNOWN_I16 if value is None else value

        humidity = UNKNOWN_U16 if sensors.humidity_permille is None else sensors.humidity_permille
        exposure = (exposure_us is not None, exposure_us or 0)
        head = _STEP.pack(
            *(b"S", now_us, signed(sensors.window_centi_celsius), signed(sensors.board_centi_celsius), humidity),
            *(signed(sensors.dew_margin_centi_celsius), sensors.supply_mv, sensors.led_ma, sensors.driver_faults),
            *(pressed, *exposure, len(received)),
        )
        try:
            self._in.write(head + received)
            self._in.flush()
            sent = self._out.read(int.from_bytes(self._out.read(2), "little"))
            *led_permille, heater, delay_us, faults, light, restart, effects, has_key, key = _STEPPED.unpack(
                self._out.read(_STEPPED.size)
            )
        except (OSError, struct.error) as error:
            raise BridgeError(f"the device in C ended with code {self._process.wait(5)}") from error
        if has_key and self._flash is not None:
            self._flash.key = key if any(key) else None
        return Stepped(sent, tuple(led_permille), heater, delay_us, faults, light, bool(restart), effects)

    def close(self) -> None:
        """End the process; its exit code is 0 unless a sanitizer stopped it."""
        self._in.close()
        self._out.close()
        code = self._process.wait(10)
        if code:
            raise BridgeError(f"the device in C ended with code {code}")
