"""Sources write into memory that an engine lends, and into their own where it lends none."""

import logging

import cv2
import numpy as np

from edge.pictures.geometry import FRAME_SHAPE
from edge.sources.capture import retrieved_rgb
from edge.sources.pace import FrameFitter


class OnePicture:
    """The part of `cv2.VideoCapture` that is read here."""

    def __init__(self, bgr):
        self.bgr = bgr

    def retrieve(self):
        return True, self.bgr.copy()


def test_a_captured_picture_lies_in_lent_memory_or_in_its_own():
    bgr = np.random.default_rng(0).integers(0, 256, FRAME_SHAPE, dtype=np.uint8)
    expected = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    lent = np.zeros(FRAME_SHAPE, np.uint8)
    offers = [lent, None]
    fitter = FrameFitter("test", logging.getLogger())
    first, second = (retrieved_rgb(OnePicture(bgr), fitter, lambda: offers.pop(0)) for _ in range(2))
    third = retrieved_rgb(OnePicture(bgr), fitter)
    assert np.shares_memory(first, lent)
    assert not np.shares_memory(second, lent) and not np.shares_memory(third, lent)
    assert all(np.array_equal(found, expected) for found in (first, second, third))
