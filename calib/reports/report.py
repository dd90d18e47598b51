"""The report of a calibration or a check: one HTML file with its pictures in it, for a person to judge."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from calib.reports.check import CheckResult
from calib.reports.pictures import arrows, circled, heat, picture, plot
from calib.solving.colour_fit import ColourFit, reference_light
from calib.solving.flat import MAX_GAIN, Flat
from calib.solving.lens import LensFit
from calib.solving.solve import ChartResult, Solution, display
from calib.solving.spots import Spot, find_spots
from edge.basics.errors import InputOutputError
from edge.basics.whole_files import write_whole
from edge.calibration.calibration import Calibration
from edge.calibration.lens import projected, undistortion, view_focal_px
from edge.calibration.targets import CHART_COLUMNS, CHART_NAMES
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_WIDTH_PX, SCALE
from edge.pictures.image import Image

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #18212a; max-width: 1040px; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 26px; } h2 { font-size: 20px; margin-top: 2em; border-top: 1px solid #d8dde2; padding-top: .8em; }
table { border-collapse: collapse; } td, th { padding: .25em .9em .25em 0; text-align: left; vertical-align: top; }
td.good::before { content: "pass "; color: #0b7a4b; }
td.bad::before { content: "FAIL "; color: #b3261e; font-weight: 700; }
figure { margin: .6em 0; display: inline-block; vertical-align: top; max-width: 100%; } img { max-width: 100%; }
figcaption { color: #5a6672; font-size: 13px; max-width: 70ch; } svg { width: 460px; max-width: 100%; font-size: 11px; }
.chart { display: grid; grid-template-columns: repeat(6, 1fr); gap: 8px; max-width: 900px; font-size: 12px; }
.chart div { border: 1px solid #d8dde2; } .chart svg { width: 100%; display: block; } .chart p { margin: .2em .4em; }
"""


def write_report(path: Path, body: str, title: str) -> None:
    """Write the page whole.

    Raises:
        InputOutputError: the folder cannot be written.
    """
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>{body}</html>\n"
    )
    try:
        write_whole(path, page.encode())
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def solution_page(solution: Solution) -> str:
    """The body of a calibration's report."""
    parts = [_summary(solution.calibration)]
    if solution.dark is not None:
        hot = solution.dark
        shown = circled(heat(hot.mean.max(axis=2), 0, 0.2), [(x, y, 14) for y, x in hot.hot_px], (255, 90, 60))
        parts.append("<h2>Dark frames</h2>" + picture(shown, f"Mean of {hot.num_frames} dark frames, 0 to 20% of full "
                     f"scale; the {len(hot.hot_px)} hot pixels are circled."))  # fmt: skip
    if solution.flat is not None:
        parts.append(_flat_section(solution.flat))
    if solution.white is not None:
        swatches = np.concatenate([solution.white.patch, solution.white.patch * solution.white.gains], axis=1)
        parts.append(
            "<h2>White balance</h2>" + picture(display(swatches), "The grey card's middle before and after.", 480)
        )
    if solution.chart is not None:
        parts.append(_chart_section(solution.chart))
    if solution.lens is not None:
        parts.append(_lens_section(solution.lens, solution.sample))
    return "".join(parts)


def check_page(result: CheckResult) -> str:
    """The body of a check's report."""
    rows = "".join(
        f'<tr><td class="{"good" if good else "bad"}">{escape(line)}</td></tr>' for good, line in result.lines()
    )
    parts = [f"<table>{rows}</table>"]
    if result.flat is not None:
        flat = result.flat
        parts.append("<h2>Flat field</h2>")
        parts.append(
            picture(heat(flat.field, 0.9, 1.1), "The new flat through the stored gain, 90% to 110%; even is good.")
        )
        parts.append(_spots_picture(flat.change, flat.spots, "What changed on the window since the calibration, 85% to "
                                    "115%; suspicious spots are circled."))  # fmt: skip
    if result.chart is not None:
        parts.append("<h2>Colour chart</h2>" + picture(result.chart.picture, "The chart, corrected."))
        parts.append(_patches(result.chart.fit))
    return "".join(parts)


def _summary(calibration: Calibration) -> str:
    rows = [
        ("unit", calibration.unit),
        ("camera mode", calibration.camera_mode),
        ("made", f"{calibration.made_at:%Y-%m-%d %H:%M} UTC by {calibration.tool}"),
        ("parts", ", ".join(calibration.parts)),
        *((name.replace("_", " "), str(value)) for name, value in calibration.figures.items()),
    ]
    lines = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
    return f"<table>{lines}</table>"


