"""The conformance statement in docs/dicom.md is what the code does: its tables, and the objects really made."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.basics.markdown import with_section
from edge.conformance_page import ATTRIBUTES, PAGE, SECTIONS, main, sample, section
from edge.dicom import performed
from edge.dicom.examination import Examination, Patient, emergency
from edge.dicom.reading.classes import CAMERA_CLASSES, PICTURE_SYNTAXES, VIDEO_SYNTAXES
from edge.dicom.saved import ObjectUids, objects_from_saved
from edge.dicom.video.level import LEVELS
from edge.pacs.tls import Files, client_context
from edge.pacs.ways.forms import PROPOSED
from tests.doubles.saved_items import UNIT, SavedItem, saved_pair, saved_recording

ANNA = Examination(
    Patient("Müller^Anna", "1", "KLINIK", "19700102", "F"), "2.25.7", "A", "S", "Weiß^Bo", "Throat", "R", "P", "Scopy"
)


@pytest.mark.parametrize("name", SECTIONS)
def test_the_page_has_the_table_that_the_command_makes(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_section(page, name, section(name)) == page, "run: python -m edge.conformance_page"


def test_the_command_renews_its_sections_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "".join(f"above\n<!-- begin: {name} -->\n(nothing yet)\n<!-- end: {name} -->\n" for name in SECTIONS)
    )
    monkeypatch.setattr("edge.conformance_page.PAGE", page)
    main()
    text = page.read_text()
    assert text.count("above\n") == len(SECTIONS) and "(nothing yet)" not in text


def test_every_attribute_is_described_and_none_besides() -> None:
    kinds = [(kind, view) for kind in ("picture", "recording") for view in ("raw", "enhanced")]
    assert {element.keyword for kind, view in kinds for element in sample(kind, view)} == ATTRIBUTES.keys()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "made",
    [
        lambda folder: saved_pair(folder, ANNA),
        lambda folder: saved_pair(folder, emergency(), strength=0.5),
        lambda folder: saved_recording(folder, ANNA, seconds=0.4),
    ],
    ids=["picture", "emergency", "recording"],
)
def test_objects_are_as_it_says(made: Callable[[Path], SavedItem], tmp_path: Path) -> None:
    item = made(tmp_path)
    for one in objects_from_saved(item.record, item.files, ObjectUids.new(), UNIT):
        kind = "recording" if "NumberOfFrames" in one.dataset else "picture"
        stated = {element.keyword for element in sample(kind, one.view)}
        assert {element.keyword for element in one.dataset} <= stated
        assert (one.sop_class_uid, one.transfer_syntax_uid) in PROPOSED


def test_every_level_is_proposed() -> None:
    assert {level.transfer_syntax for level in LEVELS} <= {syntax for _, syntax in PROPOSED}


def test_what_is_read_is_stated() -> None:
    text = section("dicom-read")
    for uid in (*CAMERA_CLASSES, *PICTURE_SYNTAXES, *VIDEO_SYNTAXES):
        assert f" {uid} " in text


def test_tls_is_as_it_says() -> None:
    context = client_context(Files("pacs", None, None, None))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2 and "1.2 or newer" in section("dicom-network")
    assert context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize("whose", [ANNA, emergency()], ids=["worklist", "emergency"])
def test_steps_are_as_it_says(whose: Examination) -> None:
    session = {"id": "a" * 12, "since": "2026-05-04T08:00:00+00:00", "examination": whose.record()}
    begun = performed.step_begun(session, "UNIT")
    series = performed.PerformedSeries("2.25.1", "Pictures", (("1.2", "2.25.2"),))
    ended = [
        performed.step_ended(ending, "2026-05-04T09:00:00+00:00", [series], "ISO_IR 192")
        for ending in ("COMPLETED", "DISCONTINUED")
    ]
    for number, made in enumerate((begun, *ended)):
        told = {keyword for keyword, values in performed.ATTRIBUTES.items() if values[min(number, 1)]}
        there = {element.keyword for element in made} | {
            f"> {inner.keyword}"
            for name in ("ScheduledStepAttributesSequence", "PerformedSeriesSequence")
            for item in made.get(name) or ()
            for inner in item
        }
        spare = {"SpecificCharacterSet", "IssuerOfPatientID", "CommentsOnThePerformedProcedureStep"}
        spare |= {"PerformedProcedureStepDiscontinuationReasonCodeSequence"} if number == 1 else set()
        assert there <= told and told - there <= spare
