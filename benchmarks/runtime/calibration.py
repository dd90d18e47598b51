"""How right calibration is, what it costs, what it is worth: `python -m benchmarks.runtime.calibration`.

Units with known faults are captured by `edge-calib capture` and solved; their truth is the yardstick.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from benchmarks.page import PAGE
from benchmarks.runtime.parts import cpu_and_wall_ms
from calib.capture.capture import CaptureOptions, capture
from calib.solving.light import full_size
from calib.solving.solve import Solution, solve
from calib.solving.spots import find_spots
from edge.basics.markdown import replace_section, table
from edge.calibration.calibration import PARTS, Calibration
from edge.calibration.correction import Correction
from edge.calibration.lens import view_focal_px
from edge.engines.cpu import open_cpu_engine
from edge.engines.engine import Engine
from edge.health.machine import available_cpus, machine_line
from edge.models.profile import load_profile
from edge.pictures.colour import FULL_STEP, codes_from_steps, linear_from_srgb
from edge.pictures.files import picture_paths, read_picture
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX, fit_to_frame
from edge.pictures.image import Image
from edge.sources.demo.render import DemoRenderer
from edge.sources.demo.targets import throat_scene
from edge.sources.demo.unit import Scene, UnitCamera, UnitTruth, unit_truth
from firmware_bridge.command_line import Parser
from trainer.data.recipes import HELD_OUT_STRENGTHS, held_out_fog
from trainer.judging.metrics import psnr

UNITS = (("A-1", "radial"), ("B-2", "radial"), ("C-3", "fisheye"))


def solved_unit(serial: str, lens: str, folder: Path) -> tuple[UnitTruth, Solution]:
    """Capture every target of a bench unit and solve."""
    for target in PARTS:
        options = CaptureOptions(target, folder / target, serial, f"demo:?unit={serial}&lens={lens}&pace=free")
        capture(options, threading.Event())
    truth = unit_truth(serial, lens="fisheye" if lens == "fisheye" else "radial")
    return truth, solve([folder / target for target in PARTS])


def accuracy(truth: UnitTruth, solution: Solution) -> list[str]:
    """One cell a promise, in the order of `PROMISES`."""
    calibration, chart, flat = solution.calibration, solution.chart, solution.flat
    assert calibration.lens is not None and chart is not None and flat is not None
    even = full_size(calibration.gain) * truth.fall_off()
    even /= even.mean(axis=(0, 1))
    white = 1 / truth.cast.sum(axis=1)
    white_off = np.abs(calibration.white / (white / white.min()) - 1).max()
    focal_off = np.abs(np.array(calibration.lens.focal_px) / np.diag(truth.camera)[:2] - 1).max()
    found = {tuple(place) for place in calibration.hot_px.tolist()}
    planted = {tuple(place) for place in truth.hot_px.tolist()}
    spots = find_spots(flat.residual, flat.gain)
    dust = sum(any(np.hypot(s.x_px - d.x_px, s.y_px - d.y_px) < 4 for s in spots) for d in truth.dust)
    deltas = chart.fit.delta_after
    return [
        f"{even.std(axis=(0, 1)).max():.2%}",
        f"{white_off:.3%}",
        f"{deltas.mean():.2f}, {deltas.max():.2f} (without matrix {chart.fit.delta_before.mean():.1f})",
        f"{focal_off:.3%} ({calibration.lens.model})",
        f"{calibration.lens.rms_px:.3f} px",
        f"{len(found & planted)} of {len(planted)}, {len(found - planted)} false",
        f"{dust} of {len(truth.dust)}, {len(spots) - dust} false",
    ]


PROMISES = (
    ("fall-off of 1:4, rms left", "1%"),
    ("white balance, largest error", "0.5%"),
    ("chart CIEDE2000 mean, max", "1.5, 4"),
    ("focal length, largest error", "0.3%"),
    ("reprojection rms", "0.3 px"),
    ("hot pixels found", "95%, 20 false"),
    ("dust found", "all"),
)


@dataclass(frozen=True)
class Pair:
    """A unit as it is, and its correction."""

    camera: UnitCamera
    correction: Correction


def fall_off_alone(truth: UnitTruth) -> tuple[UnitTruth, Calibration]:
    """A unit with the same fall-off and noise and no other fault, and what undoes it."""
    plain = replace(truth, dark=np.zeros(3), cast=np.eye(3), distortion=np.zeros(5), hot_px=truth.hot_px[:0],
                    hot_light=truth.hot_light[:0], dust=(), lens="radial")  # fmt: skip
    gain = cv2.resize(1 / plain.fall_off(), (240, 135), interpolation=cv2.INTER_AREA)
    neutral = Calibration("", "", datetime.now(timezone.utc), "", ("flat",))
    return plain, replace(neutral, gain=np.asarray(gain, np.float32))


def view_directions(calibration: Calibration, camera: UnitCamera) -> tuple[np.ndarray, np.ndarray]:
    """Where the corrected picture's pixels look."""
    if calibration.lens is None:
        return camera.directions
    focal_px = view_focal_px(calibration.lens)
    x = (np.arange(FRAME_WIDTH_PX, dtype=np.float32) - (FRAME_WIDTH_PX - 1) / 2) / focal_px
    y = (np.arange(FRAME_HEIGHT_PX, dtype=np.float32) - (FRAME_HEIGHT_PX - 1) / 2) / focal_px
    grid = np.meshgrid(x, y)
    return np.asarray(grid[0], np.float32), np.asarray(grid[1], np.float32)


