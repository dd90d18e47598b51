"""The FFmpeg that is at hand: the system's, else the one in the wheel `imageio-ffmpeg`.

It only ever runs as a program of its own: its crashes stay its own, and so does its licence (GPL, where it has x264).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache

from edge.basics.errors import InputOutputError

OLDEST = (4, 2)
_ANSWER_S = 30.0
_VERSION = re.compile(r"^ffmpeg version (?:n|N-)?(\d+)(?:\.(\d+))?")
INSTALL = "pip install imageio-ffmpeg, or apt-get install ffmpeg"


class NoFfmpeg(InputOutputError):
    """There is no FFmpeg that can be used; says what to install."""


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """A program that answered.

    Attributes:
        version: major and minor; a build that names none counts as new.
    """

    path: str
    version: tuple[int, int]

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
        version = _version_of(path)
        if version is None:
            reasons.append(f"{path} does not run")
        elif version < OLDEST:
            named, oldest = (".".join(map(str, one)) for one in (version, OLDEST))
            reasons.append(f"{path} is FFmpeg {named}, too old: {oldest} or newer is needed")
        else:
            return Ffmpeg(path, version)
    raise NoFfmpeg(f"clips need the program FFmpeg: {'; '.join(reasons) or 'none is installed'}; {INSTALL}")


@cache
def encoders_of(ffmpeg: Ffmpeg) -> frozenset[str]:
    """The encoders that this build has."""
    answer = _answer(ffmpeg.path, "-encoders") or ""
    return frozenset(re.findall(r"^ [VAS][.\w]{5} (\S+)", answer, re.MULTILINE))


def _of_the_wheel() -> str | None:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        return None


def _version_of(path: str) -> tuple[int, int] | None:
    """None where the program does not run."""
    answer = _answer(path, "-version")
    if answer is None or not answer.startswith("ffmpeg version"):
        return None
    found = _VERSION.match(answer)
    if found is None or int(found[1]) > 1000:  # built from a date or a commit
        return (99, 0)
    return int(found[1]), int(found[2] or 0)


def _answer(path: str, question: str) -> str | None:
    try:
        done = subprocess.run(
            [path, "-hide_banner", "-nostdin", question], capture_output=True, timeout=_ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
