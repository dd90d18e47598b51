"""Applies a unit's calibration to frames, before the network: one remap, and light in linear form in between.

    code --remap--> code --lookup--> light - dark --* gain * white--> min 1 --3x3 matrix--> code

The remap takes the lens's distortion out and passes over hot pixels. What saturated stays white: light is cut
off at 1 before the matrix. Work goes in strips that stay in the cache, on as many threads as the engine has.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.calibration.calibration import Calibration, Lens
from edge.calibration.lens import undistortion
from edge.pictures.colour import FULL_STEP, LINEAR_OF_CODE, codes_from_steps
from edge.pictures.geometry import FRAME_HEIGHT_PX, FRAME_SHAPE, FRAME_WIDTH_PX
from edge.pictures.image import Image

STRIP_ROWS = 36
_FRACTION_BITS = 5
"""Of a position in OpenCV's fixed-point maps."""
_ROWS_PER_GAIN = 2
"""Rows that share a gain: over two of them a fall-off of 1:4 changes by less than 0.3%."""

Maps = tuple[NDArray[np.int16], NDArray[np.uint16]]
Buffers = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32], NDArray[np.uint16]]


class Correction:
    """A calibration made ready for frames of 1920x1080.

    Attributes:
        gain_rows: gain and white balance where the remap looks, one row for two of the frame, (540, 1920 * 3).

    Args:
        num_threads: strips are shared among so many.
    """

    def __init__(self, calibration: Calibration, num_threads: int = 1) -> None:
        self.calibration = calibration
        self._num_threads = max(1, num_threads)
        shape = (STRIP_ROWS, FRAME_WIDTH_PX, 3)
        self._buffers: list[Buffers] = [
            (
                np.empty(shape, np.uint8),
                np.empty(shape, np.float32),
                np.empty(shape, np.float32),
                np.empty(shape, np.uint16),
            )
            for _ in range(self._num_threads)
        ]
        self._pool = ThreadPoolExecutor(self._num_threads, "correct")
        self._maps = None if calibration.lens is None else _maps(calibration.lens, calibration.hot_px)
        self._hot = calibration.hot_px
        self._instead = _clean_neighbours(calibration.hot_px)
        # Full scale of the channel that needs the least gain stays full scale.
        white = calibration.white / (calibration.white * (1 - calibration.dark)).min()
        # One table for all channels and a subtraction: 5% less of the whole than a table for each channel.
        self._dark_row = np.tile(np.asarray(calibration.dark, np.float32), FRAME_WIDTH_PX)
        self.gain_rows = self._rows_of_gain(white)
        rounding = np.full((3, 1), 0.5)
        self._matrix = np.hstack([calibration.matrix * FULL_STEP, rounding]).astype(np.float32)

    def apply(self, image: Image, out: Image | None = None) -> Image:
        """RGB uint8 (1080, 1920, 3) -> corrected. One thread at a time.

        Args:
            out: where to write, another array of the same shape; a new one by default.
        """
        assert image.shape == FRAME_SHAPE, image.shape
        if self._maps is None and len(self._hot):
            image = image.copy()
            image[self._hot[:, 0], self._hot[:, 1]] = image[self._instead[:, 0], self._instead[:, 1]]
        out = np.empty_like(image) if out is None else out
        tops = range(0, FRAME_HEIGHT_PX, STRIP_ROWS)
        shares = [tops[number :: self._num_threads] for number in range(self._num_threads)]
        work = list(zip(shares, self._buffers, strict=True))
        jobs = [self._pool.submit(self._strips, image, out, *part) for part in work[1:]]
        self._strips(image, out, *work[0])
        for job in jobs:
            job.result()
        return out

    def sampling(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where each pixel of the corrected picture is read from the camera's, hot pixels passed over: x and y."""
        if self._maps is None:
            y, x = np.indices(FRAME_SHAPE[:2], np.float32)
            y[self._hot[:, 0], self._hot[:, 1]] = self._instead[:, 0]
            x[self._hot[:, 0], self._hot[:, 1]] = self._instead[:, 1]
            return x, y
        places, fractions = self._maps
        whole = 1 << _FRACTION_BITS
        x = places[..., 0] + (fractions % whole) / whole
        y = places[..., 1] + (fractions // whole) / whole
        return np.asarray(x, np.float32), np.asarray(y, np.float32)

    def close(self) -> None:
        self._pool.shutdown()

    def _strips(self, image: Image, out: Image, tops: range, buffers: Buffers) -> None:
        codes, light, mixed, steps = buffers
        by_gain = light.reshape(STRIP_ROWS // _ROWS_PER_GAIN, _ROWS_PER_GAIN, -1)
        for top in tops:
            rows = slice(top, top + STRIP_ROWS)
            if self._maps is None:
                codes = image[rows]  # the buffer is for the remap alone
            else:
                places, fractions = (one[rows] for one in self._maps)
                cv2.remap(image, places, fractions, cv2.INTER_LINEAR, dst=codes, borderMode=cv2.BORDER_REPLICATE)
            cv2.LUT(codes, LINEAR_OF_CODE, dst=light)
            by_gain -= self._dark_row
            by_gain *= self.gain_rows[top // _ROWS_PER_GAIN : (top + STRIP_ROWS) // _ROWS_PER_GAIN, None]
            cv2.threshold(light, 1, 0, cv2.THRESH_TRUNC, dst=light)
            cv2.transform(light, self._matrix, dst=mixed)
            cv2.threshold(mixed, 0, 0, cv2.THRESH_TOZERO, dst=mixed)
            np.copyto(steps, mixed, casting="unsafe")
            codes_from_steps(steps, out[rows])

    def _rows_of_gain(self, white: NDArray[np.float32]) -> NDArray[np.float32]:
        """The gain where the remap looks, times white's, one row for two of the frame: (540, 1920 * 3)."""
        size = (FRAME_WIDTH_PX, FRAME_HEIGHT_PX)
        gain = np.asarray(cv2.resize(self.calibration.gain, size, interpolation=cv2.INTER_LINEAR), np.float32)
        if self.calibration.lens is not None:
            lens_maps = undistortion(self.calibration.lens)
            gain = np.asarray(cv2.remap(gain, *lens_maps, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE), np.float32)
        paired = (gain * white).reshape(FRAME_HEIGHT_PX // _ROWS_PER_GAIN, _ROWS_PER_GAIN, -1)
        return np.ascontiguousarray(paired.mean(axis=1), np.float32)


def _maps(lens: Lens, hot_px: NDArray[np.int32]) -> Maps:
    """The undistortion in fixed point; where it would touch a hot pixel, it looks at the nearest clean one."""
    x, y = undistortion(lens)
    fixed = cv2.convertMaps(x, y, cv2.CV_16SC2)
    places, fractions = np.asarray(fixed[0], np.int16), np.asarray(fixed[1], np.uint16)
    hot = _is_hot(hot_px)
    # Top left corners of 2x2 neighbourhoods with a hot pixel.
    touched = hot[:-1, :-1] | hot[:-1, 1:] | hot[1:, :-1] | hot[1:, 1:]
    columns = np.clip(places[..., 0], 0, FRAME_WIDTH_PX - 1)
    rows = np.clip(places[..., 1], 0, FRAME_HEIGHT_PX - 1)
    inside_y, inside_x = np.clip(y, 0, FRAME_HEIGHT_PX - 1), np.clip(x, 0, FRAME_WIDTH_PX - 1)
    for row, column in np.argwhere(touched[rows, columns]):
        place = _nearest_clean(hot, float(inside_y[row, column]), float(inside_x[row, column]))
        places[row, column], fractions[row, column] = (place[1], place[0]), 0
    return places, fractions


def _is_hot(hot_px: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(1081, 1921): one more row and column than the frame, for the neighbourhoods at its edge."""
    hot = np.zeros((FRAME_HEIGHT_PX + 1, FRAME_WIDTH_PX + 1), np.bool_)
    hot[hot_px[:, 0], hot_px[:, 1]] = True
    return hot


def _clean_neighbours(hot_px: NDArray[np.int32]) -> NDArray[np.int32]:
    hot = _is_hot(hot_px)
    found = [_nearest_clean(hot, float(row), float(column)) for row, column in hot_px]
    return np.array(found, np.int32).reshape(-1, 2)


def _nearest_clean(hot: NDArray[np.bool_], row: float, column: float) -> tuple[int, int]:
    """The pixel nearest to a place that is not hot; the pixel itself where all around are."""
    near_row, near_column = round(row), round(column)
    around = [
        ((r - row) ** 2 + (c - column) ** 2, r, c)
        for r in range(max(near_row - 3, 0), min(near_row + 4, FRAME_HEIGHT_PX))
        for c in range(max(near_column - 3, 0), min(near_column + 4, FRAME_WIDTH_PX))
        if not hot[r, c]
    ]
    _, clean_row, clean_column = min(around, default=(0.0, near_row, near_column))
    return clean_row, clean_column
