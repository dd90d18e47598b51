"""Pictures of the page for docs/: the unit runs on its demo, and Chromium looks at it.

python -m tests.docs.screenshots FOLDER     make screenshots: into docs/images
"""

from __future__ import annotations

import io
import re
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from tests.doubles.browsing import wait_for, wait_live

CHROMIUM = Path("/usr/bin/chromium")
MOST_BYTES = 100_000
WIDTH_PX, HEIGHT_PX = 1280, 800
_ADDRESS = re.compile(r"live on (http://\S+)")
PATIENCE_S = 300.0
"""Longer than a unit on a busy machine shows raw before it tries again."""
SETTLES_MS = 1000
APART_MS = 3000
_IS_LIVE = """['state', 'picture'].every(id => document.getElementById(id).dataset.state === 'live')"""


@contextmanager
def unit(folder: Path, *settings: str) -> Iterator[str]:
    """The address of a unit that shows the demo; its settings as lines of edge.toml's [web] and [save]."""
    config = folder / "edge.toml"
    config.write_text("\n".join(settings) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "edge.cli", "--live", "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
    try:
        yield _address(process)
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    end, said = time.monotonic() + PATIENCE_S, ""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < end:
            if selector.select(1.0):
                line = process.stdout.readline()
                said += line
                if found := _ADDRESS.search(line):
                    return found[1]
                if not line:
                    break
    raise SystemExit(f"the unit named no address: {said}")


def small(png: bytes) -> bytes:
    """A JPEG of at most 100 kB of a picture of the window."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for quality in range(85, 20, -5):
        made = io.BytesIO()
        picture.save(made, "JPEG", quality=quality, optimize=True, progressive=True)
        if made.tell() <= MOST_BYTES:
            return made.getvalue()
    raise ValueError(f"{picture.size}: larger than {MOST_BYTES} bytes at any quality")


def choose(view: str) -> Callable[[Any], None]:
    return lambda page: page.check(f"#views input[value={view}]", force=True)


def open_gallery(page: Any) -> None:
    """After two pictures were saved, longer apart than what a unit takes for one."""
    for number in (1, 2):
        page.wait_for_timeout(APART_MS)
        page.click("#save")
        wait_for(page, f"fetch('api/saved').then(a => a.json()).then(b => b.items.length >= {number})")
    page.click("#gallery-open")
    page.wait_for_timeout(APART_MS)


VIEWS: dict[str, Callable[[Any], None]] = {
    "view-enhanced": choose("enhanced"),
    "view-split": choose("split"),
    "view-side-by-side": choose("side"),
    "gallery": open_gallery,
}
"""File -> what is done in the page before it is taken."""


def take_all(output: Path) -> list[Path]:
    """Every picture of the page, in a folder that is there."""
    from playwright.sync_api import sync_playwright

    taken: list[Path] = []
    with sync_playwright() as driver, tempfile.TemporaryDirectory() as temporary:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH_PX, "height": HEIGHT_PX})
        folder = Path(temporary)
        (folder / "pictures").mkdir()
        saving = f'[save]\nfolder = "{folder / "pictures"}"'
        with unit(folder, '[web]\nlisten = "127.0.0.1:0"', saving, '[source]\nuri = "demo:?fps=10"') as address:
            page.goto(address)
            wait_live(page)
            for name, prepare in VIEWS.items():
                prepare(page)
                taken.append(_written(output / f"{name}.jpg", live_picture(page)))
        users = folder / "users.toml"
        _add_user(users)
        with unit(folder, f'[web]\nlisten = "127.0.0.1:0"\nusers = "{users}"') as address:
            page.goto(address)
            page.locator("input[type=password]").wait_for()
            taken.append(_written(output / "login.jpg", page.screenshot()))
        browser.close()
    return taken


def _add_user(users: Path) -> None:
    command = [sys.executable, "-m", "edge.cli", "user", "add", "anna", "--role", "admin", "--users", str(users)]
    subprocess.run(command, input="correct horse battery\n" * 2, text=True, check=True, capture_output=True)


def live_picture(page: Any) -> bytes:
    """A PNG of the window, live before it was taken and after it.

    Raises:
        SystemExit: the machine is too busy to be live that long.
    """
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if page.evaluate(_IS_LIVE):
            page.wait_for_timeout(SETTLES_MS)
            png: bytes = page.screenshot()
            if page.evaluate(_IS_LIVE):
                return png
        page.wait_for_timeout(SETTLES_MS)
    raise SystemExit(f"the page was not live for a second in {PATIENCE_S:.0f} s: this machine is too busy")


def _written(path: Path, png: bytes) -> Path:
    path.write_bytes(small(png))
    return path


def main() -> int:
    for path in take_all(Path(sys.argv[1])):
        sys.stdout.write(f"{path} {path.stat().st_size // 1000} kB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
