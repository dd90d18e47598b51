"""What a test does with a page in a browser, and what is to be seen there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from edge.pictures.image import Image
from tests.doubles.waiting import GUARD_S

GUARD_MS = GUARD_S * 1000
COLOUR_AT = """([x, y, id]) => {
    const canvas = document.getElementById(id);
    const [r, g, b] = canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data;
    if (r > g + 50 && r > b + 50) return "enhanced";
    return g > r + 50 && g > b + 50 ? "raw" : b > r + 50 ? "reference" : "other";
}"""


def wait_for(page: Any, condition: str, arg: object = None) -> None:
    """Until a JavaScript condition holds. The page's own policy forbids what wait_for_function does."""
    for _ in range(GUARD_MS // 50):
        if page.evaluate(condition, arg):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"did not come true: {condition}, {arg}")


def wait_until(page: Any, holds: Callable[[], object]) -> None:
    """Until something outside the page holds."""
    for _ in range(GUARD_MS // 50):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("did not come true")


def wait_live(page: Any) -> None:
    """Until a picture is there and vouched for, and the page knows what the unit can do."""
    shown = "document.getElementById('picture').dataset.seq !== undefined"
    wait_for(page, f"document.getElementById('cover').hidden && {shown}")
    wait_for(page, "!['starting', 'offline'].includes(document.getElementById('state').dataset.state)")


def wait_for_text(page: Any, name: str, text: str) -> None:
    """Until an element holds these words."""
    wait_for(page, "([id, text]) => document.getElementById(id).textContent.includes(text)", [name, text])


def wait_for_colour(page: Any, colour: str, x: float = 0.5, y: float = 0.7, canvas: str = "picture") -> None:
    """Until the picture there is `enhanced` (red), `raw` (green) or `reference` (blue)."""
    wait_for(page, f"([x, y, id, colour]) => ({COLOUR_AT})([x, y, id]) === colour", [x, y, canvas, colour])


def screenshot(page: Any, of: str = "") -> Image:
    """RGB, of the window or of one element."""
    file = page.locator(of).screenshot() if of else page.screenshot()
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))


def data(page: Any, name: str) -> str | None:
    """What the live picture's canvas says of it, such as its `seq`."""
    told = page.locator("#picture").get_attribute(f"data-{name}")
    return None if told is None else str(told)
