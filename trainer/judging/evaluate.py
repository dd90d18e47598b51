"""Judging networks on held-out pictures: dehazing, x4, and flicker. The tables of docs/results.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean

import cv2
import numpy as np
import torch
from torch import Tensor

from edge.basics.errors import InputOutputError
from edge.basics.markdown import table
from edge.basics.progress import Tick, no_tick, progress
from edge.pictures.files import read_picture
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX, SCALE, centre_crop_16_9, shrink
from edge.pictures.image import Image
from trainer.data.recipes import HELD_OUT_STRENGTHS, held_out_fog
from trainer.judging.classical import clahe, dark_channel_prior
from trainer.judging.held_out import HeldOut
from trainer.judging.isr_scores import isr_scores, isr_sets, isr_table
from trainer.judging.judged import (
    Judged,
    Method,
    at_network_size,
    counted,
    dehaze,
    enhance,
    picture_from_tensor,
    tensor_from_picture,
)
from trainer.judging.lpips import Lpips
from trainer.judging.metrics import ciede2000, flicker, flow_from_truth, psnr_for_means, relative_flicker, ssim
from trainer.networks import guided
from trainer.networks.student_isr import AnyStudent

SEED = 20261
NUM_ENLARGED = 8
"""Pictures of each set: RRDBNet takes seconds for one."""


@dataclass(frozen=True)
class Score:
    """Means over pictures: PSNR in dB, SSIM, CIEDE2000."""

    psnr: float
    ssim: float
    ciede2000: float


def score(results: Sequence[Image], truths: Sequence[Image]) -> Score:
    pairs = list(zip(results, truths, strict=True))
    return Score(*(mean(metric(a, b) for a, b in pairs) for metric in (psnr_for_means, ssim, ciede2000)))


def dehazing_scores(truths: Sequence[Image], methods: Mapping[str, Method]) -> dict[str, dict[str, Score]]:
    """Fog name -> method -> score; "clean" gives each method the truth itself."""
    scores: dict[str, dict[str, Score]] = {}
    for fog, strength in {"clean": 0.0, **HELD_OUT_STRENGTHS}.items():
        rngs = [np.random.default_rng((SEED, number)) for number in range(len(truths))]
        inputs = [held_out_fog(t, strength, rng) if strength else t for t, rng in zip(truths, rngs, strict=True)]
        # An untouched picture against itself has no finite PSNR, so "clean" shows no input row.
        scores[fog] = {
            name: score([method(lq) for lq in inputs], truths)
            for name, method in methods.items()
            if strength or name != "input"
        }
    return scores


def dehazing_table(scores: Mapping[str, Mapping[str, Score]]) -> str:
    """One row per method."""
    fogs = list(HELD_OUT_STRENGTHS)
    head = ["method", *(f"{fog}: PSNR, SSIM, dE00" for fog in fogs), "mean PSNR", "gain", "clean in: PSNR"]
    rows: list[list[object]] = []
    base = mean(scores[fog]["input"].psnr for fog in fogs)
    for name in scores[fogs[0]]:
        cells = [f"{s.psnr:.2f}, {s.ssim:.3f}, {s.ciede2000:.2f}" for s in (scores[fog][name] for fog in fogs)]
        average = mean(scores[fog][name].psnr for fog in fogs)
        clean = f"{scores['clean'][name].psnr:.2f}" if name in scores["clean"] else "-"
        rows.append([name, *cells, f"{average:.2f}", f"{average - base:+.2f}", clean])
    return table(head, rows)


def bicubic_x4(picture: Image) -> Image:
    size = (picture.shape[1] * SCALE, picture.shape[0] * SCALE)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def guided_table(truths: Sequence[Image], students: Mapping[str, AnyStudent], tick: Tick = no_tick) -> str:
    """A profile's x4 against bicubic of its own dehazed picture, native pixels, fog with 1 px of blur; PSNR in dB."""
    rows: dict[str, list[float]] = {}
    for fog, strength in {"faint": 0.05, **HELD_OUT_STRENGTHS}.items():
        inputs = [
            held_out_fog(t, strength, np.random.default_rng((SEED, n)), blur_px=1920 / t.shape[1])
            for n, t in enumerate(truths)
        ]
        small = [shrink(t) for t in truths]
        perfect = [(bicubic_x4(s), picture_from_tensor(_guided(i, s))) for i, s in zip(inputs, small, strict=True)]
        row = _against(perfect, truths)
        for student in students.values():
            made = counted({"x4": partial(enhance, student)}, tick)["x4"]
            row += _against([(bicubic_x4(dehaze(student, shrink(i))), made(i)) for i in inputs], truths)
        rows[fog] = row
    rows["mean"] = [mean(column) for column in zip(*rows.values(), strict=True)]
    head = ["fog"]
    for name in ("perfect dehazer", *students):
        head += [f"{name}: bicubic dB", "its x4 dB", "gain"]
    return table(head, [[fog, *row] for fog, row in rows.items()])


