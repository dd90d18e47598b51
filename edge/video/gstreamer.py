"""GStreamer as the system's Python has it. Loaded in the video process alone."""

# mypy: ignore-errors
from __future__ import annotations

import ctypes
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)

__all__ = ["GLib", "Gst", "GstSdp", "GstWebRTC", "kept_by_its_owner"]


def kept_by_its_owner(thing: Any) -> Any:
    """A part of an element that the element, up to GStreamer 1.22, never took for its own.

    The bindings take such a part over, and it would be gone with the last name for it here, or freed twice.
    """
    if thing.__grefcount__ == 1:
        ctypes.CDLL("libgobject-2.0.so.0").g_object_ref(ctypes.c_void_p(hash(thing)))
    return thing
