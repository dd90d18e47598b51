"""What `gi` does not reach: pictures converted straight into given memory, and buffers around such memory.

A boxed object's `hash` is its address; NVIDIA's DeepStream is called in the same way.
"""

from __future__ import annotations

import ctypes
from typing import Any

_P = ctypes.c_void_p
_READ, _WRITE = 1, 2
_READONLY_MEMORY = 2
_NO_DITHER = b"c, GstVideoConverter.dither-method=(GstVideoDitherMethod)none, GstVideoConverter.threads=(uint)2"
_INFO_BYTES, _FRAME_BYTES = 4096, 8192  # the structures have some 200 and 900


def _library(name: str, **functions: tuple[Any, list[Any]]) -> ctypes.CDLL:
    library = ctypes.CDLL(name)
    for function, (result, arguments) in functions.items():
        getattr(library, function).restype = result
        getattr(library, function).argtypes = arguments
    return library


def load() -> tuple[ctypes.CDLL, ctypes.CDLL]:
    """libgstreamer and libgstvideo; raises OSError where they are missing."""
    core = _library(
        "libgstreamer-1.0.so.0",
        gst_structure_from_string=(_P, [ctypes.c_char_p, _P]),
        gst_buffer_new_wrapped_full=(_P, [ctypes.c_uint, _P] + 3 * [ctypes.c_size_t] + [_P, _P]),
        gst_memory_new_wrapped=(_P, [ctypes.c_uint, _P] + 3 * [ctypes.c_size_t] + [_P, _P]),
        gst_buffer_append_memory=(None, [_P, _P]),
    )
    video = _library(
        "libgstvideo-1.0.so.0",
        gst_video_info_from_caps=(ctypes.c_int, [_P, _P]),
        gst_video_converter_new=(_P, [_P, _P, _P]),
        gst_video_converter_frame=(None, [_P, _P, _P]),
        gst_video_frame_map=(ctypes.c_int, [_P, _P, _P, ctypes.c_int]),
        gst_video_frame_unmap=(None, [_P]),
    )
    return core, video


class Converter:
    """Makes RGB of decoded pictures, in memory that is given by its address. One thread.

    Raises:
        ValueError: these caps cannot be converted.
    """

    def __init__(self, Gst: Any, caps: Any, width_px: int, height_px: int) -> None:
        self._core, self._video = load()
        self._from, self._to = ctypes.create_string_buffer(_INFO_BYTES), ctypes.create_string_buffer(_INFO_BYTES)
        rgb = f"video/x-raw,format=RGB,width={width_px},height={height_px},framerate=30/1,colorimetry=sRGB"
        wanted = Gst.Caps.from_string(rgb)
        known = self._video.gst_video_info_from_caps(self._from, hash(caps))
        if not known or not self._video.gst_video_info_from_caps(self._to, hash(wanted)):
            raise ValueError("its pixel format is not known")
        options = self._core.gst_structure_from_string(_NO_DITHER, None)
        self._converter = self._video.gst_video_converter_new(self._from, self._to, options)
        if not self._converter:
            raise ValueError("its pixel format cannot be converted")
        self.row_bytes = -(-3 * width_px // 4) * 4
        self.num_bytes = self.row_bytes * height_px
        self._buffers: dict[int, int] = {}
        self._read, self._written = ctypes.create_string_buffer(_FRAME_BYTES), ctypes.create_string_buffer(_FRAME_BYTES)

    def convert(self, buffer: Any, address: int) -> bool:
        """False where the picture has fewer bytes than its format says."""
        if address not in self._buffers:
            size = self.num_bytes
            self._buffers[address] = self._core.gst_buffer_new_wrapped_full(0, address, size, 0, size, None, None)
        if not self._video.gst_video_frame_map(self._read, self._from, hash(buffer), _READ):
            return False
        try:
            if not self._video.gst_video_frame_map(self._written, self._to, self._buffers[address], _WRITE):
                return False
            self._video.gst_video_converter_frame(self._converter, self._read, self._written)
            self._video.gst_video_frame_unmap(self._written)
        finally:
            self._video.gst_video_frame_unmap(self._read)
        return True


def buffer_around(Gst: Any, core: ctypes.CDLL, address: int, num_bytes: int) -> Any:
    """A buffer whose bytes are this memory, which must outlive it."""
    buffer = Gst.Buffer.new()
    memory = core.gst_memory_new_wrapped(_READONLY_MEMORY, address, num_bytes, 0, num_bytes, None, None)
    core.gst_buffer_append_memory(hash(buffer), memory)
    return buffer
