"""The program's configuration: one TOML file, every key with a default, and where each value came from."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.camera_head import BridgeConfig
from edge.engines.base import EngineConfig
from edge.errors import ConfigError
from edge.heat import HeatConfig
from edge.saver import SaveConfig
from edge.settings import from_table, setting
from edge.sinks.web import WebConfig
from edge.texts import one_line, toml_from_text, toml_value
from edge.unit import UnitConfig

DEFAULT_PATH = Path("/etc/edge-enhance/edge.toml")
"""Read where it exists and --config names no other file."""


@dataclass(frozen=True)
class SourceConfig:
    """Where the live picture comes from."""

    uri: str = setting("demo:", "camera:/dev/video0, demo:, rtsp://..., a clip, a picture or a folder")
    wait: bool = setting(
        False, "wait for a camera that is missing at the start, as the service does; otherwise exit 69"
    )


@dataclass(frozen=True)
class Config:
    """All of edge.toml. An empty file is a complete configuration."""

    source: SourceConfig = field(default_factory=SourceConfig)
    unit: UnitConfig = field(default_factory=UnitConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    web: WebConfig = field(default_factory=WebConfig)
    save: SaveConfig = field(default_factory=SaveConfig)
    bridge: BridgeConfig = field(default_factory=BridgeConfig)
    heat: HeatConfig = field(default_factory=HeatConfig)


@dataclass(frozen=True)
class Origins:
    """A configuration with the origin of each value.

    Attributes:
        origins: dotted path -> "default", a file's name or a command-line option.
    """

    config: Config
    origins: Mapping[str, str]

    def lines(self) -> Iterator[str]:
        """`section.key = value  # origin`, a line a value, valid TOML when read back."""
        for section in dataclasses.fields(self.config):
            table = getattr(self.config, section.name)
            for key in dataclasses.fields(table):
                dotted = f"{section.name}.{key.name}"
                origin = one_line(self.origins.get(dotted, "default"))
                yield f"{dotted} = {toml_value(getattr(table, key.name))}  # {origin}"


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
        part = from_table(type(getattr(config, section)), {key: value}, section, option)
        merged = dataclasses.replace(getattr(config, section), **{key: getattr(part, key)})
        config = dataclasses.replace(config, **{section: merged})
        origins[dotted] = option
    return Origins(config, origins)


def _read(path: Path) -> dict[str, Any]:
    try:
        return toml_from_text(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name an existing file with --config") from error
    except ValueError as error:
        raise ConfigError(f"{path}: not TOML ({error})") from error
