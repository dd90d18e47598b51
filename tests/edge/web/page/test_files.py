"""The page's files: light, of the unit alone, and all of them served."""

from __future__ import annotations

import re

from edge.access.rights import RIGHTS
from edge.web.routes import LOGIN_FILES, PAGE_DIR, PAGE_FILES

MOST_BYTES = 150_000


def test_every_file_is_served_to_those_who_may_look() -> None:
    served = {**PAGE_FILES, **LOGIN_FILES}
    assert set(served.values()) == set(PAGE_DIR.iterdir())
    assert {path for path in served if ("GET", path) not in RIGHTS} == set()


def test_the_page_is_light() -> None:
    assert sum(file.stat().st_size for file in PAGE_FILES.values()) < MOST_BYTES


def test_nothing_leads_away_from_the_unit() -> None:
    for file in PAGE_DIR.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"\b(?:https?|wss?)://[^\s\"'`]*", text) == [], file.name
        assert re.findall(r"""(?:src|href)="/|(?:fetch|ask|askJson|post)\(["'`]/|url\(""", text) == [], file.name


def test_every_module_is_fetched_at_once() -> None:
    page = (PAGE_DIR / "index.html").read_text()
    told = set(re.findall(r'rel="modulepreload" href="([^"]+)"', page)) | {"app.js"}
    modules = {file.name for path, file in PAGE_FILES.items() if file.suffix == ".js"}
    assert told == modules
