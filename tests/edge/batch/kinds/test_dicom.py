"""DICOM objects in a run over files: a result under the same patient and study, the same each time."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset

from edge.basics.errors import EdgeError
from edge.batch import run
from edge.batch.kinds.dicom import DicomKind
from edge.batch.kinds.dicom_object import _stream_file
from edge.batch.kinds.kind import Piece
from edge.batch.manifest import MANIFEST, entries_of
from edge.batch.piece import do_piece
from edge.batch.verify import verify
from edge.dicom.reading.file import opened_dicom
from edge.pictures.geometry import fit_to_frame
from tests.doubles.dicom_objects import (
    BUNDLED,
    H264,
    INSTANCE,
    SERIES,
    STUDY,
    VIDEO_CLASS,
    dicom_video,
    packed,
    throat,
    vl_object,
    written,
)
from tests.doubles.files_bench import MODEL_SHA, Bench
from tests.doubles.waiting import GUARD_S

SECONDARY, PHOTO = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.77.1.4"


def result(bench: Bench, name: str) -> FileDataset:
    return pydicom.dcmread(bench.output / name)


def test_a_picture_keeps_patient_and_study_and_says_what_it_is(bench: Bench) -> None:
    original = vl_object(throat(), SeriesDescription="Larynx", SeriesNumber=3, BodyPartExamined="PHARYNX")
    written(original, bench.originals / "throat.dcm")
    report = bench.run()
    assert report.summary() == "1 enhanced"
    assert bench.written() == ["throat-enhanced.dcm", "throat-enhanced.dcm.json"]
    made = result(bench, "throat-enhanced.dcm")
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate"):
        assert made[keyword].value == original[keyword].value
    assert (made.AccessionNumber, made.StudyID, made.BodyPartExamined) == ("A1", "S1", "PHARYNX")
    assert made.AnatomicRegionSequence[0].CodeMeaning == "Pharynx"
    assert (made.SOPClassUID, made.Modality) == (original.SOPClassUID, "ES")
    assert made.SOPInstanceUID != INSTANCE and made.SeriesInstanceUID != SERIES
    assert (made.SeriesDescription, made.SeriesNumber) == ("Enhanced: Larynx", 1003)
    assert list(made.ImageType) == ["DERIVED", "SECONDARY"]
    assert MODEL_SHA in made.DerivationDescription
    source = made.SourceImageSequence[0]
    assert (source.ReferencedSOPInstanceUID, source.ReferencedSOPClassUID) == (INSTANCE, original.SOPClassUID)
    assert source.SpatialLocationsPreserved == "NO" and "ReferencedFrameNumber" not in source
    assert MODEL_SHA in made.ContributingEquipmentSequence[0].ContributionDescription
    assert (made.LossyImageCompression, made.BurnedInAnnotation) == ("00", "NO")
    assert np.array_equal(made.pixel_array, 255 - fit_to_frame(throat()))


def test_each_frame_has_a_result_of_its_own_name(bench: Bench) -> None:
    frames = [throat(54, 96, seed) for seed in (1, 2, 3)]
    written(vl_object(frames), bench.originals / "series.dcm")
    report = bench.run()
    assert report.summary() == "3 enhanced; changed: frames of a file 3"
    names = [name for name in bench.written() if name.endswith(".dcm")]
    assert names == [f"series-f00{number}-enhanced.dcm" for number in (1, 2, 3)]
    made = [result(bench, name) for name in names]
    assert [one.SourceImageSequence[0].ReferencedFrameNumber for one in made] == [1, 2, 3]
    assert [one.InstanceNumber for one in made] == [1, 2, 3]
    assert len({one.SOPInstanceUID for one in made}) == 3 and len({one.SeriesInstanceUID for one in made}) == 1
    for one, frame in zip(made, frames, strict=True):
        assert np.array_equal(one.pixel_array, 255 - fit_to_frame(frame))
    assert bench.sidecar("series-f002-enhanced.dcm.json")["picture"]["frame"] == 2
    assert bench.run(resume=True).summary() == "0 enhanced, 3 skipped"


def test_it_is_known_by_its_content_and_found_under_any_name(bench: Bench) -> None:
    content = written(vl_object(throat()), bench.originals / "throat.dcm").read_bytes()
    for name in ("IM000001", "1.2.840.77", "1.2.840.78", "misnamed.png", "upper.DCM"):
        (bench.originals / name).write_bytes(content)
    shutil.copyfile(next(BUNDLED.rglob("DICOMDIR")), bench.originals / "DICOMDIR")
    (bench.originals / "README").write_text("Viewer on this disc")
    bench.picture("a picture.dcm.png").rename(bench.originals / "really a picture.dcm")
    report = bench.run()
    assert report.exit_code == 0
    assert report.summary() == "7 enhanced; left out: DICOMDIR 1, without an ending 1"
    names = {name for name in bench.written() if name.endswith(("dcm", "png"))}
    assert names == {
        "throat-enhanced.dcm",
        "IM000001-enhanced.dcm",
        "1.2.840.77-enhanced.dcm",
        "1.2.840.78-enhanced.dcm",
        "misnamed-enhanced.dcm",
        "upper-enhanced.dcm",
        "really a picture-raw.png",
        "really a picture-enhanced.png",
    }


@pytest.mark.slow
def test_the_same_original_gives_the_same_bytes(bench: Bench) -> None:
    written(vl_object([throat(), throat(54, 96, 2)]), bench.originals / "series.dcm")
    dicom_video(bench.originals)
    assert bench.run().exit_code == 0
    before = {name: (bench.output / name).read_bytes() for name in bench.written()}
    assert bench.run(force=True).exit_code == 0
    assert {name: (bench.output / name).read_bytes() for name in bench.written()} == before


def test_a_piece_with_its_content_is_done_anywhere(bench: Bench, tmp_path: Path) -> None:
    path = written(vl_object(throat()), bench.originals / "throat.dcm")
    bench.run()
    piece = Piece("dicom", Path("/elsewhere/throat.dcm"), path, "throat", content=path.read_bytes())
    made = do_piece(bench.engine, bench.profile, piece, tmp_path)
    assert made.files[0].content == (bench.output / "throat-enhanced.dcm").read_bytes()


def test_what_is_enhanced_already_is_not_enhanced_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    written(vl_object(throat()), bench.originals / "throat.dcm")
    bench.run()
    made = bench.output / "throat-enhanced.dcm"
    shutil.copyfile(made, bench.originals / "copy.dcm")
    through_an_archive = pydicom.dcmread(made)
    through_an_archive.preamble = bytes(128)
    through_an_archive.save_as(bench.originals / "from-archive.dcm")
    report = bench.run(force=True)
    assert report.summary() == "1 enhanced, 1 failed; left out: enhanced already 1"
    assert "from-archive.dcm: is enhanced already; give its original" in caplog.text


@pytest.mark.parametrize(
    ("sop_class", "modality", "expected"),
    [
        (SECONDARY, "OT", ("VL Endoscopic Image Storage", "ES")),
        (SECONDARY, "XC", ("VL Photographic Image Storage", "XC")),
        (PHOTO, "XC", ("VL Photographic Image Storage", "XC")),
        ("1.2.840.10008.5.1.4.1.1.77.1.2", "GM", ("VL Microscopic Image Storage", "GM")),
        ("1.2.840.10008.5.1.4.1.1.6.1", "ES", ("VL Endoscopic Image Storage", "ES")),
        ("1.2.840.10008.5.1.4.1.1.77.1.7", "DMS", ("VL Photographic Image Storage", "XC")),
    ],
)
def test_the_class_of_a_result(bench: Bench, sop_class: str, modality: str, expected: tuple[str, str]) -> None:
    written(vl_object(throat(), SOPClassUID=sop_class, Modality=modality), bench.originals / "throat.dcm")
    assert bench.run().exit_code == 0
    made = result(bench, "throat-enhanced.dcm")
    assert (made.SOPClassUID.name, made.Modality) == expected
    assert made.SourceImageSequence[0].ReferencedSOPClassUID == sop_class


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"LossyImageCompression": "00"}, ("00", "", "")),
        ({"LossyImageCompression": None}, ("", "", "")),
        (
            {
                "LossyImageCompression": "01",
                "LossyImageCompressionMethod": "ISO_10918_1",
                "LossyImageCompressionRatio": "12",
            },
            ("01", "ISO_10918_1", "12"),
        ),
    ],
)
def test_what_was_lost_stays_said(bench: Bench, attributes: dict[str, Any], expected: tuple[str, str, str]) -> None:
    written(vl_object(throat(), **attributes), bench.originals / "throat.dcm")
    bench.run()
    made = result(bench, "throat-enhanced.dcm")
    said = (made.LossyImageCompression, made.get("LossyImageCompressionMethod", ""))
    assert (*said, str(made.get("LossyImageCompressionRatio", ""))) == expected


def test_a_name_in_two_encodings_stays_byte_for_byte(bench: Bench) -> None:
    dataset = vl_object(
        throat(), SpecificCharacterSet=["", "ISO 2022 IR 87"], PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう"
    )
    original = pydicom.dcmread(written(dataset, bench.originals / "throat.dcm"))
    name = original.get_item("PatientName").value
    assert name.count(b"\x1b$B") == 4
    bench.run()
    assert name in (bench.output / "throat-enhanced.dcm").read_bytes()
    made = result(bench, "throat-enhanced.dcm")
    assert list(made.SpecificCharacterSet) == ["", "ISO 2022 IR 87"]
    assert made.PatientName.ideographic == "山田^太郎"


def test_a_video_becomes_a_video(bench: Bench) -> None:
    dicom_video(bench.originals)
    report = bench.run()
    assert report.summary() == "1 enhanced"
    assert bench.written() == ["video-enhanced.dcm", "video-enhanced.dcm.json"]
    made = result(bench, "video-enhanced.dcm")
    assert (made.SOPClassUID, made.StudyInstanceUID, made.NumberOfFrames) == (VIDEO_CLASS, STUDY, 12)
    assert (made.Rows, made.Columns, made.CineRate) == (1080, 1920, 24)
    assert made.file_meta.TransferSyntaxUID == H264
    assert made.SourceImageSequence[0].ReferencedSOPInstanceUID == INSTANCE
    assert list(made.LossyImageCompressionMethod) == ["ISO_14496_10", "ISO_14496_10"]
    about = bench.sidecar("video-enhanced.dcm.json")["clip"]
    assert (about["frames"], about["frames_promised_by_source"], about["fps"]) == (12, 12, 24.0)
    assert list(verify(bench.output)) == []
    with opened_dicom(bench.output / "video-enhanced.dcm") as found:
        assert found.facts.is_enhanced and found.facts.video == ".h264"


def test_a_video_s_sound_is_left_out_and_what_it_lies_about_is_told(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    path = dicom_video(bench.originals, "sound")
    dataset = pydicom.dcmread(path)
    dataset.NumberOfFrames, dataset.CineRate = 90, 50
    dataset.save_as(path)
    assert bench.run().summary() == "1 enhanced; changed: sound left out 1"
    assert "video.dcm: says that it has 90 frames; its stream has 12" in caplog.text
    assert "says 50.00 frames a second; its stream 24.00" in caplog.text


def test_a_video_that_is_none(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    dataset = vl_object(throat(), SOPClassUID=VIDEO_CLASS, NumberOfFrames=12)
    written(packed(dataset, [b"no stream" * 90], H264, "YBR_PARTIAL_420"), bench.originals / "video.dcm")
    bench.picture()
    assert bench.run().summary() == "1 enhanced, 1 failed"
    assert f"failed: {bench.originals / 'video.dcm'}: no frame of the clip can be decoded" in caplog.text
    assert not [name for name in bench.written() if "video" in name]
    assert not [*bench.output.rglob("*.h264")]


def test_a_damaged_one_costs_itself_alone(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    content = written(vl_object([throat(), throat()]), bench.originals / "whole.dcm").read_bytes()
    (bench.originals / "short.dcm").write_bytes(content[:-100])
    report = bench.run()
    assert report.summary() == "2 enhanced, 1 failed; changed: frames of a file 2"
    assert "short.dcm: damaged DICOM: cut short: 100 bytes of its pixels are missing" in caplog.text
    assert list(verify(bench.output)) == []


def test_a_result_that_was_changed_is_found(bench: Bench) -> None:
    written(vl_object(throat()), bench.originals / "throat.dcm")
    bench.run()
    path = bench.output / "throat-enhanced.dcm"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert [fault.name for fault in verify(bench.output)] == ["throat-enhanced.dcm"]


def test_planning_never_raises(tmp_path: Path) -> None:
    kind, missing = DicomKind(), tmp_path / "missing.dcm"
    assert (kind.begins(missing), kind.num_pages(missing), kind.num_frames(missing)) == (False, 1, 1)


needs_dciodvfy = pytest.mark.skipif(
    shutil.which("dciodvfy") is None, reason="needs dciodvfy: apt-get install dicom3tools"
)
WHOLE = {"BodyPartExamined": "PHARYNX", "ReferringPhysicianName": "Ref^A", "SeriesNumber": 3, "InstanceNumber": 7}


@needs_dciodvfy
@pytest.mark.parametrize("deidentify", [None, b"k" * 32], ids=["as it is", "de-identified"])
@pytest.mark.parametrize(
    "name", ["picture", "captured", "photograph", "latin", pytest.param("video", marks=pytest.mark.slow)]
)
def test_a_validator_finds_no_error(bench: Bench, name: str, deidentify: bytes | None) -> None:
    if name == "video":
        dicom_video(bench.originals, **WHOLE)
    else:
        more = {
            "picture": {},
            "captured": {"SOPClassUID": SECONDARY, "Modality": "OT", "BodyPartExamined": None, "ConversionType": "DV"},
            "photograph": {"SOPClassUID": PHOTO, "Modality": "XC"},
            "latin": {"SpecificCharacterSet": "ISO_IR 100", "PatientName": "Müller^Änne"},
        }[name]
        dataset = vl_object(throat(), **WHOLE)
        for keyword, value in more.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)
        written(dataset, bench.originals / "throat.dcm")
    assert bench.run(deidentify=deidentify).exit_code == 0
    (made,) = bench.output.glob("*.dcm")
    done = subprocess.run(["dciodvfy", "-new", str(made)], capture_output=True, text=True, timeout=GUARD_S, check=False)
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert done.returncode == 0 and not errors


def test_a_videos_stream_is_not_written_through_a_planted_link(tmp_path: Path) -> None:
    """Nor does what a worker that died left there keep the next one from it."""
    victim, scratch = tmp_path / "victim", tmp_path / "scratch"
    victim.write_bytes(b"somebody's")
    scratch.mkdir()
    (scratch / "x.h264").symlink_to(victim)
    file = SimpleNamespace(write_stream=lambda into: into.write(b"stream"))
    piece = Piece("dicom", tmp_path / "x.dcm", tmp_path / "x.dcm", "x")
    work, facts = SimpleNamespace(scratch=scratch), SimpleNamespace(video=".h264")
    with _stream_file(piece, work, file, facts) as path:  # type: ignore[arg-type]
        assert path.read_bytes() == b"stream" and path.stat().st_mode & 0o777 == 0o600
    assert victim.read_bytes() == b"somebody's" and not path.is_symlink()


def test_a_file_of_many_frames_is_opened_and_hashed_once_for_all_of_them(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(vl_object([throat(54, 96, seed) for seed in range(5)]), bench.originals / "series.dcm")
    asked, hashed = [], []
    num_frames = DicomKind.num_frames
    monkeypatch.setattr(DicomKind, "num_frames", lambda kind, of: asked.append(of) or num_frames(kind, of))
    monkeypatch.setattr(run, "file_sha256", lambda of: hashed.append(of) or "0" * 64)

    def fails(*_: object) -> None:
        raise EdgeError("no")

    monkeypatch.setattr(DicomKind, "make", fails)
    assert bench.run().summary() == "0 enhanced, 5 failed"
    assert (asked, hashed) == ([path], [path])
    entries = [entry for entry in entries_of(bench.output / MANIFEST) if entry is not None]
    assert [entry["source"]["sha256"] for entry in entries] == ["0" * 64] * 5
