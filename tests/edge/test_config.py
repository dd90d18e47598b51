"""Configuration: defaults, origins and errors that name the dotted path."""

import pytest

from edge.basics.errors import ConfigError
from edge.basics.settings import settings_of
from edge.basics.texts import toml_from_text
from edge.config import Config
from edge.config_file import load_config

BEFORE = """
[source]
uri = "camera:/dev/video0?fps=30"
wait = true
[unit]
serial = "A-1"
calibration = "/var/lib/edge-enhance/unit.calib"
[engine]
profile = "miinet"
threads = 3
models = "/var/lib/edge-enhance/models"
backend = "tensorrt"
engines = "/data/engines"
precision = "int8"
[web]
listen = "[::1]:8081"
jpeg_quality = 70
[save]
folder = "/data/pictures"
[bridge]
port = "auto"
baud = 1000000
led_permille = [600, 500, 400, 300]
led_limit_permille = 800
heater = "off"
dew_margin_celsius = 3.5
sync_delay_us = 120
[heat]
warm_celsius = 70
hot_celsius = 80.5
ignore_zones = ["PMIC-Die"]
"""
"""Every key of the first edge.toml that units have, none with its default; no line of it may ever be taken away."""


def load(tmp_path, text, options=None):
    path = tmp_path / "edge.toml"
    path.write_text(text)
    return load_config(path, options or {})


def test_an_empty_file_is_complete(tmp_path):
    assert load(tmp_path, "").config == load_config(None, {}).config


def test_a_file_of_the_version_before_is_read_with_every_key(tmp_path):
    read = {one.path: one.value for one in settings_of(load(tmp_path, BEFORE).config)}
    expected_text = {f"{s}.{k}": value for s, keys in toml_from_text(BEFORE).items() for k, value in keys.items()}
    defaults = {one.path: one.value for one in settings_of(Config())}
    assert len(expected_text) == 23
    for path, value in expected_text.items():
        assert read[path] == (tuple(value) if isinstance(value, list) else value), path
        assert read[path] != defaults[path], "a default would be read though the key were ignored"


@pytest.mark.parametrize("one", [*settings_of(Config())], ids=lambda one: one.path)
def test_every_setting_is_explained_and_every_number_has_both_limits(one):
    assert one.rules.explain
    if one.kind in (int, float):
        assert one.rules.low is not None and one.rules.high is not None
        assert one.rules.low <= one.value <= one.rules.high
    assert bool(one.rules.option) == bool(one.rules.modes), "an option is for some mode, and a mode for an option"


def test_command_line_wins_over_the_file_and_origins_say_so(tmp_path):
    read = load(
        tmp_path,
        '[source]\nuri = "clip.mp4"\n[engine]\nthreads = 3\n',
        {"source.uri": ("--source", "demo:?seed=2")},
    )
    assert read.config.source.uri == "demo:?seed=2"
    assert read.config.engine.threads == 3
    lines = list(read.lines())
    assert 'source.uri = "demo:?seed=2"  # --source' in lines
    assert f"engine.threads = 3  # {tmp_path / 'edge.toml'}" in lines
    assert 'engine.profile = "live"  # default' in lines


def test_printed_config_reads_back(tmp_path):
    text = '[source]\nuri = "a\\"b\\\\c"\n[web]\njpeg_quality = 70\n'
    first = load(tmp_path, text)
    assert load(tmp_path, "\n".join(first.lines())).config == first.config


@pytest.mark.parametrize(
    "text, expected_text",
    [
        pytest.param("[engin]\nthreads = 1", ["[engin]", "unknown key", "'engine'"], id="unknown section"),
        pytest.param("[web]\n[unit]\n[web]", ["[web] stands in line 1 already"], id="section twice"),
        pytest.param("[web]\ninsecure = Ture", ["insecure", "quotation marks", "'true'"], id="neither text nor number"),
        pytest.param('[source]\ncontrols = ["gian=1"]', ["'gian=1'", "did you mean 'gain'?"], id="misspelt control"),
        pytest.param("[engine]\nthread = 1", ["engine.thread = 1", "'threads'"], id="misspelt key"),
        pytest.param("[engine]\nthreads = '2'", ["engine.threads = '2'", "whole number from 0 to 256"], id="type"),
        pytest.param("[engine]\nthreads = true", ["engine.threads = True", "whole number"], id="boolean as number"),
        pytest.param("[web]\njpeg_quality = 5", ["web.jpeg_quality = 5", "30", "100"], id="range"),
        pytest.param("engine = 3", ["engine = 3", "[engine]"], id="value for a table"),
        pytest.param("[engine", ["not TOML"], id="syntax"),
        pytest.param("a = " + "[" * 3000 + "]" * 3000, ["not TOML", "nested too deep"], id="endless nesting"),
        pytest.param("engine.threads = " + "9" * 5000, ["not TOML"], id="endless number"),
        pytest.param("engine.threads = 0x" + "f" * 5000, ["engine.threads = a int too large"], id="number beyond repr"),
        pytest.param("bridge.dew_margin_celsius = 1" + "0" * 400, ["from 0.5 to 6"], id="number beyond float"),
        pytest.param('source.uri = "a\\u0000b"', ["source.uri = 'a\\x00b'", "control"], id="control character"),
        pytest.param("bridge.led_permille = [1, 1, 1, 1, 1]", ["expected a list of at most 4"], id="too many lights"),
        pytest.param('"a\\nb" = 1', ["a\\nb = 1", "unknown key"], id="line in a key"),
    ],
)
def test_bad_files_are_told_in_one_line(tmp_path, text, expected_text):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    assert str(tmp_path / "edge.toml") in message
    for part in expected_text:
        assert part in message


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml"):
        load_config(tmp_path / "none.toml", {})


def test_values_with_quotes_and_backslashes_read_back(tmp_path):
    origins = load_config(None, {"unit.serial": ("--unit", 'A "1" \\ ö'), "source.uri": ("--source", "demo:")})
    (tmp_path / "again.toml").write_text("\n".join(origins.lines()))
    assert load_config(tmp_path / "again.toml", {}).config == origins.config


@pytest.mark.parametrize("text", ["gain", "gain=", "gain=much", "gain=nan", "zoom=3", "=3"])
def test_a_setting_of_the_camera_that_is_none_is_named(tmp_path, text):
    path = tmp_path / "edge.toml"
    path.write_text(f"[source]\ncontrols = ['exposure=120', '{text}']\n")
    with pytest.raises(ConfigError, match=f"source.controls = '{text}': expected name=number, each once, of auto_ex"):
        load_config(path, {})
