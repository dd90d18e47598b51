"""Networks and classical methods under every family of fog: the tables, with leave-one-family-out at their head."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import mean

import cv2
import numpy as np

from edge.basics.markdown import table
from edge.basics.progress import progress
from edge.pictures.files import read_picture
from edge.pictures.image import Image
from trainer.data.camera import Camera
from trainer.data.fogs.catalogue import FAMILIES, TEST_ONLY
from trainer.judging.classical import clahe, dark_channel_prior
from trainer.judging.fogs.gains import Gain, Perceptual, gained, mean_gain
from trainer.judging.fogs.left_alone import left_alone_table
from trainer.judging.fogs.real_frames import foggy_frames, pairs_table, side_by_side, unreferenced_table
from trainer.judging.fogs.sets import PLAIN, SEED, STRENGTHS, Pair, clear_pairs, family_pairs, plain_pairs
from trainer.judging.fogs.surgclean import surgclean, surgclean_table
from trainer.judging.held_out import HeldOut
from trainer.judging.judged import Judged, Method, at_network_size, counted
from trainer.judging.metrics import relative_flicker
from trainer.judging.retinex import retinex

CLASSICAL: Mapping[str, Method] = {"dark channel prior": dark_channel_prior, "CLAHE": clahe, "MSRCR": retinex}
VIDEO_FRAMES = 6
STEP_PX = (5, 2)
"""Motion of the panned video, in the network's pixels a frame."""

Scores = Mapping[str, Mapping[str, Sequence[Gain]]]
"""Fog -> method -> one gain a picture."""


@dataclass(frozen=True)
class FogTask:
    """What is judged on.

    Attributes:
        held_out: what the manifests hold out.
        num_pictures: of each manifest, evenly taken from those held out; 0 takes all.
        real: folder of real foggy frames; None leaves them out.
        surgclean: folder of the SurgClean set; None leaves it out.
        sheets: folder for the pages of real frames; None writes none.
        perceptual: LPIPS; None leaves its figures empty.
    """

    held_out: HeldOut
    num_pictures: int = 0
    real: Path | None = None
    surgclean: Path | None = None
    sheets: Path | None = None
    perceptual: Perceptual | None = None


