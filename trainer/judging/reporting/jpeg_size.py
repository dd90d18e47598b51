"""How large a JPEG is, from its header alone."""

from __future__ import annotations

import simplejpeg

from edge.basics.errors import InputOutputError


def jpeg_size(content: bytes, origin: object) -> tuple[int, int]:
    """(width, height) in pixels.

    Raises:
        InputOutputError: it is no JPEG; `origin` names it.
    """
    try:
        height_px, width_px, _, _ = simplejpeg.decode_jpeg_header(content)
    except ValueError as error:
        raise InputOutputError(f"{origin}: is no JPEG ({error}); the comparison must be run again") from error
    return width_px, height_px
