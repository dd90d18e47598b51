"""x4 in the comparison: with blur and without, kept, beside what was published."""

import json

import cv2
import pytest
import torch

from tests.paths import DATA
from trainer.data.sr_pairs import low_resolution
from trainer.judging import isr_scores
from trainer.judging.comparing import isr
from trainer.judging.held_out import HeldOut
from trainer.judging.metrics import psnr


class Nearest(torch.nn.Module):
    """Stands in for a network: each pixel becomes 4x4 equal ones."""

    def __init__(self):
        super().__init__()
        self.lift = torch.nn.Parameter(torch.tensor(0.0))

    def forward(self, x):
        return torch.nn.functional.interpolate(x, scale_factor=4.0, mode="nearest")


@pytest.fixture
def pictures(tmp_path, tissue):
    cv2.imwrite(str(tmp_path / "a.png"), tissue(64, 80, 1))
    return HeldOut({}, {"Set5": [tmp_path / "a.png"]})


def test_tables_with_and_without_blur_are_made_once(pictures, tmp_path, monkeypatch):
    made = []
    whole = isr.isr_scores
    monkeypatch.setattr(isr, "isr_scores", lambda *a, **k: made.append(k["blur_sigma_px"]) or whole(*a, **k))
    first = isr.isr_text(pictures, {"n": Nearest()}, None, tmp_path, "k")
    assert made == [0.0, 5.0]
    sharp, blurred = first.split("### x4 alone, LR blurred")
    assert "| Set5 | RRDB trained for PSNR, ESRGAN's paper | 32.73 |" in sharp and "ESRGAN" not in blurred
    assert isr.isr_text(pictures, {"n": Nearest()}, None, tmp_path, "k") == first and len(made) == 2
    held = json.loads((tmp_path / "isr.json").read_text())["scores"]
    assert held["5"]["Set5"]["bicubic"]["psnr_y"] < held["0"]["Set5"]["bicubic"]["psnr_y"] - 1
    isr.isr_text(pictures, {"n": Nearest()}, None, tmp_path, "another")
    assert len(made) == 4


def test_consistency_is_of_the_whole_result_shrunk_again(tissue):
    picture = tissue(64, 80, 1)
    score = isr_scores.isr_scores({"s": [picture]}, {"n": Nearest()})["s"]["n"]
    lr = low_resolution(picture)
    assert score.consistency == pytest.approx(psnr(low_resolution(lr.repeat(4, 0).repeat(4, 1)), lr))


@pytest.mark.parametrize("name, expected", [("Set5", 28.42), ("Set14", 26.09)])
def test_bicubic_has_what_the_literature_has(name, expected):
    """ESRGAN's paper, table 2: 28.42, and 26.00 with its one grey file taken otherwise (`isr_scores.psnr_y`)."""
    paths = sorted((DATA / "sr_benchmark" / name).glob("*.png"))
    if not paths:
        pytest.skip(f"no {DATA}/sr_benchmark/{name}")
    sets = isr_scores.isr_sets(HeldOut({}, {name: paths}))
    assert isr_scores.isr_scores(sets, {})[name]["bicubic"].psnr_y == pytest.approx(expected, abs=0.01)
    assert isr.PUBLISHED[name]["bicubic, ESRGAN's paper"][0] == pytest.approx(expected, abs=0.1)
