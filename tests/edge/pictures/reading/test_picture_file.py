"""The matrix: each kind of picture with each property that it can have, and the value that must come out."""

from __future__ import annotations

import io
import os
import signal
import struct
import zlib
from pathlib import Path
from random import Random

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image as Pillow

from edge.pictures.reading.picture_file import (
    DamagedPicture,
    PictureFile,
    PictureRefused,
    is_picture,
    num_pages_of,
    opened_picture,
)
from tests.doubles import heic_samples
from tests.doubles.icc_profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    SPACES,
    cmyk_profile,
    codes_in,
    grey_profile,
    matrix_profile,
)
from tests.doubles.picture_files import (
    ASSOCIATED,
    SEPARATED,
    UNASSOCIATED,
    WHITE_IS_ZERO,
    jpeg_with,
    png,
    png_chunk,
    tiff,
)
from tests.doubles.waiting import GUARD_S
from tests.paths import DATA

RED, GREY = (200, 40, 40), (176, 104, 92)
HEIGHT_PX, WIDTH_PX = 48, 64


def flat(*values: float, dtype: type[np.generic] = np.uint8) -> np.ndarray:
    shape = (HEIGHT_PX, WIDTH_PX, len(values)) if len(values) > 1 else (HEIGHT_PX, WIDTH_PX)
    return np.full(shape, values if len(values) > 1 else values[0], dtype)


def chart() -> np.ndarray:
    """Grey, its top left 16x24 red: shows every turn and mirroring."""
    image = flat(*GREY)
    image[:16, :24] = RED
    return image


def jpeg(image: np.ndarray, space: str = "RGB") -> bytes:
    return simplejpeg.encode_jpeg(np.ascontiguousarray(image), 98, space, "444" if space == "RGB" else "Gray")


def by_pillow(image: np.ndarray, kind: str, mode: str | None = None, **options: object) -> bytes:
    file = io.BytesIO()
    picture = Pillow.fromarray(image)
    if mode == "CMYK":
        picture = Pillow.frombytes("CMYK", (image.shape[1], image.shape[0]), image.tobytes())
    elif mode == "few":
        picture = picture.quantize(4)
    elif mode:
        picture = picture.convert(mode)
    picture.save(file, kind, **options)
    return file.getvalue()


def animation(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    frames = [Pillow.fromarray(flat(60 * number, 30, 90)) for number in range(1, 5)]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=100, loop=0, **options)
    return file.getvalue()


def profiled(space: object) -> np.ndarray:
    return codes_in(space, flat(*RED))


