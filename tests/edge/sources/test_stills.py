"""Pictures of every kind, and folders of them."""

import struct

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.pictures.files import picture_paths, read_picture
from edge.sources.stills import StillSource

RED, GREEN, GREY = (255, 0, 0), (0, 255, 0), (128, 128, 128)


def write_picture(path, array):
    """`array` in OpenCV's order: (H, W), BGR or BGRA."""
    assert cv2.imwrite(str(path), array)
    return path


def flat_bgr(rgb, shape=(36, 64)):
    return np.full((*shape, 3), rgb[::-1], np.uint8)


def exif_jpeg(array, orientation):
    """A JPEG with an EXIF block that holds only the orientation (TIFF 6.0 tag 0x0112, SHORT)."""
    jpeg = cv2.imencode(".jpg", array)[1].tobytes()
    exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tiff", ".webp", ".jpg"])
def test_reads_rgb_at_the_stored_size(tmp_path, ending):
    image = read_picture(write_picture(tmp_path / f"zunge-ä{ending}", flat_bgr(RED, (30, 50))))
    assert image.shape == (30, 50, 3)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image[15, 25], RED, atol=3)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param(np.full((4, 6), 77, np.uint8), (77, 77, 77), id="grey"),
        pytest.param(np.full((4, 6), 0xFFFF, np.uint16), (255, 255, 255), id="grey 16-bit white"),
        pytest.param(np.full((4, 6, 3), (0, 0, 128 * 257 + 128), np.uint16), (128, 0, 0), id="16-bit down"),
        pytest.param(np.full((4, 6, 3), (0, 0, 128 * 257 + 129), np.uint16), (129, 0, 0), id="16-bit up"),
        pytest.param(np.full((4, 6, 4), (0, 0, 200, 255), np.uint8), (200, 0, 0), id="alpha opaque"),
        pytest.param(np.full((4, 6, 4), (10, 20, 200, 51), np.uint8), (40, 4, 2), id="alpha a fifth"),
        pytest.param(np.full((4, 6, 4), (0, 3, 200, 128), np.uint8), (100, 2, 0), id="alpha rounded"),
        pytest.param(np.full((4, 6, 4), (0, 0, 0xFFFF, 0), np.uint16), (0, 0, 0), id="alpha 16-bit clear"),
        pytest.param(np.full((1, 1, 3), (3, 2, 1), np.uint8), (1, 2, 3), id="1x1"),
    ],
)
def test_depths_and_channels_become_8_bit_rgb(tmp_path, stored, expected):
    image = read_picture(write_picture(tmp_path / "picture.png", stored))
    assert image.shape == (*stored.shape[:2], 3)
    assert image.dtype == np.uint8
    assert tuple(int(value) for value in image[0, 0]) == expected


def test_exif_orientation_is_applied(tmp_path):
    path = tmp_path / "portrait.jpg"
    path.write_bytes(exif_jpeg(flat_bgr(GREY, (40, 60)), orientation=6))
    assert read_picture(path).shape == (60, 40, 3)


