"""`edge-export bench`: how fast a profile's engine is on this machine, host and GPU told apart."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from statistics import median, pstdev

from edge.engines.engine import Engine
from edge.engines.gpu.tensorrt import MAX_FLIGHTS, TensorRtEngine
from edge.health.machine import mode_and_clocks
from edge.models.profile import Profile
from edge.pictures.image import Image
from export.on_unit.power import PowerMeter

NUM_WARM_UP = 10
MIN_SAMPLES = 3


@dataclass(frozen=True)
class Figures:
    """Milliseconds unless the name says otherwise; None where the device or the engine does not tell.

    Attributes:
        jitter_ms: standard deviation of the latency.
        gpu_ms: median time that the network ran on the GPU, without copies.
        host_ms: median latency less GPU time and copies: what our own code and the driver take.
        nvpmodel, clocks_mhz: power mode and clocks while it ran; "none here" where the machine tells none.
        throughput_fps: frames per second with three on their way.
        gflops: arithmetic of the convolutions, two operations a multiply-accumulate, over the run time.
        share_of_peak: of the fp16 matrix rate that was measured on the same device.
    """

    device: str
    nvpmodel: str
    clocks_mhz: str
    num_frames: int
    latency_median_ms: float
    latency_p95_ms: float
    latency_p99_ms: float
    jitter_ms: float
    throughput_fps: float
    gpu_ms: float | None
    copy_ms: float | None
    host_ms: float | None
    gflops: float
    share_of_peak: float | None
    watts: float | None
    joules_per_frame: float | None
    gpu_memory_mib: float | None

    def lines(self) -> list[str]:
        """`name value`, a line a figure, those that are known."""
        known = {name: value for name, value in asdict(self).items() if value is not None}
        return [
            f"{name:18} {value:.3f}" if isinstance(value, float) else f"{name:18} {value}"
            for name, value in known.items()
        ]


def bench(profile: Profile, engine: Engine, frame: Image, seconds: float, peak_flops: float | None = None) -> Figures:
    """Run one frame over and over: first one at a time, then three on their way.

    Args:
        peak_flops: the device's measured matrix rate.
    """
    gpu = gpu_engine(engine)
    for _ in range(NUM_WARM_UP if gpu else 1):
        engine.enhance(frame)
    latency_ms: list[float] = []
    parts: dict[str, list[float]] = {}
    with PowerMeter() as meter:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(latency_ms) < MIN_SAMPLES:
            begin = time.perf_counter()
            answer = engine.enhance(frame)
            latency_ms.append((time.perf_counter() - begin) * 1e3)
            for name, took_ms in answer.stage_ms.items():
                parts.setdefault(name, []).append(took_ms)
        nvpmodel, clocks = mode_and_clocks()
    throughput = _throughput(gpu, frame, seconds) if gpu else 1e3 / median(latency_ms)
    gpu_ms, copy_ms = (median(parts[name]) if gpu else None for name in ("gpu", "copy"))
    run_ms = median(latency_ms) if gpu_ms is None else gpu_ms
    macs = sum(network.get("macs", 0) for network in profile.manifest["networks"])
    flops = 2 * macs / (run_ms / 1e3)
    watts = meter.mean_watts
    ordered = sorted(latency_ms)
    return Figures(
        device=engine.device,
        nvpmodel=nvpmodel,
        clocks_mhz=clocks,
        num_frames=len(latency_ms),
        latency_median_ms=median(latency_ms),
        latency_p95_ms=ordered[round(0.95 * (len(ordered) - 1))],
        latency_p99_ms=ordered[round(0.99 * (len(ordered) - 1))],
        jitter_ms=pstdev(latency_ms),
        throughput_fps=throughput,
        gpu_ms=gpu_ms,
        copy_ms=copy_ms,
        host_ms=None if gpu_ms is None or copy_ms is None else max(0.0, median(latency_ms) - gpu_ms - copy_ms),
        gflops=flops / 1e9,
        share_of_peak=None if peak_flops is None else flops / peak_flops,
        watts=watts,
        joules_per_frame=None if watts is None else watts * median(latency_ms) / 1e3,
        gpu_memory_mib=None if gpu is None else sum(gpu.memory_bytes.values()) / 2**20,
    )


def gpu_engine(engine: Engine) -> TensorRtEngine | None:
    """The engine, if it is TensorRT's."""
    return engine if isinstance(engine, TensorRtEngine) else None


def _throughput(engine: TensorRtEngine, frame: Image, seconds: float) -> float:
    for _ in range(MAX_FLIGHTS - 1):
        engine.submit(frame)
    num_frames, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds or num_frames < MIN_SAMPLES:
        engine.submit(frame)
        engine.collect()
        num_frames += 1
    took_s = time.perf_counter() - begin
    for _ in range(MAX_FLIGHTS - 1):
        engine.collect()
    return num_frames / took_s
