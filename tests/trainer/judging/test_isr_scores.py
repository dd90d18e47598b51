"""Judging super-resolution: the figures say what was done to the pictures."""

import cv2
import numpy as np
import pytest
import torch

from edge.basics.errors import InputOutputError
from edge.pictures.files import read_picture
from tests.paths import DATA
from trainer.data.sr_pairs import low_resolution
from trainer.judging import isr_scores as judge
from trainer.judging.held_out import HeldOut
from trainer.networks.rrdb import Rrdb, RrdbConfig


class Nearest(torch.nn.Module):
    """Stands in for a network: each pixel becomes 4x4 equal ones, a little brighter."""

    def __init__(self, lift=0.0):
        super().__init__()
        self.lift = torch.nn.Parameter(torch.tensor(lift))

    def forward(self, x):
        return torch.nn.functional.interpolate(x, scale_factor=4.0, mode="nearest") + self.lift


def test_luma_by_hand():
    black = np.zeros((4, 4, 3), np.uint8)
    white = np.full((4, 4, 3), 255, np.uint8)
    green = black + np.array([0, 255, 0], np.uint8)
    assert judge.psnr_y(black, white) == pytest.approx(20 * np.log10(255 / 219))
    assert judge.psnr_y(black, green) == pytest.approx(20 * np.log10(255 / 129))
    assert judge.psnr_y(black, black + np.array([255, 0, 0], np.uint8)) == pytest.approx(20 * np.log10(255 / 65))
    assert judge.psnr_y(white, white) == np.inf


def test_enlarging_keeps_levels_and_clamps():
    picture = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    assert np.array_equal(judge.enlarge(Nearest(), picture), picture.repeat(4, 0).repeat(4, 1))
    brighter = judge.enlarge(Nearest(20 / 255), picture)
    assert np.array_equal(brighter[::4, ::4], np.minimum(picture.astype(int) + 20, 255))


def test_bicubic_of_a_ramp_is_the_ramp():
    ramp = np.tile(np.arange(0, 200, 4, dtype=np.uint8)[None, :, None], (12, 1, 3))
    expected = (np.arange(200) - 1.5)[8:-8]
    assert np.abs(judge.bicubic(ramp)[4, 8:-8, 0] - expected).max() <= 0.5


def test_scores_are_of_the_middle_against_bicubic(tissue):
    """Sides are cut to multiples of 4 and 4 px of border left out, for every method alike."""
    picture = tissue(66, 83, 1)
    scores = judge.isr_scores({"tissue": [picture]}, {"nearest": Nearest(), "bright": Nearest(0.2)})["tissue"]
    truth = picture[:64, :80]
    enlarged = judge.bicubic(low_resolution(truth.copy()))
    assert scores["bicubic"].psnr_y == pytest.approx(judge.psnr_y(enlarged[4:-4, 4:-4], truth[4:-4, 4:-4]))
    assert scores["bicubic"].psnr_rgb > scores["nearest"].psnr_rgb > scores["bright"].psnr_rgb
    assert scores["bicubic"].ssim > scores["nearest"].ssim


def test_the_table_has_a_row_per_method_and_the_gain(tissue):
    scores = judge.isr_scores({"a": [tissue(48, 48, 1)], "b": [tissue(48, 48, 2)]}, {"nearest": Nearest()})
    rows = judge.isr_table(scores).splitlines()[2:]
    assert [row.split("|")[1:3] for row in rows] == [
        [f" {name} ", f" {method} "] for name in "ab" for method in ("bicubic", "nearest")
    ]
    of_b = scores["b"]
    assert f"{of_b['nearest'].psnr_y - of_b['bicubic'].psnr_y:+.2f}" in rows[3]


def test_lpips_judges_what_psnr_judges_where_it_is_asked_for(tissue):
    picture, seen = tissue(48, 48, 1), []

    def lpips(result, truth):
        seen.append((result.shape, truth.shape))
        return 0.25 if len(seen) == 1 else 0.125

    scores = judge.isr_scores({"a": [picture]}, {"nearest": Nearest()}, lpips)
    assert [score.lpips for score in scores["a"].values()] == [0.25, 0.125]
    assert seen[0] == ((40, 40, 3), (40, 40, 3))
    head, _, bicubic, nearest = judge.isr_table(scores).splitlines()
    assert head.split("|")[-2].strip() == "LPIPS"
    assert (bicubic.split("|")[-2].strip(), nearest.split("|")[-2].strip()) == ("0.250", "0.125")


def test_a_network_of_this_project_runs(tissue):
    network = Rrdb(RrdbConfig(4, 1, 2)).eval()
    assert judge.enlarge(network, tissue(20, 24, 1)).shape == (80, 96, 3)


@pytest.fixture
def pictures(tmp_path, tissue):
    for name, count in (("larynx", 3), ("throats", 5)):
        (tmp_path / name).mkdir()
        for seed in range(count):
            cv2.imwrite(str(tmp_path / name / f"{seed}.jpg"), tissue(48, 64, seed))
    cv2.imwrite(str(tmp_path / "grey.png"), tissue(48, 64, 1)[..., 0])
    sets = {name: sorted((tmp_path / name).iterdir()) for name in ("larynx", "throats")}
    return HeldOut(sets, {"Set5": [tmp_path / "grey.png"]})


@pytest.mark.parametrize("limit, num_larynx, num_throats", [(0, 3, 5), (2, 2, 2), (1, 1, 1)])
def test_sets_are_the_held_out_pictures_and_what_benchmarks_there_are(pictures, limit, num_larynx, num_throats):
    sets = judge.isr_sets(pictures, limit)
    assert [(name, len(of_set)) for name, of_set in sets.items()] == [
        ("larynx", num_larynx),
        ("throats", num_throats),
        ("Set5", 1),
    ]
    assert sets["Set5"][0].shape == (48, 64, 3)
    assert list(judge.isr_sets(HeldOut({"own": pictures.sets["throats"]}))) == ["own"]


def test_a_picture_that_cannot_be_read_is_named(pictures):
    pictures.yardsticks["Set5"][0].write_bytes(b"no picture")
    with pytest.raises(InputOutputError, match=r"grey\.png: not a picture"):
        judge.isr_sets(pictures)


@pytest.mark.skipif(not (DATA / "sr_benchmark").is_dir(), reason=f"no Set5 at {DATA}; set EDGE_DATA to its folder")
def test_bicubic_has_the_literatures_psnr_on_set5():
    """28.42 dB: the figure of Dong et al. (TPAMI 2016), table 3, and of every paper since."""
    pictures = [read_picture(path) for path in sorted((DATA / "sr_benchmark" / "Set5").glob("*.png"))]
    assert judge.isr_scores({"Set5": pictures}, {})["Set5"]["bicubic"].psnr_y == pytest.approx(28.42, abs=0.005)
