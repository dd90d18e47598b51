"""Pictures and plots for the reports: data URIs of JPEGs, and small SVGs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.image import Image

WIDTH_PX = 960
_INKS = ("#0b7a75", "#c2571a", "#5b4db2")


def picture(image: Image, caption: str, width_px: int = WIDTH_PX) -> str:
    """A figure with the picture in it."""
    height_px = round(image.shape[0] * width_px / image.shape[1])
    method = cv2.INTER_AREA if image.shape[1] > width_px else cv2.INTER_NEAREST
    small = cv2.resize(image, (width_px, height_px), interpolation=method)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    uri = "data:image/jpeg;base64," + base64.b64encode(np.asarray(data).tobytes()).decode()
    return f'<figure><img src="{uri}" alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'


def heat(values: NDArray[Any], low: float, high: float, steps: int = 0) -> Image:
    """A map in colours from dark blue (low) to yellow (high); with `steps`, so many bands."""
    share = np.clip((values - low) / (high - low), 0, 1)
    if steps:
        share = np.floor(share * steps) / steps
    coloured = cv2.applyColorMap(np.asarray(share * 255, np.uint8), cv2.COLORMAP_VIRIDIS)
    return np.asarray(cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB), np.uint8)


def circled(image: Image, places: Sequence[tuple[float, float, float]], colour: tuple[int, int, int]) -> Image:
    """A copy with a circle around each x, y, radius."""
    drawn = np.array(image, np.uint8)
    for x, y, radius in places:
        cv2.circle(drawn, (round(x), round(y)), round(radius), colour, max(1, image.shape[1] // 480), cv2.LINE_AA)
    return drawn


def plot(lines: dict[str, tuple[NDArray[Any], NDArray[Any]]], x_name: str, y_name: str, low: float, high: float) -> str:
    """An SVG of lines over a common x, each named and in an ink of its own; y from `low` to `high`."""
    width, height, left, bottom = 460, 240, 54, 40
    first = next(iter(lines.values()))[0]
    x_low, x_high = float(first.min()), float(first.max())

    def at(x: float, y: float) -> tuple[float, float]:
        across = left + (x - x_low) / (x_high - x_low) * (width - left - 12)
        return across, 12 + (high - y) / (high - low) * (height - bottom - 12)

    def text(x: float, y: float, words: str, anchor: str = "middle", ink: str = "#46525e") -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{ink}">{escape(words)}</text>'

    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(y_name)} over {escape(x_name)}">']
    for share in np.linspace(0, 1, 5):
        value, place = low + share * (high - low), x_low + share * (x_high - x_low)
        x, y = at(place, value)
        parts.append(f'<line x1="{left}" x2="{width - 12}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d8dde2"/>')
        parts.append(text(left - 6, y + 4, f"{value:.4g}", "end"))
        parts.append(text(x, height - 22, f"{place:.4g}"))
    for number, (name, (xs, ys)) in enumerate(lines.items()):
        ink, step = _INKS[number % len(_INKS)], max(1, len(xs) // 300)
        shown = [at(float(x), float(y)) for x, y in zip(xs[::step], np.clip(ys[::step], low, high), strict=True)]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in shown)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-width="2"/>')
        parts.append(text(width - 14, 28 + 16 * number, name, "end", ink))
    parts.append(text((left + width) / 2, height - 5, x_name))
    return f"<figure>{''.join(parts)}</svg><figcaption>{escape(y_name)}</figcaption></figure>"


def arrows(at_px: NDArray[Any], errors_px: NDArray[Any], scale: float) -> Image:
    """Errors as arrows on a grey frame, `scale` times as long as they are."""
    drawn = np.full((1080, 1920, 3), 236, np.uint8)
    for (x, y), (dx, dy) in zip(at_px, errors_px, strict=True):
        start, end = (round(float(x)), round(float(y))), (round(float(x + scale * dx)), round(float(y + scale * dy)))
        cv2.line(drawn, start, end, (194, 87, 26), 2, cv2.LINE_AA)
        cv2.circle(drawn, start, 3, (11, 122, 117), -1, cv2.LINE_AA)
    return drawn
