"""What must be the same on each machine of a cluster for the same piece to give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping

from edge.batch.cluster import probe
from edge.clips.program import NoFfmpeg, find_ffmpeg

PROGRAM = "edge-enhance"
DISTRIBUTIONS = (
    PROGRAM,
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pi-heif",
    "pillow",
    "pydicom",
    "python-gdcm",
    "pyvips-binary",
    "simplejpeg",
)
"""That read, enhance or write pixels, and this program itself."""


def programs() -> dict[str, str]:
    """FFmpeg, which reads and writes clips; empty where there is none."""
    try:
        return {"FFmpeg": ".".join(map(str, find_ffmpeg().version))}
    except NoFfmpeg:
        return {"FFmpeg": ""}


def versions_here() -> dict[str, str]:
    """Of this machine, as `edge.batch.cluster.probe` tells them of another."""
    return probe.versions_here(DISTRIBUTIONS)


def difference(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """`edge-enhance 1.1.0 (here 1.2.0)` and what else differs; empty where nothing does.

    Args:
        theirs: of a node; without the programs where it could not say, which differs already.
    """
    if theirs.get(PROGRAM, "") != ours[PROGRAM]:  # the rest follows from that
        ours = {PROGRAM: ours[PROGRAM]}
    told = [
        f"{f'{name} {found}' if (found := theirs.get(name, '')) else f'no {name}'} (here {version or 'none'})"
        for name, version in ours.items()
        if theirs.get(name, "") != version
    ]
    return ", ".join(told)


def what_to_do(ours: Mapping[str, str], theirs: Mapping[str, str]) -> str:
    """How a node gets the versions that are here."""
    if theirs.get(PROGRAM, "") != ours[PROGRAM]:
        return f"pip install 'edge-enhance[cluster]=={ours[PROGRAM]}' there, and start Ray there again"
    wrong = [name for name, version in ours.items() if theirs.get(name, "") != version]
    wheels = [f"{name}=={ours[name]}" for name in wrong if name in DISTRIBUTIONS and ours[name]]
    if wheels:
        return f"pip install {' '.join(wheels)} there, and start Ray there again"
    return f"install the same {' and '.join(wrong)} there, and start Ray there again"
