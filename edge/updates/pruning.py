"""What of an installed model's leftovers is removed, and what is left and told.

Removed are folders `<profile>-<16 hex>` with a `bundle.json` that no link names, what was being unpacked or removed,
and links at temporary names. A version gets its temporary name before it is emptied, and its `bundle.json` goes last:
a removal that is cut short is seen to be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge.basics.folders import Folder
from edge.basics.walk import kind_of
from edge.basics.whole_files import is_part, part_name
from edge.models.bundle import BUNDLE_NAME
from edge.models.versions import PREVIOUS, VERSION_NAME, previous_in, version_named_by

_PART = re.compile(rf"\.({VERSION_NAME.pattern})(\.damaged)?\.edge\.part")


@dataclass(frozen=True)
class Pruned:
    """Attributes: removed: what is gone; left: what was not touched, and why, a line each."""

    removed: list[Path] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def prune(root: Folder, versions: Folder, kept: set[str]) -> Pruned:
    """Remove all versions but those in use and their previous ones.

    Args:
        kept: other names in `versions` that belong there.
    """
    found = Pruned()
    in_use = {name for link in root.names() if not is_part(link) and (name := version_named_by(root, link))}
    wanted = in_use | {previous_in(versions, name) for name in in_use} - {""}
    for name in root.names():
        if is_part(name):
            _remove_link(root, name, found)
    for name in versions.names():
        if name not in kept | wanted:
            _remove_version(versions, name, found)
    for name in wanted:
        if versions.is_folder(name):
            with versions.folder(name) as folder:
                if folder.about(part_name(PREVIOUS)) is not None:
                    _remove_link(folder, part_name(PREVIOUS), found)
    return found


def _remove_link(folder: Folder, name: str, found: Pruned) -> None:
    try:
        if folder.link(name) is None:
            about = folder.about(name)
            found.left.append(
                f"{folder.path / name}: is {kind_of(about.st_mode) if about else 'gone'}, expected a link"
            )
            return
        folder.unlink(name)
        found.removed.append(folder.path / name)
    except OSError as error:
        found.left.append(f"{error.filename or folder.path / name}: {error.strerror}")


def _remove_version(versions: Folder, name: str, found: Pruned) -> None:
    path = versions.path / name
    try:
        why = next(_no_version(versions, name), "")
        if why:
            found.left.append(f"{path}: {why}, so it is left as it is")
            return
        if not is_part(name):
            versions.rename(name, part_name(name))
            name = part_name(name)
        versions.remove_folder(name, BUNDLE_NAME)
        found.removed.append(path)
    except OSError as error:
        found.left.append(f"{error.filename or path}: {error.strerror}")


def _no_version(versions: Folder, name: str) -> Iterator[str]:
    """Why it is none that this program made."""
    part = _PART.fullmatch(name)
    if part is None and not VERSION_NAME.fullmatch(name):
        yield "is not named as a version of a model"
    about = versions.about(name)
    if about is not None and not versions.is_folder(name):
        yield f"is {kind_of(about.st_mode)}, expected a folder"
    with versions.folder(name) as folder:
        if not folder.is_file(BUNDLE_NAME) and (part is None or folder.names()):
            yield f"has no {BUNDLE_NAME}"
