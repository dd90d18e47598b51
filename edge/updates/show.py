"""`edge-enhance model show`: the card of a profile, be it installed, shipped, in a folder, or in a bundle."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.basics.errors import EdgeError, ModelError
from edge.config import Config
from edge.models.bundle import PROFILE_FILES
from edge.models.bundle_file import Bundle, opened_bundle
from edge.models.card import Card, card_of
from edge.models.manifest import manifest_from, read_manifest
from edge.models.profile import (
    MANIFEST_NAME,
    Profile,
    load_profile,
    not_found,
    profile_in,
    profile_names,
    profile_roots,
)
from edge.models.trust import vouched, vouched_contents


@dataclass(frozen=True)
class Shown:
    """What is told of a profile.

    Attributes:
        place: the folder or the bundle that it was found in.
        vouched: who vouches for it, or why nobody does.
    """

    card: Card
    place: str
    vouched: str

    def lines(self) -> Iterator[str]:
        """One a fact."""
        card = self.card
        for name, text in (("profile", card.profile), ("name", card.title), ("version", card.version)):
            yield f"{name}: {text}"
        yield f"sha256: {card.sha256}"
        for name, text in card.facts():
            yield f"{name}: {text}"
        yield f"place: {self.place}"
        yield f"vouched for: {self.vouched}"

    def json(self) -> str:
        told: dict[str, Any] = {**self.card.record(), "place": self.place, "vouched": self.vouched}
        return json.dumps(told, indent=2)


def find_shown(what: str, config: Config, read_as_owner: Callable[[], None]) -> Shown:
    """A profile by its name, its folder, one of the files in it, or its bundle. A name wins over a file so called.

    Args:
        read_as_owner: gives up root before anything but a bundle's first member is read.

    Raises:
        ModelError: there is none, or its files are not what its manifest says.
        InputOutputError: it cannot be read.
    """
    path, roots, keys = Path(what), profile_roots(config.engine.models), config.engine.keys
    names = profile_names(roots)
    if what in names or not _is_there(path):
        read_as_owner()
        if what not in names:
            raise ModelError(f"{not_found(what, names)}; or name a profile's folder or bundle")
        return _of_profile(load_profile(what, roots), keys)
    if path.is_file() and path.name not in PROFILE_FILES:
        with opened_bundle(path) as bundle:
            read_as_owner()
            return _of_bundle(bundle, keys)
    read_as_owner()
    folder = (path.parent if path.is_file() else path).absolute()
    return _of_profile(profile_in(folder.resolve(), _name_in(folder), folder), keys)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file system takes
        return False


def _name_in(folder: Path) -> str:
    return str(read_manifest(folder / MANIFEST_NAME)["profile"])


def _of_profile(profile: Profile, keys: str) -> Shown:
    manifest = profile_in(profile.folder, profile.name).manifest
    return Shown(card_of(manifest), str(profile.folder), _who(lambda: vouched(profile, keys)))


def _of_bundle(bundle: Bundle, keys: str) -> Shown:
    contents, signature = bundle.contents, bundle.signature
    manifest = manifest_from(bundle.content_of(MANIFEST_NAME), bundle.path)
    told = {"profile": contents.profile, "version": contents.version, "sha256": contents.model_sha256}
    for key, expected in told.items():
        if str(manifest[key]) != expected:
            raise ModelError(
                f"{bundle.path}: its manifest has {key} {str(manifest[key])[:80]!r}, the bundle says {expected[:80]!r}"
                "; make the bundle again with edge-export bundle"
            )
    who = _who(lambda: vouched_contents(contents, signature, keys, bundle.path))
    return Shown(card_of(manifest), str(bundle.path), who)


def _who(ask: Callable[[], str]) -> str:
    """Who vouches; a profile that nobody vouches for may be looked at all the same."""
    try:
        return ask()
    except EdgeError as error:
        return f"nobody: {error}"
