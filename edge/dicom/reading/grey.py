"""Grey pixels made ready for display. Runs in the confined process alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_modality_lut, apply_voi

from edge.dicom.reading.header import Shape
from edge.pictures.reading.refusals import Damaged

Floats = NDArray[np.float64]


def grey_of(dataset: Dataset, shape: Shape, pixels: NDArray[np.integer[Any]]) -> tuple[NDArray[np.uint8], bool]:
    """Grey of 8 bits by modality and value of interest (PS3.3 C.11.1, C.11.2), and whether a window was applied.

    Where there is no window, all that the stored bits can say is taken.
    """
    try:
        values, has_window = _values(dataset, shape, pixels)
    except MemoryError:
        raise
    except Exception as error:
        raise Damaged("its greys cannot be made ready for display") from error
    grey = np.rint(np.nan_to_num(np.clip(values, 0, 255))).astype(np.uint8)
    return (255 - grey if shape.photometric == "MONOCHROME1" else grey), has_window


def _values(dataset: Dataset, shape: Shape, pixels: NDArray[np.integer[Any]]) -> tuple[Floats, bool]:
    """From 0 to 255, and whether a window was applied."""
    modality = np.asarray(apply_modality_lut(pixels, dataset))
    if dataset.get("VOILUTSequence"):
        most = (1 << int(dataset.VOILUTSequence[0].LUTDescriptor[2])) - 1
        return np.asarray(apply_voi(modality, dataset) * (255 / most), np.float64), True
    centre, width = _first(dataset.get("WindowCenter")), _first(dataset.get("WindowWidth"))
    if centre is not None and width is not None:
        return _windowed(modality, centre, width, str(dataset.get("VOILUTFunction") or "LINEAR")), True
    half = 1 << (shape.bits_stored - 1)
    low, high = map(float, (-half, half - 1) if shape.is_signed else (0, 2 * half - 1))
    if "ModalityLUTSequence" in dataset:
        high = (1 << int(dataset.ModalityLUTSequence[0].LUTDescriptor[2])) - 1
    elif "RescaleSlope" in dataset:
        low, high = sorted(float(end) for end in apply_modality_lut(np.array([low, high]), dataset))
    return np.asarray((modality - low) * (255 / (high - low)), np.float64), False


def _windowed(values: NDArray[Any], centre: float, width: float, function: str) -> Floats:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3, from 0 to 255."""
    if function == "SIGMOID":
        shown = 255 / (1 + np.exp(-4 * (values - centre) / width))
    elif function == "LINEAR_EXACT":
        shown = ((values - centre) / width + 0.5) * 255
    elif width <= 1:
        shown = np.where(values > centre - 0.5, 255.0, 0.0)
    else:
        shown = ((values - (centre - 0.5)) / (width - 1) + 0.5) * 255
    return np.asarray(shown, np.float64)


def _first(value: Any) -> float | None:
    many = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    return None if not many or many[0] in (None, "") else float(many[0])
