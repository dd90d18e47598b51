"""The secret by which `--deidentify` gives new names: one for all runs of a user on a machine, never among results."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from edge.basics.errors import InputOutputError
from edge.basics.folders import read_plain
from edge.basics.whole_files import PRIVATE_FOLDER, make_folder

NAME = "deidentify.key"
_NUM_BYTES, _MODE = 32, 0o600


def key_path() -> Path:
    """`~/.local/state/edge-enhance/deidentify.key`, or where XDG_STATE_HOME says."""
    state = os.environ.get("XDG_STATE_HOME", "")
    return (Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state") / "edge-enhance" / NAME


def deidentify_key() -> bytes:
    """The secret, made where there is none.

    Raises:
        InputOutputError: it can be neither read nor written, or is none.
    """
    try:
        path = key_path()
        make_folder(path.parent, PRIVATE_FOLDER)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _MODE)
        except FileExistsError:
            pass
        else:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_NUM_BYTES))
                file.flush()
                os.fsync(file.fileno())
        key = read_plain(path, _NUM_BYTES)
    except RuntimeError as error:
        raise InputOutputError("--deidentify: this user has no home; name a folder with XDG_STATE_HOME") from error
    except OSError as error:
        raise InputOutputError(f"--deidentify: {key_path()}: {error.strerror or error}; mend or remove it") from error
    if len(key) != _NUM_BYTES:
        raise InputOutputError(f"--deidentify: {path}: has {len(key)} bytes, expected {_NUM_BYTES}; remove it")
    return key
