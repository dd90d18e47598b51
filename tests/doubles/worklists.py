"""A worklist that says what a test wants, for the web side alone."""

from __future__ import annotations

from datetime import datetime, timezone

from edge.basics.errors import EdgeError, NotNow
from edge.dicom.examination import Examination, Patient
from edge.dicom.scheduled import Listed, Scheduled

ANNA = Examination(Patient("Müller^Anna", "4711", "", "19700501", "F"), "1.2.3.4", "A1", procedure_id="RP1")


class PlayedWorklist:
    """Attributes: is_on; fails: what is raised where it is asked."""

    def __init__(self, *examinations: Examination) -> None:
        self.is_on = True
        self.fails: EdgeError | None = None
        self._held = {f"key{number}": one for number, one in enumerate(examinations)}

    def ask(self) -> Listed:
        if self.fails:
            raise self.fails
        items = [(key, _scheduled(one)) for key, one in self._held.items()]
        items.append(("", Scheduled("(no name)", "4712", "", "", "", "", "", None, "no name")))
        return Listed(tuple(items), False, datetime.now(timezone.utc))

    def examination(self, key: str) -> Examination:
        try:
            return self._held[key]
        except KeyError:
            raise NotNow("the worklist was asked too long ago: ask it again, and choose") from None


def _scheduled(one: Examination) -> Scheduled:
    of, starts = one.patient, "2026-11-30 09:30"
    return Scheduled(of.shown, of.id, of.birth_date, of.sex, one.accession_number, one.description, starts, one)
