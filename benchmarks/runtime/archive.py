"""`python -m benchmarks.runtime.archive`: a run over stills beside what the CPU time of its parts allows.

The parts, each alone in a process of one thread, as many of these at once as there are cores, which share caches:
reading and decoding the original, the engine, the PNG of the raw picture and of the enhanced one; and what makes an
archive of it: SHA-256 of the original and of both results, the checks of both, and writing them. The run:
`edge-enhance FOLDER --output DIR`, its CPU time that of all its processes.
"""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import simplejpeg

from benchmarks.page import PAGE
from benchmarks.runtime.parts import cpu_and_wall_ms
from edge.basics.markdown import replace_section, table
from edge.basics.whole_files import PRIVATE_FILE, write_together
from edge.batch.checks import is_flat, refuse_flat, refuse_unsound_png
from edge.engines.cpu import open_cpu_engine
from edge.engines.threads import settle_opencv
from edge.health.machine import available_cpus, machine_line
from edge.models.profile import load_profile
from edge.pictures.marks import mark_text, png_bytes
from edge.pictures.reading.picture_file import opened_picture
from edge.sources.demo.source import DemoSource
from firmware_bridge.command_line import Parser

NUM_SCENES = 12
NUM_CALLS = 24


def write_stills(folder: Path, num_stills: int) -> list[Path]:
    """The degraded demo throat at 1080p, each still another moment or part of it, as JPEGs of quality 95."""
    demo = DemoSource("demo:", paced=False)
    scenes = [demo.render(37 * index).degraded for index in range(min(NUM_SCENES, num_stills))]
    paths = []
    for index in range(num_stills):
        moved = np.ascontiguousarray(np.roll(scenes[index % NUM_SCENES], 8 * (index // NUM_SCENES), axis=1))
        paths.append(folder / f"still-{index:04d}.jpg")
        paths[-1].write_bytes(simplejpeg.encode_jpeg(moved, quality=95, colorspace="RGB"))
    return paths


MAKING = ("read and decode", "engine", "PNG of the raw picture", "PNG of the enhanced picture")
"""The parts that make the pictures; the others make an archive of them."""


def parts_cpu_ms(paths: list[Path]) -> dict[str, float]:
    """Name -> CPU ms of a still, mean over different ones; those of `MAKING` first."""
    settle_opencv()
    engine = open_cpu_engine(load_profile("live"), 1)
    count = 0

    def following() -> Path:
        nonlocal count
        count += 1
        return paths[count % len(paths)]

    def following_number() -> int:
        nonlocal count
        count += 1
        return count % NUM_SCENES

    raw = [opened_picture(following()).page().image for _ in range(NUM_SCENES)]
    enhanced = [engine.enhance(image).image.copy() for image in raw]

    def of(images: list[np.ndarray]) -> np.ndarray:
        return images[following_number()]

    mark = mark_text("enhanced", "live", engine.model_sha256)
    original = following().read_bytes()
    pngs = [(png_bytes(image, mark), png_bytes(made, mark)) for image, made in zip(raw, enhanced, strict=True)]

    def check() -> None:
        number = following_number()
        refuse_flat("still", raw[number], enhanced[number])
        for png, image in zip(pngs[number], (raw[number], enhanced[number]), strict=True):
            refuse_unsound_png("still", png)
            is_flat(image)

    def write(folder: Path) -> None:
        contents = dict(zip((folder / "raw.png", folder / "enhanced.png"), pngs[following_number()], strict=True))
        write_together({**contents, folder / "enhanced.png.json": b" " * 1000}, PRIVATE_FILE)

    with tempfile.TemporaryDirectory(dir=paths[0].parent.parent) as name:
        parts = {
            "read and decode": lambda: opened_picture(following()).page(),
            "engine": lambda: engine.enhance(of(raw)),
            "PNG of the raw picture": lambda: png_bytes(of(raw), mark_text("raw")),
            "PNG of the enhanced picture": lambda: png_bytes(of(enhanced), mark),
            "SHA-256 of the original and both": lambda: [
                hashlib.sha256(content).digest() for content in (original, *pngs[following_number()])
            ],
            "checks of both": check,
            "writing both": lambda: write(Path(name)),
        }
        found = {part: cpu_and_wall_ms(work, NUM_CALLS)[0] for part, work in parts.items()}
    engine.close()
    return found


def on_all_cores(paths: list[Path]) -> dict[str, float]:
    """The mean of what each of several processes finds, one a core, at the same time."""
    cores = available_cpus()
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        found = list(pool.map(parts_cpu_ms, [paths] * cores))
    return {name: sum(one[name] for one in found) / cores for name in found[0]}


def run_s(folder: Path, output: Path, words: list[str]) -> tuple[float, float]:
    """CPU and wall seconds of a run, all its processes together."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [str(Path(sys.executable).with_name("edge-enhance")), str(folder), "--output", str(output), *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall_s, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s


def main() -> None:
    parser = Parser(prog="python -m benchmarks.runtime.archive", description=__doc__)
    parser.add_argument("--stills", type=int, default=1000, metavar="N")
    parser.add_argument("--page", action="store_true", help="renew the section of docs/results.md")
    parser.add_argument("words", nargs="*", metavar="WORD", help="for edge-enhance, behind --")
    args = parser.parse_args()
    cores = available_cpus()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "stills"
        folder.mkdir()
        paths = write_stills(folder, args.stills)
        before = on_all_cores(paths)
        cpu_s, wall_s = run_s(folder, Path(name) / "out", args.words)
        after = on_all_cores(paths)
    parts = {part: (before[part] + after[part]) / 2 for part in before}
    all_ms, made_ms = sum(parts.values()), sum(parts[name] for name in MAKING)
    rate, run_ms = args.stills / wall_s, cpu_s * 1e3 / args.stills

    def reached(parts_ms: float) -> str:
        return f"{rate / (cores * 1e3 / parts_ms):.2f} by time, {parts_ms / run_ms:.2f} by CPU time"

    rows = [[part, f"{ms:.1f} ms CPU"] for part, ms in parts.items()]
    rows += [
        ["stills a second that they allow", f"{cores * 1e3 / all_ms:.2f} on {cores} cores"],
        ["stills a second of the run", f"{rate:.2f}"],
        ["CPU time of the run, a still", f"{run_ms:.1f} ms"],
        ["reached of it", reached(all_ms)],
        ["reached of what the first four allow, as if nothing were hashed, checked or written", reached(made_ms)],
    ]
    text = f"{date.today()}, {machine_line()}, load {os.getloadavg()[1]:.1f}; {args.stills} stills.\n\n"
    text += table(["", ""], rows)
    print(text)
    if args.page:
        replace_section(PAGE, "archive", text)


if __name__ == "__main__":
    main()
