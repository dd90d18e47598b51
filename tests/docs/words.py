"""Whether a command line would be taken: by its own parser, without doing what it says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import PurePosixPath
from typing import Any

import pytest

from edge.basics.texts import toml_from_text
from firmware_bridge.command_line import Parser
from tests.paths import REPOSITORY

SCRIPTS = toml_from_text((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
VARIABLES = set(re.findall(r"^VARIABLES = (.*)$", MAKEFILE, re.MULTILINE)[0].split())
OF_THE_REPOSITORY = (
    "docs",
    "edge",
    "export",
    "calib",
    "firmware_bridge",
    "trainer",
    "benchmarks",
    "tests",
    "requirements",
)
_OTHERS = """
. apt apt-get awk bash cat cd chgrp chmod cp curl docker echo export ffmpeg ffprobe find git gst-launch-1.0 install
jetson_clocks journalctl ls mkdir mosquitto_sub mv nginx nvpmodel openssl pip podman python python3 rm rsync scp sed
sha256sum sha512sum sleep ssh sudoedit systemctl tar tee test torchrun touch udevadm unzip usermod wget
"""
OTHERS = _OTHERS.split()
"""Programs of others that a page may name, whether they are on this machine or not."""


class Taken(BaseException):
    """A command line was parsed; its work does not begin."""


@contextmanager
def parsing_alone() -> Iterator[None]:
    """Commands end by `Taken` once their words are read."""

    def parse_args(self: Parser, args: Any = None, namespace: Any = None) -> Any:
        _, rest = self.parse_known_args(args, namespace)
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        raise Taken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Parser, "parse_args", parse_args)
        yield


def main_of(command: str) -> Callable[[list[str]], int]:
    module, function = SCRIPTS[command].split(":")
    main: Callable[[list[str]], int] = getattr(import_module(module), function)
    return main


def is_ours(words: list[str]) -> bool:
    return PurePosixPath(words[0]).name in SCRIPTS


def refusal(words: list[str], capsys: Any) -> tuple[int, str]:
    """Exit code and message of one of our commands; (0, "") where it takes the words."""
    capsys.readouterr()
    try:
        with parsing_alone():
            main_of(PurePosixPath(words[0]).name)(words[1:])
    except Taken:
        return 0, ""
    except SystemExit as end:
        return int(end.code or 0), capsys.readouterr().err
    return 0, capsys.readouterr().err


def fault_of(words: list[str], capsys: Any) -> str:
    """Why a command line of a page cannot be; empty where it can."""
    name = PurePosixPath(words[0]).name or words[0]
    absent = [word for word in words if _is_of_the_repository(word) and not list(REPOSITORY.glob(word.rstrip("/")))]
    if absent:
        return f"{absent[0]}: not in the repository"
    if is_ours(words):
        return refusal(words, capsys)[1]
    if name == "make":
        return _fault_of_make(words[1:])
    module = words[words.index("-m") + 1] if "-m" in words and name.startswith(("python", "torchrun")) else ""
    if module == "trainer":
        return refusal(["edge-train", *words[words.index("-m") + 2 :]], capsys)[1]
    if module.split(".")[0] in OF_THE_REPOSITORY:
        return _fault_of_module(module, words)
    is_known = name in OTHERS or "/" in words[0] or shutil.which(name)
    return "" if is_known else f"{words[0]}: no command; what is indented is commands, output stands in ```text"


def _is_of_the_repository(word: str) -> bool:
    return "/" in word and word.split("/")[0] in OF_THE_REPOSITORY and ":" not in word and "$" not in word


def _fault_of_make(words: list[str]) -> str:
    for word in words:
        known = VARIABLES if "=" in word else TARGETS
        if not word.startswith("-") and word.partition("=")[0] not in known:
            return f"make {word}: not in the Makefile"
    return ""


def _fault_of_module(module: str, words: list[str]) -> str:
    """Options of a module that is run by `python -m` stand in its file, or in those beside it."""
    path = REPOSITORY / module.replace(".", "/")
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    source = "".join(one.read_text(encoding="utf-8") for one in files if one.is_file())
    after = words[words.index(module) + 1 :]
    unknown = [word for word in after if word.startswith("--") and f'"{word.partition("=")[0]}"' not in source]
    return f"python -m {module}: {(unknown or ['no such module'])[0]}" if unknown or not source else ""
