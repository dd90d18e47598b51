"""The edge.toml that the installation writes: what a service needs, and all other keys as comments."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from edge.basics.settings import Setting, settings_of
from edge.basics.texts import toml_value
from edge.config import Config

HEADER = """\
# Configuration of edge-enhance. A key that is a comment has the value shown: take the # away to change it, then run
# `sudo systemctl reload edge-enhance`, which refuses a wrong file and goes on as before; a key marked restart wants
# `sudo systemctl restart edge-enhance`. With a wrong file at the start the service ends with exit code 78 and stays
# down: `edge-enhance --check --config FILE` says what is wrong.
"""

RESTART = "restart"
"""Stands beside a key that a reload does not take."""

SERVICE_VALUES: dict[str, Any] = {
    "source.uri": "camera:/dev/video0",
    "source.wait": True,
    "engine.models": "/var/lib/edge-enhance/models",
    "audit.file": "/var/lib/edge-enhance/audit/audit.jsonl",
    "save.folder": "/var/lib/edge-enhance/pictures",
    "pacs.folder": "/var/lib/edge-enhance/pacs",
    "usage.file": "/var/lib/edge-enhance/usage/usage.json",
}
"""Where the service's file differs from the program's defaults.

A unit shows its camera, never the demo throat, and has places for models that are installed, for the audit log
and for what is counted of its use.
"""


def default_config() -> str:
    """The text of the file."""
    return "\n".join([HEADER, *_lines()])


def _lines() -> Iterator[str]:
    for section, settings in groupby(settings_of(Config()), lambda one: one.path.partition(".")[0]):
        yield f"[{section}]"
        yield from map(_line, settings)
        yield ""


def _line(one: Setting) -> str:
    value = SERVICE_VALUES.get(one.path, one.value)
    mark = "" if one.path in SERVICE_VALUES else "# "
    notes = "; ".join(note for note in (one.allowed, "" if one.rules.live else RESTART) if note)
    comment = f"{one.rules.explain} ({notes})" if notes else one.rules.explain
    return f"{mark}{one.path.partition('.')[2]} = {toml_value(value)}  # {comment}"
