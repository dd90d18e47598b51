"""Coded words of PS3.16 that stand in the objects."""

from __future__ import annotations

from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence


class Code(NamedTuple):
    """A coded concept (PS3.3 table 8.8-1)."""

    value: str
    scheme: str
    meaning: str

    def item(self) -> Dataset:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = self
        return item

    def sequence(self) -> Sequence:
        return Sequence([self.item()])


PHARYNX = Code("54066008", "SCT", "Pharynx")
"""CID 4, of which BodyPartExamined PHARYNX is the term (PS3.16 annex L)."""
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation")
"""CID 7202."""
PROCESSING = Code("109102", "DCM", "Processing Equipment")
"""CID 7005."""
NO_REASON = Code("110513", "DCM", "Discontinued for unspecified reason")
"""CID 9300."""
RESAMPLED = Code("113085", "DCM", "Spatial resampling")
"""CID 7203."""
MULTIPLIED = Code("113053", "DCM", "Pixel by pixel multiplication")
ADDED = Code("113042", "DCM", "Pixel by pixel addition")
"""CID 7203. It has no code for the removal of haze. A profile that draws nothing multiplies each pixel of the source by
one map and adds another, which a network estimates; one that draws detail makes the pixels anew from fewer."""
