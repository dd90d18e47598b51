"""Haze and focus rank pictures by what they are named for, and by nothing else."""

import cv2
import numpy as np
import pytest

from edge.pictures.files import read_picture
from tests.paths import DATA
from trainer.data import degradations as d
from trainer.data.recipes import held_out_fog
from trainer.prepare.screening import HAZY, SHARP, Scores, lit_part, scores

needs_data = pytest.mark.skipif(
    not (DATA / "throat_research" / "hq").is_dir(),
    reason=f"no real pictures at {DATA}; set EDGE_DATA to the folder that holds throat_research",
)
NUM = 8


def share_above(higher: list[float], lower: list[float]) -> float:
    """Area under the ROC curve."""
    above = np.array(higher)[:, None] - np.array(lower)
    return float((above > 0).mean() + 0.5 * (above == 0).mean())


def fogged(image, strength, seed=0):
    return held_out_fog(image, strength, np.random.default_rng(seed))


def defocused(image, radius_px):
    linear = d.defocus(d.to_linear(image, 2.2), radius_px)
    return np.clip(np.rint(d.from_linear(linear, 2.2)), 0, 255).astype(np.uint8)


def noisy(image, sigma=3.0):
    noise = np.random.default_rng(0).normal(0, sigma, image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def clear(tissue):
    return [tissue(270, 360, seed) for seed in range(NUM)]


def both(pictures):
    found = [scores(picture) for picture in pictures]
    return [one.haze for one in found], [one.focus for one in found]


@pytest.mark.parametrize("weaker, stronger", [(0.0, 0.2), (0.2, 0.4), (0.4, 0.75)])
def test_haze_rises_with_fog(clear, weaker, stronger):
    for seed, picture in enumerate(clear):
        before = scores(fogged(picture, weaker, seed)) if weaker else scores(picture)
        assert scores(fogged(picture, stronger, seed)).haze > before.haze


@pytest.mark.parametrize("sharper, softer", [(0.0, 4.0), (4.0, 8.0), (8.0, 16.0)])
def test_focus_falls_with_defocus(clear, sharper, softer):
    for picture in clear:
        assert scores(defocused(picture, softer)).focus < scores(defocused(picture, sharper)).focus


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda image: fogged(image, 0.4), id="fog"),
        pytest.param(lambda image: (image * 0.5).astype(np.uint8), id="half the light"),
        pytest.param(noisy, id="noise"),
    ],
)
def test_what_is_no_blur_is_not_taken_for_it(clear, change):
    """As strong as it may be, it weighs less than a defocus of 4 px."""
    _, sharp = both(clear)
    _, changed = both([change(picture) for picture in clear])
    _, soft = both([defocused(picture, 4) for picture in clear])
    assert abs(np.mean(changed) - np.mean(sharp)) < 0.5 * (np.mean(sharp) - np.mean(soft))


def test_noise_does_not_hide_blur(clear):
    _, sharp = both(clear)
    _, soft = both([noisy(defocused(picture, 8)) for picture in clear])
    assert share_above(sharp, soft) == 1.0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda image: (image * 0.5).astype(np.uint8), id="half the light"),
        pytest.param(lambda image: defocused(image, 4), id="defocus"),
        pytest.param(noisy, id="noise"),
    ],
)
def test_what_is_no_haze_is_not_taken_for_it(clear, change):
    haze, _ = both(clear)
    changed, _ = both([change(picture) for picture in clear])
    fog, _ = both([fogged(picture, 0.2, seed) for seed, picture in enumerate(clear)])
    assert np.mean(changed) - np.mean(haze) < 0.5 * (np.mean(fog) - np.mean(haze))


def test_size_does_not_decide(tissue):
    large = tissue(1080, 1440, 3)
    here, half = scores(large), scores(cv2.resize(large, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))
    assert half.haze == pytest.approx(here.haze, abs=0.02)
    assert half.focus == pytest.approx(here.focus, abs=0.05)


def test_too_few_pixels_are_blur(clear):
    small = [cv2.resize(picture, None, fx=0.4, fy=0.4, interpolation=cv2.INTER_AREA) for picture in clear]
    assert max(both(small)[1]) < min(both(clear)[1])


def framed(image, round_field):
    """The picture as an endoscope shows it: a disc, or a square, amid black on a 16:9 frame, through a JPEG."""
    height, width = image.shape[:2]
    frame = np.zeros((height, height * 16 // 9, 3), np.uint8)
    left, start = (frame.shape[1] - height) // 2, (width - height) // 2
    field = image[:, start : start + height]
    if round_field:
        disc = cv2.circle(np.zeros((height, height), np.uint8), (height // 2, height // 2), height // 2, 1, -1)
        field = field * disc[..., None]
    frame[:, left : left + height] = field
    return cv2.imdecode(cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, 95])[1], cv2.IMREAD_COLOR)


@pytest.mark.parametrize("round_field", [True, False], ids=["disc", "bars"])
def test_a_black_frame_is_neither_clear_nor_sharp(clear, round_field):
    fog, soft = fogged(clear[0], 0.4), defocused(clear[0], 16)
    assert scores(framed(fog, round_field)).haze == pytest.approx(scores(fog).haze, abs=0.08)
    assert scores(framed(soft, round_field)).focus < SHARP < scores(framed(clear[0], round_field)).focus
    part = lit_part(framed(fog, round_field))
    assert part.max(2).min() > 16


def test_a_dark_corner_is_no_frame(clear):
    image = clear[0].copy()
    image[:40, :60] = 0
    assert lit_part(image).shape == image.shape


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_picture_has_scores(level):
    found = scores(np.full((80, 90, 3), level, np.uint8))
    assert found.focus == 0
    assert 0 <= found.haze <= 1
    assert found.suggested == "lq"


@pytest.mark.parametrize(
    "haze, focus, suggested",
    [(0.0, 1.0, "hq"), (HAZY, 1.0, "lq"), (0.0, SHARP, "hq"), (0.0, SHARP - 0.01, "lq")],
)
def test_suggestions(haze, focus, suggested):
    assert Scores(haze, focus).suggested == suggested


@needs_data
@pytest.mark.slow
def test_real_throats():
    """The docstring's figures on every third picture: what is measured there must not rot."""
    folder = DATA / "throat_research"
    hq = [read_picture(path) for path in sorted((folder / "hq").glob("*.jpg"))[::3]]
    lq = [read_picture(path) for path in sorted(folder.glob("lq_*/*.jpg"))[::3]]
    names = ("mid/infected_0004", "lq_train/infected_0043", "lq_test/infected_0088", "lq_train/infected_0036")
    hazy = [read_picture(folder / f"{name}.jpg") for name in (*names, "lq_train/normal_0214")]
    haze_hq, focus_hq = both(hq)
    assert share_above(both(hazy)[0], haze_hq) > 0.97
    assert share_above(focus_hq, both(lq)[1]) > 0.8
    fog = both([fogged(picture, 0.2, seed) for seed, picture in enumerate(hq)])[0]
    assert share_above(fog, haze_hq) > 0.95
    assert np.mean(np.array(haze_hq) < HAZY) > 0.95
