"""What a reader refuses that takes nothing but what a camera gives; what is converted is in tests/edge/sources."""

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.pictures.files import read_picture


def test_red_is_first(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((4, 6, 3), (10, 20, 30), np.uint8))
    assert read_picture(tmp_path / "a.png", rgb8_only=True)[0, 0].tolist() == [30, 20, 10]


@pytest.mark.parametrize(
    "stored, message",
    [
        pytest.param(np.zeros((4, 6), np.uint8), "1 channel of 8 bits; expected 3 channels of 8 bits", id="grey"),
        pytest.param(np.zeros((4, 6, 3), np.uint16), "3 channels of 16 bits", id="16 bits"),
        pytest.param(np.zeros((4, 6), np.uint16), "1 channel of 16 bits", id="grey of 16 bits"),
        pytest.param(np.zeros((4, 6, 4), np.uint8), "4 channels of 8 bits", id="transparent"),
    ],
)
def test_what_would_have_to_be_converted_is_refused_on_request(tmp_path, stored, message):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), stored)
    assert read_picture(path).shape == (4, 6, 3)
    with pytest.raises(InputOutputError, match=message) as caught:
        read_picture(path, rgb8_only=True)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
