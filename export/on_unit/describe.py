"""`edge-export describe`: what a person is told of a profile, entered into its manifest; its graphs stay."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.basics.command import say
from edge.basics.errors import InputOutputError, ModelError, UsageError
from edge.basics.folders import read_plain
from edge.basics.texts import json_from_text
from edge.basics.whole_files import write_whole
from edge.models.bundle import BUNDLE_NAME, MAX_JSON_BYTES
from edge.models.manifest import manifest_from, read_manifest
from edge.models.profile import MANIFEST_NAME, profile_in

WORDS = ("purpose", "advice", "data")
EXAMPLES = """examples:
  edge-export describe models/miinet --advice "comparison only: not good enough to help at the camera"
  edge-export describe models/miinet --figures comparison/figures.json    of edge-train evaluate --report
  edge-export describe models/live --advice ""    takes it away"""


def describe(
    folder: Path, words: Mapping[str, str | list[str] | None], figures: Mapping[str, Any] | None = None
) -> Path:
    """Enter words into a profile's manifest.

    Args:
        words: key -> text or list; an empty one takes the key away, None leaves it as it is.
        figures: replace what stands under `metrics`; None leaves that as it is.

    Raises:
        ModelError: it is no profile, or a text does not fit.
        UsageError: it is an installed one.
        InputOutputError: the manifest cannot be written.
    """
    path = folder / MANIFEST_NAME
    manifest = read_manifest(path)
    profile_in(folder, str(manifest["profile"]))  # what is damaged is not described
    if (folder / BUNDLE_NAME).exists():
        raise UsageError(
            f"{folder}: is installed, and its bundle says what it holds; describe what the bundle is made of"
        )
    for key, value in words.items():
        if value is not None:
            manifest[key] = value
            if not value:
                del manifest[key]
    if figures is not None:
        manifest["metrics"] = dict(figures)
    content = (json.dumps(manifest, indent=2) + "\n").encode()
    manifest_from(content, path)
    try:
        write_whole(path, content)
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be written ({error.strerror}); mend its rights") from error
    return path


def figures_in(path: Path, method: str) -> Mapping[str, Any]:
    """A method's figures from `figures.json` of a comparison; `miinet` is `miinet/idm` too, where that is the only one.

    Raises:
        InputOutputError: it cannot be read.
        ModelError: it has none of this method.
    """
    try:
        table = json_from_text(read_plain(path, MAX_JSON_BYTES))
    except (OSError, ValueError) as error:
        raise InputOutputError(
            f"{path}: no readable figures ({error}); make them: edge-train evaluate --report"
        ) from error
    named = (
        [name for name in table if name == method or name.startswith(f"{method}/")] if isinstance(table, dict) else []
    )
    found = table[named[0]] if len(named) == 1 else None
    if not isinstance(found, dict) or not found:
        known = ", ".join(table) if isinstance(table, dict) else "none"
        raise ModelError(f"{path}: has no figures of {method!r}, it has: {known}; name one with --method")
    return found


def run_describe(args: argparse.Namespace) -> int:
    words = {**{key: getattr(args, key) for key in WORDS}, "never_shown": args.never_shown}
    if all(value is None for value in words.values()) and args.figures is None:
        raise UsageError("nothing to enter; give --purpose, --advice, --data, --never-shown or --figures")
    if words["never_shown"] is not None:
        words["never_shown"] = [one for one in args.never_shown if one]
    figures = None if args.figures is None else figures_in(args.figures, args.method or args.profile.resolve().name)
    say(f"{describe(args.profile, words, figures)}")
    return 0


def add_describe_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `describe` with the subcommands of `edge-export`."""
    command = commands.add_parser(
        "describe",
        help="enter what edge-enhance model show tells of a profile",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("profile", type=Path, metavar="FOLDER", help="a profile's folder")
    command.add_argument("--purpose", metavar="TEXT", help="what it is for")
    command.add_argument("--advice", metavar="TEXT", help="why it is not meant to help at the camera")
    command.add_argument("--data", metavar="TEXT", help="what it was trained on")
    command.add_argument(
        "--never-shown", action="append", metavar="TEXT", help="what was never shown to it; once for each"
    )
    command.add_argument("--figures", type=Path, metavar="FILE", help="figures.json of edge-train evaluate --report")
    command.add_argument("--method", metavar="NAME", help="its name in FILE; default the folder's")
    command.set_defaults(run=run_describe)
