"""--deidentify: of originals that are full of who somebody is, nothing is in any result."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pydicom
import pytest
from PIL import Image as Pillow
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset

from edge.basics.errors import InputOutputError
from edge.batch.manifest import MANIFEST, entries_of
from edge.cli import main
from edge.dicom.derived.secret import deidentify_key, key_path
from tests.doubles.dicom_objects import packed, throat, vl_object, written
from tests.doubles.ffmpeg_clips import made
from tests.doubles.files_bench import Bench

KEY = b"k" * 32
LENGTHS = {"SH": 16, "CS": 16, "AE": 16, "IS": 12, "DS": 16}
STRUCTURE = {0x0002, 0x0004, 0x0028, 0x7FE0, 0xFFFE, 0x0000}
LEFT = {"SpecificCharacterSet", "SOPClassUID", "Modality", "BurnedInAnnotation"}
FILLED = {
    "RequestAttributesSequence", "OtherPatientIDsSequence", "ProcedureCodeSequence", "AnatomicRegionSequence",
    "IssuerOfAccessionNumberSequence", "SourceImageSequence", "ContributingEquipmentSequence",
    "DeidentificationMethodCodeSequence",
}  # fmt: skip
WHO = "Krasnoselskaya"


def telling(vr: str, number: int) -> Any:
    """A value of a kind that is found again wherever it is; None for kinds that hold no text."""
    if vr in ("LO", "LT", "PN", "ST", "UC", "UT", "SH", "CS", "AE"):
        return f"{WHO} {number:05d}".upper()[-LENGTHS.get(vr, 64) :]
    by_vr = {
        "UI": f"1.2.76543.{number}.1",
        "DA": f"{1000 + number // 300:04d}{number // 28 % 12 + 1:02d}{number % 28 + 1:02d}",
    }
    by_vr |= {"IS": f"7{number:08d}", "DS": f"7{number:08d}.25", "TM": f"{number % 24:02d}4711.{number:06d}"}
    by_vr |= {"DT": f"{1000 + number:04d}0203040506.{number:06d}", "UR": f"http://{WHO}.example/{number}"}
    return by_vr.get(vr)


def full(dataset: Dataset, told: set[bytes], depth: int = 0) -> Dataset:
    """An object with every attribute of the standard's, in sequences too, and private ones."""
    for number, (tag, row) in enumerate(sorted(DicomDictionary.items())):
        vr, _, _, _, keyword = row
        if tag >> 16 in STRUCTURE or not keyword or keyword in LEFT or (depth and number % 7):
            continue
        value = telling(vr, number + depth * 5000)
        if value is not None:
            dataset.add_new(tag, vr, value)
            told.add(str(value).encode())
        elif vr == "SQ" and keyword in FILLED and not depth:
            dataset.add_new(tag, "SQ", [full(Dataset(), told, depth + 1)])
    block = dataset.private_block(0x0011, f"{WHO} PRIVATE", create=True)
    block.add_new(1, "LO", f"{WHO} secret")
    return dataset


def identifying(dataset: Dataset) -> tuple[Dataset, set[bytes]]:
    told = {WHO.encode(), WHO.upper().encode()}
    full(dataset, told)
    dataset.PatientName, dataset.ImageType = f"{WHO}^Anna", ["ORIGINAL", "PRIMARY"]
    return dataset, told


def nothing_of(told: set[bytes], folder: Path) -> None:
    files = [*folder.iterdir()]
    assert files
    for path in files:
        content = path.read_bytes()
        where = content.index(b"\xe0\x7f\x10\x00") if path.suffix == ".dcm" else len(content)
        header = content[:where]
        found = [one for one in told if one in header]
        assert WHO.encode() not in content
        assert not found, f"{path.name} has {found[:3]}"
        assert not any(one in os.fsencode(path.name) for one in told)


@pytest.mark.filterwarnings("ignore")
def test_nothing_that_identifies_is_in_any_result(bench: Bench) -> None:
    dataset, told = identifying(vl_object(throat()))
    assert len(told) > 2000
    path = written(dataset, bench.originals / f"{WHO}-19770101.dcm")
    assert sum(one in path.read_bytes() for one in told) > 2000
    report = bench.run(deidentify=KEY)
    assert report.exit_code == 0
    nothing_of(told, bench.output)
    (result,) = bench.output.glob("*.dcm")
    left = pydicom.dcmread(result)
    assert left.PatientIdentityRemoved == "YES"
    assert not any(element.tag.is_private for element in left)
    assert "ContributingEquipmentSequence" not in left
    assert left.DerivationDescription.startswith("Haze removed")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_nor_of_a_video(bench: Bench, tmp_path: Path) -> None:
    moving = ("-f", "lavfi", "-i", "testsrc2=s=192x108:r=24:d=0.2", "-metadata", f"title={WHO}", "-c:v", "libx264")
    stream = made(tmp_path / "stream.mp4", *moving, "-pix_fmt", "yuv420p").read_bytes()
    dataset, told = identifying(vl_object(throat(108, 192)))
    dataset.SOPClassUID, dataset.NumberOfFrames = "1.2.840.10008.5.1.4.1.1.77.1.1.1", 5
    video = packed(dataset, [stream + b"\0" * (len(stream) % 2)], "1.2.840.10008.1.2.4.102", "YBR_PARTIAL_420")
    assert WHO.encode() in stream
    written(video, bench.originals / f"{WHO}.dcm")
    assert bench.run(deidentify=KEY).exit_code == 0
    nothing_of(told, bench.output)


