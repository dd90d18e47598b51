"""A share of the enhancement: between the picture and its answer, and nothing of it written into the picture."""

import numpy as np
import pytest

from edge.engines.engine import Enhanced
from edge.engines.weakened import WeakenedEngine


class Inverting:
    profile, model_sha256, device = "live", "ab", "test"

    def __init__(self):
        self.is_closed = False

    def enhance(self, image, out=None):
        made = 255 - image
        if out is not None:
            out[:] = made
        return Enhanced(made if out is None else out, {"invert": 1.0})

    def close(self):
        self.is_closed = True


@pytest.mark.parametrize("into", [False, True])
@pytest.mark.parametrize(("strength", "level"), [(1.0, 205), (0.6, 143), (0.25, 89), (0.0, 50)])
def test_the_answer_lies_between_the_picture_and_the_engines(strength, level, into):
    image = np.full((8, 12, 3), 50, np.uint8)
    out = np.zeros_like(image) if into else None
    result = WeakenedEngine(Inverting(), strength).enhance(image, out)
    assert (result.image == level).all()
    assert (image == 50).all()
    assert (result.image is out) is into
    assert ("weaken" in result.stage_ms) is (strength < 1)


@pytest.mark.parametrize("own_buffer", [False, True])
def test_the_whole_answer_is_kept_for_who_judges_it(own_buffer):
    image = np.full((8, 12, 3), 50, np.uint8)
    inner = Inverting()
    if own_buffer:
        inner.enhance = lambda image, out=None: Enhanced(255 - image, {})
    engine = WeakenedEngine(inner, 0.6)
    engine.whole, out = np.zeros_like(image), np.zeros_like(image)
    result = engine.enhance(image, out)
    assert (out == 143).all() and result.image is out
    assert (engine.whole == 205).all() and result.whole is engine.whole
    engine.strength = 1.0
    assert (engine.enhance(image, out).image == 205).all()
    assert engine.enhance(image, out).whole is None


def test_it_speaks_for_its_engine():
    inner = Inverting()
    engine = WeakenedEngine(inner)
    assert (engine.profile, engine.model_sha256, engine.device) == ("live", "ab", "test")
    engine.close()
    assert inner.is_closed
