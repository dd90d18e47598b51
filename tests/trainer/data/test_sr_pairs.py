"""Pairs for super-resolution: bicubic in MATLAB's way, blur, and items that are always the same."""

import cv2
import numpy as np
import pytest
import torch
from numpy.random import default_rng

from edge.basics.errors import InputOutputError
from trainer.data.pictures import PictureStore
from trainer.data.sr_pairs import SuperResolutionDataset, bicubic_quarter, bicubic_x4, centre_pairs, low_resolution


def keys_kernel(x):
    """Keys (IEEE ASSP 29, 1981), a = -0.5: the kernel that MATLAB documents."""
    x = abs(x)
    inner, outer = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, inner, np.where(x <= 2, outer, 0.0))


def imresize_matrix(num_in, num_out):
    """A row per output pixel, as MATLAB's imresize: centres at halves, kernel widened when shrinking, mirrored."""
    scale = num_out / num_in
    widened = min(scale, 1.0)
    matrix = np.zeros((num_out, num_in))
    for row in range(num_out):
        centre = (row + 0.5) / scale - 0.5
        taps = np.arange(int(centre) - 12, int(centre) + 13)
        weights = keys_kernel((centre - taps) * widened)
        turned = taps % (2 * num_in)
        turned = np.where(turned < num_in, turned, 2 * num_in - 1 - turned)
        np.add.at(matrix[row], turned, weights / weights.sum())
    return matrix


@pytest.fixture(scope="module")
def paths(tmp_path_factory, tissue):
    folder = tmp_path_factory.mktemp("hq")
    for seed in range(5):
        cv2.imwrite(str(folder / f"{seed}.png"), tissue(72, 88, seed)[..., ::-1])
    return sorted(folder.iterdir())


def dataset(paths, cache_gib=1.0, **changes):
    values = {"crop_px": 32, "blur_sigma_px": 5.0, "blur_share": 0.5, "seed": 7, **changes}
    return SuperResolutionDataset(PictureStore(paths, cache_gib), **values)


def sharp_lr(hr):
    return torch.from_numpy(low_resolution(hr.permute(1, 2, 0).numpy().copy())).permute(2, 0, 1)


@pytest.mark.parametrize(
    "resize, out",
    [pytest.param(bicubic_quarter, (9, 14), id="to a quarter"), pytest.param(bicubic_x4, (144, 224), id="times 4")],
)
def test_bicubic_is_matlabs_to_the_border(resize, out):
    x_HW = default_rng(0).random((36, 56))
    expected = imresize_matrix(36, out[0]) @ x_HW @ imresize_matrix(56, out[1]).T
    found = resize(torch.from_numpy(x_HW)[None, None])
    assert np.abs(found[0, 0].numpy() - expected).max() < 1e-12


def test_lr_is_rounded_bicubic(tissue):
    hr = tissue(40, 48, 3)
    expected = np.einsum("yh,hwc,xw->yxc", imresize_matrix(40, 10), hr.astype(float), imresize_matrix(48, 12))
    assert np.abs(low_resolution(hr) - np.clip(expected, 0, 255)).max() <= 0.5 + 1e-3


def test_blur_is_gaussian_of_the_wanted_sigma():
    """An edge blurred by a Gaussian is its integral: from 16% to 84% of the height in two sigmas."""
    hr = np.zeros((400, 400, 3), np.uint8)
    hr[:, 200:] = 250
    profile = low_resolution(hr, 5.0)[50, :, 0].astype(float) / 250
    width = np.interp(0.8413, profile, np.arange(100)) - np.interp(0.1587, profile, np.arange(100))
    assert width == pytest.approx(10, abs=0.3)


def test_an_item_is_a_function_of_seed_and_number(paths):
    once, again = dataset(paths), dataset(paths, cache_gib=0.0)
    late = again[23]
    for index in (23, 0, 4):
        for a, b in zip(once[index], again[index], strict=True):
            assert torch.equal(a, b)
    assert all(torch.equal(a, b) for a, b in zip(late, once[23], strict=True))
    assert not torch.equal(once[23][1], dataset(paths, seed=8)[23][1])


def test_items_are_planes_of_a_crop_and_its_quarter(paths):
    lr, hr = dataset(paths, blur_share=0.0)[3]
    assert (lr.shape, hr.shape) == ((3, 8, 8), (3, 32, 32))
    assert lr.dtype == hr.dtype == torch.uint8
    assert torch.equal(lr, sharp_lr(hr))


def contains(picture, crop):
    """Whether every eighth pixel of the crop is found in the picture, all in place."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, crop.shape)[:, :, 0]
    return bool((windows[:, :, ::8, ::8] == crop[::8, ::8]).all((2, 3, 4)).any())


def test_crops_are_the_pictures_own_pixels_and_some_are_mirrored(paths):
    pictures = [cv2.imread(str(path))[..., ::-1] for path in paths]
    found = {"as it is": 0, "mirrored": 0}
    items = dataset(paths)
    for index in range(30):
        hr = items[index][1].permute(1, 2, 0).numpy()
        for name, crop in (("as it is", hr), ("mirrored", hr[:, ::-1])):
            found[name] += any(contains(picture, crop) for picture in pictures)
    assert found["as it is"] + found["mirrored"] == 30
    assert min(found.values()) > 5


def test_an_epoch_shows_each_picture_once(paths):
    flat = [np.full((40, 40, 3), 50 * number, np.uint8) for number in range(5)]
    items = dataset(paths)
    items.store._kept = flat
    epochs = [[int(items[5 * epoch + place][1].max()) for place in range(5)] for epoch in range(6)]
    assert all(sorted(epoch) == [0, 50, 100, 150, 200] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_wanted_share_is_blurred(paths, share):
    items = dataset(paths, blur_share=share)
    blurred = np.mean([not torch.equal(lr, sharp_lr(hr)) for lr, hr in (items[index] for index in range(300))])
    assert blurred == pytest.approx(share, abs=0.08 if 0 < share < 1 else 0)


@pytest.mark.parametrize("cache_gib", [1.0, 0.0], ids=["in memory", "streamed"])
def test_a_picture_smaller_than_the_crop(paths, cache_gib):
    with pytest.raises(InputOutputError, match=r"\.png: 88x72 px, smaller than isr\.crop_px 80x80; ") as caught:
        dataset(paths, cache_gib, crop_px=80)[0]
    assert "\n" not in str(caught.value)


def test_centre_pairs_are_spaced_over_the_list(paths):
    lr, hr = centre_pairs(paths, 64, 2)
    assert (lr.shape, hr.shape) == ((2, 3, 16, 16), (2, 3, 64, 64))
    for number, path in ((0, paths[0]), (1, paths[3])):
        middle = cv2.imread(str(path))[4:68, 12:76, ::-1].copy()
        assert np.array_equal(hr[number].permute(1, 2, 0).numpy(), middle)
        assert torch.equal(lr[number], torch.from_numpy(low_resolution(middle)).permute(2, 0, 1))