def test_nor_of_pictures_and_clips_that_are_no_dicom(bench: Bench) -> None:
    exif = Pillow.Exif()
    exif[0x013B], exif[0x010E] = WHO, f"of {WHO}"
    file = io.BytesIO()
    Pillow.fromarray(throat()).save(file, "JPEG", exif=exif, comment=WHO.encode())
    (bench.originals / f"{WHO}.jpg").write_bytes(file.getvalue())
    words = ("-f", "lavfi", "-i", "testsrc2=s=96x54:r=24:d=0.2", "-f", "lavfi", "-i", "sine=d=0.2", "-c:v", "libx264")
    made(bench.originals / f"{WHO}.mp4", *words, "-pix_fmt", "yuv420p", "-c:a", "aac", "-metadata", f"title={WHO}")
    report = bench.run(deidentify=KEY)
    assert report.summary() == "2 enhanced; changed: sound left out 1"
    nothing_of({WHO.encode()}, bench.output)
    (clip,) = bench.output.glob("*.mp4")
    assert b"mp4a" not in clip.read_bytes()


def test_a_failure_is_told_without_the_name(bench: Bench) -> None:
    content = written(vl_object(throat()), bench.originals / f"{WHO}.dcm").read_bytes()
    (bench.originals / f"{WHO}-2.dcm").write_bytes(content[:-100])
    written(vl_object(throat(), BurnedInAnnotation="YES"), bench.originals / f"{WHO}-3.dcm")
    report = bench.run(deidentify=KEY)
    assert report.summary() == "1 enhanced, 2 failed"
    nothing_of({WHO.encode()}, bench.output)
    entries = [*entries_of(bench.output / MANIFEST)]
    assert sorted("failure" in entry for entry in entries) == [False, True, True]


def test_burned_in_text_is_taken_where_it_is_said(bench: Bench) -> None:
    written(vl_object(throat(), BurnedInAnnotation="YES"), bench.originals / "throat.dcm")
    assert bench.run(deidentify=KEY, takes_burned_in=True).exit_code == 0
    (result,) = bench.output.glob("*.dcm")
    assert "BurnedInAnnotation" not in pydicom.dcmread(result)


def test_a_run_goes_on_under_the_same_names(bench: Bench) -> None:
    written(vl_object([throat(), throat(54, 96, 2)]), bench.originals / "series.dcm")
    bench.run(deidentify=KEY)
    before = {name: (bench.output / name).read_bytes() for name in bench.written()}
    (lost,) = bench.output.glob("*-f002-enhanced.dcm.json")
    lost.unlink()
    assert bench.run(deidentify=KEY, resume=True).summary() == "1 enhanced, 1 skipped; changed: frames of a file 1"
    assert {name: (bench.output / name).read_bytes() for name in bench.written()} == before
    one, other = (pydicom.dcmread(path) for path in sorted(bench.output.glob("*.dcm")))
    assert one.SeriesInstanceUID == other.SeriesInstanceUID and one.SOPInstanceUID != other.SOPInstanceUID
    sources = [one.SourceImageSequence[0].ReferencedSOPInstanceUID for one in (one, other)]
    assert sources[0] == sources[1]


def test_the_key_is_made_once_and_kept_from_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    key = deidentify_key()
    assert len(key) == 32 and deidentify_key() == key
    assert key_path().stat().st_mode & 0o077 == 0
    key_path().write_bytes(b"short")
    with pytest.raises(InputOutputError, match="has 5 bytes, expected 32; remove it"):
        deidentify_key()
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert key_path() == tmp_path / ".local" / "state" / "edge-enhance" / "deidentify.key"


def test_one_option_needs_the_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "throat.png"
    Pillow.fromarray(throat()).save(picture)
    assert main([str(picture), "--output", str(tmp_path / "out"), "--burned-in"]) == 2
    assert "--burned-in is for --deidentify" in capsys.readouterr().err


def test_a_value_that_no_library_takes_costs_its_file_alone(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "edge")
    hostile = written(vl_object(throat(), InstanceNumber=77777), bench.originals / "a.dcm")
    hostile.write_bytes(hostile.read_bytes().replace(b"77777 ", b"1e999 "))
    written(vl_object(throat()), bench.originals / "b.dcm")
    report = bench.run(deidentify=KEY)
    (failed,) = report.failed
    assert report.summary() == "1 enhanced, 1 failed"
    assert str(failed.error).endswith("a.dcm: cannot be enhanced (OverflowError); --debug shows where")
    told = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("edge"))
    assert "OverflowError in" in told and "1e999" not in told