def seen(scene: Scene, directions: tuple[np.ndarray, np.ndarray]) -> Image:
    """A scene as an ideal sensor would show it."""
    return codes_from_steps((np.clip(scene(*directions), 0, 1) * FULL_STEP + 0.5).astype(np.uint16))


def exposed_psnr(image: Image, truth: Image) -> float:
    """PSNR at the exposure that fits best: a camera's exposure is nobody's fault."""
    light, wanted = linear_from_srgb(image), linear_from_srgb(truth)
    factor = float((light * wanted).sum() / (light * light).sum())
    return psnr(codes_from_steps((np.clip(light * factor, 0, 1) * FULL_STEP + 0.5).astype(np.uint16)), truth)


def worth(pair: Pair, truths: list[Image], engine: Engine, strength: float) -> tuple[float, float]:
    """PSNR of the enhanced result, uncorrected and corrected, each against the clean scene in its own geometry."""
    scores = []
    for number, clean in enumerate(truths):
        foggy = held_out_fog(clean, strength, np.random.default_rng(number)) if strength else clean
        frame = pair.camera.frame(pair.camera.signal(throat_scene(foggy)), number)
        corrected = engine.enhance(pair.correction.apply(frame)).image
        directions = view_directions(pair.correction.calibration, pair.camera)
        before = exposed_psnr(engine.enhance(frame).image, seen(throat_scene(clean), pair.camera.directions))
        scores.append((before, exposed_psnr(corrected, seen(throat_scene(clean), directions))))
    return float(np.mean([a for a, _ in scores])), float(np.mean([b for _, b in scores]))


def worth_table(pairs: dict[str, Pair], sets: dict[str, list[Image]], engine: Engine) -> str:
    rows: list[list[object]] = []
    for name, truths in sets.items():
        for unit, pair in pairs.items():
            for fog, strength in {"none": 0.0, **HELD_OUT_STRENGTHS}.items():
                before, after = worth(pair, truths, engine, strength)
                rows.append([name, unit, fog, before, after, f"{after - before:+.2f}"])
    return table(["pictures", "unit", "fog", "uncorrected, dB", "corrected, dB", "gain, dB"], rows)


