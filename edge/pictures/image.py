"""What a picture is inside the program."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""RGB, uint8, shape (H, W, 3)."""

Mode = Literal["enhanced", "raw"]
