"""The scan: what a file is, and why one is left out."""

import hashlib
import struct
from collections import Counter

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.pictures.perceptual_hash import perceptual_hash
from trainer.prepare.scan import NotTrainable, decode, scan_folder
from trainer.prepare.screening import scores


@pytest.fixture
def image(tissue):
    return tissue(96, 128, 1)


def encoded(image: np.ndarray, suffix: str) -> bytes:
    ordered = image[..., [2, 1, 0, *range(3, image.shape[2])]] if image.ndim == 3 else image
    return cv2.imencode(suffix, ordered)[1].tobytes()


def lying(jpeg: bytes) -> bytes:
    """The JPEG with EXIF orientation 6: to be turned a quarter to the right."""
    tiff = b"II*\0" + struct.pack("<IHHHII", 8, 1, 0x0112, 3, 1, 6) + bytes(4)
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp"])
def test_decoding_keeps_the_pixels(image, suffix):
    difference = np.abs(decode(encoded(image, suffix)).astype(int) - image)
    assert difference.max() <= (0 if suffix != ".webp" else 8)


def test_decoding_a_jpeg(image):
    assert np.abs(decode(encoded(image, ".jpg")).astype(int) - image).mean() < 4


def test_a_phones_picture_stands_upright(image):
    upright = decode(lying(encoded(image, ".jpg")))
    assert upright.shape == (128, 96, 3)
    assert np.abs(upright.astype(int) - np.rot90(image, -1)).mean() < 4


def test_a_jpeg_with_a_thumbnail_cut_short_is_known_from_a_whole_one(image):
    jpeg, small = encoded(image, ".jpg"), encoded(image[::4, ::4].copy(), ".jpg")
    whole = jpeg[:2] + b"\xff\xe2" + struct.pack(">H", len(small) + 2) + small + jpeg[2:]
    decode(whole)
    with pytest.raises(NotTrainable, match="damaged JPEG: Premature end of JPEG file"):
        decode(whole[:-200])


BAD = {
    "empty": (lambda image: b"", "the picture is empty"),
    "text": (lambda image: b"hello", "not a picture"),
    "JPEG cut short": (
        lambda image: encoded(image, ".jpg")[:-300],
        "damaged JPEG: .*; fetch the file again; or remove it",
    ),
    "PNG cut short": (lambda image: encoded(image, ".png")[:-300], "damaged PNG"),
    "16-bit PNG": (
        lambda image: encoded(image.astype(np.uint16) * 256, ".png"),
        "16 bits a channel; convert to 8-bit RGB",
    ),
    "16-bit TIFF": (lambda image: encoded(image.astype(np.uint16) * 256, ".tif"), "16 bits a channel; convert"),
    "grey PNG": (lambda image: encoded(image[..., 0], ".png"), "one channel; convert to 8-bit RGB"),
    "grey JPEG": (lambda image: encoded(image[..., 0], ".jpg"), "one channel; convert to 8-bit RGB"),
    "alpha PNG": (
        lambda image: encoded(np.dstack([image, image[..., 0]]), ".png"),
        "alpha channel or four inks; convert",
    ),
    "alpha WebP": (
        lambda image: encoded(np.dstack([image, image[..., 0]]), ".webp"),
        "alpha channel or four inks; convert",
    ),
    "too small": (lambda image: encoded(image[:63], ".png"), "128x63 px, smaller than 64x64; .*--min-size"),
}


@pytest.mark.parametrize("make, message", BAD.values(), ids=BAD.keys())
def test_what_is_left_out_and_why(image, make, message):
    with pytest.raises(NotTrainable, match=message) as caught:
        decode(make(image))
    assert "\n" not in str(caught.value)


def test_the_smallest_size_is_the_callers(image):
    decode(encoded(image[:40], ".png"), (128, 40))
    with pytest.raises(NotTrainable, match="128x96 px, smaller than 129x10"):
        decode(encoded(image, ".png"), (129, 10))


@pytest.fixture
def folder(tmp_path, image):
    for name in ("b/two.PNG", "a/one.jpg", ".hidden/no.png", "a/.no.png"):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(image, path.suffix.lower()))
    for name in ("a/notes.txt", "b/phone.MOV", "README"):
        (tmp_path / "pictures" / name).write_text("")
    return tmp_path / "pictures"


def test_what_a_scan_finds(folder, image):
    (folder / "c.png").write_bytes(b"hello")
    scan = scan_folder(folder, thumbnails=True)
    assert scan.paths == ["a/one.jpg", "b/two.PNG", "c.png"]
    assert [(bad.path, bad.reason.partition(";")[0]) for bad in scan.unreadable] == [("c.png", "not a picture")]
    two = scan.pictures[1]
    assert two.sha256 == hashlib.sha256((folder / "b/two.PNG").read_bytes()).hexdigest()
    assert (two.width_px, two.height_px) == (128, 96)
    assert (two.phash, two.scores) == (perceptual_hash(image), scores(image))
    assert two.thumbnail.startswith(b"\xff\xd8")
    assert [picture.thumbnail for picture in scan_folder(folder).pictures] == [b"", b""]


def test_each_file_is_read_once(folder, monkeypatch):
    read, counts = type(folder).read_bytes, Counter()

    def counted(path):
        counts[path.name] += 1
        return read(path)

    monkeypatch.setattr(type(folder), "read_bytes", counted)
    scan_folder(folder, thumbnails=True)
    assert counts == {"one.jpg": 1, "two.PNG": 1}


def test_a_file_that_cannot_be_opened_is_listed(folder):
    (folder / "gone.png").symlink_to(folder / "nowhere.png")
    (folder / "d.png").mkdir()
    assert scan_folder(folder).unreadable == ()  # a link to nothing and a folder are no files

    (folder / "locked.png").write_bytes(b"x")
    with pytest.MonkeyPatch.context() as patch:
        read = type(folder).read_bytes

        def refused(path):
            if path.name == "locked.png":
                raise PermissionError(13, "Permission denied")
            return read(path)

        patch.setattr(type(folder), "read_bytes", refused)
        (bad,) = scan_folder(folder).unreadable
    assert bad.path == "locked.png" and bad.reason.startswith("cannot be read (Permission denied);")


@pytest.mark.parametrize(
    "content, message",
    [
        pytest.param(None, "no such folder", id="missing"),
        pytest.param({}, "no picture in it; expected files ending in", id="empty"),
        pytest.param({"a.txt": b"x"}, "no picture in it", id="other files"),
        pytest.param({"a.jpg": b"x", "b.png": b""}, "none of 2 pictures can be used; a.jpg: not a picture", id="bad"),
    ],
)
def test_nothing_to_scan(tmp_path, content, message):
    folder = tmp_path / "pictures"
    if content is not None:
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)
    with pytest.raises(InputOutputError, match=message) as caught:
        scan_folder(folder)
    assert str(folder) in str(caught.value)
