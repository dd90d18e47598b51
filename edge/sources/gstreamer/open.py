"""From `csi:` and `gst:` to an open pipeline."""

from __future__ import annotations

import re

from edge.basics.errors import UsageError
from edge.basics.secrets import shown_uri
from edge.frames.lending import Lend, nothing_lent
from edge.frames.shared_pool import SharedMemory
from edge.pictures.geometry import Fit
from edge.sources.gstreamer.csi import csi_from_uri, pipeline_of
from edge.sources.gstreamer.source import GstSource
from edge.sources.judgement import FrameJudge

MAX_PIPELINE = 8192


def open_csi(
    uri: str,
    rest: str,
    *,
    fit: Fit = "crop",
    judge: FrameJudge | None = None,
    lend: Lend = nothing_lent,
    shared: SharedMemory | None = None,
) -> GstSource:
    """Open a CSI sensor; raises as `GstSource` does.

    Args:
        rest: what stands behind `csi:`.
    """
    wish = csi_from_uri(uri, rest)
    name, pipeline = f"csi:{wish.sensor}", pipeline_of(wish)
    return GstSource(uri, name, pipeline, fit=fit, judge=judge, lend=lend, shared=shared)


def open_pipeline(
    uri: str,
    rest: str,
    *,
    fit: Fit = "crop",
    judge: FrameJudge | None = None,
    lend: Lend = nothing_lent,
    shared: SharedMemory | None = None,
) -> GstSource:
    """Open a pipeline; raises as `GstSource` does.

    Args:
        rest: the pipeline, what stands behind `gst:`.
    """
    if not rest.strip():
        raise UsageError(f"{uri}: names no pipeline; expected one as in 'gst:v4l2src ! jpegdec'")
    if len(rest) > MAX_PIPELINE:
        raise UsageError(f"gst: the pipeline has {len(rest)} characters; expected at most {MAX_PIPELINE}")
    return GstSource(shown_uri(uri), name_of(rest), rest.strip(), fit=fit, judge=judge, lend=lend, shared=shared)


def name_of(pipeline: str) -> str:
    """Short and without what may be secret, for messages: `gst:v4l2src`."""
    first = re.match(r"\s*([A-Za-z][\w-]{0,40})", pipeline)
    return f"gst:{first[1] if first else 'pipeline'}"