def cost_table(calibration: Calibration, engine: Engine, rounds: int) -> str:
    """The correction beside the engine, in turns."""
    frame = np.random.default_rng(0).integers(0, 256, (FRAME_HEIGHT_PX, FRAME_WIDTH_PX, 3), dtype=np.uint8)
    without_lens = replace(calibration, lens=None)
    works: dict[str, Callable[[], object]] = {"engine of the profile live": lambda: engine.enhance(frame)}
    for name, one in (("correction, all parts", calibration), ("correction without the lens", without_lens)):
        for num_threads in sorted({1, available_cpus()}):
            made, out = Correction(one, num_threads), np.empty_like(frame)
            works[f"{name}, {num_threads} threads"] = lambda made=made, out=out: made.apply(frame, out)  # type: ignore[misc]
    times = [{name: cpu_and_wall_ms(work, 20) for name, work in works.items()} for _ in range(rounds)]
    rows: list[list[object]] = []
    for name in works:
        cpu = [one[name][0] for one in times]
        wall = [one[name][1] for one in times]
        rows.append([name, f"{median(cpu):.1f}", f"{median(wall):.1f}", f"{min(wall):.1f}"])
    return table(["what", "CPU ms", "wall ms, median", "wall ms, best round"], rows)


def gpu_row(calibration: Calibration) -> str:
    """The correction in graph form on a GPU, by torch: an upper bound of what an engine takes."""
    import torch

    from export.graphs.correction_graph import CorrectionGraph

    if not torch.cuda.is_available():
        return "No GPU in this run: the graph form (`edge-export correct`) is not timed."
    module = torch.compile(CorrectionGraph(Correction(calibration)).cuda().eval())
    frame = torch.randint(0, 256, (1, FRAME_HEIGHT_PX, FRAME_WIDTH_PX, 3), dtype=torch.uint8, device="cuda")
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    times = []
    with torch.no_grad():
        for number in range(120):
            start.record()
            module(frame)
            end.record()
            end.synchronize()
            times += [start.elapsed_time(end)] if number >= 20 else []
    return f"In the graph, {torch.cuda.get_device_name()}, torch {torch.__version__}: {median(times):.3f} ms a frame."


def main() -> None:
    parser = Parser(prog="python -m benchmarks.runtime.calibration", description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder of real, clean pictures for the last table")
    parser.add_argument("--count", type=int, default=6, help="pictures of each kind")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", action="store_true", help="renew the section calibration of docs/results.md")
    args = parser.parse_args()
    columns: dict[str, list[str]] = {}
    first: tuple[UnitTruth, Solution] | None = None
    with tempfile.TemporaryDirectory() as folder:
        for serial, lens in UNITS:
            truth, solution = solved_unit(serial, lens, Path(folder) / serial)
            columns[f"unit {serial}, {lens}"] = accuracy(truth, solution)
            first = first or (truth, solution)
    assert first is not None
    truth, solution = first
    rows = [[*promise, *(cells[n] for cells in columns.values())] for n, promise in enumerate(PROMISES)]
    parts = [table(["what", "promised", *columns], rows)]
    engine = open_cpu_engine(load_profile("live"))
    parts += [cost_table(solution.calibration, engine, args.rounds), gpu_row(solution.calibration)]
    plain, gain_alone = fall_off_alone(truth)
    pairs = {
        "fall-off alone": Pair(UnitCamera(plain), Correction(gain_alone, available_cpus())),
        "every fault": Pair(UnitCamera(truth), Correction(solution.calibration, available_cpus())),
    }
    renderer = DemoRenderer(0)
    sets = {"demo": [renderer.truth(67 * number) for number in range(args.count)]}
    if args.pictures is not None:
        paths = picture_paths(args.pictures)
        chosen = paths[:: max(1, len(paths) // args.count)][: args.count]
        sets[args.pictures.name] = [fit_to_frame(read_picture(path)) for path in chosen]
    parts.append(worth_table(pairs, sets, engine))
    machine = f"{date.today()}, {available_cpus()} cores, OpenCV {cv2.__version__}; {machine_line()}; 1% read noise."
    text = "\n\n".join([machine, *parts])
    print(text)
    if args.page:
        replace_section(PAGE, "calibration", text)


if __name__ == "__main__":
    main()
