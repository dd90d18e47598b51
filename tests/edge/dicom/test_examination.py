"""Whose pictures they are: names as a person reads them, records that read back, and nothing where it must not be."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from edge.dicom.examination import Examination, Patient, emergency, examination_of, shown_name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Müller^Anna^Maria^Dr.", "Dr. Müller, Anna Maria"),
        ("Adams^John Robert Quincy^^Rev.^B.A. M.Div.", "Rev. Adams, John Robert Quincy B.A. M.Div."),  # PS3.5 6.2.1.1
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada, Tarou / 山田, 太郎 / やまだ, たろう"),  # PS3.5 H.3.1
        ("Doe", "Doe"),
        ("^Anna", "Anna"),
        ("", ""),
    ],
)
def test_every_part_of_a_name_is_shown(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_a_record_reads_back() -> None:
    told = Examination(Patient("Müller^Anna", "4711", "HOSPITAL", "19700102", "F"), accession_number="A1")
    assert examination_of(told.record()) == told


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"accession_number": "A" * 17}, "accession_number: expected at most 16"),
        ({"study_uid": "1.02"}, "study_uid: expected a UID"),
        ({"colour": "red"}, "colour: is unknown"),
        ({"is_emergency": 1}, "is_emergency: expected true or false"),
        ({"patient": {"name": "A" * 65}}, "patient.name: expected a name"),
        ({"patient": {"name": "A\nB"}}, "patient.name: expected a name"),
        ({"patient": {"birth_date": "19701301"}}, "patient.birth_date: expected YYYYMMDD"),
        ({"patient": {"sex": "X"}}, "patient.sex: expected M, F, O"),
        ({"patient": {"id": 4711}}, "patient.id: expected text"),
        ({"patient": {"id": "a\\b"}}, "patient.id: expected at most 64"),
        ({"patient": "Doe"}, "patient: expected a record"),
    ],
)
def test_a_wrong_value_is_named_by_its_key_and_not_repeated(changed: dict[str, object], told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        examination_of({**Examination(Patient("Doe")).record(), **changed})
    assert "4711" not in str(refused.value)


def test_two_emergencies_are_two_people() -> None:
    at = datetime(2026, 5, 4, 3, 2, 1, tzinfo=timezone.utc)
    one, other = emergency(at), emergency(at)
    assert one.patient.id != other.patient.id
    assert one.study_uid != other.study_uid
    assert examination_of(one.record()) == one


def test_what_is_logged_of_it_names_nobody() -> None:
    told = Examination(Patient("Müller^Anna", "4711"))
    assert "Müller" not in f"{told} {told!r} {told.patient}"
    assert "4711" not in f"{told} {told!r} {told.patient}"