SIXTEEN = np.uint16
FLOAT = np.float32
VALUES = [
    ("JPEG", jpeg(chart()), RED, 2),
    ("JPEG progressive", by_pillow(chart(), "JPEG", progressive=True, quality=98), RED, 3),
    ("JPEG grey", jpeg(flat(77)[..., None], "GRAY"), (77, 77, 77), 1),
    ("JPEG CMYK, no profile", by_pillow(flat(0, 0, 0, 0), "JPEG", "CMYK"), (255, 255, 255), 2),
    ("JPEG CMYK, profile", by_pillow(flat(0, 255, 0, 0), "JPEG", "CMYK", icc_profile=cmyk_profile()), (255, 0, 255), 4),
    ("PNG", png(chart()), RED, 0),
    ("PNG grey", png(flat(77)), (77, 77, 77), 0),
    ("PNG grey, alpha", png(flat(200, 51)), (40, 40, 40), 0),
    ("PNG alpha", png(flat(10, 20, 200, 51)), (2, 4, 40), 0),
    ("PNG alpha, opaque", png(flat(10, 20, 200, 255)), (10, 20, 200), 0),
    ("PNG 16 bit", png(flat(128 * 257 + 128, 128 * 257 + 129, 65535, dtype=SIXTEEN)), (128, 129, 255), 0),
    ("PNG 16 bit, alpha", png(flat(200 * 257, 100 * 257, 60 * 257, 128 * 257, dtype=SIXTEEN)), (100, 50, 30), 1),
    ("PNG palette", by_pillow(chart(), "PNG", "few"), RED, 0),
    ("PNG interlaced", cv2.imencode(".png", chart()[..., ::-1])[1].tobytes(), RED, 0),
    ("TIFF", tiff(chart()), RED, 0),
    ("TIFF deflate", tiff(chart(), deflate=True), RED, 0),
    ("TIFF LZW", cv2.imencode(".tif", chart()[..., ::-1])[1].tobytes(), RED, 0),
    ("TIFF JPEG", by_pillow(chart(), "TIFF", compression="jpeg", quality=98), RED, 3),
    ("TIFF 1 bit", by_pillow(flat(255), "TIFF", "1"), (255, 255, 255), 0),
    ("TIFF palette", by_pillow(chart(), "TIFF", "few"), RED, 0),
    ("TIFF 16 bit", tiff(flat(200 * 257, 40 * 257, 40 * 257 + 129, dtype=SIXTEEN)), (200, 40, 41), 0),
    ("TIFF white is zero", tiff(flat(195), photometric=WHITE_IS_ZERO), (60, 60, 60), 0),
    (
        "TIFF white is zero, 16 bit",
        tiff(flat(65535 - 60 * 257, dtype=SIXTEEN), photometric=WHITE_IS_ZERO),
        (60, 60, 60),
        0,
    ),
    ("TIFF alpha", tiff(flat(200, 100, 60, 128), alpha=UNASSOCIATED), (100, 50, 30), 1),
    ("TIFF alpha multiplied in", tiff(flat(100, 50, 30, 128), alpha=ASSOCIATED), (100, 50, 30), 1),
    ("TIFF alpha unspecified", tiff(flat(200, 100, 60, 128), alpha=0), (100, 50, 30), 1),
    (
        "TIFF alpha, 16 bit",
        tiff(flat(51400, 25700, 15420, 32896, dtype=SIXTEEN), alpha=UNASSOCIATED),
        (100, 50, 30),
        1,
    ),
    ("TIFF grey, alpha", tiff(flat(200, 128), photometric=1, alpha=UNASSOCIATED), (100, 100, 100), 1),
    ("TIFF float", tiff(flat(0.5, 0.25, 1.0, dtype=FLOAT)), (128, 64, 255), 0),
    ("TIFF float grey", tiff(flat(0.25, dtype=FLOAT)), (64, 64, 64), 0),
    ("TIFF CMYK, profile", tiff(flat(255, 0, 0, 0), photometric=SEPARATED, icc=cmyk_profile()), (0, 255, 255), 4),
    (
        "TIFF CMYK 16 bit, profile",
        tiff(flat(0, 0, 65535, 0, dtype=SIXTEEN), photometric=SEPARATED, icc=cmyk_profile()),
        (255, 255, 0),
        8,
    ),
    ("WebP", by_pillow(chart(), "WEBP", lossless=True), RED, 0),
    ("WebP alpha", by_pillow(flat(10, 20, 200, 51), "WEBP", lossless=True, exact=True), (2, 4, 40), 0),
    ("GIF", by_pillow(chart(), "GIF"), RED, 0),
    ("BMP", by_pillow(chart(), "BMP"), RED, 0),
    ("BMP grey", by_pillow(flat(77), "BMP"), (77, 77, 77), 0),
    ("BMP 1 bit", by_pillow(flat(255), "BMP", "1"), (255, 255, 255), 0),
    ("AVIF", by_pillow(chart(), "AVIF", quality=95, subsampling="4:4:4"), RED, 4),
    ("AVIF alpha", by_pillow(flat(200, 100, 60, 128), "AVIF", quality=100, subsampling="4:4:4"), (100, 50, 30), 3),
    ("HEIC turned", heic_samples.TURNED, RED, 3),
    ("HEIC Display P3", heic_samples.DISPLAY_P3, (217, 0, 30), 4),
    ("PNG 1x1", png(np.array([[[1, 2, 3]]], np.uint8)), (1, 2, 3), 0),
    *((f"JPEG {space.name}", jpeg_with(jpeg(profiled(space)), icc=matrix_profile(space)), RED, 3) for space in SPACES),
    *((f"PNG {space.name}", png(profiled(space), icc=matrix_profile(space)), RED, 2) for space in SPACES),
    *((f"TIFF {space.name}", tiff(profiled(space), icc=matrix_profile(space)), RED, 2) for space in SPACES),
    *(
        (f"{kind} {space.name}", by_pillow(profiled(space), kind, icc_profile=matrix_profile(space), **options), RED, 4)
        for space in SPACES
        for kind, options in (("WEBP", {"lossless": True}), ("AVIF", {"quality": 95, "subsampling": "4:4:4"}))
    ),
    (
        "PNG 16 bit, alpha, Adobe RGB",
        png(np.dstack([profiled(ADOBE_RGB), flat(128)]).astype(SIXTEEN) * 257, icc=matrix_profile(ADOBE_RGB)),
        (100, 20, 20),
        2,
    ),
    (
        "TIFF float, ProPhoto",
        tiff(profiled(PROPHOTO).astype(FLOAT) / 255, icc=matrix_profile(PROPHOTO)),
        RED,
        2,
    ),
    ("PNG grey, linear profile", png(flat(100), icc=grey_profile(1.0)), (168, 168, 168), 1),
    ("JPEG grey, linear profile", jpeg_with(jpeg(flat(100)[..., None], "GRAY"), icc=grey_profile(1.0)), (168,) * 3, 2),
]


