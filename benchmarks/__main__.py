"""`make bench`: speed of the frame path on this machine, and the section `speed` of docs/results.md."""

from __future__ import annotations

import platform
import tempfile
from datetime import date
from pathlib import Path
from statistics import median

import cv2

from benchmarks.page import PAGE
from benchmarks.runtime.clip import write_demo_clip
from benchmarks.runtime.live import Run, watch
from benchmarks.runtime.naive import naive_loop
from benchmarks.runtime.parts import measure_parts
from edge.basics.markdown import replace_section, table
from edge.engines.onnx_runtime import onnxruntime
from edge.health.machine import available_cpus, machine_line
from firmware_bridge.command_line import Parser


def latency_in_engine_times(run: Run) -> float:
    """Median capture to publish over the engine's median time, both as the program itself saw them in this run."""
    engine_ms = sum(run.health["stage_ms"][stage]["p50"] for stage in ("shrink", "dehaze", "guided"))
    return float(run.health["latency_ms"]["p50"] / engine_ms)


def main() -> None:
    parser = Parser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of program and yardstick, side by side")
    parser.add_argument("--seconds", type=float, default=15, help="length of each measurement")
    parser.add_argument("--soak", type=float, default=600, help="seconds of the memory run; 0 leaves it out")
    parser.add_argument("--port", type=int, default=8137)
    parser.add_argument("--no-page", action="store_true", help="print only; leave docs/results.md as it is")
    args = parser.parse_args()
    print(machine_line())
    with tempfile.TemporaryDirectory() as folder:
        clip = write_demo_clip(Path(folder) / "demo.mp4")
        rows: list[list[object]] = []
        rounds = []
        for _ in range(args.rounds):
            parts = measure_parts(clip)
            ours = watch(f"{clip}?pace=free", args.port, args.seconds)
            rounds.append((parts, ours, naive_loop(clip, args.seconds)))
        cpu_ms = {name: median(parts[name][0] for parts, _, _ in rounds) for name in rounds[0][0]}
        wall_ms = {name: median(parts[name][1] for parts, _, _ in rounds) for name in rounds[0][0]}
        allowed = [available_cpus() * 1e3 / sum(cpu for cpu, _ in parts.values()) for parts, _, _ in rounds]
        for name in cpu_ms:
            rows.append([f"{name}, alone", f"{cpu_ms[name]:.1f} ms CPU, {wall_ms[name]:.1f} ms wall"])
        lag = [run.health["latency_ms"]["p50"] for _, run, _ in rounds]
        in_engines = [latency_in_engine_times(run) for _, run, _ in rounds]
        rows += [
            ["frames/s, clip as fast as it goes, one viewer", f"{median(run.fps for _, run, _ in rounds):.1f}"],
            ["frames/s that the parts' CPU time allows", f"{median(allowed):.1f}"],
            ["reached of it", f"{median(run.fps / a for (_, run, _), a in zip(rounds, allowed, strict=True)):.2f}"],
            ["yardstick loop, frames/s", f"{median(naive for _, _, naive in rounds):.1f}"],
            ["ours over the yardstick", f"{median(run.fps / naive for _, run, naive in rounds):.2f}"],
            ["capture to publish, median", f"{median(lag):.0f} ms, {median(in_engines):.2f} engine times"],
        ]
        paced = [watch(str(clip), args.port, args.seconds) for _ in range(args.rounds)]
        lag = [run.health["latency_ms"]["p50"] for run in paced]
        in_engines = [latency_in_engine_times(run) for run in paced]
        rows += [
            ["frames/s, clip at the camera's 30", f"{median(run.fps for run in paced):.1f}"],
            ["its capture to publish, median", f"{median(lag):.0f} ms, {median(in_engines):.2f} engine times"],
        ]
        if args.soak:
            growth = watch(str(clip), args.port, args.soak).memory_growth()
            risen = "run too short" if growth is None else f"{growth:+.2%}"
            rows.append([f"memory over {args.soak / 60:.0f} minutes, last minute against second", risen])
    machine = f"{available_cpus()} cores, {platform.machine()}, onnxruntime {onnxruntime.__version__}"
    head = f"{date.today()}, {machine}, OpenCV {cv2.__version__}; {machine_line()}; medians of {args.rounds} rounds."
    text = f"{head}\n\n{table(['what', 'figure'], rows)}"
    print(text)
    if not args.no_page:
        replace_section(PAGE, "speed", text)


if __name__ == "__main__":
    main()