def at_network_sizes(held_out: HeldOut, num: int) -> dict[str, list[Image]]:
    """The pictures of each manifest at 480x270; `num` of each evenly taken, 0 takes all.

    Raises:
        InputOutputError: a picture cannot be read.
    """
    found = {}
    for name, paths in held_out.sets.items():
        count = min(num or len(paths), len(paths))
        taken = [paths[i * len(paths) // count] for i in range(count)]
        found[name] = [at_network_size(read_picture(path)) for path in taken]
    return found


def scored(
    pairs: Iterable[Pair], methods: Mapping[str, Method], perceptual: Perceptual | None
) -> dict[str, list[Gain]]:
    """A gain a picture, by method."""
    found: dict[str, list[Gain]] = {name: [] for name in methods}
    for pair in pairs:
        for name, method in methods.items():
            found[name].append(gained(pair.foggy, method(pair.foggy), pair.truth, perceptual))
    return found


def family_scores(truths: Sequence[Image], methods: Mapping[str, Method], perceptual: Perceptual | None) -> Scores:
    """Every family at three strengths together."""
    scores: dict[str, dict[str, list[Gain]]] = {}
    for family in FAMILIES:
        scores[family] = {name: [] for name in methods}
        for strength in STRENGTHS:
            for name, gains in scored(family_pairs(family, strength, truths), methods, perceptual).items():
                scores[family][name] += gains
    return scores


def headline_table(scores: Scores, names: Sequence[str], taught: Mapping[str, frozenset[str]]) -> str:
    """Each method on the families that its training did not contain."""
    head = ["method", "families left out", "mean gain", "worst family", "at best exposure: mean", "worst"]
    head += ["made worse", "L*, furthest family", "SSIM", "LPIPS", "dE00"]
    rows: list[list[object]] = []
    for name in names:
        left = [family for family in FAMILIES if family not in taught.get(name, frozenset())]
        of = {family: mean_gain(scores[family][name]) for family in left}
        total = mean_gain(list(of.values()))
        furthest = max((gain.lightness for gain in of.values()), key=abs)
        worst = min(of, key=lambda family: of[family].psnr)
        without = "all" if len(left) == len(FAMILIES) else ", ".join(left)
        row: list[object] = [name, without, f"{total.psnr:+.2f}", f"{of[worst].psnr:+.2f} ({worst})"]
        row += [f"{total.best:+.2f}", f"{min(gain.best for gain in of.values()):+.2f}", f"{100 * total.worse:.1f}%"]
        row += [f"{furthest:+.1f}", f"{total.ssim:.3f}", f"{total.lpips:.3f}", total.ciede2000]
        rows.append(row)
    return table(head, rows)


def leave_one_out_table(scores: Scores, taught: Mapping[str, frozenset[str]]) -> str:
    """Each family with the network that was taught most of the others and not it; networks of one recipe are meant.

    Such networks are trained with `student.data.left_out`; a family that every network was taught has an empty row.
    """
    head = ["family left out", "network", "gain", "at best exposure", "made worse", "L*"]
    rows: list[list[object]] = []
    found: list[Gain] = []
    for family in FAMILIES:
        lacking = [name for name, of in taught.items() if of and family not in of]
        if not lacking:
            rows.append([family, "none lacks it", "-", "-", "-", "-"])
            continue
        name = max(lacking, key=lambda network: len(taught[network]))
        gain = mean_gain(scores[family][name])
        found.append(gain)
        rows.append([family, name, *_brief(gain)])
    if found:
        rows.append(["mean", "", *_brief(mean_gain(found))])
        rows.append(["worst", "", f"{min(g.psnr for g in found):+.2f}", f"{min(g.best for g in found):+.2f}", "", ""])
    return table(head, rows)


def _brief(gain: Gain) -> list[object]:
    return [f"{gain.psnr:+.2f}", f"{gain.best:+.2f}", f"{100 * gain.worse:.1f}%", f"{gain.lightness:+.1f}"]


def families_table(
    scores: Scores,
    names: Sequence[str],
    taught: Mapping[str, frozenset[str]],
    flickers: Mapping[str, Mapping[str, float]],
) -> str:
    """A row for each family and method."""
    head = ["fog", "method", "taught", "PSNR in", "gain", "at best exposure", "SSIM", "LPIPS", "dE00", "L*"]
    head += ["made worse", "flicker over input's"]
    rows: list[list[object]] = []
    for fog, by_method in scores.items():
        for name in names:
            gain = mean_gain(by_method[name])
            known = "test only" if fog in TEST_ONLY else "yes" if fog in taught.get(name, frozenset()) else "no"
            row: list[object] = [fog, name, known, gain.input_psnr, f"{gain.psnr:+.2f}", f"{gain.best:+.2f}"]
            row += [f"{gain.ssim:.3f}", f"{gain.lpips:.3f}", gain.ciede2000, f"{gain.lightness:+.1f}"]
            row += [f"{100 * gain.worse:.0f}%", f"{flickers[fog][name]:.2f}" if fog in flickers else "-"]
            rows.append(row)
    return table(head, rows)


def plain_table(scores: Scores, names: Sequence[str]) -> str:
    """A row for each plain fog: PSNR of the input, then gain, gain at best exposure and L* of each method."""
    rows: list[list[object]] = []
    for fog, by_method in scores.items():
        means = [mean_gain(by_method[name]) for name in names]
        cells = [f"{g.psnr:+.2f}, {g.best:+.2f}, {g.lightness:+.1f}, {100 * g.worse:.0f}%" for g in means]
        rows.append([fog, means[0].input_psnr, *cells])
    return table(["fog", "PSNR in", *(f"{name}: gain, at best exposure, L*, made worse" for name in names)], rows)


def clear_table(by_kind: Mapping[str, Mapping[str, Sequence[Gain]]], names: Sequence[str]) -> str:
    """PSNR at which clear pictures, with noise of half a level, come back."""
    rows: list[list[object]] = []
    for name in names:
        back = [[g.input_psnr + g.psnr for g in gains[name]] for gains in by_kind.values()]
        rows.append([name, *(f"{mean(of):.1f}, {min(of):.1f}" for of in back)])
    return table(["method", *(f"{kind}: mean, lowest PSNR" for kind in by_kind)], rows)


def flickers(picture: Image, methods: Mapping[str, Method]) -> dict[str, dict[str, float]]:
    """Relative flicker of each method over the input's, a camera panning under one fog of each family."""
    found: dict[str, dict[str, float]] = {}
    for family in FAMILIES:
        frames, motions = foggy_pan(picture, family)
        base = relative_flicker(frames, motions)
        found[family] = {n: relative_flicker([m(f) for f in frames], motions) / base for n, m in methods.items()}
    return found


def foggy_pan(picture: Image, family: str) -> tuple[list[Image], list[np.ndarray]]:
    """Frames of a camera that moves over a picture, the fog fixed to the window and thinning, fresh noise in each."""
    height, width = picture.shape[:2]
    dx, dy = STEP_PX
    large = cv2.resize(picture, (width + dx * VIDEO_FRAMES, height + dy * VIDEO_FRAMES), interpolation=cv2.INTER_CUBIC)
    camera, frames = Camera(read=1.0), []
    fog = FAMILIES[family].draw(np.random.default_rng((SEED, 1)), 0.5)
    for number in range(VIDEO_FRAMES):
        view = large[dy * number : dy * number + height, dx * number : dx * number + width]
        light = fog.thinned(1 - 0.02 * number).apply(camera.light(np.ascontiguousarray(view)))
        frames.append(camera.picture(light, np.random.default_rng((SEED, number))))
    motion = np.empty((height, width, 2), np.float32)
    motion[...] = (-dx, -dy)
    return frames, [motion for _ in pairwise(frames)]


def judge_fogs(judged: Judged, task: FogTask) -> str:
    """Every table, as Markdown.

    Raises:
        InputOutputError: pictures are missing, or a page cannot be written.
    """
    methods: dict[str, Method] = {"input": lambda lq: lq, **CLASSICAL, **judged.dehazers}
    names = list(methods)[1:]
    truths = at_network_sizes(task.held_out, task.num_pictures)
    parts = []
    for kind, pictures in truths.items():
        num_made = len(methods) * len(FAMILIES) * (len(STRENGTHS) * len(pictures) + VIDEO_FRAMES)
        with progress(f"fogs over {kind}", num_made) as tick:
            scores = family_scores(pictures, counted(methods, tick), task.perceptual)
            flicker = flickers(pictures[0], counted(methods, tick))
        parts += [
            f"### Fogs that the training did not contain: {len(pictures)} held-out {kind}, 480x270, three strengths",
            headline_table(scores, names, judged.taught),
            f"### Leave one family out, {kind}",
            leave_one_out_table(scores, judged.taught),
            f"### Every family, {kind}",
            families_table(scores, list(methods), judged.taught, flicker),
        ]
    kind, pictures = next(iter(truths.items()))
    num_made = len(methods) * (len(PLAIN) * len(pictures) + sum(map(len, truths.values())))
    with progress("plain fogs, clear pictures", num_made) as tick:
        score = partial(scored, methods=counted(methods, tick), perceptual=task.perceptual)
        plain = {name: score(plain_pairs(name, pictures)) for name in PLAIN}
        clear = {kind: score(clear_pairs(pictures)) for kind, pictures in truths.items()}
    parts += [f"### Fogs with one thing plain, {kind}", plain_table(plain, names)]
    parts += ["### Clear pictures come back at, in dB", clear_table(clear, names)]
    chosen = {name: method for name, method in methods.items() if name != "input"}
    parts += ["### Pictures of no tissue: mean change in levels; of the cards mean and most", left_alone_table(chosen)]
    if task.real is not None:
        parts += _real_tables(task.real, task, methods, judged.dehazers)
    if task.surgclean is not None:
        with progress("SurgClean", 1, "set") as tick:
            text = surgclean_table(surgclean(task.surgclean), methods, task.perceptual)
            tick()
        parts += ["### SurgClean, unaligned", text]
    return "\n\n".join(parts)


def _real_tables(
    real: Path, task: FogTask, methods: Mapping[str, Method], dehazers: Mapping[str, Method]
) -> Iterator[str]:
    with progress("real frames", 2 + (task.sheets is not None), "table") as tick:
        frames = foggy_frames(real)
        yield "### Real foggy frames, without a truth"
        yield unreferenced_table(frames, methods)
        tick()
        yield "### Real pairs"
        yield pairs_table(real, methods, task.perceptual)
        tick()
        if task.sheets is not None:
            side_by_side(frames, {"input": methods["input"], **dehazers, **CLASSICAL}, task.sheets)
            tick()
