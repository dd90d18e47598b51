"""unit.calib: what is written is read back, and nothing that was altered is believed."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from edge.basics.errors import ConfigError, InputOutputError
from edge.calibration.calibration import Calibration, Lens
from edge.calibration.file import calibration_bytes, read_calibration, write_calibration

MADE_AT = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
RNG = np.random.default_rng(0)
LENS = Lens("radial", (1100.25, 1101.5), (950.125, 545.0), (-0.2, 0.05, 1e-4, -2e-4, 0.0), 0.07)
CALIBRATION = Calibration(
    unit='A "1" ö',
    camera_mode="1920x1080 MJPG",
    made_at=MADE_AT,
    tool="edge-calib 0.1.0",
    parts=("dark", "flat", "white", "chart", "lens"),
    dark=np.float32([0.02, 0.03, 0.025]),
    gain=RNG.uniform(1, 4, (9, 16, 3)).astype(np.float32),
    white=np.float32([1.3, 1.0, 1.6]),
    matrix=np.float32([[1.2, -0.1, -0.1], [-0.2, 1.3, -0.1], [0.0, -0.3, 1.3]]),
    hot_px=np.int32([[5, 7], [1079, 1919]]),
    lens=LENS,
    flat=np.float32([[1.0, 0.5], [0.75, 1.0]]),
    figures={"hot_pixels": 2, "read_noise": 1e-05, "by": "hand"},
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "unit.calib"
    write_calibration(path, CALIBRATION)
    return path


def test_it_reads_back_as_it_was_written(path):
    found = read_calibration(path)
    for name in ("dark", "gain", "white", "matrix", "hot_px", "flat"):
        np.testing.assert_array_equal(getattr(found, name), getattr(CALIBRATION, name), err_msg=name)
    for name in ("unit", "camera_mode", "made_at", "tool", "parts", "lens", "figures"):
        assert getattr(found, name) == getattr(CALIBRATION, name), name


def test_its_beginning_reads_as_toml(path):
    first, second = path.read_bytes().split(b"\n")[:2]
    assert first.startswith(b"# edge-calib 1 sha256=")
    assert second.decode() == 'unit = "A \\"1\\" ö"'


def test_a_part_without_lens_reads_back(tmp_path):
    write_calibration(tmp_path / "unit.calib", replace(CALIBRATION, lens=None))
    assert read_calibration(tmp_path / "unit.calib").lens is None


@pytest.mark.parametrize("at", [120, 700, -200], ids=["header", "payload", "end"])
def test_one_changed_byte_is_noticed(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"unit.calib: sha256 is \w{12}…, its first line says \w{12}…; make it again"):
        read_calibration(path)


def test_a_file_cut_short_is_noticed(path):
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ConfigError, match="sha256 is"):
        read_calibration(path)


def test_another_format_version_is_refused(path):
    path.write_bytes(path.read_bytes().replace(b"# edge-calib 1 ", b"# edge-calib 2 ", 1))
    with pytest.raises(ConfigError, match="its format is 2, this program reads 1"):
        read_calibration(path)


def test_what_is_no_calibration_is_refused(tmp_path):
    (tmp_path / "unit.calib").write_bytes(b"\x89PNG")
    with pytest.raises(ConfigError, match="not a unit calibration; expected a file made by edge-calib solve"):
        read_calibration(tmp_path / "unit.calib")
    with pytest.raises(ConfigError, match=r"gone.calib: cannot be read"):
        read_calibration(tmp_path / "gone.calib")


@pytest.mark.parametrize(
    "nonsense",
    [
        {"gain": np.zeros((2, 2, 3), np.float32)},
        {"dark": np.zeros(2, np.float32)},
        {"lens": replace(LENS, model="fisheye")},
    ],
    ids=["gain of nothing", "two channels", "coefficients of another lens"],
)
def test_values_that_make_no_sense_are_refused(tmp_path, nonsense):
    write_calibration(tmp_path / "unit.calib", replace(CALIBRATION, **nonsense))
    with pytest.raises(ConfigError, match="its values make no sense"):
        read_calibration(tmp_path / "unit.calib")


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(InputOutputError, match="cannot be written"):
        write_calibration(tmp_path / "no" / "unit.calib", CALIBRATION)


def test_its_age_counts_in_days():
    assert CALIBRATION.age_days(MADE_AT + timedelta(hours=36)) == 1.5


@pytest.mark.parametrize(
    "changes, message",
    [
        pytest.param({"hot_px": np.int32([[-1, 5]])}, "hot_px lie outside", id="hot pixel before the frame"),
        pytest.param({"hot_px": np.int32([[1080, 5]])}, "hot_px lie outside", id="hot pixel behind the frame"),
        pytest.param({"made_at": datetime(2026, 3, 1)}, "made_at", id="no time zone"),
        pytest.param({"dark": np.float32([1, 0, 0])}, "dark is out of range", id="dark as white"),
        pytest.param({"white": np.float32([0, 1, 1])}, "white is out of range", id="no white"),
        pytest.param({"gain": np.full((2, 2, 3), np.inf, np.float32)}, "gain is out of range", id="endless gain"),
        pytest.param({"gain": np.ones((2, 3), np.float32)}, "gain is no grid", id="gain of one channel"),
        pytest.param({"lens": replace(LENS, model="pinhole")}, "lens.model is 'pinhole'", id="unknown lens"),
        pytest.param({"lens": replace(LENS, focal_px=(0.0, 1.0))}, "focal length", id="no focal length"),
        pytest.param(
            {"lens": replace(LENS, distortion=(-1e5, 0, 0, 0, 0))}, "coefficient", id="lens turned inside out"
        ),
        pytest.param({"lens": replace(LENS, centre_px=(1e5, 5.0))}, "centre", id="centre outside"),
        pytest.param({"parts": (1,)}, "parts", id="parts are numbers"),
    ],
)
def test_what_cannot_be_applied_is_refused(tmp_path, changes, message):
    write_calibration(tmp_path / "unit.calib", replace(CALIBRATION, **changes))
    with pytest.raises(ConfigError, match=r"unit\.calib: its values make no sense") as caught:
        read_calibration(tmp_path / "unit.calib")
    assert message in str(caught.value)


@pytest.mark.parametrize("payload", [b"", b"PK", b"\x93NUMPY"], ids=["none", "zip cut short", "no zip"])
def test_a_payload_that_is_no_zip_is_refused(tmp_path, payload):
    header = calibration_bytes(CALIBRATION).partition(b"\n")[2]
    header = header[: header.index(b"PK\x03\x04")]
    body = header + payload
    first = f"# edge-calib 1 sha256={hashlib.sha256(body).hexdigest()} header={len(header)}\n".encode()
    (tmp_path / "unit.calib").write_bytes(first + body)
    with pytest.raises(ConfigError, match="its values make no sense"):
        read_calibration(tmp_path / "unit.calib")
