"""`python -m benchmarks.runtime.sealing`: CPU time that encryption takes, of a saved pair and a second of recording.

The pair is the demo's, raw and a copy of it in place of the enhanced one, 1080p; the recording is as
docs/results.md measured it: 30 frames/s of 86,000 and 82,000 bytes in fragments of half a second.
"""

from __future__ import annotations

import io
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from edge.basics.folders import open_folder
from edge.pictures.marks import mark_text, png_bytes
from edge.saving.at_rest import PLAIN, AtRest
from edge.saving.sealing.keys import Key
from edge.sources.demo.source import DemoSource

RUNS = 15
FRAME_BYTES = (86_000, 82_000)
_SIDECAR_BYTES, _FRAMES_A_FRAGMENT, _SECONDS = 2_000, 15, 10


def cpu_ms(work: Callable[[], object]) -> float:
    """Median of the process' own time."""
    times = []
    for _ in range(RUNS):
        begun = time.process_time()
        work()
        times.append((time.process_time() - begun) * 1e3)
    return statistics.median(times)


def record(at_rest: AtRest, folder: Path, fragments: list[bytes]) -> None:
    """Ten seconds of one view, each fragment on the disk before the next."""
    with open_folder(folder) as opened:
        with opened.create("clip.mp4", 0o600) as file:
            growing = at_rest.growing(file, "clip.mp4")
            for fragment in fragments:
                growing.append(fragment)
            growing.end()
        opened.unlink("clip.mp4")


def main() -> None:
    sealing = AtRest(Key(secrets.token_bytes(32)))
    image = DemoSource("demo:", paced=False).render(165).degraded
    pictures = [png_bytes(image, mark_text("raw")) for _ in range(2)]
    contents = {"a.png": pictures[0], "b.png": pictures[1], "b.png.json": secrets.token_bytes(_SIDECAR_BYTES)}
    num_bytes = sum(map(len, contents.values()))
    coding = 2 * cpu_ms(lambda: png_bytes(image, mark_text("raw")))
    sealed = cpu_ms(lambda: [sealing.content(name, content) for name, content in contents.items()])
    print(f"a pair, {num_bytes / 1e6:.1f} MB: PNG {coding:.0f} ms, encrypted {sealed:.1f} ms")
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        (folder / "a.png").write_bytes(sealing.content("a.png", pictures[0]))
        with open_folder(folder) as opened:
            read = cpu_ms(lambda: sealing.read(opened, "a.png", 1 << 30))
        print(f"a picture of {len(pictures[0]) / 1e6:.1f} MB read: {read:.1f} ms")
        num = 2 * _SECONDS
        views = [[os.urandom(one * _FRAMES_A_FRAGMENT) for _ in range(num)] for one in FRAME_BYTES]
        plain, encrypted = (
            cpu_ms(lambda at_rest=at_rest: [record(at_rest, folder, view) for view in views]) / _SECONDS  # type: ignore[misc]
            for at_rest in (PLAIN, sealing)
        )
        print(f"a second of both views: written {plain:.1f} ms, encrypted and written {encrypted:.1f} ms")
        clip = b"".join(view for view in views[0])
        (folder / "clip.mp4").write_bytes(sealing.content("clip.mp4", clip * 18))
        size = len(clip) * 18
        with open_folder(folder) as opened:
            at_end = cpu_ms(lambda: _last_bytes(sealing.open(opened, "clip.mp4")))
        print(f"the last byte of {size / 1e6:.0f} MB: {at_end:.1f} ms")


def _last_bytes(file: io.IOBase) -> None:
    with file:
        file.seek(-1, os.SEEK_END)
        file.read(1)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
