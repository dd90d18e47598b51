"""Pictures of every kind become RGB of 8 bits, or are refused in one line; folders of them are in a person's order."""

import struct

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.pictures.files import picture_from_content, picture_paths, read_picture
from tests.doubles.picture_files import tiff


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


def two_pages():
    return tiff([flat_bgr(RED), flat_bgr(GREY)])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("a.png", None, "No such file", id="no such file"),
        pytest.param("a.png", b"", "0 bytes", id="zero bytes"),
        pytest.param("a.png", b"a letter to the surgeon\n" * 50, "not a picture", id="text"),
        pytest.param("a.png", half_of(".png"), "damaged", id="png cut short"),
        pytest.param("a.jpg", half_of(".jpg"), "damaged", id="jpeg cut short"),
        pytest.param("a.tif", half_of(".tiff"), "damaged", id="tiff cut short"),
        pytest.param("a.tif", two_pages(), "2 pages or frames; expected one", id="two pages"),
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


def test_png_with_bad_checksum_is_refused(tmp_path):
    data = bytearray(cv2.imencode(".png", flat_bgr(RED))[1].tobytes())
    at = data.index(b"IDAT") + 6
    data[at] ^= 0xFF
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(InputOutputError, match="damaged"):
        read_picture(path)


def test_a_files_bytes_are_read_as_the_file_is(tmp_path):
    content = cv2.imencode(".png", flat_bgr(GREEN))[1].tobytes()
    assert picture_from_content(content, "it")[0, 0].tolist() == list(GREEN)
    with pytest.raises(InputOutputError, match=r"^it: damaged PNG"):
        picture_from_content(content[:-20], "it")
