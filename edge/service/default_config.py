"""The edge.toml that the installation writes: what a service needs, and all other keys as comments."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from edge.basics.texts import toml_value
from edge.config import Config

HEADER = """\
# Configuration of edge-enhance. A key that is a comment has the value shown: take the # away to change it, then run
# `sudo systemctl reload edge-enhance`, which refuses a wrong file and goes on as before. With a wrong file at the
# start the service ends with exit code 78 and stays down: `edge-enhance --check --config FILE` says what is wrong.
"""

SERVICE_VALUES: dict[str, Any] = {
    "source.uri": "camera:/dev/video0",
    "source.wait": True,
    "engine.models": "/var/lib/edge-enhance/models",
}
"""Where the service's file differs from the program's defaults.

A unit shows its camera, never the demo throat, and has a place for models that are installed.
"""


def default_config() -> str:
    """The text of the file."""
    return "\n".join([HEADER, *_lines()])


def _lines() -> Iterator[str]:
    tables = Config()
    for section in dataclasses.fields(tables):
        yield f"[{section.name}]"
        yield from _keys(section.name, getattr(tables, section.name))
        yield ""


def _keys(path: str, table: Any) -> Iterator[str]:
    for key in dataclasses.fields(table):
        dotted = f"{path}.{key.name}"
        value = SERVICE_VALUES.get(dotted, getattr(table, key.name))
        mark = "" if dotted in SERVICE_VALUES else "# "
        yield f"{mark}{key.name} = {toml_value(value)}  # {_explanation(key)}"


def _explanation(key: dataclasses.Field[Any]) -> str:
    limits = key.metadata
    text = str(limits["explain"])
    if limits["choices"]:
        return f"{text} ({', '.join(limits['choices'])})"
    if limits["low"] is not None and limits["high"] is not None:
        return f"{text} ({limits['low']} to {limits['high']})"
    return text
