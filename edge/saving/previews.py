"""Small pictures of what is kept, for a gallery: made when they are asked for, and kept in memory up to a bound."""

from __future__ import annotations

import threading
from collections import OrderedDict

from edge.basics.errors import EdgeError, InputOutputError
from edge.basics.folders import open_folder
from edge.pictures.files import picture_from_content
from edge.saving.listing import Item, Listing
from edge.saving.recording.opening import small_jpeg

MAX_BYTES = 8 << 20
"""About a thousand of them."""
_MAX_PICTURE_BYTES, _MAX_POSTER_BYTES = 64 << 20, 1 << 20


class Previews:
    """Reads and computes: not for an event loop. Safe to call from any thread."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._lock = threading.Lock()
        self._made: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._num_bytes = 0

    def of(self, item: Item) -> bytes | None:
        """JPEG, 320 wide; None where there is nothing that can be shown small."""
        name = item.files.get("small") or item.files.get("enhanced") or item.files["raw"]
        key = name, item.sizes[name]
        with self._lock:
            if key in self._made:
                self._made.move_to_end(key)
                return self._made[key]
        small = self._read(item, name)
        if small is not None:
            self._keep(key, small)
        return small

    def _read(self, item: Item, name: str) -> bytes | None:
        at_rest = self._listing.at_rest
        try:
            with open_folder(self._listing.folder) as folder:
                if name == item.files.get("small"):
                    return at_rest.read(folder, name, _MAX_POSTER_BYTES)
                if item.kind == "recording":
                    return None
                return small_jpeg(picture_from_content(at_rest.read(folder, name, _MAX_PICTURE_BYTES), name))
        except OSError as error:
            raise InputOutputError(f"{name}: {error.strerror or error}") from error
        except EdgeError:  # damaged, or no picture of ours
            return None

    def _keep(self, key: tuple[str, int], small: bytes) -> None:
        with self._lock:
            if key not in self._made:
                self._made[key] = small
                self._num_bytes += len(small)
            while self._num_bytes > MAX_BYTES:
                _, gone = self._made.popitem(last=False)
                self._num_bytes -= len(gone)
