"""The whole program, a real worklist and a browser: who was picked stands in the records of what was saved."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from edge.dicom.examination import examination_of
from tests.doubles.browsing import wait_for, wait_for_text, wait_live
from tests.doubles.waiting import wait_until
from tests.doubles.ward import PATIENCE_S, ward
from tests.doubles.worklist_files import TITLE, answer, needs_wlmscpfs, served, write

pytestmark = [pytest.mark.slow, needs_wlmscpfs]
YAMADA = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
SHOWN = "Yamada, Tarou / 山田, 太郎"


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in sorted((folder / "saved").glob("*.json"))]


def save(page: Any, folder: Path, number: int) -> dict[str, Any]:
    """The record of what the page's button has saved."""
    wait_for(page, "document.querySelector('dialog[open], #save:disabled') === null")  # copying the one before
    end_s = time.monotonic() + PATIENCE_S
    said = "Not saved"
    while said.startswith("Not saved"):  # on a busy machine the picture is not live each time
        assert time.monotonic() < end_s, said
        page.evaluate("document.getElementById('toast').textContent = ''")
        page.keyboard.press("s")
        wait_for(page, "document.getElementById('toast').textContent && !document.getElementById('save').disabled")
        said = page.locator("#toast").inner_text()
    wait_until(lambda: len(records(folder)) == number)  # it is copied to this device, perhaps before it is on the disk
    return max(records(folder), key=lambda one: str(one["source"]["taken_at"]))


def test_who_is_picked_is_whose_it_is_over_a_power_cut_until_it_is_closed(tmp_path: Path, chromium: Any) -> None:
    write(tmp_path / TITLE, answer(YAMADA, ("", "ISO 2022 IR 87"), "P1"), answer(b"Smith^Jo", "", "P2"))
    page = chromium.new_page()
    with served(tmp_path) as worklist_port:
        with ward(tmp_path, worklist_port) as url:
            page.goto(url)
            wait_live(page)
            page.keyboard.press("t")
            wait_for_text(page, "worklist-said", "2 scheduled")
            page.locator("#worklist-rows button", has_text="Yamada").click()
            wait_for_text(page, "pt-name", SHOWN)
            told = save(page, tmp_path, 1)["session"]
            assert told["label"] == SHOWN == page.locator("#pt-name").inner_text()
            examination = examination_of(told["examination"])
            assert (examination.patient.name, examination.patient.id) == ("Yamada^Tarou=山田^太郎", "P1")
            assert examination.study_uid == "1.2.3.4"
        with ward(tmp_path, worklist_port) as url:
            page.goto(url)
            wait_live(page)
            wait_for_text(page, "pt-name", SHOWN)
            assert save(page, tmp_path, 2)["session"] == told, "the same session, after the power came back"
            wait_for_text(page, "pt-saved", "2 saved, kept on the unit")
            page.locator("#pt-close").click()
            wait_for_text(page, "pt-name", "No patient")
            assert "session" not in save(page, tmp_path, 3)
            page.locator("#pt-emergency").click()
            wait_for_text(page, "pt-name", "EMERGENCY, ")
            hurried = save(page, tmp_path, 4)["session"]
            assert hurried["label"] == page.locator("#pt-name").inner_text()
            assert examination_of(hurried["examination"]).is_emergency
            page.locator("#gallery-open").click()
            wait_for(page, "document.querySelectorAll('.saved').length >= 4")
            assert SHOWN in page.locator("#film").inner_text()
    page.close()
    said = (tmp_path / "log").read_text() + (tmp_path / "audit.jsonl").read_text()
    assert "patient session" in said
    assert not any(word in said for word in ("Yamada", "山田", "Smith", "EMERGENCY", "19700501"))
