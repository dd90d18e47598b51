"""The site of the pages: built without a warning, searched without a network, nothing of it from a stranger."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from requirements.site import for_the_site, navigation, slug
from tests.docs.blocks import PAGES
from tests.docs.links import external_links, fault_of_form
from tests.doubles.waiting import GUARD_S
from tests.paths import REPOSITORY

CHROMIUM = Path("/usr/bin/chromium")
FETCHED = re.compile(r"""<(?:script|img|link|iframe)[^>]+(?:src|href)=["']?(?:https?:)?//""")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="mkdocs is not installed (make venv-dev)")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_every_page_is_there_and_fetches_nothing_from_elsewhere(site):
    names = {"index" if page.name == "README.md" else page.stem for page in PAGES}
    assert names <= {page.stem for page in site.glob("*.html")}
    assert not [page.name for page in site.rglob("*.html") if FETCHED.search(page.read_text(encoding="utf-8"))]


@pytest.mark.slow
def test_a_word_is_found_where_the_site_is_opened_as_a_file(site):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (make venv-dev)")
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    asked = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(GUARD_S * 1000)
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "index.html").as_uri())
        page.locator(".md-search__input").click()
        page.keyboard.type("calibration")
        page.locator(".md-search-result__item").first.wait_for()
        browser.close()
    assert asked and not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


def test_links_lead_within_the_site_or_are_the_name_of_a_file():
    page = REPOSITORY / "docs" / "study.md"
    text = "[a](security.md#b) [c](../README.md) [d](../Makefile) ![e](images/page.jpg) [f](https://x.org) [g](#h)"
    told = "[a](security.md#b) [c](index.md) d (`Makefile`) ![e](images/page.jpg) [f](https://x.org) [g](#h)"
    assert for_the_site(text, page) == told
    assert for_the_site("[a](docs/study.md)", REPOSITORY / "README.md") == "[a](study.md)"


def test_every_page_is_in_the_menu_once():
    names = [page.stem for page in PAGES if page.parent.name == "docs"]
    (home, *menu) = navigation([*names, "new"])
    led = sorted(name for row in menu for pages in row.values() for name in pages)
    assert home == {"Home": "index.md"}
    assert led == sorted([*(f"{name}.md" for name in names), "new.md"])
    assert menu[-1] == {"More": ["new.md"]}


def test_a_heading_is_linked_as_on_github():
    assert slug("What it is: `edge/`, and not", "-") == "what-it-is-edge-and-not"


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("https://arxiv.org/abs/1807.06081", ""),
        ("http://arxiv.org/abs/1807.06081", "is not https"),
        ("https://localhost/x", "'localhost' names no machine"),
        ("https://arxiv.org/abs/1807.06081.", "ends in a stop, or is not ASCII"),
    ],
)
def test_the_form_of_an_address_is_judged(address, fault):
    assert fault_of_form(address) == fault


def test_every_external_link_has_the_form_of_one():
    assert not {address: fault for address in external_links() if (fault := fault_of_form(address))}
