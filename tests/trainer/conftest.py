"""Pictures that behave like tissue, made here."""

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def tissue():
    """`tissue(height, width, seed)`: soft relief, crossed by sharp dark vessels and dotted with specular points."""

    def make(height, width, seed):
        rng = np.random.default_rng(seed)
        relief = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 12) * 400 + 125
        course = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 4)
        vessels = np.abs(course) < 0.12 * course.std()
        points = cv2.dilate((rng.random((height, width)) < 0.002).astype(np.uint8), np.ones((2, 2)))
        luma = relief - 55 * vessels + 90 * points
        colour = luma[..., None] * np.array([1.25, 0.8, 0.75])
        return np.clip(np.rint(colour), 0, 255).astype(np.uint8)

    return make
