"""What is to be seen on the page, read from its pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edge.pictures.image import Image
from tests.edge.web.page.conftest import wait_for

COLOUR_AT = """([x, y, id]) => {
    const canvas = document.getElementById(id);
    const [r, g, b] = canvas.getContext("2d").getImageData(x * canvas.width, y * canvas.height, 1, 1).data;
    return r > g + 50 && r > b + 50 ? "enhanced" : g > r + 50 && g > b + 50 ? "raw" : b > r + 50 ? "reference" : "other";
}"""


def wait_for_colour(page: Any, colour: str, x: float = 0.5, y: float = 0.7, canvas: str = "picture") -> None:
    """Until the picture there is `enhanced` (red), `raw` (green) or `reference` (blue)."""
    wait_for(page, f"([x, y, id, colour]) => ({COLOUR_AT})([x, y, id]) === colour", [x, y, canvas, colour])


def screenshot(page: Any, of: str = "") -> Image:
    """RGB, of the window or of one element."""
    file = page.locator(of).screenshot() if of else page.screenshot()
    picture = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
