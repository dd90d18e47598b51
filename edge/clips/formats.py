"""Which files are taken as clips, and what FFmpeg may open for them: containers, never lists of other files."""

from __future__ import annotations

from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.basics.folders import open_plain
from edge.basics.whole_files import ENCRYPTED, IS_ENCRYPTED

CLIP_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".qt", ".3gp", ".3g2", ".avi", ".divx", ".mkv", ".webm", ".mpg", ".mpeg", ".mpe", ".m2v"}
    | {".vob", ".mod", ".ts", ".mts", ".m2t", ".m2ts", ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".mxf", ".dv"}
    | {".mjpg", ".mjpeg", ".h264", ".h265", ".hevc", ".y4m"}
)
_BARE_JPEGS = frozenset({".mjpg", ".mjpeg"})

DEMUXERS = (
    "mov,mp4,matroska,webm,avi,mpeg,mpegts,mpegvideo,asf,flv,ogg,mxf,dv,mjpeg,h264,hevc,m4v,ivf,nut,yuv4mpegpipe,gif"
)
"""FFmpeg's names of what it may open; none of them follows a reference to another file or address."""

_HEAD_BYTES = 4096
_LISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"[Reference]", b"<?xml", b"<MPD", b"<asx", b"<ASX", b"<smil")
_STILL_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")


def opened_words(path: Path) -> tuple[str, ...]:
    """How FFmpeg is told to open a clip: whatever its name and content are, nothing else is opened.

    A short row of bare JPEG pictures looks like a single one to it, so their kind is named.
    """
    kind = ("-f", "mjpeg") if path.suffix.lower() in _BARE_JPEGS else ()
    return ("-protocol_whitelist", "file,pipe", "-format_whitelist", DEMUXERS, *kind, "-i", locator(path))


def locator(path: Path) -> str:
    """A file as FFmpeg is told of it: never a protocol, an option or a pattern, whatever its name."""
    return f"file:{path.absolute()}"


class ListOfFiles(InputOutputError):
    """A playlist or script, which stands for other files or addresses."""


def refuse_unlike_a_clip(path: Path) -> None:
    """Refuse by its first bytes what FFmpeg would take for something else.

    Raises:
        InputOutputError: cannot be read, empty, a list of other files, or a still picture in a clip's container.
    """
    try:
        with open_plain(path) as file:
            head = file.read(_HEAD_BYTES)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputOutputError(f"{path}: cannot read the clip: {reason}") from error
    if not head:
        raise InputOutputError(f"{path}: the clip is empty (0 bytes)")
    if head.startswith(ENCRYPTED):
        raise InputOutputError(f"{path}: {IS_ENCRYPTED}")
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(_LISTS):
        raise ListOfFiles(f"{path}: a list that names other files, not a clip; give the clips themselves")
    if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS:
        raise InputOutputError(
            f"{path}: a still picture (HEIC or AVIF), not a clip; rename it to end in .heic or .avif"
        )
