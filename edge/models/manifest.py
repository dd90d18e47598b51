"""`model.json`: what every reader of a manifest may count on, checked once when the profile is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edge.basics.errors import ModelError
from edge.basics.folders import read_plain
from edge.basics.texts import is_moment, json_from_text, shown

REQUIRED_KEYS = (
    "name", "profile", "version", "sha256", "input", "output", "networks", "training", "metrics", "licence", "made_at",
)  # fmt: skip
REBUILD = "restore the package's files, or export the profile again with edge-export onnx"

MAX_TEXT = 200
MAX_WORDS, MAX_LISTED = 600, 20
"""Of what a card says in words, and of what it lists."""
MAX_BYTES = 32 << 20


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest with all required keys, and what is read from it while the unit runs of the right kind.

    Raises:
        ModelError: it cannot be read, or names the first key that is wrong.
    """
    try:
        content = read_plain(path, MAX_BYTES)
    except OSError as error:
        raise ModelError(f"{path}: no readable manifest ({error}); {REBUILD}") from error
    return manifest_from(content, path)


def manifest_from(content: bytes, path: Path) -> dict[str, Any]:
    """The same of a manifest's bytes; `path` is what they were read from, for messages."""
    try:
        manifest = json_from_text(content)
    except ValueError as error:
        raise ModelError(f"{path}: no readable manifest ({error}); {REBUILD}") from error
    if not isinstance(manifest, dict):
        raise ModelError(f"{path}: expected a JSON object; {REBUILD}")
    missing = [key for key in REQUIRED_KEYS if key not in manifest]
    if missing:
        raise ModelError(f"{path}: missing {', '.join(missing)}; {REBUILD}")
    for key in ("name", "profile", "version", "sha256", "dehaze_sha256"):
        if key in manifest:
            _expect(path, key, manifest[key], _is_text, f"text on one line, {MAX_TEXT} characters at most")
    _check_precisions(path, manifest)
    _check_calibration(path, manifest)
    _check_card(path, manifest)
    return manifest


def _check_precisions(path: Path, manifest: Mapping[str, Any]) -> None:
    precisions = manifest.get("precisions", {})
    _expect(path, "precisions", precisions, _is_table, "a table")
    for name, table in precisions.items():
        _expect(path, f"precisions.{name}", table, _is_table, "a table")
        _expect(
            path,
            f"precisions.{name}.sha256",
            table.get("sha256"),
            _is_text,
            f"text on one line, {MAX_TEXT} characters at most",
        )


def _check_card(path: Path, manifest: Mapping[str, Any]) -> None:
    """What a person is shown of a profile (`edge.models.card`); a manifest need not have it."""
    for key in ("purpose", "advice", "data"):
        if key in manifest:
            _expect(path, key, manifest[key], _are_words, f"text on one line, {MAX_WORDS} characters at most")
    expected = f"a list of at most {MAX_LISTED} texts on one line, {MAX_WORDS} characters at most each"
    _expect(path, "never_shown", manifest.get("never_shown", []), _are_listed, expected)


def _check_calibration(path: Path, manifest: Mapping[str, Any]) -> None:
    table = manifest.get("calibration")
    if table is None:
        return
    _expect(path, "calibration", table, _is_table, "a table")
    for key in ("unit", "camera_mode"):
        _expect(
            path, f"calibration.{key}", table.get(key), _is_text, f"text on one line, {MAX_TEXT} characters at most"
        )
    _expect(path, "calibration.controls", table.get("controls", {}), _are_numbers, "a table of numbers")
    _expect(path, "calibration.made_at", table.get("made_at"), is_moment, "a date and time with its zone")


def _expect(path: Path, key: str, value: object, fits: Callable[[object], bool], expected: str) -> None:
    if not fits(value):
        raise ModelError(f"{path}: {key} = {shown(value)[:80]}: expected {expected}; {REBUILD}")


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _are_numbers(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    return all(isinstance(one, (int, float)) and not isinstance(one, bool) and abs(one) < 1e6 for one in value.values())


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= MAX_TEXT


def _are_words(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and len(value) <= MAX_WORDS


def _are_listed(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_LISTED and all(map(_are_words, value))