@pytest.mark.parametrize(("content", "rgb", "within"), [pytest.param(*row[1:], id=row[0]) for row in VALUES])
def test_the_corner_has_the_value_that_the_file_means(content, rgb, within):
    image = PictureFile(content, "it").page().image
    assert image.dtype == np.uint8 and image.shape[2] == 3 and image.flags.c_contiguous
    np.testing.assert_allclose(image[min(4, len(image) - 1), min(4, image.shape[1] - 1)], rgb, atol=within)


TURNED = {
    1: chart(),
    2: chart()[:, ::-1],
    3: chart()[::-1, ::-1],
    4: chart()[::-1],
    5: chart().transpose(1, 0, 2),
    6: np.rot90(chart()),
    7: chart().transpose(1, 0, 2)[::-1, ::-1],
    8: np.rot90(chart(), -1),
}
"""How the chart lies in a file of each orientation, so that it stands upright as Exif 2.32 has it."""


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize("alpha", [False, True], ids=["", "alpha"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WebP", "AVIF"])
def test_every_orientation_stands_upright_with_and_without_alpha(kind, alpha, orientation):
    if kind == "JPEG" and alpha:
        pytest.skip("JPEG has no alpha")
    lying = TURNED[orientation]
    lying = np.dstack([lying, np.full(lying.shape[:2], 255, np.uint8)]) if alpha else np.ascontiguousarray(lying)
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    content = {
        "JPEG": lambda: jpeg_with(jpeg(lying), orientation=orientation),
        "PNG": lambda: png(lying, orientation=orientation),
        "TIFF": lambda: tiff(lying, orientation=orientation, alpha=UNASSOCIATED if alpha else None),
        "WebP": lambda: by_pillow(lying, "WEBP", lossless=True, exact=True, exif=exif.tobytes()),
        "AVIF": lambda: by_pillow(lying, "AVIF", quality=95, subsampling="4:4:4", exif=exif.tobytes()),
    }[kind]()
    picture = PictureFile(content, "it").page()
    assert picture.image.shape == chart().shape
    assert np.abs(picture.image.astype(int) - chart()).mean() < 2
    assert ("turned" in picture.record()) == (orientation != 1)


SERIES = {
    "TIFF": tiff([flat(60 * number, 30, 90) for number in range(1, 5)]),
    "TIFF with thumbnails": tiff(
        [flat(60 * number // 2, 30, 90) for number in range(2, 10)], subfile=[number % 2 for number in range(8)]
    ),
    "WebP": animation("WEBP", lossless=True),
    "GIF": animation("GIF"),
    "PNG": animation("PNG"),
    "AVIF": animation("AVIF", quality=95, subsampling="4:4:4"),
}


@pytest.mark.parametrize("name", SERIES)
def test_every_page_and_frame_is_there(name, tmp_path):
    (tmp_path / "it").write_bytes(SERIES[name])
    assert num_pages_of(tmp_path / "it") == 4
    file = opened_picture(tmp_path / "it")
    for number in (1, 2, 3, 4, 2):  # in order, and back again
        picture = file.page(number)
        np.testing.assert_allclose(picture.image[9, 9], (60 * number, 30, 90), atol=5)
        assert (picture.record()["page"], picture.record()["pages"]) == (number, 4)


def test_every_picture_of_a_heic_is_there(tmp_path):
    (tmp_path / "it").write_bytes(heic_samples.TWO_PICTURES)
    assert num_pages_of(tmp_path / "it") == 2
    file = opened_picture(tmp_path / "it")
    assert [tuple(int(value) // 10 * 10 for value in file.page(n).image[4, 4]) for n in (1, 2)] == [
        (200, 40, 40),
        (40, 160, 50),
    ]


def test_pages_may_differ_in_size_and_depth():
    file = PictureFile(tiff([flat(1, 2, 3), flat(257, dtype=SIXTEEN)[:20]]), "it")
    assert [file.page(n).image.shape for n in (1, 2)] == [(48, 64, 3), (20, 64, 3)]
    assert [file.page(n).bits for n in (1, 2)] == [8, 16]


@pytest.mark.parametrize(
    ("content", "record"),
    [
        pytest.param(png(flat(*RED)), {"format": "PNG", "bits": 8, "channels": 3}, id="nothing done"),
        pytest.param(
            png(flat(1, 2, 3, 4), orientation=6),
            {"format": "PNG", "bits": 8, "channels": 4, "alpha": "laid over black", "turned": "by 90 degrees"},
            id="alpha and orientation",
        ),
        pytest.param(png(flat(1, 2, 3, 255)), {"format": "PNG", "bits": 8, "channels": 4}, id="opaque"),
        pytest.param(
            tiff(profiled(DISPLAY_P3), icc=matrix_profile(DISPLAY_P3)),
            {"format": "TIFF", "bits": 8, "channels": 3, "colour": "converted to sRGB from Display P3"},
            id="profile",
        ),
        pytest.param(
            tiff(flat(9, dtype=SIXTEEN), icc=matrix_profile(ADOBE_RGB)),
            {
                "format": "TIFF",
                "bits": 16,
                "channels": 1,
                "colour": "the embedded profile Adobe RGB (1998) is for RGB and was not used",
            },
            id="profile of another space",
        ),
        pytest.param(
            tiff(flat(0, 0, 0, 0), photometric=SEPARATED),
            {
                "format": "TIFF",
                "bits": 8,
                "channels": 4,
                "colour": "CMYK without a profile, converted to sRGB as if for a common press",
            },
            id="CMYK",
        ),
    ],
)
def test_the_sidecar_is_told_what_was_done(content, record):
    assert PictureFile(content, "it").page().record() == record


def with_size(side_px: int) -> bytes:
    head = struct.pack(">IIBBBBB", side_px, side_px, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", head)
        + png_chunk(b"IDAT", zlib.compress(b""))
        + png_chunk(b"IEND", b"")
    )


def tall(kind: str) -> bytes:
    """Files whose headers tell of 40000x40000."""
    if kind == "TIFF":
        return tiff(flat(1, 2, 3), extra={256: [40_000], 257: [40_000], 278: [40_000]})
    if kind == "BMP":
        content = bytearray(by_pillow(chart(), "BMP"))
        content[18:26] = struct.pack("<ii", 40_000, 40_000)
        return bytes(content)
    if kind == "JPEG":
        content = bytearray(jpeg(chart()))
        at = content.index(b"\xff\xc0") + 5
        content[at : at + 4] = struct.pack(">HH", 40_000, 40_000)
        return bytes(content)
    return with_size(40_000)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "JPEG"])
@pytest.mark.parametrize("keep_damaged", [False, True])
def test_a_huge_picture_is_refused_by_its_header_and_told_what_to_do(kind, keep_damaged):
    with pytest.raises(PictureRefused) as caught:
        PictureFile(tall(kind), "it.png").page(keep_damaged=keep_damaged)
    assert str(caught.value).removeprefix("it.png: ").removeprefix("40000x40000 px are ") == (
        "1600 megapixels, more than the 210 that fit a unit's memory: make it smaller, or cut it into parts"
    )
    assert "40000x40000" in str(caught.value) or kind == "BMP"
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("frame", [1, 2])
def test_a_frame_larger_than_the_header_says_is_refused_before_memory_is_taken(frame):
    content = bytearray(SERIES["GIF"])
    at = 0
    for _ in range(frame):
        at = content.index(b"\x2c" + bytes(4) + struct.pack("<HH", WIDTH_PX, HEIGHT_PX), at) + 5
    content[at : at + 4] = struct.pack("<HH", 40_000, 40_000)
    with pytest.raises(PictureRefused, match="1600 megapixels"):
        PictureFile(bytes(content), "it").page(frame)


def test_a_damaged_frame_is_refused_again_when_it_is_asked_for_again():
    """Pillow gives what it decoded before it failed as a whole frame to who asks twice."""
    content = by_pillow(chart(), "GIF")
    at = content.index(b"\x2c" + bytes(4) + struct.pack("<HH", WIDTH_PX, HEIGHT_PX)) + 12  # the first codes
    file = PictureFile(content[:at] + b"\xff" * 8 + content[at + 8 :], "it")
    for _ in range(2):
        with pytest.raises(DamagedPicture):
            file.page()


def test_a_side_longer_than_any_picture_has_is_refused():
    with pytest.raises(PictureRefused, match=r"^it: 100000x20 px; a side may have 65535: cut it into parts$"):
        PictureFile(png(np.zeros((20, 100_000), np.uint8)), "it").page()


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]


def noise(height_px: int = 200, width_px: int = 300) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height_px, width_px, 3), np.uint8)


