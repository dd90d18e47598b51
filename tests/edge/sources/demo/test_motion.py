"""How hand, breath and focus go."""

from __future__ import annotations

import numpy as np

from edge.sources.demo.motion import pose_at, strip_affine


def test_strips_join_without_a_step() -> None:
    pose = pose_at(1.3, 2.0)
    for top in range(0, 1080 - 40, 40):
        end = strip_affine(pose, top, 40) @ np.array([700, 40, 1])
        start = strip_affine(pose, top + 40, 40) @ np.array([700, 0, 1])
        assert np.allclose(end, start, atol=0.02)
