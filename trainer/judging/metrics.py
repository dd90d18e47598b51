"""How far a picture is from the truth, and how much a video flickers. Pictures: RGB uint8 (H, W, 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.pictures.colour import Floats, ciede2000_lab, lab_from_srgb
from edge.pictures.image import Image

_PEAK = 255.0
_ROWS_AT_ONCE = 32


def psnr(a: Image, b: Image) -> float:
    """Peak signal-to-noise ratio in dB, one mean square over all pixels and channels, nothing cropped.

    Returns:
        10 log10(255^2 / MSE); infinity for equal pictures.
    """
    _check_same_shape(a, b)
    mean_square = cv2.norm(a, b, cv2.NORM_L2SQR) / a.size
    return 10 * math.log10(_PEAK**2 / mean_square) if mean_square else math.inf


HIGHEST_DB = 60.0
"""PSNR at which a picture is its truth: equal ones would have infinity, and nothing to lose from there."""


def psnr_for_means(a: Image, b: Image) -> float:
    """`psnr`, at most `HIGHEST_DB`: one picture that comes back exactly must not make a mean infinite."""
    return min(psnr(a, b), HIGHEST_DB)


def ssim(a: Image, b: Image) -> float:
    """Structural similarity, mean over the map and over R, G and B (Wang et al., IEEE TIP 2004, eq. 13).

    Gaussian window 11x11, sigma 1.5, K1 = 0.01, K2 = 0.03; windows that cross the border are left out, as in
    the authors' code.

    Returns:
        At most 1; 1 for equal pictures.
    """
    _check_same_shape(a, b)
    if min(a.shape[:2]) < 11:
        raise ValueError(f"ssim: picture of {a.shape[1]}x{a.shape[0]} px; the window needs at least 11x11")
    c1, c2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2
    # With the middle of the range as zero, float32 holds the squares well enough.
    x, y = a.astype(np.float32) - 128, b.astype(np.float32) - 128
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    var_x = _window_mean(x * x) - mean_x * mean_x
    var_y = _window_mean(y * y) - mean_y * mean_y
    cov_xy = _window_mean(x * y) - mean_x * mean_y
    mean_x, mean_y = mean_x + 128, mean_y + 128
    luminance = (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    structure = (2 * cov_xy + c2) / (var_x + var_y + c2)
    return float(np.mean(luminance * structure, dtype=np.float64))


def ciede2000(a: Image, b: Image) -> float:
    """Mean colour difference dE00 over all pixels of two sRGB pictures; about 1 is just noticeable."""
    _check_same_shape(a, b)
    # In bands of rows: the formula keeps some twenty arrays, which then stay in the cache.
    total = 0.0
    for top in range(0, a.shape[0], _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        total += float(ciede2000_lab(lab_from_srgb(a[rows]), lab_from_srgb(b[rows])).sum())
    return total / (a.shape[0] * a.shape[1])


def flow_from_truth(truth_frames: Sequence[Image]) -> list[NDArray[np.float32]]:
    """Motion of the clean video by DIS optical flow (Kroeger et al., ECCV 2016), for `flicker`.

    It is taken from the truth and used for every version of the video: flow estimated on a degraded or
    enhanced video would follow its flicker and hide it.

    Returns:
        One (H, W, 2) field (dx, dy) in px per pair: the point p of frame i is at p + flow[p] in frame i + 1.
    """
    estimator = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    greys = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in truth_frames]
    return [np.asarray(estimator.calc(*pair, None), np.float32) for pair in pairwise(greys)]


def flicker(frames: Sequence[Image], motions: Sequence[NDArray[np.float32]]) -> float:
    """Mean absolute motion-compensated difference of following frames, in levels of 0..255, over R, G and B.

    `motions[i]` (H, W, 2) is the backward flow in px that takes frame i + 1 back onto frame i, as
    `flow_from_truth` gives it; pixels whose source lies outside the frame are left out. Errors of the flow
    and uncovered tissue add a floor that every version of one video shares: compare versions, and show the
    truth's own figure beside them. White noise of deviation s on still frames gives 2 s / sqrt(pi).
    """
    if len(frames) < 2 or len(motions) != len(frames) - 1:
        raise ValueError(f"flicker: {len(frames)} frames with {len(motions)} motions; needs n >= 2 with n - 1")
    height_px, width_px = frames[0].shape[:2]
    grid_y, grid_x = np.mgrid[:height_px, :width_px].astype(np.float32)
    total, num_values = 0.0, 0
    for (earlier, later), motion in zip(pairwise(frames), motions, strict=True):
        if not earlier.shape == later.shape == (*motion.shape[:2], 3):
            raise ValueError(f"flicker: frames {earlier.shape}, {later.shape} with motion {motion.shape}")
        map_x, map_y = grid_x + motion[..., 0], grid_y + motion[..., 1]
        inside = (map_x >= 0) & (map_x <= width_px - 1) & (map_y >= 0) & (map_y <= height_px - 1)
        back = cv2.remap(later.astype(np.float32), map_x, map_y, cv2.INTER_LINEAR)
        total += float(np.abs(back - earlier)[inside].sum(dtype=np.float64))
        num_values += 3 * int(inside.sum())
    if not num_values:
        raise ValueError("flicker: every pixel leaves the frame; the motions do not fit the frames")
    return total / num_values


def relative_flicker(frames: Sequence[Image], motions: Sequence[NDArray[np.float32]]) -> float:
    """`flicker` over the contrast of the same frames: the mean over frames of the deviation of luma (BT.601).

    Dehazing stretches contrast, and stretches the noise and the flow's errors with it; doubling every
    distance to the mean doubles `flicker` without one more visible change of a thing relative to the next.
    This figure stays.
    """
    contrast = float(np.mean([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).std() for frame in frames]))
    if contrast == 0:
        raise ValueError("relative_flicker: the frames are flat, there is no contrast to compare with")
    return flicker(frames, motions) / contrast


def _check_same_shape(a: Image, b: Image) -> None:
    if a.shape != b.shape or a.ndim != 3 or a.shape[2] != 3 or a.dtype != np.uint8 or b.dtype != np.uint8:
        raise ValueError(f"needs two RGB uint8 pictures of one size, not {a.shape} {a.dtype}, {b.shape} {b.dtype}")


def _window_mean(values: Floats) -> Floats:
    """Mean under the 11x11 Gaussian, where the window fits whole: (H, W, 3) -> (H - 10, W - 10, 3)."""
    return cv2.GaussianBlur(values, (11, 11), 1.5)[5:-5, 5:-5]