def with_noise_in_the_scan(content: bytes) -> bytes:
    """A JPEG with some bytes of its scan lost."""
    return content[: len(content) // 2] + content[len(content) // 2 + 40 :]


def soft() -> np.ndarray:
    """Smooth, as most of a real picture is."""
    return np.asarray(cv2.resize(noise(20, 30), (300, 200), interpolation=cv2.INTER_CUBIC))


def zeroed(content: bytes) -> bytes:
    """A file whose disk lost 64 bytes in its middle."""
    return content[: len(content) // 2] + bytes(64) + content[len(content) // 2 + 64 :]


DAMAGED = {
    "JPEG bytes lost": with_noise_in_the_scan(jpeg(noise())),
    "JPEG cut short": jpeg(noise())[:-500],
    "JPEG CMYK cut short": by_pillow(np.dstack([noise(), noise()[..., 0]]), "JPEG", "CMYK", quality=98)[:-500],
    "PNG bit": flipped(png(noise()), 2000),
    "PNG cut short": png(noise())[:-500],
    "PNG end lost": png(noise())[:-12],
    "TIFF deflate bit": flipped(tiff(noise(), deflate=True), 2000),
    "TIFF LZW zeros": zeroed(cv2.imencode(".tif", soft())[1].tobytes()),
    "TIFF LZW zeros, of Pillow": zeroed(by_pillow(soft(), "TIFF", compression="tiff_lzw")),
    "TIFF cut short": tiff(noise())[:-100],
    "TIFF strip beyond the end": tiff(noise(), extra={273: [2**31]}),
    "TIFF page lost": tiff([noise(), noise()])[:-100],
    "TIFF page loop": tiff([flat(1), flat(2)])[:-4]
    + struct.pack("<I", struct.unpack("<I", tiff([flat(1), flat(2)])[4:8])[0]),
    "WebP cut short": by_pillow(noise(), "WEBP", lossless=True)[:-500],
    "GIF cut short": by_pillow(noise(), "GIF")[:-500],
    "GIF end lost": by_pillow(chart(), "GIF")[:-1],
    "BMP cut short": by_pillow(noise(), "BMP")[:-500],
    "AVIF cut short": by_pillow(noise(), "AVIF")[:-500],
    "HEIC cut short": heic_samples.TURNED[:-60],
    "broken profile": jpeg_with(jpeg(chart()), icc=b"nothing that is a profile" * 20),
    "broken profile in PNG": png(chart(), icc=b"nothing that is a profile" * 20),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_picture_is_refused_by_name_in_one_line(name, capfd):
    with pytest.raises(
        DamagedPicture, match=r"^the name\.jpg: (page 1 of 2: )?damaged \w+: .*; fetch the file again$"
    ) as caught:
        PictureFile(DAMAGED[name], "the name.jpg").page()
    assert caught.value.exit_code == 1
    assert str(caught.value).isprintable()
    assert capfd.readouterr().err == ""


def deflated_with(change: bytes) -> bytes:
    """A TIFF whose one strip is packed without being made smaller, so that its checksum alone sees a change."""
    strip = zlib.compress(noise().tobytes(), 0)
    content = tiff(noise(), deflate=True, strips=[strip])
    at = content.index(strip) + 5000
    return content[:at] + change + content[at + len(change) :]


def test_what_libtiff_lets_pass_is_refused():
    assert np.array_equal(PictureFile(deflated_with(b""), "it").page().image, noise())
    with pytest.raises(DamagedPicture, match="incorrect data check"):
        PictureFile(deflated_with(b"changed"), "it").page()


def test_most_of_what_befalls_lzw_is_refused():
    """Of 60 runs of 16 changed bytes libtiff alone lets 12 pass."""
    lzw = by_pillow(soft(), "TIFF", compression="tiff_lzw")
    assert np.array_equal(PictureFile(lzw, "it").page().image, soft())
    random, passed = Random(3), 0
    for _ in range(60):
        at = random.randrange(1000, len(lzw) - 3000)
        try:
            PictureFile(lzw[:at] + random.randbytes(16) + lzw[at + 16 :], "it").page()
            passed += 1
        except DamagedPicture:
            pass
    assert passed < 4


@pytest.mark.parametrize(
    "name", ["JPEG bytes lost", "JPEG cut short", "PNG cut short", "PNG end lost", "TIFF deflate bit", "TIFF page lost"]
)
def test_what_can_be_read_of_a_damaged_picture_is_kept_on_request_and_marked(name):
    picture = PictureFile(DAMAGED[name], "it").page(keep_damaged=True)
    if "PNG" in name or "page" in name:
        assert np.array_equal(picture.image[:32], noise()[:32])
    assert picture.image.shape == noise().shape
    assert picture.record()["damaged"] == picture.damage != ""


def test_a_sound_picture_has_no_mark_when_damaged_ones_are_kept():
    assert "damaged" not in PictureFile(png(chart()), "it").page(keep_damaged=True).record()


@pytest.mark.parametrize(
    ("content", "start"),
    [
        pytest.param(png(noise(20, 30)), b"IDAT", id="PNG"),
        pytest.param(tiff(noise(20, 30), deflate=True), b"\x78\x9c", id="TIFF deflate"),
        pytest.param(by_pillow(noise(300, 30), "TIFF", compression="tiff_adobe_deflate"), b"\x78", id="TIFF strips"),
    ],
)
def test_any_flipped_bit_in_pixels_with_a_checksum_is_seen(content, start):
    begin = content.index(start) + len(start) + 4
    for at in range(begin, begin + 1500, 7):
        with pytest.raises(DamagedPicture):
            PictureFile(flipped(content, at), "it").page()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "empty", id="empty"),
        pytest.param(b"a letter to the surgeon\n" * 50, "not a picture; expected JPEG, PNG", id="text"),
        pytest.param(b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "not a picture", id="clip"),
        pytest.param(tiff(flat(0.5, 2.0, 0.1, dtype=FLOAT)), "float pixels from 0.1 to 2; expected 0 to 1", id="light"),
        pytest.param(tiff(flat(np.nan, dtype=FLOAT)), "float pixels from nan to nan", id="no numbers"),
        pytest.param(tiff(flat(1, dtype=np.uint32)), "expected 8 or 16 bits or float", id="32 bit"),
        pytest.param(tiff(flat(-1, dtype=np.int16)), "expected 8 or 16 bits or float", id="negative"),
        pytest.param(tiff(flat(1, 2, 3, 4, 5)), "5 channels; expected grey, RGB or CMYK", id="5 channels"),
        pytest.param(tiff(flat(1, 2, 3), extra={50706: [1]}), "a camera's raw pixels", id="DNG"),
        pytest.param(tiff([flat(1)], subfile=[1]), "thumbnails and no picture", id="thumbnails"),
        pytest.param(
            heic_samples.DISPLAY_P3.replace(b"colrnclx\0\x0c\0\x0d", b"colrnclx\0\x09\0\x10"), "range .PQ.", id="HDR"
        ),
        pytest.param(
            heic_samples.DISPLAY_P3.replace(b"colrnclx\0\x0c\0\x0d", b"colrnclx\0\x09\0\x0d"),
            "primaries 9",
            id="BT.2020",
        ),
    ],
)
def test_what_is_not_taken_is_refused_in_one_line(content, message):
    with pytest.raises(PictureRefused, match=message) as caught:
        PictureFile(content, "it.tif").page()
    assert str(caught.value).startswith("it.tif: ") and "\n" not in str(caught.value)
    assert not isinstance(caught.value, DamagedPicture)


