"""A training's TOML file: one table a stage."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge.basics.errors import ConfigError, UsageError
from edge.basics.settings import from_table, settings_of
from firmware_bridge.command_line import hint
from trainer.early import CONFIGS, config_path
from trainer.stages.idm import IdmConfig
from trainer.stages.isr import IsrConfig
from trainer.stages.student_config import StudentTraining
from trainer.stages.warm_start import WarmStartConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class TrainerConfig:
    """All stages; a table that the file leaves out has its defaults."""

    idm: IdmConfig = field(default_factory=IdmConfig)
    isr: IsrConfig = field(default_factory=IsrConfig)
    warm_start: WarmStartConfig = field(default_factory=WarmStartConfig)
    student: StudentTraining = field(default_factory=StudentTraining)


def read_config(name: str, changes: Mapping[str, object] | None = None, given: Sequence[str] = ()) -> TrainerConfig:
    """A config by path, or by the name of one in `trainer/configs`; files that it names are relative to it.

    Where it begins with `extends = "NAME"`, the config of that name beside it says what it does not.

    Args:
        changes: values by dotted path that go before the file's; None leaves the file's.
        given: the same as a person types them, "student.head=isr"; values as in TOML, words without quotes too.

    Raises:
        UsageError: one of `given` has no key, one that is not there, or no value.
        ConfigError: no such file, not TOML, or a wrong value (named by its dotted path).
    """
    path = config_path(name)
    table = _read_table(path)
    if base := table.pop("extends", ""):
        table = _merged(_read_table(path.parent / f"{base}.toml"), table)
    settings = [(f"--set {text}", *_setting_of(text)) for text in given]
    settings += [(f"--{dotted.rpartition('.')[2]}", dotted, value) for dotted, value in (changes or {}).items()]
    config = _config_of(str(path), table, [one for one in settings if one[2] is not None])
    return replace(
        config,
        idm=replace(config.idm, vgg=_beside(path, config.idm.vgg)),
        isr=replace(config.isr, vgg=_beside(path, config.isr.vgg)),
    )


def _config_of(path: str, table: dict[str, Any], settings: Sequence[tuple[str, str, object]]) -> TrainerConfig:
    """A file's table, changed by settings of (option, dotted path, value); what is wrong is told of its own origin."""
    changed = table
    for _, dotted, value in settings:
        changed = _merged(changed, _nested(dotted, value))
    try:
        return from_table(TrainerConfig, changed, "", path)
    except ConfigError:
        from_table(TrainerConfig, table, "", path)
        for option, dotted, value in settings:
            table = _merged(table, _nested(dotted, value))
            from_table(TrainerConfig, table, "", option)
        raise


def _read_table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        known = sorted(p.stem for p in CONFIGS.glob("*.toml"))
        told = f"shipped configs: {', '.join(known)}{hint(path.stem, known)}"
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); {told}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML ({error})") from error


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with what `over` says otherwise, table by table."""
    of = dict(base)
    for key, value in over.items():
        of[key] = _merged(of[key], value) if isinstance(value, dict) and isinstance(of.get(key), dict) else value
    return of


def _setting_of(text: str) -> tuple[str, object]:
    key, _, value = (part.strip() for part in text.partition("="))
    if not key or not value:
        raise UsageError(f"--set {text}: expected KEY=VALUE, such as student.head=isr")
    known = [one.path for one in settings_of(TrainerConfig())]
    if not any(f"{one}.".startswith(f"{key}.") for one in known):
        table = f"{key.rpartition('.')[0]}."
        beside = [one for one in known if one.startswith(table)] or known
        raise UsageError(f"--set {text}: no key {key}{hint(key, known) or '; expected one of ' + ', '.join(beside)}")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def _nested(dotted: str, value: object) -> dict[str, Any]:
    first, _, rest = dotted.partition(".")
    return {first: _nested(rest, value) if rest else value}


def _beside(config: Path, named: str) -> str:
    """Where a file lies that the config names; an absolute path stays."""
    return str(config.parent / named) if named else ""
