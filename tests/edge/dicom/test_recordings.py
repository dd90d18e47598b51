"""Recordings as Video Endoscopic Image objects: the stream, its numbers, what is told of its making, and parts."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import subprocess
import tempfile
import tracemalloc
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments

from edge.basics.errors import InputOutputError
from edge.clips.program import find_ffmpeg
from edge.dicom import recordings
from edge.dicom.examination import Examination, Patient
from edge.dicom.origin import part_uid
from edge.dicom.saved import VIEWS, ObjectUids, objects_from_saved, part_uids
from edge.dicom.video import stream
from edge.frames.frame import Frame
from tests.doubles.booth import HAS_FFPROBE, Booth, times_s
from tests.doubles.saved_items import MODEL, UNIT, SavedItem, frame_of, saved_recording, session_of
from tests.doubles.waiting import GUARD_S

DOE = Examination(Patient("Doe^John", "1"), study_uid="2.25.7")
UIDS = ObjectUids.new()
DRAWN = {**MODEL, "profile": "miinet", "detail": "synthesised"}
RAW_FRAME = Frame(frame_of().image, 1, 1)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> SavedItem:
    course = {0.0: frame_of(), 0.3: frame_of(0.4), 0.5: RAW_FRAME, 0.7: frame_of(model=DRAWN)}
    return saved_recording(tmp_path_factory.mktemp("recording"), DOE, changes=course)


@pytest.fixture(scope="module")
def found(recording: SavedItem, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    folder = tmp_path_factory.mktemp("objects")
    return {path.stem[2:]: pydicom.dcmread(path) for path in recording.written(folder, UIDS)}


@pytest.fixture(scope="module")
def raw(found: dict[str, Dataset]) -> Dataset:
    return found["raw"]


@pytest.fixture(scope="module")
def enhanced(found: dict[str, Dataset]) -> Dataset:
    return found["enhanced"]


def clip_in(found: Dataset) -> bytes:
    fragments = [*generate_fragments(found.PixelData)]
    assert fragments[0] == b"" and len(fragments) == 2, "an empty table of offsets, and one fragment for all"
    return fragments[1]


def frames_of(path: Path) -> list[str]:
    """A digest of each decoded frame."""
    ffmpeg = find_ffmpeg()
    asked = [ffmpeg.path, "-v", "error", "-i", str(path), *ffmpeg.every_frame, "-f", "framemd5", "-"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=GUARD_S)
    assert not done.stderr
    return [line.rpartition(",")[2].strip() for line in done.stdout.splitlines() if not line.startswith("#")]


def test_both_are_of_their_class_and_syntax(found: dict[str, Dataset]) -> None:
    for one in found.values():
        assert one.SOPClassUID == "1.2.840.10008.5.1.4.1.1.77.1.1.1"
        assert one.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.102"
        assert one.SOPInstanceUID == one.file_meta.MediaStorageSOPInstanceUID


def test_every_frame_is_the_recorder_s(recording: SavedItem, found: dict[str, Dataset], tmp_path: Path) -> None:
    for view, path in recording.files.items():
        (tmp_path / "clip.mp4").write_bytes(clip_in(found[view]))
        assert frames_of(tmp_path / "clip.mp4") == frames_of(path)


def test_the_stream_is_a_plain_mp4(raw: Dataset) -> None:
    clip = clip_in(raw)
    assert clip[4:8] == b"ftyp" and b"moof" not in clip and b"stss" in clip


NUMBERS = [
    ("NumberOfFrames", 25),
    ("CineRate", 25),
    ("RecommendedDisplayFrameRate", 25),
    ("FrameTime", 40.0),
    ("EffectiveDuration", 1.0),
    ("Rows", 180),
    ("Columns", 320),
]


@pytest.mark.parametrize(("keyword", "value"), NUMBERS, ids=[keyword for keyword, _ in NUMBERS])
def test_its_numbers_are_the_clip_s(raw: Dataset, keyword: str, value: float) -> None:
    assert float(raw[keyword].value) == value


def test_frames_follow_by_their_time(raw: Dataset) -> None:
    assert raw.FrameIncrementPointer == pydicom.tag.Tag("FrameTime")


def test_loss_is_told_with_its_ratio(raw: Dataset) -> None:
    assert (raw.LossyImageCompression, raw.LossyImageCompressionMethod) == ("01", "ISO_14496_10")
    ratio = 320 * 180 * 3 * 25 / len(clip_in(raw))
    assert float(raw.LossyImageCompressionRatio) == pytest.approx(ratio, abs=0.01)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PhotometricInterpretation", "YBR_PARTIAL_420"),
        ("PlanarConfiguration", 0),
        ("SamplesPerPixel", 3),
        ("BitsAllocated", 8),
        ("HighBit", 7),
        ("BurnedInAnnotation", "NO"),
        ("BodyPartExamined", "PHARYNX"),
        ("StudyInstanceUID", "2.25.7"),
        ("PatientID", "1"),
        ("InstanceNumber", 1),
    ],
)
def test_both_say(found: dict[str, Dataset], keyword: str, value: object) -> None:
    assert [one[keyword].value for one in found.values()] == [value, value]


def test_raw_is_an_original(raw: Dataset) -> None:
    assert raw.ImageType == ["ORIGINAL", "PRIMARY"]
    assert "SourceImageSequence" not in raw and "DerivationDescription" not in raw


def test_enhanced_is_derived_from_raw(enhanced: Dataset) -> None:
    assert enhanced.ImageType == ["DERIVED", "SECONDARY"]
    (source,) = enhanced.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == UIDS.instances["raw"]
    assert source.ReferencedSOPClassUID == "1.2.840.10008.5.1.4.1.1.77.1.1.1"


@pytest.mark.parametrize(
    "said",
    ["from 0.0 s live strength 1.00", "from 0.3 s live strength 0.40", "from 0.5 s raw, not enhanced",
     "from 0.7 s miinet strength 1.00, detail synthesised", "Detail was synthesised"],
)  # fmt: skip
def test_its_course_is_told(enhanced: Dataset, said: str) -> None:
    assert said in enhanced.DerivationDescription


def test_its_course_is_coded(enhanced: Dataset) -> None:
    assert [one.CodeValue for one in enhanced.DerivationCodeSequence] == ["113053", "113042", "113085"]


def test_a_long_course_is_cut(tmp_path: Path) -> None:
    course = {at / 10: frame_of(at / 100) for at in range(90)}
    item = saved_recording(tmp_path, DOE, views=("enhanced",), changes=course)
    (one,) = (made.dataset for made in objects_from_saved(item.record, item.files, UIDS, UNIT))
    assert len(one.DerivationDescription) <= 1024 and one.DerivationDescription.endswith(" ...")


def test_the_same_input_gives_the_same_bytes(recording: SavedItem, tmp_path: Path) -> None:
    digests = [
        [hashlib.sha256(path.read_bytes()).hexdigest() for path in recording.written(tmp_path, UIDS)] for _ in "ab"
    ]
    assert digests[0] == digests[1]


def test_one_view_alone(recording: SavedItem) -> None:
    made = objects_from_saved(recording.record, {"enhanced": recording.files["enhanced"]}, UIDS, UNIT)
    (one,) = ((made.view, made.uid) for made in made)
    assert one == ("enhanced", UIDS.instances["enhanced"])


def test_nothing_is_left_beside_the_clip(recording: SavedItem, tmp_path: Path) -> None:
    folder = recording.files["raw"].parent
    before = {*folder.iterdir()}
    making = objects_from_saved(recording.record, recording.files, UIDS, UNIT)
    next(making)
    assert {*folder.iterdir()} == before, "not while it is made either"
    making.close()  # type: ignore[attr-defined]


def test_a_clip_without_a_name_is_taken_too(recording: SavedItem, tmp_path: Path) -> None:
    """What is encrypted at rest is plain in such a file alone."""
    expected = recording.written(tmp_path, UIDS)
    with tempfile.TemporaryFile(dir=tmp_path) as nameless:
        nameless.write(recording.files["raw"].read_bytes())
        nameless.flush()
        path = Path(f"/proc/self/fd/{nameless.fileno()}")
        for one in objects_from_saved(recording.record, {"raw": path}, UIDS, UNIT):
            one.write(tmp_path / "nameless.dcm")
    assert (tmp_path / "nameless.dcm").read_bytes() == expected[0].read_bytes()


def test_what_is_no_clip_is_refused(recording: SavedItem, tmp_path: Path) -> None:
    empty = tmp_path / "x-raw.mp4"
    empty.write_bytes(b"\0" * 999)
    with pytest.raises(InputOutputError, match=r"x-raw\.mp4"):
        list(objects_from_saved(recording.record, {"raw": empty}, UIDS, UNIT))


@pytest.mark.slow
def test_it_is_written_without_being_held_in_memory(tmp_path: Path) -> None:
    noise = (
        "-vf",
        "noise=alls=90:allf=t",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-qp",
        "4",
        "-pix_fmt",
        "yuv420p",
    )
    item = saved_recording(tmp_path, DOE, views=("raw",), coding=(*noise, "-g", "5"), size="640x360")
    assert item.files["raw"].stat().st_size > 6 << 20
    tracemalloc.start()
    for one in objects_from_saved(item.record, item.files, UIDS, UNIT):
        one.write(tmp_path / "raw.dcm")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "raw.dcm").stat().st_size > 6 << 20
    assert peak < 3 << 20


# Parts


def part_bytes(item: SavedItem, num: int = 3) -> int:
    return max(path.stat().st_size for path in item.files.values()) // num + 1


@pytest.fixture(scope="module")
def parts(recording: SavedItem, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings, "MAX_PART_BYTES", part_bytes(recording))
        return recording.written(tmp_path_factory.mktemp("parts"), UIDS)


@pytest.fixture
def in_parts(recording: SavedItem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MAX_PART_BYTES", part_bytes(recording))


def test_a_long_recording_comes_in_parts_that_are_whole(
    recording: SavedItem, parts: list[Path], tmp_path: Path
) -> None:
    for view in VIEWS:
        found = [pydicom.dcmread(path) for path in parts if view in path.name]
        digests = []
        for one in found:
            (tmp_path / "clip.mp4").write_bytes(clip_in(one))
            digests += frames_of(tmp_path / "clip.mp4")
        assert digests == frames_of(recording.files[view])
        assert sum(int(one.NumberOfFrames) for one in found) == 25
        assert len(found) == 3, "both are cut alike"


def test_parts_tell_which_they_are(parts: list[Path]) -> None:
    found = [pydicom.dcmread(path) for path in parts if "raw" in path.name]
    assert [one.SOPInstanceUID for one in found] == [part_uid(UIDS.instances["raw"], number) for number in (1, 2, 3)]
    assert [one.InstanceNumber for one in found] == [1, 2, 3]
    assert [one.ContentTime for one in found] == ["030201.678000", "030202.078000", "030202.478000"]
    assert found[1].ImageComments == "Part 2 of 3 of this recording, from 0.4 s on"
    assert len({one.SeriesInstanceUID for one in found}) == 1


def test_each_enhanced_part_is_of_the_raw_one(recording: SavedItem, parts: list[Path], tmp_path: Path) -> None:
    sources = [
        pydicom.dcmread(path).SourceImageSequence[0].ReferencedSOPInstanceUID
        for path in parts
        if "enhanced" in path.name
    ]
    assert sources == [part_uid(UIDS.instances["raw"], number) for number in (1, 2, 3)]


@pytest.mark.usefixtures("in_parts")
def test_parts_of_one_view_alone_are_the_same(recording: SavedItem, parts: list[Path], tmp_path: Path) -> None:
    alone = objects_from_saved(recording.record, {"enhanced": recording.files["enhanced"]}, UIDS, UNIT)
    for one, path in zip(alone, [path for path in parts if "enhanced" in path.name], strict=True):
        one.write(tmp_path / "alone.dcm")
        assert (tmp_path / "alone.dcm").read_bytes() == path.read_bytes()


@pytest.mark.usefixtures("in_parts")
def test_a_part_that_failed_is_made_alone(recording: SavedItem, parts: list[Path], tmp_path: Path) -> None:
    uids = part_uids(recording.record, UIDS)
    assert [*uids["raw"], *uids["enhanced"]] == [str(pydicom.dcmread(path).SOPInstanceUID) for path in parts]
    wanted = {uids["raw"][1], uids["enhanced"][2]}
    made = objects_from_saved(recording.record, recording.files, UIDS, UNIT, wanted)
    for one, path in zip(made, (parts[1], parts[5]), strict=True):
        one.write(tmp_path / "alone.dcm")
        assert (tmp_path / "alone.dcm").read_bytes() == path.read_bytes()


def test_too_few_key_frames_to_cut_at_are_said(recording: SavedItem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MAX_PART_BYTES", part_bytes(recording, 8))
    with pytest.raises(InputOutputError, match="too few key frames"):
        list(objects_from_saved(recording.record, recording.files, UIDS, UNIT))


def test_a_part_that_is_still_too_large_is_said(recording: SavedItem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_BYTES", 1000)
    with pytest.raises(InputOutputError, match="at most 1000"):
        list(objects_from_saved(recording.record, recording.files, UIDS, UNIT))


# Of the recorder itself


@pytest.mark.slow
@pytest.mark.skipif(not HAS_FFPROBE or shutil.which("dciodvfy") is None, reason="needs ffmpeg and dicom3tools")
def test_what_the_recorder_made_at_irregular_times_is_valid(tmp_path: Path) -> None:
    booth = Booth(tmp_path / "kept", session=session_of(DOE))
    try:
        booth.roll()
        name = booth.begin(())["name"]
        booth.wait_recorded(1.6)
        booth.recorder.end()
    finally:
        booth.close()
    record = booth.record(name)
    files = {view: booth.folder / f"{name}-{view}.mp4" for view in VIEWS}
    for one in objects_from_saved(record, files, UIDS, UNIT):
        one.write(tmp_path / "one.dcm")
        asked = ["dciodvfy", "-new", str(tmp_path / "one.dcm")]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=GUARD_S, check=True)
        assert done.stderr.split() == ["VideoEndoscopicImage"]
        found = pydicom.dcmread(tmp_path / "one.dcm")
        (told,) = (file for file in record["output"]["files"] if file["mode"] == one.view)
        assert (found.NumberOfFrames, found.LossyImageCompression) == (told["frames"], "01")
        shown_s = times_s(files[one.view])
        longest_s = max(after - before for before, after in itertools.pairwise(shown_s))
        seconds = float(found.FrameTime) * found.NumberOfFrames / 1000
        assert shown_s[-1] < seconds <= shown_s[-1] + longest_s, "how long the last frame was shown is nobody's to say"
        (tmp_path / "clip.mp4").write_bytes(clip_in(found))
        assert frames_of(tmp_path / "clip.mp4") == frames_of(files[one.view])
        assert times_s(tmp_path / "clip.mp4") == pytest.approx(times_s(files[one.view]), abs=0.0001)
