"""The proof that a profile must give before a unit uses it: its golden frame on every engine that could run it here,
and pictures of the demo throat that the output judge takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from edge.basics.errors import EdgeError, EngineFailed, ModelError
from edge.calibration.of_unit import unit_correction
from edge.config import Config
from edge.engines.engine import Engine
from edge.engines.golden import golden_frame
from edge.engines.open import open_rung, prove_rung
from edge.engines.rungs import Rung, rungs_below
from edge.guard.judge import OutputJudge
from edge.models.bundle import Contents
from edge.models.profile import Profile, load_profile, profile_in, profile_roots
from edge.pictures.image import Image
from edge.sources.demo.source import DemoSource

DEMO_FRAMES = (150, 300)
"""Foggy ones that are far apart."""


def prove(folder: Path, contents: Contents, config: Config) -> Iterator[str]:
    """Yields one line an engine: where it ran and how near it came, or why it cannot be had here.

    Where the backend is `auto`, an engine that cannot be opened is passed over, as the ladder does, as long as another
    one proves the profile.

    Raises:
        ModelError: the folder is not the profile that it was announced as, or an engine gives a wrong answer or one
            that the judge refuses.
        ConfigError: it is corrected for another unit.
        DeviceMissing: no engine can be had.
    """
    profile = profile_in(folder, contents.profile, Path(config.engine.models) / contents.profile)
    _refuse_another(profile, contents)
    unit_correction("", config.unit.serial, profile.manifest)
    above = rungs_below(contents.profile, config.engine.backend, _finder(profile, config))
    rungs = [rung for rung in above if rung.profile == contents.profile]
    is_judged = False
    while rungs:
        rung = rungs.pop(0)
        try:
            engine = open_rung(profile, config.engine, rung)
        except EdgeError as error:
            if rung.backend != "auto":
                raise
            yield f"{rung.title}: passed over: {error}"
            if not rungs:
                rungs.append(Rung(contents.profile, "cpu"))
            continue
        try:
            psnr_db = prove_rung(engine, profile, config.engine, rung).psnr_db
            if not is_judged and "calibration" not in profile.manifest:  # a unit's correction fits its own camera alone
                _judge(engine, profile)
                is_judged = True
            yield f"{rung.title}: {engine.device}: golden frame {_db(psnr_db)}"
        finally:
            engine.close()


def _judge(engine: Engine, profile: Profile) -> None:
    """Refuse weights that answer the golden frame as announced, and make nothing of a throat."""
    for frame in (golden_frame(), *_demo_frames()):
        try:
            fault = OutputJudge().fault(frame, engine.enhance(frame).image)
        except EngineFailed as error:
            fault = str(error)
        if fault:
            raise ModelError(
                f"{profile.folder}: its picture of the demo throat cannot be shown: {fault}; train or export it again"
            )


def draw_frames() -> None:
    """Draw what models are tried on, which needs no model."""
    golden_frame()
    _demo_frames()


@lru_cache(maxsize=1)
def _demo_frames() -> tuple[Image, ...]:
    source = DemoSource("demo:", paced=False)
    return tuple(source.render(number).degraded for number in DEMO_FRAMES)


def _db(psnr_db: float) -> str:
    if math.isnan(psnr_db):
        return "followed; the profile stores no answer to hold it to"
    return f"at {min(psnr_db, 99.0):.1f} dB"


def _refuse_another(profile: Profile, contents: Contents) -> None:
    named = {"profile": contents.profile, "version": contents.version, "sha256": contents.model_sha256}
    for key, expected in named.items():
        if str(profile.manifest[key]) != expected:
            raise ModelError(
                f"{profile.folder}: its manifest has {key} {str(profile.manifest[key])[:80]!r}, the bundle says "
                f"{expected[:80]!r}; make the bundle again with edge-export bundle"
            )
    for precision in profile.manifest.get("precisions", {}):
        profile.graph_for(precision)


def _finder(profile: Profile, config: Config) -> Callable[[str], Profile]:
    """Finds this profile where it was unpacked, and others where the unit has them."""

    def find(name: str) -> Profile:
        if name == profile.name:
            return profile
        return load_profile(name, profile_roots(config.engine.models))

    return find
