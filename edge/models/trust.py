"""Which profile may run: what came with the program, and of a unit's own what is signed, or was accepted by name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from edge.basics.errors import InputOutputError, ModelError
from edge.basics.folders import Folder, open_folder
from edge.basics.texts import json_from_text
from edge.basics.whole_files import whole_file_in
from edge.models.bundle import (
    BUNDLE_NAME,
    MAX_JSON_BYTES,
    MAX_SIGNATURE_BYTES,
    SIGNATURE_NAME,
    Contents,
    check_unpacked,
)
from edge.models.profile import MANIFEST_NAME, SHIPPED, Profile, load_profile, profile_roots
from edge.models.signature import SHORT, read_keys, refuse_foreign_file, refuse_foreign_folder, signer_of

ACCEPTED_NAME = "unsigned"
"""File beside the keys: versions that somebody accepted though nobody signed them, one a line."""
MAX_ACCEPTED_BYTES, MAX_ACCEPTED = 1 << 16, 200
_LINE = re.compile(r"(\S+-[0-9a-f]{16}) ([0-9a-f]{64}) \S+")


def trusted_profile(name: str, models: str, keys: str) -> Profile:
    """Find a profile and check every hash, and who vouches for it.

    Args:
        models: `engine.models`; keys: `engine.keys`.

    Raises:
        ModelError: as `edge.models.profile.load_profile`; nobody vouches for it.
    """
    profile = load_profile(name, profile_roots(models))
    vouched(profile, keys)
    return profile


def vouched(profile: Profile, keys: str) -> str:
    """Who vouches for a profile, in words.

    Raises:
        ModelError: nobody does.
    """
    if profile.folder.parent == SHIPPED.resolve():
        return "came with the program"
    if not keys:
        return "not held to a signature, as engine.keys is empty"
    try:
        with open_folder(profile.folder) as folder:
            if folder.about(BUNDLE_NAME) is None:
                raise ModelError(
                    f"{profile.found or profile.folder}: was put there by hand, so nobody signed it; make a bundle of "
                    'it and install that, or set engine.keys = "" on a machine where models are made'
                )
            contents = check_unpacked(folder)
            manifest = json_from_text(folder.read(MANIFEST_NAME, MAX_JSON_BYTES))
            signature = _signature_in(folder)
    except (OSError, ValueError) as error:
        raise ModelError(f"{profile.folder}: {error}; install it again") from error
    told = [contents.profile, contents.model_sha256, json.dumps(manifest)]
    if told != [profile.name, profile.sha256, json.dumps(profile.manifest)]:
        raise ModelError(f"{profile.folder}: is not what its {BUNDLE_NAME} says; install it again")
    return vouched_contents(contents, signature, keys, profile.found or profile.folder)


def vouched_contents(contents: Contents, signature: bytes | None, keys: str, origin: object) -> str:
    """Who vouches for what a bundle says that it holds; raises ModelError where nobody does.

    Args:
        signature: its `bundle.sig`, None where it has none.
        origin: of the bundle, for messages.
    """
    if not keys:
        return "not held to a signature, as engine.keys is empty"
    if is_accepted(contents, Path(keys)):
        return "unsigned, accepted by hand" if signature is None else "accepted by hand"
    if signature is None:
        raise ModelError(
            f"{origin}: nobody signed it; sign it with edge-export bundle --sign, or say --unsigned to edge-enhance "
            "model install"
        )
    key = signer_of(contents.content, signature, read_keys(Path(keys)), origin)
    return f"signed by {key.name}, key {key.fingerprint[:SHORT]}"


def _signature_in(folder: Folder) -> bytes | None:
    if folder.about(SIGNATURE_NAME) is None:
        return None
    return folder.read(SIGNATURE_NAME, MAX_SIGNATURE_BYTES)


def is_accepted(contents: Contents, keys: Path) -> bool:
    """Whether somebody who may write beside the keys accepted these contents by name."""
    return any(line.split(" ")[:2] == [contents.name, contents.sha256] for line in _accepted(keys))


def accept(contents: Contents, keys: Path) -> None:
    """Record that these contents are taken though nobody signed them.

    Raises:
        InputOutputError: this user may not write beside the keys.
    """
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    lines = [line for line in _accepted(keys) if line.split(" ")[1] != contents.sha256][-MAX_ACCEPTED:]
    text = "\n".join([*lines, f"{contents.name} {contents.sha256} {now}"]) + "\n"
    try:
        with open_folder(keys, 0o755) as folder, whole_file_in(folder, ACCEPTED_NAME, 0o644) as file:
            os.fchmod(file.fileno(), 0o644)  # whatever the umask: the service reads it
            file.write(text.encode())
    except OSError as error:
        raise InputOutputError(
            f"{error.filename or keys}: {error.strerror}; --unsigned is said by who may write there: use sudo"
        ) from error


def _accepted(keys: Path) -> list[str]:
    try:
        with open_folder(keys) as folder:
            about = folder.about(ACCEPTED_NAME)
            if about is None:
                return []
            refuse_foreign_folder(folder)
            refuse_foreign_file(folder, ACCEPTED_NAME)
            text = folder.read(ACCEPTED_NAME, MAX_ACCEPTED_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(f"{error.filename or keys}: {error.strerror}; root makes it, for all to read") from error
    return list(_lines(text))


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if _LINE.fullmatch(line))
