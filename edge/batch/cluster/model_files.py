"""A profile as it travels to a node: names and contents, checked there before an engine sees them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge.basics.errors import ModelError
from edge.models.bundle import PROFILE_FILES
from edge.models.profile import Profile, load_profile
from edge.models.shared_weights import NAME as SHARED_NAME


def files_of(profile: Profile) -> dict[str, bytes]:
    """Name -> content: what an engine may open of it, shared weights too; raises ModelError where one is gone."""
    paths = [path for path in sorted(profile.folder.iterdir()) if path.name in PROFILE_FILES]
    try:
        return {path.name: path.read_bytes() for path in (*paths, *profile.shared)}
    except OSError as error:
        raise ModelError(f"{error.filename}: {error.strerror}; install it again") from error


def profile_from(files: Mapping[str, bytes], name: str, sha256: str, models: Path) -> Profile:
    """The profile, its files written into a folder of profiles.

    Raises:
        ModelError: it is not the model that is meant, or a file is not what its manifest says.
    """
    folder = models / name
    folder.mkdir(mode=0o700)
    for file, content in files.items():
        if file not in PROFILE_FILES and not SHARED_NAME.fullmatch(file):
            raise ModelError(f"{file[:80]!r}: no file of a profile")
        (folder / file).write_bytes(content)
    profile = load_profile(name, (models,))
    if profile.sha256 != sha256:
        raise ModelError(f"profile {name}: sha256 {profile.sha256[:12]}… came, {sha256[:12]}… is meant")
    return profile