def _guided(frame: Image, dehazed: Image) -> Tensor:
    with torch.no_grad():
        return guided.guided_x4(tensor_from_picture(frame), tensor_from_picture(dehazed))


def _against(pairs: Sequence[tuple[Image, Image]], truths: Sequence[Image]) -> list[float]:
    bicubic = mean(psnr_for_means(b, t) for (b, _), t in zip(pairs, truths, strict=True))
    carried = mean(psnr_for_means(g, t) for (_, g), t in zip(pairs, truths, strict=True))
    return [bicubic, carried, carried - bicubic]


def native_crops(pictures: Sequence[Image]) -> list[Image]:
    """16:9 parts at their own pixels, sides divisible by 4."""
    crops = (centre_crop_16_9(picture) for picture in pictures)
    return [np.ascontiguousarray(c[: c.shape[0] // SCALE * SCALE, : c.shape[1] // SCALE * SCALE]) for c in crops]


def panned(picture: Image, num_frames: int) -> tuple[list[Image], list[np.ndarray]]:
    """A camera that moves over a picture by (5, 2) px a frame: 1080p frames, and the motion between them."""
    reach = (num_frames - 1) * 5
    cropped = centre_crop_16_9(picture)
    size = (FRAME_WIDTH_PX + reach + 5, FRAME_HEIGHT_PX + reach + 5)
    large = cv2.resize(cropped, size, interpolation=cv2.INTER_CUBIC)
    frames = [large[2 * n : 2 * n + FRAME_HEIGHT_PX, 5 * n : 5 * n + FRAME_WIDTH_PX] for n in range(num_frames)]
    motion = np.empty((FRAME_HEIGHT_PX, FRAME_WIDTH_PX, 2), np.float32)
    motion[...] = (-5, -2)
    return [np.ascontiguousarray(f) for f in frames], [motion] * (num_frames - 1)


def fogged_video(frames: Sequence[Image]) -> list[Image]:
    """The same fog on the window in every frame, its strength as a breath leaves it, fresh sensor noise in each."""
    out = []
    for number, frame in enumerate(frames):
        fogged = held_out_fog(frame, 0.6 - 0.02 * number, np.random.default_rng(SEED)).astype(np.float32)
        noise = np.random.default_rng((SEED, number)).normal(0, 1.0, fogged.shape)
        out.append(np.clip(np.rint(fogged + noise), 0, 255).astype(np.uint8))
    return out


Video = tuple[list[Image], list[Image], list[np.ndarray]]
"""Truth, input, and the motion between the frames of the truth."""


def demo_video(folder: Path) -> Video:
    """Following frames of the demo throat, with and without its truth.

    Raises:
        InputOutputError: the folder does not hold pairs.
    """
    truth, lq = (
        [read_picture(path) for path in sorted(folder.glob(f"{kind}_*.png"))] for kind in ("truth", "degraded")
    )
    if len(truth) < 2 or len(truth) != len(lq):
        raise InputOutputError(
            f"{folder}: expected truth_*.png and as many degraded_*.png; make them with "
            "python -m edge.sources.demo --kind pair --count 12 --start 150 --output DIR"
        )
    return truth, lq, flow_from_truth(truth)


def videos_of(demo: Path | None, name: str, pictures: Sequence[Image]) -> dict[str, Video]:
    """A camera that pans over each picture under fog, and the demo's frames where there are any."""
    videos: dict[str, Video] = {}
    for number, picture in enumerate(pictures, 1):
        frames, motions = panned(picture, 6)
        videos[f"panned {name} {number}"] = (frames, fogged_video(frames), motions)
    if demo is not None:
        videos["demo"] = demo_video(demo)
    return videos


def flicker_table(videos: Mapping[str, Video], students: Mapping[str, AnyStudent], tick: Tick = no_tick) -> str:
    """Motion-compensated frame difference in levels, and the same over the video's contrast, in brackets."""
    making = counted({name: partial(enhance, student) for name, student in students.items()}, tick)
    rows: list[list[object]] = []
    for name, (truth, lq, motions) in videos.items():
        versions = [truth, lq, *([made(frame) for frame in lq] for made in making.values())]
        cells = [f"{flicker(v, motions):.2f} ({relative_flicker(v, motions):.4f})" for v in versions]
        rows.append([name, *cells])
    return table(["video", "truth", "input", *students], rows)


def classical_methods() -> dict[str, Method]:
    return {"input": lambda lq: lq, "dark channel prior": dark_channel_prior, "CLAHE": clahe}


@dataclass(frozen=True)
class Evaluation:
    """What was found.

    Attributes:
        text: every table, as Markdown.
        metrics: network -> what its manifest says of it, on each set of held-out pictures.
    """

    text: str
    metrics: Mapping[str, Mapping[str, float]]


def evaluate(pictures: HeldOut, demo: Path | None, judged: Judged, lpips: Lpips | None = None) -> Evaluation:
    """Judge networks and classical methods on held-out pictures, with a bar or a line for each table.

    Args:
        demo: folder with truth_*.png and degraded_*.png of the demo; None leaves that row out.
        lpips: judges x4 too.

    Raises:
        InputOutputError: pictures are missing.
    """
    sets = {name: [read_picture(path) for path in paths] for name, paths in pictures.sets.items()}
    parts: list[str] = []
    metrics: dict[str, dict[str, float]] = {name: {} for name in judged.names}
    for name, truths in sets.items():
        if judged.dehazers:
            text, found = _dehazing(name, truths, judged.dehazers)
            parts += [f"### Dehazing, {len(truths)} held-out {name}, 480x270", text]
            for network, of_set in found.items():
                metrics[network] |= of_set
        if judged.students:
            parts += [
                f"### A profile's x4 against bicubic, {len(truths)} {name}, native pixels, fog with 1 px of blur",
                _carried(name, native_crops(truths), judged.students),
            ]
    if judged.students:
        first = next(iter(sets))
        videos = videos_of(demo, first, sets[first][::8])
        num_frames = sum(len(frames) for frames, _, _ in videos.values())
        with progress("flicker", num_frames * len(judged.students), "frame") as tick:
            text = flicker_table(videos, judged.students, tick)
        parts += [
            "### Flicker: motion-compensated frame difference at 1080p, in levels of 255 (over the video's contrast)",
            text,
        ]
    if judged.enlargers:
        of_isr = isr_sets(pictures, NUM_ENLARGED)
        with progress("x4 alone", sum(map(len, of_isr.values())) * (1 + len(judged.enlargers))) as tick:
            enlarged = isr_scores(of_isr, judged.enlargers, lpips, tick=tick)
        parts += [
            f"### x4 alone, of bicubic 1/4; at most {NUM_ENLARGED} pictures of {' and of '.join(sets)}",
            isr_table(enlarged),
        ]
        for name in judged.enlargers:
            metrics[name] = {f"{of}_psnr_y_db": round(by[name].psnr_y, 2) for of, by in enlarged.items()}
    return Evaluation("\n\n".join(parts), metrics)


def _dehazing(
    name: str, truths: Sequence[Image], dehazers: Mapping[str, Method]
) -> tuple[str, dict[str, dict[str, float]]]:
    """A set's table, and what it says of each network."""
    methods = classical_methods() | dehazers
    num_made = len(truths) * ((1 + len(HELD_OUT_STRENGTHS)) * len(methods) - 1)  # clear, the input is not judged
    with progress(f"dehazing {name}", num_made) as tick:
        scores = dehazing_scores([at_network_size(truth) for truth in truths], counted(methods, tick))
    of = {n: {f"{name}_{fog}_psnr_db": round(by[n].psnr, 2) for fog, by in scores.items()} for n in dehazers}
    return dehazing_table(scores), of


def _carried(name: str, truths: Sequence[Image], students: Mapping[str, AnyStudent]) -> str:
    num_made = len(truths) * (1 + len(HELD_OUT_STRENGTHS)) * len(students)
    with progress(f"x4 of {name}", num_made) as tick:
        return guided_table(truths, students, tick)
