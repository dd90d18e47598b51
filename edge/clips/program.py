"""The FFmpeg that is at hand: the system's, else the one in the wheel `imageio-ffmpeg`.

It only ever runs as a program of its own: its crashes stay its own, and so does its licence (GPL, where it has x264).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from functools import cache

from edge.basics.errors import InputOutputError
from edge.confining.program import Hold, held

OLDEST = (4, 2)
_ANSWER_S = 30.0
_NAME = re.compile(r"^ffmpeg version ", re.MULTILINE)
_VERSION = re.compile(r"(?:n|N-)?(\d+)(?:\.(\d+))?")
_ENCODER = re.compile(r"^ [VAS][.\w]{5} (\S+)", re.MULTILINE)
INSTALL = "pip install imageio-ffmpeg, or apt-get install ffmpeg"


class NoFfmpeg(InputOutputError):
    """There is no FFmpeg that can be used; says what to install."""


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """A program that answered.

    Attributes:
        version: major and minor; a build that names none counts as new.
        encoders: that this build has.
    """

    path: str
    version: tuple[int, int]
    encoders: frozenset[str] = field(default=frozenset(), compare=False)

    @property
    def every_frame(self) -> tuple[str, str]:
        """The option that neither drops nor doubles a frame, under the name of this version."""
        return ("-fps_mode", "passthrough") if self.version >= (5, 1) else ("-vsync", "passthrough")

    @property
    def show_frames(self) -> str:
        """The filter that tells each frame's time and kind, without reading its pixels where that can be chosen."""
        return "showinfo=checksum=0" if self.version >= (5, 0) else "showinfo"


@cache
def find_ffmpeg() -> Ffmpeg:
    """The first that answers and is new enough: on the PATH, then in the wheel.

    Raises:
        NoFfmpeg: none is.
    """
    reasons = []
    for path in (shutil.which("ffmpeg"), _of_the_wheel()):
        if path is None:
            continue
        found = _asked(path)
        if found is None:
            reasons.append(f"{path} does not run")
        elif found.version < OLDEST:
            named, oldest = (".".join(map(str, one)) for one in (found.version, OLDEST))
            reasons.append(f"{path} is FFmpeg {named}, too old: {oldest} or newer is needed")
        else:
            return found
    raise NoFfmpeg(f"clips need the program FFmpeg: {'; '.join(reasons) or 'none is installed'}; {INSTALL}")


def _of_the_wheel() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


def _asked(path: str) -> Ffmpeg | None:
    """What a program says of itself, confined as it will be; None where it does not run or is another program."""
    try:
        with held(path, Hold()) as start:
            done = subprocess.run(
                [*start.command, "-nostdin", "-encoders"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_ANSWER_S,
                check=False,
                pass_fds=start.descriptors,
                env=start.environment,
            )
    except (OSError, subprocess.TimeoutExpired):
        return None
    told = (done.stderr + b"\n" + done.stdout).decode(errors="replace")
    name = _NAME.search(told)
    if done.returncode != 0 or name is None:
        return None
    encoders = frozenset(_ENCODER.findall(told))
    version = _VERSION.match(told, name.end())
    if version is None or int(version[1]) > 1000:  # built from a date or a commit
        return Ffmpeg(path, (99, 0), encoders)
    return Ffmpeg(path, (int(version[1]), int(version[2] or 0)), encoders)
