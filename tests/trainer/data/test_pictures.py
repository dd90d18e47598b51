"""Reading and keeping pictures."""

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from trainer.data.pictures import PictureStore


@pytest.mark.parametrize("cache_gib", [0.0, 1.0], ids=["when asked for", "at once"])
@pytest.mark.parametrize(
    "content, message",
    [
        pytest.param(np.zeros((4, 6), np.uint8), "1 channel of 8 bits; expected 3 channels of 8 bits", id="grey"),
        pytest.param(np.zeros((4, 6, 3), np.uint16), "3 channels of 16 bits", id="16 bits"),
        pytest.param(np.zeros((4, 6), np.uint16), "1 channel of 16 bits", id="grey of 16 bits"),
        pytest.param(b"no picture", "not a picture", id="text"),
        pytest.param(b"", "the picture is empty", id="empty"),
        pytest.param(None, "cannot read the picture", id="missing"),
    ],
)
def test_bad_pictures_are_one_line(tmp_path, content, message, cache_gib):
    sound, path = tmp_path / "0.png", tmp_path / "a.png"
    cv2.imwrite(str(sound), np.zeros((4, 6, 3), np.uint8))
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        cv2.imwrite(str(path), content)
    with pytest.raises(InputOutputError, match=message) as caught:
        PictureStore([sound, path], cache_gib)[1]
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kept, cache_gib", [(0, 0.0), (2, 2.5 * 300 / 2**30), (3, 1.0)])
def test_what_fits_is_kept_and_the_rest_streams(tmp_path, kept, cache_gib):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((10, 10, 3), number, np.uint8))
    paths = sorted(tmp_path.iterdir())
    store = PictureStore(paths, cache_gib)
    assert (len(store), store.num_kept) == (3, kept)
    for path in paths[:kept]:
        path.unlink()
    assert [int(store[number][0, 0, 0]) for number in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(("longest", "size"), [(0, (30, 60)), (60, (30, 60)), (40, (20, 40))], ids=str)
def test_large_pictures_are_kept_small_whether_they_fit_or_stream(tmp_path, longest, size):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((30, 60, 3), 7, np.uint8))
    for cache_gib in (0.0, 1.0):
        assert PictureStore([tmp_path / "a.png"], cache_gib, longest)[0].shape == (*size, 3)
