"""A window over the whole screen of an X server, which no window manager touches: `ximagesink` has none of its own."""

from __future__ import annotations

import ctypes
from typing import Any

_P, _I, _UL = ctypes.c_void_p, ctypes.c_int, ctypes.c_ulong
_OVERRIDE_REDIRECT = 1 << 9
_BACK_PIXEL = 1 << 1


class _Attributes(ctypes.Structure):
    """XSetWindowAttributes, <X11/Xlib.h>."""

    _fields_ = (
        ("background_pixmap", _UL), ("background_pixel", _UL), ("border_pixmap", _UL), ("border_pixel", _UL),
        ("bit_gravity", _I), ("win_gravity", _I), ("backing_store", _I), ("backing_planes", _UL),
        ("backing_pixel", _UL), ("save_under", _I), ("event_mask", ctypes.c_long),
        ("do_not_propagate_mask", ctypes.c_long), ("override_redirect", _I), ("colormap", _UL), ("cursor", _UL),
    )  # fmt: skip


class _Colour(ctypes.Structure):
    """XColor."""

    _fields_ = (
        ("pixel", _UL), ("red", ctypes.c_ushort), ("green", ctypes.c_ushort), ("blue", ctypes.c_ushort),
        ("flags", ctypes.c_char), ("pad", ctypes.c_char),
    )  # fmt: skip


class FullScreenWindow:
    """Black, above all others, without a pointer; it goes with the process.

    Raises:
        OSError: there is no X server, or no libX11.
    """

    def __init__(self) -> None:
        x = ctypes.CDLL("libX11.so.6")
        for name, result, arguments in (
            ("XOpenDisplay", _P, [ctypes.c_char_p]),
            ("XDefaultScreen", _I, [_P]),
            ("XDisplayWidth", _I, [_P, _I]),
            ("XDisplayHeight", _I, [_P, _I]),
            ("XRootWindow", _UL, [_P, _I]),
            ("XCreateWindow", _UL, [_P, _UL, _I, _I, *4 * [ctypes.c_uint], _I, _P, _UL, _P]),
            ("XCreatePixmap", _UL, [_P, _UL, *3 * [ctypes.c_uint]]),
            ("XCreatePixmapCursor", _UL, [_P, _UL, _UL, _P, _P, ctypes.c_uint, ctypes.c_uint]),
            ("XDefineCursor", _I, [_P, _UL, _UL]),
            ("XMapRaised", _I, [_P, _UL]),
            ("XSetScreenSaver", _I, [_P, *4 * [_I]]),
            ("XSync", _I, [_P, _I]),
        ):
            getattr(x, name).restype, getattr(x, name).argtypes = result, arguments
        self._display: Any = x.XOpenDisplay(None)
        if not self._display:
            raise OSError("no X server answers at $DISPLAY")
        screen = x.XDefaultScreen(self._display)
        self.width_px = x.XDisplayWidth(self._display, screen)
        self.height_px = x.XDisplayHeight(self._display, screen)
        root = x.XRootWindow(self._display, screen)
        wanted = _Attributes(override_redirect=1, background_pixel=0)
        place = (0, 0, self.width_px, self.height_px, 0, 0)
        flags = _OVERRIDE_REDIRECT | _BACK_PIXEL
        self.handle = x.XCreateWindow(self._display, root, *place, 1, None, flags, ctypes.byref(wanted))
        nothing, colour = x.XCreatePixmap(self._display, root, 1, 1, 1), _Colour()
        at = ctypes.byref(colour)
        cursor = x.XCreatePixmapCursor(self._display, nothing, nothing, at, at, 0, 0)
        x.XDefineCursor(self._display, self.handle, cursor)
        x.XSetScreenSaver(self._display, 0, 0, 0, 0)
        x.XMapRaised(self._display, self.handle)
        x.XSync(self._display, 0)
