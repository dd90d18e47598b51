"""From a source URI to an open source."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge.basics.errors import InputOutputError, UsageError
from edge.config import SourceConfig
from edge.frames.lending import Lend, nothing_lent
from edge.frames.shared_pool import SharedMemory
from edge.frames.stages import Source
from edge.pictures.geometry import Fit
from edge.sources.judgement import FrameJudge
from edge.sources.uri_options import UriOptions
from firmware_bridge.command_line import hint

log = logging.getLogger(__name__)

KNOWN_SOURCES = (
    "camera:/dev/video0, csi:0, gst:PIPELINE, demo:, rtsp://HOST/PATH, http://HOST/PATH, a clip, a picture, or a folder"
)
_STREAM_SCHEMES = ("rtsp", "rtsps", "http", "https")
_SCHEMES = (*_STREAM_SCHEMES, "camera", "csi", "demo", "gst")


@dataclass(frozen=True, slots=True)
class SourceWish:
    """A source, and how it is to be opened.

    Attributes:
        uri: see `open_source`.
        fit: what is done with a picture that is not 16:9.
        controls: settings of a camera, as `edge.config.CAMERA_CONTROLS` names them.
        password_file, ca, camera_clock: of a network camera, see `edge.sources.network.open`.
    """

    uri: str
    fit: Fit = "crop"
    controls: Mapping[str, float] = field(default_factory=dict)
    password_file: Path | None = None
    ca: Path | None = None
    camera_clock: bool = True


def wish_of(config: SourceConfig) -> SourceWish:
    """What the table [source] says."""
    fit: Fit = "pad" if config.fit == "pad" else "crop"
    names = (os.path.expandvars(name) for name in (config.password_file, config.ca))  # systemd's $CREDENTIALS_DIRECTORY
    password_file, ca = (Path(name).expanduser() if name else None for name in names)
    return SourceWish(config.uri, fit, config.control_values(), password_file, ca, config.camera_clock)


def open_source(uri: str, *, live: bool = True, lend: Lend = nothing_lent) -> Source:
    """Open a camera, or something that plays one.

    `camera:/dev/video0?format=MJPG&fps=30` (or the bare path), `demo:?seed=0&fps=30&pace=camera&clean=0` (without fps
    and pace: up to 30 a second, as many as are taken),
    `csi:0?fps=30&width=1920&height=1080` (`edge.sources.gstreamer.csi`), `gst:PIPELINE` as for gst-launch-1.0,
    `demo:?unit=SERIAL&target=flat&lens=radial&dust=8&noise=0.01&exposure=1` (a unit with known faults on a bench),
    `rtsp://...`, `rtsps://...`, `http://...`, `https://...`, and a clip, a picture or a folder with
    `?fps=30&pace=camera&loop=1` after it.
    A file whose own name has a `?` is taken as that file.

    Args:
        uri: see above.
        live: play clips, pictures and folders for ever at a camera's pace (`pace=free`: a frame whenever
            asked). Otherwise give each frame once, as fast as it is read.
        lend: memory for the pictures of cameras, streams and clips; a source of its own drawing uses its own.

    Raises:
        UsageError: unknown scheme or option, or a value out of range.
        DeviceMissing: the camera is not there, or not usable.
        InputOutputError: the file or folder cannot be read.
    """
    return open_wished(SourceWish(uri), live=live, lend=lend)


def open_wished(
    wish: SourceWish,
    *,
    live: bool = True,
    lend: Lend = nothing_lent,
    judge: FrameJudge | None = None,
    shared: SharedMemory | None = None,
) -> Source:
    """As `open_source`, with more of a say.

    Args:
        shared: what `lend` lends, for a source whose pictures another process makes.
        judge: of the program; a source has one of its own by default.
    """
    uri = wish.uri
    if not uri.strip():
        raise UsageError(f"the source is empty; expected {KNOWN_SOURCES}")
    scheme, rest = _scheme_and_rest(uri)
    is_camera = scheme == "camera" or uri.startswith("/dev/")
    if wish.controls and not is_camera:
        log.warning("%s: is no camera on this machine, so [source] controls are not used", uri)
    try:
        if is_camera:
            return _opened_camera(wish, rest if scheme == "camera" else uri, lend, judge)
        if scheme in ("csi", "gst"):
            from edge.sources.gstreamer.open import open_csi, open_pipeline

            open_it = open_csi if scheme == "csi" else open_pipeline
            return open_it(uri, rest, fit=wish.fit, judge=judge, lend=lend, shared=shared)
        return _opened(wish, scheme, rest, live, lend, judge)
    except (OSError, ValueError, RuntimeError) as error:  # a name that no file system takes, a home that nobody has
        raise InputOutputError(f"{uri}: no such file or folder ({error})") from error


def _opened(wish: SourceWish, scheme: str, rest: str, live: bool, lend: Lend, judge: FrameJudge | None) -> Source:
    if scheme in _STREAM_SCHEMES:
        from edge.sources.network.open import open_network_camera

        return open_network_camera(
            wish.uri,
            password_file=wish.password_file,
            ca=wish.ca,
            camera_clock=wish.camera_clock,
            fit=wish.fit,
            judge=judge,
            lend=lend,
        )
    if scheme == "demo":
        return _opened_demo(wish.uri, rest, live)
    return _opened_file(wish, live, lend)


def _opened_camera(wish: SourceWish, rest: str, lend: Lend, judge: FrameJudge | None) -> Source:
    from edge.sources.camera import CameraSource, PixelFormat

    uri = wish.uri
    formats: dict[str, PixelFormat] = {"MJPG": "MJPG", "YUYV": "YUYV"}
    device, _, query = rest.partition("?")
    options = UriOptions(uri, query)
    if not device:
        raise UsageError(f"{uri}: names no camera; expected camera:/dev/video0")
    pixel_format = options.choice("format", formats, "MJPG")
    fps = options.fps() or 30.0
    options.refuse_unknown()
    return CameraSource(
        uri,
        device,
        pixel_format=pixel_format,
        fps=fps,
        fit=wish.fit,
        controls=wish.controls,
        judge=judge,
        lend=lend,
    )


def _opened_demo(uri: str, rest: str, live: bool) -> Source:
    from edge.sources.demo.source import DemoSource

    options = UriOptions(uri, rest.lstrip("/").removeprefix("?"))
    if unit := options.text("unit"):
        return _opened_bench(uri, unit, options, live)
    seed = options.whole_number("seed", 0)
    fps, pace = options.fps(), options.pace()
    clean = options.switch("clean", default=False)
    options.refuse_unknown()
    is_own_rate = live and fps is None and not pace  # nobody asked for one: as fast as this machine enhances
    is_timed = live and pace != "free"
    return DemoSource(uri, seed=seed, fps=fps or 30.0, paced=is_timed and not is_own_rate, timed=is_timed, clean=clean)


def _opened_bench(uri: str, unit: str, options: UriOptions, live: bool) -> Source:
    from edge.sources.demo.bench import BenchSource
    from edge.sources.demo.targets import TARGETS
    from edge.sources.demo.unit import LensModel, UnitCamera, unit_truth

    lenses: dict[str, LensModel] = {"radial": "radial", "fisheye": "fisheye"}
    target = options.choice("target", {name: name for name in TARGETS}, "throat")
    lens = options.choice("lens", lenses, "radial")
    dust = options.whole_number("dust", 8)
    noise = options.number("noise", 0.01, 0.0, 0.1)
    exposure = options.number("exposure", 1.0, 0.001, 100.0)
    fps = options.fps() or 30.0
    paced = options.is_paced() and live
    options.refuse_unknown()
    truth = unit_truth(unit, lens=lens, num_dust=dust, read_noise=noise)
    return BenchSource(uri, UnitCamera(truth), target, exposure=exposure, fps=fps, paced=paced)


def _opened_file(wish: SourceWish, live: bool, lend: Lend) -> Source:
    from edge.pictures.files import PICTURE_SUFFIXES, picture_paths
    from edge.sources.clip import ClipSource
    from edge.sources.stills import StillSource

    uri = wish.uri
    path, query = Path(uri).expanduser(), ""
    if not path.exists() and "?" in uri:
        name, _, query = uri.rpartition("?")
        path = Path(name).expanduser()
    options = UriOptions(uri, query)
    fps = options.fps()
    paced = options.is_paced() and live
    loop = options.switch("loop", default=True) and live
    options.refuse_unknown()
    if not path.exists():
        raise InputOutputError(f"{path}: no such file or folder")
    if path.is_dir() or path.suffix.lower() in PICTURE_SUFFIXES:
        paths = picture_paths(path) if path.is_dir() else [path]
        return StillSource(uri, paths, fps=fps or 30.0, live=live, paced=paced, loop=loop, fit=wish.fit)
    return ClipSource(uri, path, fps=fps, paced=paced, loop=loop, fit=wish.fit, lend=lend)


def _scheme_and_rest(uri: str) -> tuple[str, str]:
    """`("camera", "/dev/video0")`; `("", uri)` for a path."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):(.*)", uri, re.DOTALL)
    if match is None:
        return "", uri
    scheme, rest = match[1].lower(), match[2]
    if scheme in _SCHEMES:
        return scheme, rest
    if Path(uri).exists() or Path(uri.rpartition("?")[0]).is_file():
        return "", uri
    told = f"expected {KNOWN_SOURCES}{hint(scheme, _SCHEMES)}"
    raise UsageError(f"{uri.rstrip(':')}: unknown kind of source '{match[1]}:'; {told}")