def test_a_srgb_profile_leaves_every_code_as_it_is():
    codes = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    from pyvips import Image

    picture = PictureFile(png(codes, icc=bytes(Image.profile_load("srgb"))), "it").page()
    assert np.array_equal(picture.image, codes)
    assert picture.record()["colour"] == "sRGB by its profile"


def test_a_picture_is_known_by_its_content(tmp_path):
    (tmp_path / "a.jpg").write_bytes(png(chart()))
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert is_picture(tmp_path / "a.jpg") and not is_picture(tmp_path / "b.png")
    assert opened_picture(tmp_path / "a.jpg").kind == "PNG"
    assert not is_picture(tmp_path / "missing") and num_pages_of(tmp_path / "missing") == 1


def test_a_file_too_large_for_memory_is_refused_unread(tmp_path):
    with (tmp_path / "stack.tif").open("wb") as file:
        file.write(b"II*\0")
        file.truncate(9_300_000_000)  # a hole: takes no room on the disk
    with pytest.raises(
        PictureRefused, match=r"stack\.tif: 9\.3 GB, more than the 2\.1 that .*: make it smaller, or cut"
    ):
        opened_picture(tmp_path / "stack.tif")


def read_all() -> None:
    for _, content, _, _ in VALUES:
        PictureFile(content, "it").page()
    for content in SERIES.values():
        PictureFile(content, "it").page(4)


