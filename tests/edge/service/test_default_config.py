"""The configuration file that the installation writes."""

import dataclasses
import re
from pathlib import Path

from edge.basics.settings import settings_of
from edge.config import Config
from edge.config_file import load_config
from edge.service.default_config import SERVICE_VALUES, default_config
from edge.service.files import STATE_FOLDER


def loaded(tmp_path, text):
    path = tmp_path / "edge.toml"
    path.write_text(text)
    return load_config(path, {}).config


def flat(config):
    return {
        f"{section.name}.{key.name}": getattr(getattr(config, section.name), key.name)
        for section in dataclasses.fields(config)
        for key in dataclasses.fields(getattr(config, section.name))
    }


def test_it_is_the_defaults_but_for_what_a_service_needs(tmp_path):
    read = flat(loaded(tmp_path, default_config()))
    assert read == flat(Config()) | SERVICE_VALUES
    assert read["source.wait"] is True and read["source.uri"].startswith("camera:")
    assert Path(read["engine.models"]).parent == STATE_FOLDER, "or no model could be installed"


def test_every_key_is_there_with_its_default_when_its_mark_is_taken_away(tmp_path):
    text = re.sub(r"^# (?=\w+ = )", "", default_config(), flags=re.MULTILINE)
    assert len(re.findall(r"^\w+ = ", text, flags=re.MULTILINE)) == len(flat(Config()))
    assert flat(loaded(tmp_path, text)) == flat(Config()) | SERVICE_VALUES


def test_every_key_is_explained():
    for line in default_config().splitlines():
        if " = " in line:
            assert re.search(r"  # \S", line), line


def test_what_a_reload_does_not_take_is_marked():
    marked = set()
    section = ""
    for line in default_config().splitlines():
        section = line.strip("[]") if line.startswith("[") else section
        if line.endswith("restart)"):
            marked.add(f"{section}.{line.removeprefix('# ').split(' = ')[0]}")
    assert marked == {one.path for one in settings_of(Config()) if not one.rules.live}


def test_ranges_are_told():
    assert re.search(r"^# jpeg_quality = 85  # .*\(30 to 100\)$", default_config(), re.MULTILINE)
    assert re.search(r'^# heater = "auto"  # .*\(auto, off; restart\)$', default_config(), re.MULTILINE)
