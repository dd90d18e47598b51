"""x4 alone as ESRGAN's paper judges it, with and without the blur of MIINet's section 3.3, beside published figures."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

from edge.basics.markdown import table
from edge.basics.whole_files import write_whole
from trainer.judging.held_out import HeldOut
from trainer.judging.isr_scores import SrScore, isr_scores, isr_sets
from trainer.judging.lpips import Lpips
from trainer.networks.rrdb import Rrdb
from trainer.prepare.data_hash import sha256_of_files

BLUR_SIGMA_PX = 5.0
"""MIINet section 3.3, in pixels of the LR."""
NUM_ENLARGED = 8
ISR_FILE = "isr.json"

PUBLISHED: Mapping[str, Mapping[str, tuple[float | None, float | None]]] = {
    "Set5": {
        "bicubic, ESRGAN's paper": (28.42, None),
        "RRDB trained for PSNR, ESRGAN's paper": (32.73, None),
        "ESRGAN, OpenMMLab": (None, 28.27),
    },
    "Set14": {
        "bicubic, ESRGAN's paper": (26.00, None),
        "RRDB trained for PSNR, ESRGAN's paper": (28.99, None),
        "ESRGAN, OpenMMLab": (None, 24.63),
    },
}
"""PSNR-Y and PSNR-RGB in dB, without blur. Wang et al., ECCV workshops 2018 (arXiv 1809.00219), table 2, which gives
figures of the network trained for PSNR; for the GAN itself, OpenMMLab's reproduction (mmagic, configs/esrgan)."""

Scores = Mapping[str, Mapping[str, SrScore]]


def isr_text(pictures: HeldOut, networks: Mapping[str, Rrdb], lpips: Lpips | None, folder: Path, key: str) -> str:
    """The tables; what the folder's `isr.json` has already is not computed again.

    Args:
        key: what the figures depend on besides the pictures: hashes of the networks and of LPIPS.

    Raises:
        InputOutputError: a picture is missing or cannot be read.
        OSError: `isr.json` cannot be written.
    """
    paths = [p for sets in (pictures.sets, pictures.yardsticks) for of in sets.values() for p in of]
    key = f"{key} {sha256_of_files(paths)}"
    kept = _kept(folder / ISR_FILE, key)
    parts = []
    for title, blur in (("sharp LR", 0.0), (f"LR blurred, sigma {BLUR_SIGMA_PX:g} px (MIINet 3.3)", BLUR_SIGMA_PX)):
        if f"{blur:g}" not in kept:
            found = isr_scores(isr_sets(pictures, NUM_ENLARGED), networks, lpips, blur_sigma_px=blur)
            kept[f"{blur:g}"] = {s: {m: dataclasses.asdict(x) for m, x in of.items()} for s, of in found.items()}
            write_whole(folder / ISR_FILE, (json.dumps({"key": key, "scores": kept}, indent=1) + "\n").encode())
        scores = {s: {m: SrScore(**x) for m, x in of.items()} for s, of in kept[f"{blur:g}"].items()}
        parts += [f"### x4 alone, {title}", comparison_table(scores, with_published=not blur)]
    return "\n\n".join(parts)


def comparison_table(scores: Scores, *, with_published: bool) -> str:
    """A row a set and method; consistency: PSNR in dB of the result shrunk again against the LR."""
    rows: list[list[object]] = []
    for name, of_set in scores.items():
        for method, score in of_set.items():
            perceived = "-" if score.lpips is None else f"{score.lpips:.3f}"
            figures = [score.psnr_y, score.psnr_rgb, f"{score.ssim:.4f}", perceived, f"{score.consistency:.1f}"]
            rows.append([name, method, *figures])
        for method, published in PUBLISHED.get(name, {}).items() if with_published else ():
            rows.append([name, method, *("-" if value is None else value for value in published), "-", "-", "-"])
    return table(["pictures", "method", "PSNR-Y dB", "PSNR-RGB dB", "SSIM", "LPIPS", "consistency dB"], rows)


def _kept(path: Path, key: str) -> dict[str, dict[str, dict[str, dict[str, float | None]]]]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(held["scores"]) if isinstance(held, dict) and held.get("key") == key else {}
