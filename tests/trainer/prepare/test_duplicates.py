"""Perceptual hash: the same picture in other clothes, another picture, groups."""

import cv2
import numpy as np
import pytest

from edge.pictures.perceptual_hash import hamming_distance, perceptual_hash
from trainer.prepare.duplicates import NEAR_DUPLICATE_BITS, connected_groups, near_duplicate_pairs


def scene(seed: int, height_px: int = 300, width_px: int = 400) -> np.ndarray:
    """Smooth coloured blobs over a gradient, as a photo's low frequencies are."""
    blobs = np.random.default_rng(seed).random((7, 9, 3)).astype(np.float32)
    picture = cv2.resize(blobs, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    fine = np.random.default_rng(seed + 100).normal(0, 0.04, picture.shape)
    return (np.clip(picture * 0.8 + 0.1 + fine, 0, 1) * 255).astype(np.uint8)


def recompressed(image: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR)


def cropped(image: np.ndarray) -> np.ndarray:
    """4% less in each direction."""
    dy, dx = image.shape[0] // 50, image.shape[1] // 50
    return image[dy:-dy, dx:-dx]


SAME = {
    "half size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "other aspect": lambda image: cv2.resize(image, (313, 290), interpolation=cv2.INTER_LINEAR),
    "JPEG 30": recompressed,
    "crop 4%": cropped,
    "brighter": lambda image: cv2.convertScaleAbs(image, alpha=0.9, beta=25),
    "all": lambda image: recompressed(cv2.resize(cropped(image), (256, 192))),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
@pytest.mark.parametrize("seed", range(4))
def test_the_same_picture_is_near(change, seed):
    image = scene(seed)
    assert hamming_distance(perceptual_hash(image), perceptual_hash(change(image))) <= NEAR_DUPLICATE_BITS


def test_other_pictures_are_far():
    hashes = [perceptual_hash(scene(seed)) for seed in range(12)]
    distances = [hamming_distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert min(distances) > NEAR_DUPLICATE_BITS


def test_pairs_are_those_within_the_distance():
    hashes = [0b000, 0b111, 0b011, 2**63]
    assert near_duplicate_pairs(hashes, 1) == [(1, 2), (0, 3)]
    assert near_duplicate_pairs(hashes, 2) == [(0, 2), (1, 2), (0, 3)]


def test_groups_are_linked_through_a_middle_picture():
    assert connected_groups(6, [(4, 1), (5, 4), (3, 0)]) == [[0, 3], [1, 4, 5], [2]]


def test_near_duplicates_are_grouped():
    pictures = [scene(1), scene(2), SAME["all"](scene(1)), scene(3), SAME["half size"](scene(2))]
    hashes = [perceptual_hash(picture) for picture in pictures]
    assert connected_groups(5, near_duplicate_pairs(hashes)) == [[0, 2], [1, 4], [3]]
    assert connected_groups(5, near_duplicate_pairs(hashes, max_distance=64)) == [[0, 1, 2, 3, 4]]