def test_a_process_forked_after_pictures_were_read_reads_on():
    """As a trainer's workers do. Libvips' threads would not be there, and it would wait for them."""
    read_all()
    child = os.fork()
    if child == 0:
        signal.alarm(GUARD_S)
        read_all()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


CASES = DATA / "cases"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="the small inputs of real devices are not here")


@needs_cases
@pytest.mark.parametrize(
    ("name", "size", "corner"),
    [
        ("adobergb.jpg", (540, 960), RED),
        ("anim.webp", (540, 960), RED),
        ("iphone_grid.heic", (576, 1024), RED),
        ("orientation6_rgba.png", (540, 960), RED),
        ("pages4.tif", (90, 160), (120, 60, 40)),
    ],
)
def test_what_devices_made(name, size, corner):
    picture = opened_picture(CASES / name).page()
    assert picture.image.shape == (*size, 3)
    np.testing.assert_allclose(picture.image[5, 5], corner, atol=4)


@needs_cases
def test_a_flipped_byte_in_a_devices_jpeg(tmp_path: Path):
    with pytest.raises(DamagedPicture, match=r"damaged_flip\.jpg"):
        opened_picture(CASES / "damaged_flip.jpg").page()


def held_png(width_px, height_px, *, interlaced=False, animated=False):
    """The header of a PNG of 16-bit RGBA, or of an animation, and next to nothing behind it."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 16 if interlaced else 8, 6, 0, 0, int(interlaced))
    chunks = [(b"IHDR", header), *([(b"acTL", struct.pack(">II", 2, 0))] if animated else [])]
    chunks += [(b"fcTL", struct.pack(">IIIIIHHBB", 0, width_px, height_px, 0, 0, 1, 10, 0, 0))] if animated else []
    chunks += [(b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    packed = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("kind", ["interlaced", "animated"])
def test_what_a_decoder_holds_whole_is_refused_by_its_header(kind):
    content = held_png(14_400, 14_400, **{kind: True})
    with pytest.raises(PictureRefused, match="held in memory whole"):
        PictureFile(content, "x.png").page(1)
    with pytest.raises(DamagedPicture):  # one that fits is looked at
        PictureFile(held_png(64, 64, **{kind: True}), "x.png").page(1)
