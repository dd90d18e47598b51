"""From edge.toml and the command line to a configuration, and where each value of it came from."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.basics.errors import ConfigError
from edge.basics.hiding import remember_in, without_secrets
from edge.basics.secrets import shown_uri
from edge.basics.settings import from_table, settings_of
from edge.basics.texts import one_line, toml_from_text, toml_value
from edge.config import Config
from firmware_bridge.command_line import hint

DEFAULT_PATH = Path("/etc/edge-enhance/edge.toml")
"""Read where it exists and --config names no other file."""


@dataclass(frozen=True)
class Origins:
    """A configuration with the origin of each value.

    Attributes:
        origins: dotted path -> "default", a file's name or a command-line option.
    """

    config: Config
    origins: Mapping[str, str]

    def lines(self) -> Iterator[str]:
        """`section.key = value  # origin`, a line a value, valid TOML when read back; what is secret is `***`."""
        for one in settings_of(self.config):
            origin = one_line(self.origins.get(one.path, "default"))
            value = without_secrets(shown_uri(one.value)) if isinstance(one.value, str) else one.value
            yield f"{one.path} = {toml_value(value)}  # {origin}"


def load_config(path: Path | None, options: Mapping[str, tuple[str, Any]]) -> Origins:
    """Read the file, then lay the command line's options over it.

    Args:
        path: None reads /etc/edge-enhance/edge.toml where it exists.
        options: dotted path -> (name of the option, value).

    Raises:
        ConfigError: the file is missing, not TOML, or holds an unknown key, a wrong type or a value out of range.
    """
    origins: dict[str, str] = {}
    config = Config()
    if path is None and DEFAULT_PATH.exists():
        path = DEFAULT_PATH
    if path is not None:
        table = _read(path)
        config = from_table(Config, table, "", str(path))
        origins |= {f"{s}.{k}": str(path) for s, keys in table.items() for k in keys}
    for dotted, (option, value) in options.items():
        section, key = dotted.split(".")
        remember_in({key: value})
        part = from_table(type(getattr(config, section)), {key: value}, section, option)
        merged = dataclasses.replace(getattr(config, section), **{key: getattr(part, key)})
        config = dataclasses.replace(config, **{section: merged})
        origins[dotted] = option
    return Origins(config, origins)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name an existing file with --config") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not TOML ({error})") from error
    try:
        table = toml_from_text(text)
    except ValueError as error:
        raise ConfigError(f"{path}: not TOML ({error}){_of_slip(text, str(error))}") from error
    remember_in(table)
    return table


def _of_slip(text: str, error: str) -> str:
    """What to do about the two slips that a file copied together has; empty for any other."""
    at = re.search(r"at line (\d+)", error)
    if at is None:
        return ""
    line = text.splitlines()[int(at[1]) - 1].strip()
    if error.startswith("Cannot declare") and line in (lines := [one.strip() for one in text.splitlines()]):
        return f"; {line} stands in line {lines.index(line) + 1} already: put its keys there"
    if error.startswith("Invalid value"):
        key, _, value = line.partition("=")
        meant = hint(value.strip(), ("true", "false"))
        return f"; {key.strip()}: expected a number, true, false, or a text in quotation marks{meant}"
    return ""