def half_of(ending):
    noise = np.random.default_rng(0).integers(0, 255, (80, 120, 3), dtype=np.uint8)
    data = cv2.imencode(ending, noise)[1].tobytes()
    return data[: len(data) // 2]


def float_tiff():
    return cv2.imencode(".tiff", np.zeros((4, 4, 3), np.float32))[1].tobytes()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("a.png", None, "No such file", id="no such file"),
        pytest.param("a.png", b"", "0 bytes", id="zero bytes"),
        pytest.param("a.png", b"a letter to the surgeon\n" * 50, "not a picture", id="text"),
        pytest.param("a.png", half_of(".png"), "damaged", id="png cut short"),
        pytest.param("a.jpg", half_of(".jpg"), "damaged", id="jpeg cut short"),
        pytest.param("a.tif", half_of(".tiff"), "damaged", id="tiff cut short"),
        pytest.param("a.tif", float_tiff(), "float32 pixels", id="floating point"),
    ],
)
def test_bad_picture_is_one_line(tmp_path, capfd, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputOutputError, match=message) as caught:
        read_picture(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_folder_is_sorted_as_a_person_would(tmp_path):
    for name in ("frame10.png", "frame2.PNG", "Frame1.jpg", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.png").mkdir()
    assert [path.name for path in picture_paths(tmp_path)] == ["Frame1.jpg", "frame2.PNG", "frame10.png"]


@pytest.mark.parametrize("name", ["without pictures", "missing"])
def test_folder_without_pictures_is_refused(tmp_path, name):
    (tmp_path / "without pictures").mkdir()
    with pytest.raises(InputOutputError, match=name) as caught:
        picture_paths(tmp_path / name)
    assert name == "missing" or ".png" in str(caught.value)


def source_of(paths, *, live, loop, fps=2.0):
    return StillSource("folder", paths, fps=fps, live=live, paced=False, loop=loop)


def read_colours(source, number):
    frames = [source.read() for _ in range(number)]
    return [None if frame is None else tuple(int(value) for value in frame.image[0, 0]) for frame in frames]


def test_live_holds_each_picture_for_a_second_and_loops(tmp_path):
    paths = [
        write_picture(tmp_path / "1.png", flat_bgr(RED)),
        write_picture(tmp_path / "2.png", flat_bgr(GREEN)),
    ]
    source = source_of(paths, live=True, loop=True)
    assert read_colours(source, 6) == [RED, RED, GREEN, GREEN, RED, RED]
    frame = source.read()
    assert frame.seq == 6
    assert frame.image.shape == (1080, 1920, 3)


def test_once_through_gives_each_picture_once(tmp_path):
    paths = [
        write_picture(tmp_path / "1.png", flat_bgr(RED)),
        write_picture(tmp_path / "2.png", flat_bgr(GREEN)),
    ]
    assert read_colours(source_of(paths, live=False, loop=False), 4) == [RED, GREEN, None, None]


def damaged(path):
    path.write_bytes(b"\x89PNG damaged")
    return path


def test_live_leaves_a_damaged_picture_out_with_one_warning(tmp_path, caplog):
    paths = [
        write_picture(tmp_path / "1.png", flat_bgr(RED, (1080, 1920))),
        damaged(tmp_path / "2.png"),
        write_picture(tmp_path / "3.png", flat_bgr(GREEN, (1080, 1920))),
    ]
    source = source_of(paths, live=True, loop=True, fps=1.0)
    assert read_colours(source, 5) == [RED, GREEN, RED, GREEN, RED]
    assert [record.getMessage().count("2.png") for record in caplog.records] == [1]


def test_live_with_damaged_pictures_alone_is_refused_at_once(tmp_path):
    with pytest.raises(InputOutputError, match="damaged"):
        source_of([damaged(tmp_path / "1.png"), damaged(tmp_path / "2.png")], live=True, loop=True)


def test_once_through_raises_for_a_damaged_picture_and_goes_on(tmp_path):
    paths = [damaged(tmp_path / "1.png"), write_picture(tmp_path / "2.png", flat_bgr(GREEN))]
    source = source_of(paths, live=False, loop=False)
    with pytest.raises(InputOutputError, match=r"1\.png"):
        source.read()
    assert read_colours(source, 2) == [GREEN, None]


@pytest.mark.parametrize("paced", [True, False])
def test_close_ends_the_source(tmp_path, paced):
    paths = [write_picture(tmp_path / "1.png", flat_bgr(RED))]
    source = StillSource("1.png", paths, fps=0.01, live=True, paced=paced, loop=True)
    assert source.read() is not None
    source.close()
    source.close()
    assert source.read() is None


def test_png_with_bad_checksum_is_refused(tmp_path):
    data = bytearray(cv2.imencode(".png", flat_bgr(RED))[1].tobytes())
    at = data.index(b"IDAT") + 6
    data[at] ^= 0xFF
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(InputOutputError, match="damaged"):
        read_picture(path)
