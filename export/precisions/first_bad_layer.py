"""Where in a graph the error of a lower precision begins: a bisection over the layers' own results."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import onnx

from edge.pictures.image import Image
from export.precisions.graph_edit import FLOAT, element_types, pruned
from export.precisions.rounded import run_on_cpu

BAD_BELOW_DB = 40.0
"""Signal to error of a layer that counts as bad, 1% of its own size. Rounding to halves alone leaves about 70 dB."""


class BadLayer(NamedTuple):
    """A layer and how its result compares: signal to error in dB, NaN where it holds infinity or no number."""

    node: str
    operator: str
    signal_to_error_db: float

    def __str__(self) -> str:
        overflowed = np.isnan(self.signal_to_error_db)
        what = "gives infinity or no number" if overflowed else f"{self.signal_to_error_db:.0f} dB of signal to error"
        return f"{self.node} ({self.operator}: {what})"


def first_bad_layer(reference: onnx.ModelProto, lower: onnx.ModelProto, frame: Image) -> BadLayer | None:
    """Bisect for the first layer whose result is more than 1% off; None where no layer is.

    Bisection takes errors to grow along the graph. Where one heals again, it finds one of several such places.

    Args:
        reference: the float32 graph.
        lower: a graph that computes the other precision in float32 tensors of the same names.
    """
    types = element_types(reference)
    common = {name for node in lower.graph.node for name in node.output}
    nodes = [n for n in reference.graph.node if types.get(n.output[0]) == FLOAT and n.output[0] in common]
    low, high = 0, len(nodes) - 1
    worst: BadLayer | None = None
    while low <= high:
        middle = (low + high) // 2
        node = nodes[middle]
        found = _signal_to_error_db(reference, lower, node.output[0], types, frame)
        if found >= BAD_BELOW_DB:
            low = middle + 1
        else:
            worst, high = BadLayer(node.name, node.op_type, found), middle - 1
    return worst


def _signal_to_error_db(
    reference: onnx.ModelProto, lower: onnx.ModelProto, name: str, types: dict[str, int], frame: Image
) -> float:
    with np.errstate(all="ignore"):
        expected, found = (
            np.asarray(run_on_cpu(pruned(model, [name], types), frame)[0], np.float64) for model in (reference, lower)
        )
        if not np.isfinite(found).all():
            return float("nan")
        error = np.square(expected - found).mean()
        return float("inf") if error == 0 else float(10 * np.log10(np.square(expected).mean() / error))