def _flat_section(flat: Flat) -> str:
    measured = flat.fitted * flat.residual[..., None]
    gain = np.asarray(cv2.resize(flat.gain, (480, 270), interpolation=cv2.INTER_LINEAR), np.float32)
    before, after = (display(np.asarray(0.6 * light, np.float32)) for light in (measured, measured * gain))
    spots = find_spots(flat.residual, flat.gain)
    green = measured[..., 1]
    middle = green.shape[0] // 2
    x = np.arange(green.shape[1]) * SCALE
    lines = {"before": (x, green[middle]), "after": (x, (green * gain[..., 1])[middle])}
    shown = "".join(f"<li>{escape(str(spot))}</li>" for spot in spots)
    return (
        f"<h2>Flat field</h2><p>{flat.num_positions} positions of the card. The darkest place gets {flat.fall_off:.0%} "
        f"of the light; the gain rises noise there by {flat.noise_factor:.1f}"
        + (f", and is held at {MAX_GAIN:g} in {flat.limited:.1%} of the picture" if flat.limited else "")
        + ".</p>"
        + picture(before, "The card as the camera sees it.", 470)
        + picture(after, "The card, corrected. Dust stays: it belongs on a cloth, not in a gain map.", 470)
        + picture(heat(gain[..., 1], 1, 4, 12), "Gain of green, 1 to 4 in twelve bands.", 470)
        + plot(lines, "column, px", "Green light along the middle row, of the brightest place", 0.0, 1.2)
        + _spots_picture(flat.residual, spots, "What stands out of the smooth field, 85% to 115%; spots are circled.")
        + (f"<p>On the window:</p><ul>{shown}</ul>" if spots else "<p>The window is clean.</p>")
    )


def _spots_picture(residual: NDArray[np.float32], spots: Sequence[Spot], caption: str) -> str:
    places = [(spot.x_px / SCALE, spot.y_px / SCALE, spot.width_px / SCALE + 3) for spot in spots]
    return picture(circled(heat(residual, 0.85, 1.15), places, (255, 60, 60)), caption)


def _chart_section(chart: ChartResult) -> str:
    deltas, before = chart.fit.delta_after, chart.fit.delta_before
    places = [(float(x), float(y), 22.0) for x, y in chart.found.centres]
    return (
        f"<h2>Colour chart</h2><p>CIEDE2000 {deltas.mean():.2f} on average, {deltas.max():.2f} at most "
        f"({CHART_NAMES[int(deltas.argmax())]}); by white balance alone {before.mean():.2f} and {before.max():.2f}.</p>"
        + picture(circled(chart.picture, places, (255, 0, 200)), "The chart as found, before the matrix.")
        + _patches(chart.fit)
    )


def _patches(fit: ColourFit) -> str:
    """Each patch in thirds: reference, balanced alone, with the matrix."""
    cells = []
    shown = [display(np.asarray(light[None], np.float32))[0] for light in (reference_light(), fit.before, fit.after)]
    for number, name in enumerate(CHART_NAMES):
        bars = "".join(
            f'<rect x="{20 * third}" width="20" height="26" fill="rgb({",".join(str(c) for c in codes[number])})"/>'
            for third, codes in enumerate(shown)
        )
        caption = f"{escape(name)}<br>{fit.delta_before[number]:.1f} to {fit.delta_after[number]:.2f}"
        cells.append(f'<div><svg viewBox="0 0 60 26">{bars}</svg><p>{caption}</p></div>')
    assert len(cells) % CHART_COLUMNS == 0
    return ("<p>Each patch: the reference, the camera balanced alone, and with the matrix; CIEDE2000 of both.</p>"
            f'<div class="chart">{"".join(cells)}</div>')  # fmt: skip


def _lens_section(fit: LensFit, sample: Image | None) -> str:
    lens = fit.lens
    rows = "".join(f"<tr><th>{model}</th><td>{error:.3f} px</td></tr>" for model, error in fit.held_out_px.items())
    ticks = np.linspace(0, np.hypot(FRAME_WIDTH_PX, FRAME_HEIGHT_PX) / 2 / lens.focal_px[0], 60)
    seen = projected(lens, np.column_stack([ticks, np.zeros_like(ticks)]))[:, 0] - lens.centre_px[0]
    ideal = ticks * lens.focal_px[0]
    errors = arrows(fit.corners_px, fit.errors_px, 100)
    parts = [
        f"<h2>Lens</h2><p>{lens.model}, focal length {lens.focal_px[0]:.1f} and {lens.focal_px[1]:.1f} px; the "
        f"corrected picture has {view_focal_px(lens):.1f} px. Reprojection {lens.rms_px:.3f} px rms over "
        f"{len(fit.corners_px)} corners; {fit.covered.mean():.0%} of the view covered; "
        f"tilts differ by {fit.tilts_degrees:.0f} degrees.</p>",
        f"<p>Error on pictures that were left out of the fit:</p><table>{rows}</table>",
        picture(errors, "Every corner; its error as a line, 100 times as long.", 560),
        plot({"lens": (ideal, seen - ideal)}, "distance from the axis without distortion, px", "Distortion, px",
             float(min((seen - ideal).min(), -1)), float(max((seen - ideal).max(), 1))),
    ]  # fmt: skip
    if sample is not None:
        straight = cv2.remap(sample, *undistortion(lens), cv2.INTER_LINEAR)
        parts.append(picture(sample, "As the camera sees the board.", 470))
        parts.append(picture(np.asarray(straight, np.uint8), "Without distortion: straight lines are straight.", 470))
    return "".join(parts)
