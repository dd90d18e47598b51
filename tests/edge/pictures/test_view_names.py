"""One rule for the names of a picture's two views, and the earlier one still understood."""

import pytest

from edge.pictures.view_names import earlier_name, subject_of, view_name, view_of


@pytest.mark.parametrize("view", ["raw", "enhanced"])
@pytest.mark.parametrize("suffix", [".png", ".mp4"])
@pytest.mark.parametrize("stem", ["throat", "throat-20260504T030201.678Z-000007", "a-raw", "caf\udce9\n"])
@pytest.mark.parametrize("naming", [view_name, earlier_name])
def test_a_name_is_read_as_it_was_made(naming, stem, view, suffix):
    name = naming(stem, view, suffix)
    assert view_of(name) == view
    assert subject_of(name.removesuffix(suffix)) == stem


def test_names_are_as_the_pages_say():
    assert view_name("a", "raw", ".png") == "a-raw.png"
    assert earlier_name("a", "enhanced", ".mp4") == "a_enhanced.mp4"


@pytest.mark.parametrize("name", ["a.png", "straw.png", "-raw.png", "raw.png", "a-raw.png.json"])
def test_other_names_are_of_no_view(name):
    assert view_of(name) is None
