"""Pixels of every kind of object, held to dcmtk's and to what was packed."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow
from pydicom.dataset import Dataset

from edge.dicom.reading.file import DicomFrame, dicom_from_content, opened_dicom
from tests.doubles.dicom_objects import bundled, by_dcmtk, packed, shown_by_dcmtk, throat, vl_object, written
from tests.doubles.icc_profiles import ADOBE_RGB, matrix_profile

JPEG, JPEG_2000, IMPLICIT, BIG = ("1.2.840.10008.1.2" + tail for tail in (".4.50", ".4.90", "", ".2"))


def frame_of(path: Path, number: int = 1) -> DicomFrame:
    with opened_dicom(path) as found:
        return found.frame(number)


def shown(dataset: Dataset, folder: Path, number: int = 1, syntax: str = "1.2.840.10008.1.2.1") -> DicomFrame:
    return frame_of(written(dataset, folder / "made.dcm", syntax), number)


@pytest.mark.parametrize(
    ("name", "frame", "most"),
    [
        ("SC_jpeg_no_color_transform.dcm", 1, 0),
        ("SC_jpeg_no_color_transform_2.dcm", 1, 0),
        ("SC_rgb_dcmtk_+eb+cr.dcm", 1, 0),
        ("SC_rgb_dcmtk_+eb+cy+n2.dcm", 1, 0),
        ("SC_rgb_dcmtk_+eb+cy+np.dcm", 1, 0),
        ("SC_rgb_dcmtk_+eb+cy+s4.dcm", 1, 0),
        ("SC_rgb_jpeg_app14_dcmd.dcm", 1, 0),
        ("SC_rgb_jpeg_gdcm.dcm", 1, 0),
        ("SC_rgb_jpeg_lossy_gdcm.dcm", 1, 0),
        ("SC_rgb_rle.dcm", 1, 0),
        ("SC_rgb_rle_16bit_2frame.dcm", 2, 0),
        ("SC_rgb_rle_2frame.dcm", 2, 0),
        ("SC_rgb_small_odd.dcm", 1, 0),
        ("SC_rgb_small_odd_big_endian.dcm", 1, 0),
        ("SC_rgb_small_odd_jpeg.dcm", 1, 0),
        ("SC_ybr_full_422_uncompressed.dcm", 1, 1),
        ("JPGExtended.dcm", 1, 1),
        ("image_dfl.dcm", 1, 0),
        ("ExplVR_BigEnd.dcm", 1, 0),
        ("examples_palette.dcm", 1, 0),
        ("examples_rgb_color.dcm", 1, 0),
        ("examples_ybr_color.dcm", 30, 0),
    ],
)
def test_what_others_have_packed_is_shown_as_dcmtk_shows_it(name: str, frame: int, most: int, tmp_path: Path) -> None:
    path = bundled(name, tmp_path)
    if pydicom.dcmread(path, stop_before_pixels=True).get("Modality") == "US":
        by_dcmtk("dcmodify", "-nb", "-m", "Modality=ES", path)
    image = frame_of(path, frame).image
    expected = shown_by_dcmtk(path, frame)
    assert image.shape == expected.shape
    assert np.abs(image.astype(int) - expected).max() <= most


@pytest.mark.parametrize(
    ("program", "words", "planar"),
    [
        ("dcmcjpeg", ("+eb",), 0),  # baseline
        ("dcmcjpeg", ("+ee",), 1),  # extended
        ("dcmcjpeg", ("+es",), 0),  # spectral selection
        ("dcmcjpeg", ("+ep",), 1),  # full progression
        ("dcmcjpeg", ("+el",), 0),  # lossless, process 14
        ("dcmcjpeg", ("+e1",), 0),  # lossless, its first selection value; dcmtk mixes up planes
        ("dcmcjpls", ("+el",), 0),
        ("dcmcjpls", ("+en", "+md", "2"), 1),
        ("dcmcrle", (), 1),
        ("dcmconv", ("+te",), 1),
        ("dcmconv", ("+tb",), 1),
        ("dcmconv", ("+ti",), 0),
        ("dcmconv", ("+td",), 0),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else str(one),
)
def test_each_transfer_syntax_of_dcmtk(program: str, words: tuple[str, ...], planar: int, tmp_path: Path) -> None:
    frames = [throat(54, 96, seed) for seed in (1, 2, 3)]
    stored = [np.ascontiguousarray(frame.transpose(2, 0, 1)) for frame in frames] if planar else frames
    dataset = vl_object(stored, PlanarConfiguration=planar, Rows=54, Columns=96)
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    plain, path = written(dataset, tmp_path / "plain.dcm"), tmp_path / "packed.dcm"
    by_dcmtk(program, *words, plain, path)
    with opened_dicom(path) as found:
        assert found.facts.num_frames == 3
        for number in (3, 1, 2):
            image = found.frame(number).image
            assert np.abs(image.astype(int) - frames[number - 1]).mean() < 12, "it is this frame"
    assert np.abs(image.astype(int) - shown_by_dcmtk(path, 2)).max() <= 1


@pytest.mark.parametrize("is_reversible", [True, False])
@pytest.mark.parametrize("transforms", [True, False])
def test_jpeg_2000(is_reversible: bool, transforms: bool, tmp_path: Path) -> None:
    """dcmtk does not read it: held to the picture that was packed."""
    file = io.BytesIO()
    Pillow.fromarray(throat()).save(file, "JPEG2000", irreversible=not is_reversible, mct=transforms, no_jp2=True)
    photometric = ("YBR_RCT" if is_reversible else "YBR_ICT") if transforms else "RGB"
    dataset = packed(vl_object(throat()), [file.getvalue()], JPEG_2000, photometric)
    image = shown(dataset, tmp_path).image
    assert np.abs(image.astype(int) - throat()).max() <= (0 if is_reversible else 3)


def test_a_frame_of_many_fragments_is_found_with_and_without_a_table(tmp_path: Path) -> None:
    frames = [throat(54, 96, seed) for seed in (1, 2)]
    coded = [cv2.imencode(".jpg", frame[..., ::-1])[1].tobytes() for frame in frames]
    for table in (True, False):
        dataset = packed(vl_object(frames), coded, JPEG, "YBR_FULL_422", table=table)
        dataset.PixelData = pydicom.encaps.encapsulate(coded, fragments_per_frame=3, has_bot=table)
        image = shown(dataset, tmp_path, 2).image
        assert np.abs(image.astype(int) - frames[1]).mean() < 12


def test_colours_of_luminance(tmp_path: Path) -> None:
    """YBR_FULL, not packed, in planes and pixel by pixel: by the equations of PS3.3 C.7.6.3.1.2."""
    as_ybr = cv2.cvtColor(throat(), cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    y, cb, cr = np.moveaxis(as_ybr.astype(float), -1, 0) - np.array([0, 128, 128])[:, None, None]
    expected = np.stack([y + 1.402 * cr, y - 0.3441 * cb - 0.7141 * cr, y + 1.772 * cb], -1).clip(0, 255)
    for planar in (0, 1):
        stored = np.ascontiguousarray(as_ybr.transpose(2, 0, 1) if planar else as_ybr)
        dataset = vl_object(stored, PlanarConfiguration=planar, Rows=54, Columns=96)
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "YBR_FULL"
        assert np.abs(shown(dataset, tmp_path).image - expected).max() <= 1


def grey(bits_stored: int, dtype: type, low: int) -> np.ndarray:
    ramp = np.linspace(0, (1 << bits_stored) - 1, 54 * 96).astype(np.int64).reshape(54, 96)
    return (ramp + low).astype(dtype)


@pytest.mark.parametrize(
    ("attributes", "words", "done"),
    [
        ({}, (), ()),
        ({"PhotometricInterpretation": "MONOCHROME1"}, (), ()),
        ({"WindowCenter": "2000", "WindowWidth": "1000"}, ("+Wi", "1"), ("windowed",)),
        ({"WindowCenter": ["2000", "9"], "WindowWidth": ["1000", "9"]}, ("+Wi", "1"), ("windowed",)),
        (
            {"WindowCenter": "500", "WindowWidth": "900", "RescaleSlope": "0.5", "RescaleIntercept": "-100"},
            ("+Wi", "1"),
            ("windowed",),
        ),
        (
            {"WindowCenter": "900", "WindowWidth": "700", "PhotometricInterpretation": "MONOCHROME1"},
            ("+Wi", "1"),
            ("windowed",),
        ),
    ],
    ids=["plain", "white is zero", "window", "two windows", "rescaled", "window, white is zero"],
)
def test_greys_of_12_bits(
    attributes: dict[str, object], words: tuple[str, ...], done: tuple[str, ...], tmp_path: Path
) -> None:
    dataset = vl_object(grey(12, np.uint16, 0), BitsStored=12, HighBit=11, **attributes)
    frame = shown(dataset, tmp_path)
    assert frame.done == (*done, "reduced to 8 bits")
    expected = shown_by_dcmtk(tmp_path / "made.dcm", 1, *words)
    assert np.abs(frame.image.astype(int) - expected).max() <= 1


def test_signed_greys(tmp_path: Path) -> None:
    dataset = vl_object(grey(12, np.int16, -2048), BitsStored=12, HighBit=11, PixelRepresentation=1)
    image = shown(dataset, tmp_path).image[..., 0]
    assert (image.min(), image.max()) == (0, 255)
    assert abs(int(image[27, 0]) - 128) <= 1


def test_what_lies_beside_the_stored_bits_is_no_part_of_the_pixel(tmp_path: Path) -> None:
    """An overlay in the unused bits, as before 2004, and stored bits at the upper end."""
    plain = grey(12, np.uint16, 0)
    low = shown(vl_object(plain, BitsStored=12, HighBit=11), tmp_path).image
    with_overlay = vl_object(plain | np.uint16(0xA000), BitsStored=12, HighBit=11)
    assert np.array_equal(shown(with_overlay, tmp_path).image, low)
    shifted = vl_object((plain << 4) | np.uint16(0x7), BitsStored=12, HighBit=15)
    assert np.array_equal(shown(shifted, tmp_path).image, low)


def test_colours_of_16_bits(tmp_path: Path) -> None:
    frame = shown(vl_object(throat().astype(np.uint16) * 257), tmp_path)
    assert np.array_equal(frame.image, throat())
    assert frame.done == ("reduced to 8 bits",)


def test_overlays_are_left_out_and_said_so(tmp_path: Path) -> None:
    dataset = vl_object(throat())
    dataset.add_new(0x60000010, "US", 54)
    dataset.add_new(0x60000011, "US", 96)
    dataset.add_new(0x60003000, "OW", b"\xff" * (54 * 96 // 8))
    frame = shown(dataset, tmp_path)
    assert np.array_equal(frame.image, throat())
    assert frame.changes == ("overlays left out",)
    assert frame.record()["done"] == ["overlays left out"]


@pytest.mark.parametrize("place", ["object", "optical path"])
def test_its_colour_profile_is_applied(place: str, tmp_path: Path) -> None:
    profile = matrix_profile(ADOBE_RGB)
    dataset = vl_object(throat())
    item = dataset if place == "object" else Dataset()
    item.ICCProfile = profile + b"\0" * (len(profile) % 2)
    if place != "object":
        dataset.OpticalPathSequence = [item]
    frame = shown(dataset, tmp_path)
    assert frame.colour.startswith("converted to sRGB")
    assert frame.changes == ("colours converted",)
    assert np.abs(frame.image.astype(int) - throat()).max() > 20


@pytest.mark.parametrize(
    ("aspect", "shape"), [(["3", "4"], (54, 128)), (["2", "1"], (108, 96)), (["1", "1"], (54, 96))]
)
def test_pixels_are_made_square(aspect: list[str], shape: tuple[int, int], tmp_path: Path) -> None:
    frame = shown(vl_object(throat(), PixelAspectRatio=aspect), tmp_path)
    assert frame.image.shape[:2] == shape
    assert frame.done == (("pixels made square",) if shape != (54, 96) else ())


def test_a_file_without_a_preamble_in_each_of_its_forms(tmp_path: Path) -> None:
    for syntax, implicit, little in ((IMPLICIT, True, True), ("1.2.840.10008.1.2.1", False, True), (BIG, False, False)):
        dataset = vl_object(throat())
        path = tmp_path / "bare"
        dataset.save_as(path, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
        assert path.read_bytes()[128:132] != b"DICM"
        assert np.array_equal(frame_of(path).image, throat()), syntax


def test_content_is_read_as_a_file_is(tmp_path: Path) -> None:
    content = written(vl_object(throat()), tmp_path / "made.dcm").read_bytes()
    with dicom_from_content(content, "throat.dcm") as found:
        assert np.array_equal(found.frame().image, throat())


def test_a_record_says_what_it_was(tmp_path: Path) -> None:
    record = shown(vl_object([throat(), throat()]), tmp_path, 2).record()
    assert record == {
        "format": "DICOM",
        "class": "VL Endoscopic Image Storage",
        "packed": "Explicit VR Little Endian",
        "photometric": "RGB",
        "bits": 8,
        "channels": 3,
        "frame": 2,
        "frames": 2,
    }
