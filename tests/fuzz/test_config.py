"""edge.toml: a file is read whole, or refused in one line that names it."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from edge.artifact import load_artifact, profile_roots
from edge.calibration import read_calibration
from edge.config import Config, load_config
from edge.sinks.web import address_from_listen
from edge.sources.open import open_source
from tests.fuzz.harness import accepted, chance, fuzz
from tests.fuzz.mutations import STRANGE_NUMBERS, STRANGE_TEXTS, damaged_bytes, damaged_text, noise

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULTS = {
    f"{section.name}.{key.name}": getattr(section.default_factory(), key.name)
    for section in dataclasses.fields(Config)
    for key in dataclasses.fields(section.default_factory())
}
STRANGE_LITERALS = (
    "1e999", "-nan", "+inf", "0x" + "f" * 5000, "0b1", "0o7", "1_000", "9" * 400, "9" * 5000, "1979-05-27T07:32:00Z",
    "1979-05-27", "07:32:00", "[]", "{}", "{a=1}", '"""\na\n"""', "'''\na'''", '"\\u0000"', '"\\uD800"',
    '"\\U0010FFFF"', "true", "false", "nonsense", "", "\0",
)  # fmt: skip
QUIET_SCHEMES = ("demo", "rtsp", "http", "camera", "/dev")
"""What needs a device, the network or seconds to open is left to other tests."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


def literal(draw: Random, default: Any) -> str:
    """TOML for a value, the default's type more often than not."""
    kind = draw.randrange(8)
    if chance(draw, 0.005):
        return draw.choice(("[" * 3000 + "]" * 3000, "{a=" * 2000 + "1" + "}" * 2000))
    if kind < 2:
        return draw.choice(STRANGE_LITERALS)
    if kind == 2:
        return repr(draw.choice(STRANGE_NUMBERS)).lower()
    if kind == 3 and isinstance(default, str):
        return quoted(damaged_text(default, draw))
    if kind == 4:
        return quoted(draw.choice(STRANGE_TEXTS))
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, tuple):
        return (
            "["
            + ", ".join(str(draw.choice((0, 500, 1000, 1001, -1, 0.5, '"a"'))) for _ in range(draw.randrange(9)))
            + "]"
        )
    if isinstance(default, (int, float)):
        return str(draw.choice((default, default + 1, -default, default * 2, default / 2, draw.uniform(-10, 2000))))
    return quoted(default)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def document(draw: Random) -> bytes:
    """A configuration with some keys right and some not, in sections or dotted."""
    lines = []
    for dotted in draw.sample(list(DEFAULTS), draw.randrange(1, 6)):
        section, key = dotted.split(".")
        if chance(draw, 0.1):
            key = draw.choice((key[:-1], key + "s", quoted(draw.choice(STRANGE_TEXTS)), key.upper(), ""))
        if chance(draw, 0.05):
            section = draw.choice(("", "x", section[:-1], quoted(draw.choice(STRANGE_TEXTS)), f"[{section}]"))
        value = literal(draw, DEFAULTS[dotted])
        lines.append(draw.choice((f"{section}.{key} = {value}", f"[{section}]\n{key} = {value}")))
        if chance(draw, 0.03):
            lines.append(lines[-1])
    content = "\n".join(lines).encode("utf-8", "surrogatepass")
    return damaged_bytes(content, draw, 2) if chance(draw, 0.15) else content


def consumers(config: Config, folder: Path) -> Iterator[tuple[str, Any]]:
    """What a value is named by in a refusal, and what it is given to first."""
    yield "web.listen", lambda: address_from_listen(config.web.listen)
    if config.engine.profile != "live":  # that one is there, and takes longest to hash
        yield "", lambda: load_artifact(config.engine.profile, profile_roots(config.engine.models))
    if config.unit.calibration:
        yield "", lambda: read_calibration(Path(config.unit.calibration))
    if not config.source.uri.lower().lstrip().startswith(QUIET_SCHEMES):
        yield "", lambda: open_source(config.source.uri).close()
    yield "", lambda: config.save.path


def tried(content: bytes, outcomes: Counter[str], folder: Path) -> None:
    path = folder / "edge.toml"
    path.write_bytes(content)
    origins = accepted(outcomes, path, lambda: load_config(path, {}))
    if origins is None:
        return
    printed = "\n".join(origins.lines())
    told: dict[str, Any] = {}
    for section, keys in tomllib.loads(printed).items():
        told |= {f"{section}.{key}": value for key, value in keys.items()}
    for dotted in DEFAULTS:
        section, key = dotted.split(".")
        value = getattr(getattr(origins.config, section), key)
        assert told[dotted] == (list(value) if isinstance(value, tuple) else value), dotted
    for named, use in consumers(origins.config, folder):
        accepted(Counter(), named, use)


@fuzz("config", 60_000)
def test_documents(draw: Random, outcomes: Counter[str], folder: Path) -> None:
    tried(document(draw), outcomes, folder)


@fuzz("config", 3_000, st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode()))
def test_anything(draw: bytes, outcomes: Counter[str], folder: Path) -> None:
    tried(draw, outcomes, folder)


@fuzz("config", 5_000)
def test_options(draw: Random, outcomes: Counter[str]) -> None:
    """What comes from the command line's options."""
    options = ["source.uri", "engine.profile", "unit.serial", "unit.calibration", "web.listen"]
    given = {dotted: ("--option", draw.choice(STRANGE_TEXTS)) for dotted in draw.sample(options, 2)}
    accepted(outcomes, "--option", lambda: load_config(Path("/dev/null"), given))
    accepted(Counter(), "", lambda: address_from_listen(damaged_text("127.0.0.1:8080", draw)))


@fuzz("config", 2_000)
def test_noise(draw: Random, outcomes: Counter[str], folder: Path) -> None:
    tried(noise(draw), outcomes, folder)
