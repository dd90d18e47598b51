"""The proof that a profile must give before a unit uses it: its golden frame on every engine that could run it here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.artifact import Artifact, artifact_in, load_artifact, profile_roots
from edge.config import Config
from edge.engines.golden import check_golden
from edge.engines.open import open_rung
from edge.engines.rungs import Rung, rungs_below
from edge.errors import EdgeError, ModelError
from edge.model_bundle import Contents
from edge.unit import unit_correction


def prove(folder: Path, contents: Contents, config: Config) -> Iterator[str]:
    """Yields one line an engine: where it ran and how near it came, or why it cannot be had here.

    Where the backend is `auto`, an engine that cannot be opened is passed over, as the ladder does, as long as another
    one proves the profile.

    Raises:
        ModelError: the folder is not the profile that it was announced as, or an engine gives a wrong answer.
        ConfigError: it is corrected for another unit.
        DeviceMissing: no engine can be had.
    """
    artifact = artifact_in(folder, contents.profile)
    _refuse_another(artifact, contents)
    unit_correction("", config.unit.serial, artifact.manifest)
    above = rungs_below(contents.profile, config.engine.backend, _finder(artifact, config))
    rungs = [rung for rung in above if rung.profile == contents.profile]
    while rungs:
        rung = rungs.pop(0)
        try:
            engine = open_rung(artifact, config.engine, rung)
        except EdgeError as error:
            if rung.backend != "auto":
                raise
            yield f"{rung.title}: passed over: {error}"
            if not rungs:
                rungs.append(Rung(contents.profile, "cpu"))
            continue
        try:
            psnr_db = check_golden(engine, artifact, softer=rung.upscale == "bicubic")
            yield f"{rung.title}: {engine.device}: golden frame {_db(psnr_db)}"
        finally:
            engine.close()


def _db(psnr_db: float) -> str:
    if math.isnan(psnr_db):
        return "followed; the profile stores no answer to hold it to"
    return f"at {min(psnr_db, 99.0):.1f} dB"


def _refuse_another(artifact: Artifact, contents: Contents) -> None:
    told = {"profile": contents.profile, "version": contents.version, "sha256": contents.model_sha256}
    for key, expected in told.items():
        if str(artifact.manifest[key]) != expected:
            raise ModelError(
                f"{artifact.folder}: its manifest has {key} {str(artifact.manifest[key])[:80]!r}, the bundle says "
                f"{expected[:80]!r}; make the bundle again with edge-export bundle"
            )
    for precision in artifact.manifest.get("precisions", {}):
        artifact.graph_for(precision)


def _finder(artifact: Artifact, config: Config) -> Callable[[str], Artifact]:
    """Finds this profile where it was unpacked, and others where the unit has them."""

    def find(profile: str) -> Artifact:
        if profile == artifact.profile:
            return artifact
        return load_artifact(profile, profile_roots(config.engine.models))

    return find
