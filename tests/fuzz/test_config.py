"""edge.toml: a file is read whole, or refused in one line that names it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from edge.basics.settings import settings_of
from edge.calibration.file import read_calibration
from edge.config import Config, address_from_listen
from edge.config_file import load_config
from edge.models.profile import load_profile, profile_roots
from edge.sources.open import open_source
from tests.fuzz.harness import accepted, fuzz
from tests.fuzz.inputs import DEFAULTS, QUIET_SCHEMES, document
from tests.fuzz.mutations import STRANGE_TEXTS, damaged_text, noise

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


OPTIONS = [one.path for one in settings_of(Config()) if one.rules.option]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


def consumers(config: Config, folder: Path) -> Iterator[tuple[str, Any]]:
    """What a value is named by in a refusal, and what it is given to first."""
    yield "web.listen", lambda: address_from_listen(config.web.listen)
    if config.engine.profile != "live":  # that one is there, and takes longest to hash
        yield "", lambda: load_profile(config.engine.profile, profile_roots(config.engine.models))
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
    read_back: dict[str, Any] = {}
    for section, keys in tomllib.loads(printed).items():
        read_back |= {f"{section}.{key}": value for key, value in keys.items()}
    for dotted in DEFAULTS:
        section, key = dotted.split(".")
        value = getattr(getattr(origins.config, section), key)
        assert read_back[dotted] == (list(value) if isinstance(value, tuple) else value), dotted
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
    given = {dotted: ("--option", draw.choice(STRANGE_TEXTS)) for dotted in draw.sample(OPTIONS, 2)}
    accepted(outcomes, "--option", lambda: load_config(Path("/dev/null"), given))
    accepted(Counter(), "", lambda: address_from_listen(damaged_text("127.0.0.1:8080", draw)))


@fuzz("config", 2_000)
def test_noise(draw: Random, outcomes: Counter[str], folder: Path) -> None:
    tried(noise(draw), outcomes, folder)
