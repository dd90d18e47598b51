"""A hash of 64 bits that says how alike two pictures look."""

import cv2
import numpy as np
import pytest

from edge.pictures.perceptual_hash import hamming_distance, perceptual_hash


def test_hash_has_64_balanced_bits_and_reads_grey_as_grey():
    image = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    value = perceptual_hash(image)
    assert 0 <= value < 2**64
    assert value.bit_count() == 32  # half the coefficients lie above their median
    assert perceptual_hash(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)) == value


def test_hash_bits_follow_the_cosines():
    """A picture made of one cosine along x has its large coefficients in the first row of the DCT."""
    x = (np.arange(256) + 0.5) / 256
    wave = 128 + 60 * np.cos(3 * np.pi * x) + 30 * np.cos(5 * np.pi * x)
    value = perceptual_hash(np.broadcast_to(wave, (256, 256)).round().astype(np.uint8))
    first_row = f"{value:064b}"[:8]
    assert (first_row[0], first_row[3], first_row[5]) == ("1", "1", "1")


@pytest.mark.parametrize(("a", "b", "bits"), [(0, 0, 0), (0, 2**64 - 1, 64), (0b1010, 0b0110, 2)])
def test_hamming_distance(a, b, bits):
    assert hamming_distance(a, b) == bits
