"""A training's TOML file: one table a stage."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.errors import ConfigError
from edge.settings import from_table
from trainer.idm import IdmConfig
from trainer.isr import IsrConfig
from trainer.student import StudentTraining

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CONFIGS = Path(__file__).parent / "configs"


@dataclass(frozen=True)
class TrainerConfig:
    """All stages; a table that the file leaves out has its defaults."""

    idm: IdmConfig = field(default_factory=IdmConfig)
    isr: IsrConfig = field(default_factory=IsrConfig)
    student: StudentTraining = field(default_factory=StudentTraining)


def read_config(name: str, changes: Mapping[str, object] | None = None) -> TrainerConfig:
    """A config by path, or by the name of one in `trainer/configs`; files that it names are relative to it.

    Args:
        changes: values by dotted path that go before the file's; None leaves the file's.

    Raises:
        ConfigError: no such file, not TOML, or a wrong value (named by its dotted path).
    """
    path = Path(name) if name.endswith(".toml") else CONFIGS / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text())
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); shipped configs: {known}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML ({error})") from error
    for dotted, value in (changes or {}).items():
        if value is not None:
            _put(table, dotted.split("."), value)
    config = from_table(TrainerConfig, table, "", str(path))
    return replace(
        config,
        idm=replace(config.idm, vgg=_beside(path, config.idm.vgg)),
        isr=replace(config.isr, vgg=_beside(path, config.isr.vgg)),
    )


def _put(table: dict[str, Any], keys: list[str], value: object) -> None:
    *folders, last = keys
    for key in folders:
        table = table.setdefault(key, {})
    table[last] = value


def _beside(config: Path, named: str) -> str:
    """Where a file lies that the config names; an absolute path stays."""
    return str(config.parent / named) if named else ""
