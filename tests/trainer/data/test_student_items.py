"""Items are pure functions of seed and number, and show what their names say."""

import cv2
import numpy as np
import pytest
import torch

from edge.basics.errors import ConfigError, InputOutputError
from trainer.data import student_items as items
from trainer.data.fog_pairs import FogPairs
from trainer.data.pictures import PictureStore
from trainer.data.student_items import (
    DataConfig,
    Group,
    Parts,
    StudentDataset,
    clean_paths,
    moved,
    native_share,
    read_groups,
    refuse_idle,
    shares_of,
)
from trainer.judging.metrics import psnr

ALL = Parts(pair=True, later=True, frame=(128, 72), real=True)


@pytest.fixture(scope="module")
def pictures(tissue):
    return [tissue(300, 500, seed) for seed in range(3)]


def dataset(pictures, parts, tone=0.5, seed=3):
    return StudentDataset([Group(pictures, 1.0, tone, turns=True)], seed, parts, pictures)


def picture(tensor):
    return np.ascontiguousarray(tensor.permute(1, 2, 0).numpy())


def test_an_item_is_a_function_of_seed_and_number(pictures):
    first, again = (dataset(pictures, ALL)[5] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    for other in (dataset(pictures, ALL)[6], dataset(pictures, ALL, seed=4)[5]):
        assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_other_parts_leave_the_pair_as_it_is(pictures):
    for number in range(4):
        alone, with_others = dataset(pictures, Parts())[number], dataset(pictures, ALL)[number]
        assert torch.equal(alone[0], with_others[0]) and torch.equal(alone[1], with_others[1])


@pytest.mark.parametrize(
    "parts, names",
    [
        pytest.param(Parts(), "lq gt", id="pair"),
        pytest.param(Parts(pair=False, later=True), "lq gt later_lq later_gt motion", id="moments"),
        pytest.param(Parts(pair=False, frame=(128, 72)), "frame truth", id="frame"),
        pytest.param(Parts(pair=False, real=True), "real", id="real"),
        pytest.param(ALL, "lq gt later_lq later_gt motion frame truth real", id="all"),
    ],
)
def test_an_item_holds_what_its_names_say(pictures, parts, names):
    item = dict(zip(names.split(), dataset(pictures, parts)[0], strict=True))
    assert parts.names() == tuple(names.split())
    for name, tensor in item.items():
        size = {"motion": (3,), "frame": (3, 72, 128), "truth": (3, 72, 128)}.get(name, (3, 270, 480))
        assert tuple(tensor.shape) == size
        assert tensor.dtype == (torch.float32 if name == "motion" else torch.uint8)


def test_the_second_moment_is_the_same_window_with_fresh_noise(pictures, monkeypatch):
    for name, still in (("MOTION_PX", 0.0), ("ZOOM", 0.0), ("THINNING", (1.0, 1.0))):
        monkeypatch.setattr(items, name, still)
    noisy = 0
    for number in range(12):
        lq, gt, later_lq, later_gt, motion = dataset(pictures, Parts(later=True))[number]
        difference = later_lq.float() - lq.float()
        assert torch.equal(gt, later_gt) and motion.tolist() == [0, 0, 1]
        assert difference.mean().abs() < 0.1 and difference.abs().max() < 16
        noisy += bool(difference.any())
    assert 4 <= noisy < 12


def test_breath_leaves_between_two_moments(pictures, monkeypatch):
    for name, still in (("MOTION_PX", 0.0), ("ZOOM", 0.0), ("THINNING", (0.5, 0.5))):
        monkeypatch.setattr(items, name, still)
    nearer = []
    for number in range(12):
        lq, gt, later_lq, _ = map(picture, dataset(pictures, Parts(later=True))[number][:4])
        nearer.append(min(psnr(later_lq, gt), 60) - min(psnr(lq, gt), 60))
    assert np.mean(nearer) > 1.5


@pytest.mark.parametrize(
    "motion, expected",
    [
        pytest.param((3, -2, 1.0), lambda x: np.roll(x, (-2, 3), (0, 1)), id="whole pixels"),
        pytest.param((0, 0, 1.0), lambda x: x, id="none"),
    ],
)
def test_motion_by_hand(motion, expected):
    still = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    inside = slice(4, -4)
    assert np.array_equal(moved(still, np.array(motion))[inside, inside], expected(still)[inside, inside])


def test_zoom_moves_away_from_the_middle():
    still = np.zeros((41, 61, 3), np.uint8)
    still[20, 50] = 255
    found = moved(still, np.array((0, 0, 1.25)))
    assert np.unravel_index(found[..., 0].argmax(), (41, 61)) == (20, 55)


@pytest.mark.parametrize(
    "height, width, share",
    [
        pytest.param(512, 512, 1.0, id="just fits"),
        pytest.param(1080, 1920, 512 / 1920, id="1080p"),
        pytest.param(200, 300, 1.0, id="would be enlarged"),
        pytest.param(2000, 1024, 0.5, id="upright"),
    ],
)
def test_frames_are_cut_at_native_pixels(height, width, share):
    assert native_share(np.zeros((height, width, 3), np.uint8), (512, 288)) == pytest.approx(share)


def test_a_frame_of_a_fitting_picture_keeps_its_pixels(monkeypatch):
    still = np.random.default_rng(0).integers(0, 256, (144, 128, 3), dtype=np.uint8)
    monkeypatch.setattr(items, "training_pair", lambda clean, rng, **_: (clean, clean))
    group = Group([still], 1.0, 0.0, turns=False)
    _, truth = StudentDataset([group], 3, Parts(pair=False, frame=(128, 72)))[0]
    rows = {still[y, :, c].tobytes() for y in range(144) for c in range(3)}
    rows |= {still[y, ::-1, c].tobytes() for y in range(144) for c in range(3)}
    assert all(truth[c, y].numpy().tobytes() in rows for y in range(72) for c in range(3))


def test_real_pictures_are_shown_as_they_are(pictures):
    grey = [np.full((90, 160, 3), 77, np.uint8)]
    (real,) = StudentDataset([], 3, Parts(pair=False, real=True), grey)[0]
    assert (real == 77).all()


def test_groups_come_as_often_as_their_share(monkeypatch):
    monkeypatch.setattr(items, "training_pair", lambda clean, rng, **_: (clean, clean))
    groups = [
        Group([np.full((90, 160, 3), level, np.uint8)], share, 0.0, False) for level, share in ((50, 3), (200, 1))
    ]
    found = [StudentDataset(groups, 1)[n][1].float().mean() for n in range(60)]
    assert 35 <= sum(level < 125 for level in found) <= 54


def test_shares_choose_the_folders(tmp_path):
    for name in ("a", "b"):
        cv2.imwrite(str(tmp_path / f"truth_{name}.png"), np.zeros((40, 60, 3), np.uint8))
    hq = [tmp_path / "truth_a.png"]
    config = DataConfig(demo_share=1.0, hq_share=0.5, hq_tone=0.2)
    paths = clean_paths(config, {"hq": hq, "larynx": hq}, tmp_path)
    assert {kind: len(found) for kind, found in paths.items()} == {"demo": 2, "hq": 1}
    demo, own = read_groups(config, paths, 1.0)
    assert (len(demo.pictures), demo.share, demo.tone, demo.turns) == (2, 1.0, 0.6, False)
    assert (len(own.pictures), own.share, own.tone) == (1, 0.5, 0.2)


@pytest.mark.parametrize(
    "config, error, message",
    [
        pytest.param(DataConfig(demo_share=1.0), InputOutputError, "edge.sources.demo", id="no renders"),
        pytest.param(DataConfig(hq_share=1.0), InputOutputError, "domain hq.*give --manifest", id="no manifest"),
        pytest.param(DataConfig(larynx_share=0.5), InputOutputError, "larynx_share = 0.5.*--larynx", id="no larynx"),
        pytest.param(DataConfig(throat_share=1.0), InputOutputError, "throat_share.*give --throats", id="no throats"),
        pytest.param(DataConfig(oral_share=0.5), InputOutputError, "oral_share = 0.5.*give --oral", id="no mouths"),
        pytest.param(DataConfig(), ConfigError, "every data share is 0", id="no share"),
    ],
)
def test_a_share_without_pictures_is_refused(tmp_path, config, error, message):
    with pytest.raises(error, match=message):
        read_groups(config, clean_paths(config, {}, None), 1.0)


def test_a_picture_too_small_to_show_anything_is_named(tmp_path):
    path = tmp_path / "icon.png"
    cv2.imwrite(str(path), np.zeros((20, 300, 3), np.uint8))
    group = Group(PictureStore([path], 1.0), 1.0, 0.5, turns=False)
    with pytest.raises(InputOutputError, match=r"icon\.png: 300x20 px"):
        StudentDataset([group], 1)[0]


def test_a_dataset_draws_what_it_is_given(pictures):
    def nothing(clean, rng, **_):
        return clean, clean.copy()

    drawn = StudentDataset([Group(pictures, 1.0, 0.0, turns=False)], 3, Parts(), degrade=nothing)
    lq, gt = drawn[4]
    assert torch.equal(lq, gt) and not torch.equal(lq, dataset(pictures, Parts(), tone=0.0)[4][0])


@pytest.mark.slow
def test_two_moments_of_a_family_are_of_one_fog(pictures):
    """Fog and camera stay; the scene moves and the fog thins."""
    of = StudentDataset([Group(pictures, 1.0, 0.0, turns=False)], 3, Parts(later=True), degrade=FogPairs())
    near = [
        np.abs(picture(lq).astype(int).mean((0, 1)) - picture(later).mean((0, 1))).max()
        for lq, _, later, _, _ in map(of.__getitem__, range(20))
    ]
    apart = [np.abs(picture(of[n][0]).mean((0, 1)) - picture(of[n + 1][0]).mean((0, 1))).max() for n in range(20)]
    assert np.median(near) < 0.2 * np.median(apart)


def test_a_manifest_alone_is_all_that_is_taught():
    config = DataConfig(larynx_share=0.3, oral_share=0.5, demo_share=0.2)
    assert shares_of(config, ["hq"], takes_lq=False).shares() == {"hq": 1.0}
    assert shares_of(config, ["hq"], takes_lq=True) == config
    assert shares_of(config, ["hq", "demo"], takes_lq=False) == config
    mixed = DataConfig(hq_share=0.3, demo_share=0.7)
    assert shares_of(mixed, ["hq"], takes_lq=False) == mixed


def test_pictures_that_no_share_uses_are_refused():
    config = DataConfig(demo_share=1.0)
    with pytest.raises(
        ConfigError, match=r"^--manifest: student.data.hq_share = 0, .* --set student.data.hq_share=0.5"
    ):
        refuse_idle(config, ["demo", "hq"], takes_lq=False)
    refuse_idle(config, ["demo", "hq"], takes_lq=True)
