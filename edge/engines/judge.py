"""Whether what an engine gave can be shown."""

from __future__ import annotations

import numpy as np

from edge.frame import Image

STEP_PX = 8
MIN_CONTRAST_LEVELS = 2


class OutputJudge:
    """Holds each enhanced picture to the raw one that it was made of."""

    def fault(self, raw: Image, enhanced: Image) -> str:
        """What is wrong, in a few words; empty where nothing is.

        Args:
            raw, enhanced: RGB uint8 (1080, 1920, 3).
        """
        before, after = (int(np.ptp(image[::STEP_PX, ::STEP_PX])) for image in (raw, enhanced))
        if before > 8 * MIN_CONTRAST_LEVELS and after < MIN_CONTRAST_LEVELS:
            return "the engine gave one flat colour"
        return ""
