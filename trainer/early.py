"""What a command line names is looked at before torch is loaded, which takes seconds."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from edge.basics.errors import ConfigError, InputOutputError, UsageError
from firmware_bridge.command_line import hint

CONFIGS = Path(__file__).parent / "configs"
CHECKPOINTS = Path(__file__).parent / "checkpoints"


def config_path(name: str) -> Path:
    """The file of a config, named by its path or as one in `trainer/configs`.

    Raises:
        ConfigError: there is none; names the nearest, and those that are shipped.
    """
    path = Path(name) if name.endswith(".toml") else CONFIGS / f"{name}.toml"
    if not path.is_file():
        known = sorted(shipped.stem for shipped in CONFIGS.glob("*.toml"))
        wrong = "no such file" if name.endswith(".toml") else "no such config"
        near = hint(Path(name).stem, known)
        raise ConfigError(f"{name}: {wrong}{near or '; give a .toml file'}; shipped configs: {', '.join(known)}")
    return path


def checkpoint_path(path: Path | None, option: str, made_by: str) -> Path | None:
    """The file of weights that an option names; a bare word may name one that the trainer ships.

    Raises:
        InputOutputError: there is none.
    """
    if path is None or path.is_file():
        return path
    shipped = {file.stem: file for file in CHECKPOINTS.glob("*.safetensors")}
    if str(path) in shipped:
        return shipped[str(path)]
    words = f", or {' or '.join(sorted(shipped))} for the shipped weights" if shipped else ""
    near = hint(str(path), shipped) if path.name == str(path) else ""
    raise InputOutputError(f"{option} {path}: no such file{near}; give one of {made_by}{words}")


def check_files(named: Iterable[tuple[str, Path | None]]) -> None:
    """Raises InputOutputError where an option names a file that is not there."""
    for option, path in named:
        if path is not None and not path.is_file():
            wrong = "is a folder, expected a file" if path.is_dir() else "no such file"
            raise InputOutputError(f"{option} {path}: {wrong}{_beside(path)}")


def check_folders(named: Iterable[tuple[str, Path | None]]) -> None:
    """Raises InputOutputError where an option names a folder that is not there."""
    for option, path in named:
        if path is not None and not path.is_dir():
            wrong = "is a file, expected a folder" if path.exists() else "no such folder"
            raise InputOutputError(f"{option} {path}: {wrong}{_beside(path)}")


def _beside(path: Path) -> str:
    """The nearest name in the same folder."""
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        return ""
    return "" if path.name in names else hint(path.name, names)


def check_settings(given: Sequence[str], tables: Collection[str]) -> None:
    """Raises UsageError where one of `--set` has no key, no value, or begins with no table of a config."""
    for text in given:
        key, _, value = (part.strip() for part in text.partition("="))
        if not key or not value:
            raise UsageError(f"--set {text}: expected KEY=VALUE, such as student.head=isr")
        table = key.partition(".")[0]
        if table not in tables:
            near = hint(table, tables)
            raise UsageError(f"--set {text}: no table {table}{near}; expected one of {', '.join(sorted(tables))}")


class Renamed(argparse.Action):
    """An option's old name: refused with the new one."""

    def __init__(self, option_strings: Sequence[str], dest: str, *, const: str) -> None:
        """`const` says in words what to give in its place."""
        super().__init__(
            option_strings, dest, nargs="?", const=const, default=argparse.SUPPRESS, help=argparse.SUPPRESS
        )

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        parser.error(f"{option}: {self.const}")
