"""The Python that has GStreamer: the system's own, since no package index carries `gi` for Linux."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from edge.basics.errors import DeviceMissing
from edge.basics.python_child import child_environment

SYSTEM_PYTHON = Path("/usr/bin/python3")
SCRIPTS = Path(__file__).resolve().with_name("scripts")
INSTALL = (
    "apt-get install python3-gi gir1.2-gstreamer-1.0 gir1.2-gst-plugins-base-1.0 "
    "gstreamer1.0-plugins-base gstreamer1.0-plugins-good"
)
_ANSWER_S = 20.0
_ASK = (
    "import gi, sys; gi.require_version('Gst', '1.0'); from gi.repository import Gst; Gst.init(None); "
    "print(Gst.version_string(), 'by Python', sys.version.split()[0])"
)
_PACKAGES = (
    (r"nv\w*", "nvidia-l4t-gstreamer"),
    (r"libcamera\w*", "gstreamer1.0-libcamera"),
    (r"av(dec|enc|demux|mux)_\w+", "gstreamer1.0-libav"),
    (r"x264enc|a52dec|mad", "gstreamer1.0-plugins-ugly"),
    (r"pipewiresrc", "gstreamer1.0-pipewire"),
    (r"ximagesink|xvimagesink|ximagesrc", "gstreamer1.0-x"),
    (r"gl\w+", "gstreamer1.0-gl"),
    (
        r"(video(convert|scale|rate|testsrc|convertscale|crop)|appsrc|appsink|decodebin3?|uridecodebin3?|playbin3?"
        r"|rawvideoparse|textoverlay|timeoverlay|clockoverlay|compositor|tcp\w+|alsasrc)",
        "gstreamer1.0-plugins-base",
    ),
    (
        r"(v4l2\w+|jpeg(dec|enc)|rtsp\w*|rtp\w+|udp\w+|multipart\w+|souphttp\w+|png(dec|enc)|videobox|videoflip"
        r"|videocrop|deinterlace|avidemux|qtdemux|matroskademux|shapewipe|vpx?\d?(dec|enc))",
        "gstreamer1.0-plugins-good",
    ),
)
"""Names of elements -> Debian's package of them; the rest are among the bad ones."""


class NoGStreamer(DeviceMissing):
    """The system's Python has no GStreamer; says what to install."""


def system_python() -> str:
    """Raises `NoGStreamer` where the system has no Python of its own."""
    if not SYSTEM_PYTHON.exists():
        raise NoGStreamer(f"{SYSTEM_PYTHON} is missing, by which GStreamer is run; {INSTALL}")
    return str(SYSTEM_PYTHON)


def no_gstreamer(reason: str) -> NoGStreamer:
    """What is raised where `gi` cannot be loaded."""
    return NoGStreamer(f"{SYSTEM_PYTHON} has no GStreamer ({reason}); {INSTALL}")


def package_of(element: str) -> str:
    """The package that most likely has an element, as Debian and JetPack call it."""
    for pattern, package in _PACKAGES:
        if re.fullmatch(pattern, element):
            return package
    return "gstreamer1.0-libav" if element == "decoder" else "gstreamer1.0-plugins-bad"


def gstreamer_words() -> str:
    """What is there, for `--check`.

    Raises:
        NoGStreamer: nothing that can be used.
    """
    try:
        done = subprocess.run(
            [system_python(), "-I", "-c", _ASK],
            env=child_environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise no_gstreamer(str(error)) from error
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise no_gstreamer(lines[-1] if lines else f"status {done.returncode}")
    return f"{done.stdout.decode(errors='replace').strip()} ({SYSTEM_PYTHON})"
