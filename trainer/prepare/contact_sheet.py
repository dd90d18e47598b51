"""Contact sheets: thumbnails in order of a score, many to a page, to sort pictures by eye."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.basics.errors import InputOutputError
from edge.basics.whole_files import write_whole
from edge.pictures.image import Image
from trainer.prepare.screening import HAZY, SHARP, Scores

COLUMNS, ROWS = 6, 5
THUMB_WIDTH_PX, THUMB_HEIGHT_PX = 248, 186

_MARGIN_PX, _TEXT_PX, _HEAD_PX = 8, 46, 44
_CELL = (THUMB_WIDTH_PX + 2 * _MARGIN_PX, THUMB_HEIGHT_PX + _TEXT_PX + 2 * _MARGIN_PX)
_GROUND, _INK, _PAST_CUT = (38, 38, 38), (235, 235, 235), (255, 170, 60)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Tile:
    """One picture on a sheet.

    Attributes:
        number: its row in the decision table.
        name: drawn below it; what does not fit is cut off in front.
        domain: "lq" or "hq" where it is decided; else it is drawn as a question.
        thumbnail: what `thumbnail` made of it.
    """

    number: int
    name: str
    scores: Scores
    domain: str
    thumbnail: bytes


def thumbnail(image: Image) -> bytes:
    """The RGB picture within 248x186 px, as JPEG: ten thousand fit in memory."""
    scale = min(THUMB_WIDTH_PX / image.shape[1], THUMB_HEIGHT_PX / image.shape[0])
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1])


def contact_sheets(tiles: Sequence[Tile], folder: Path) -> list[Path]:
    """Write `haze-001.png`, ... (the most veiled first) and `focus-001.png`, ... (the most blurred first).

    A score past the cut of `trainer.prepare.screening` is drawn in orange. Pages of an earlier, longer run are removed.

    Raises:
        InputOutputError: the folder cannot be written.
    """
    orders: dict[str, tuple[str, Callable[[Tile], float]]] = {
        "haze": ("most veiled first", lambda tile: -tile.scores.haze),
        "focus": ("most blurred first", lambda tile: tile.scores.focus),
    }
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (order, key) in orders.items():
            ordered = sorted(tiles, key=lambda tile: (key(tile), tile.name))
            written += _write_pages(ordered, folder, name, f"{name}: {order}")
    except OSError as error:
        raise InputOutputError(f"{folder}: cannot be written ({error.strerror}); give another folder") from error
    return written


def _write_pages(tiles: Sequence[Tile], folder: Path, name: str, order: str) -> list[Path]:
    per_page = COLUMNS * ROWS
    num_pages = -(-len(tiles) // per_page)
    paths = []
    for page in range(num_pages):
        part = tiles[page * per_page : (page + 1) * per_page]
        sheet = draw_sheet(part, f"{order}   page {page + 1} of {num_pages}   pictures: {len(tiles)}")
        paths.append(folder / f"{name}-{page + 1:03d}.png")
        write_whole(paths[-1], bytes(cv2.imencode(".png", sheet[..., ::-1])[1]))
    after = num_pages + 1
    while (stale := folder / f"{name}-{after:03d}.png").exists():
        stale.unlink()
        after += 1
    return paths


def draw_sheet(tiles: Sequence[Tile], title: str) -> Image:
    """One page, RGB: a title and up to 6x5 tiles, row by row."""
    num_rows = -(-len(tiles) // COLUMNS)
    sheet = np.full((_HEAD_PX + num_rows * _CELL[1], COLUMNS * _CELL[0], 3), _GROUND, np.uint8)
    _write(sheet, title, (_MARGIN_PX, 29), 0.7)
    for place, tile in enumerate(tiles):
        row, column = divmod(place, COLUMNS)
        top, left = _HEAD_PX + row * _CELL[1] + _MARGIN_PX, column * _CELL[0] + _MARGIN_PX
        _draw_tile(sheet, tile, left, top)
    return sheet


def _draw_tile(sheet: Image, tile: Tile, left: int, top: int) -> None:
    picture = cv2.imdecode(np.frombuffer(tile.thumbnail, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    height, width = picture.shape[:2]
    x, y = left + (THUMB_WIDTH_PX - width) // 2, top + (THUMB_HEIGHT_PX - height) // 2
    sheet[y : y + height, x : x + width] = picture
    base = top + THUMB_HEIGHT_PX + 17
    number = f"{tile.number} "
    _write(sheet, number + _fitting(tile.name, THUMB_WIDTH_PX - _width(number, 0.45), 0.45), (left, base), 0.45)
    scores = tile.scores
    _write(sheet, f"haze {scores.haze:.2f}", (left, base + 19), 0.45, _PAST_CUT if scores.haze >= HAZY else _INK)
    focus_ink = _PAST_CUT if scores.focus < SHARP else _INK
    _write(sheet, f"focus {scores.focus:.2f}", (left + 88, base + 19), 0.45, focus_ink)
    domain = tile.domain.upper() if tile.domain in ("lq", "hq") else f"{scores.suggested}?"
    _write(sheet, domain, (left + THUMB_WIDTH_PX - _width(domain, 0.45), base + 19), 0.45)


def _width(text: str, scale: float) -> int:
    return int(cv2.getTextSize(text, _FONT, scale, 1)[0][0])


def _fitting(text: str, width_px: int, scale: float) -> str:
    """The end of a text that fits: of a path, the file's name is what tells pictures apart."""
    if _width(text, scale) <= width_px:
        return text
    start = 1
    while start < len(text) and _width("..." + text[start:], scale) > width_px:
        start += 1
    return "..." + text[start:]


def _write(sheet: Image, text: str, place: tuple[int, int], scale: float, ink: tuple[int, int, int] = _INK) -> None:
    cv2.putText(sheet, text, place, _FONT, scale, ink, 1, cv2.LINE_AA)
