"""What an installed version is called, and how links name the one in use and the one before it."""

from __future__ import annotations

import re

from edge.basics.folders import Folder

VERSIONS, PREVIOUS = "versions", "previous"
VERSION_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}-[0-9a-f]{16}")
"""`<profile>-<16 hex>`."""


def version_named_by(root: Folder, profile: str) -> str:
    """The version that a link in the folder of models names; empty where it is no link to one."""
    place, _, name = (root.link(profile) or "").partition("/")
    return name if place == VERSIONS and VERSION_NAME.fullmatch(name) else ""


def previous_in(versions: Folder, name: str) -> str:
    """The version that was in use before another; empty where none is recorded."""
    if not versions.is_folder(name):
        return ""
    with versions.folder(name) as folder:
        place, _, previous = (folder.link(PREVIOUS) or "").partition("/")
    return previous if place == ".." and VERSION_NAME.fullmatch(previous) else ""
