"""SIGHUP: a configuration is taken whole or not at all."""

import dataclasses
import threading
from concurrent.futures import Future

import pytest

from edge import reload as reload_module
from edge.basics.errors import ConfigError, DeviceMissing, ModelError
from edge.basics.settings import settings_of
from edge.config import Config
from edge.config_file import load_config
from edge.guard.order import engine_setup
from edge.guard.standby import Preparation
from edge.reload import Reload, changed_keys
from tests.doubles.waiting import GUARD_S


class Unit:
    """A running unit whose parts write down what they are asked."""

    def __init__(self, path, **errors):
        self.path, self.errors, self.done = path, errors, []
        self.setup = engine_setup(Config())
        self.config = load_config(path, {}).config
        self.reload = Reload(
            lambda: load_config(path, {}).config,
            self.config,
            None,
            self,
            self,
            takers=[self._take],
            on_begin=lambda: self.done.append("begin"),
            on_end=lambda: self.done.append("end"),
        )

    def prepare(self, setup):
        self.done.append(f"prepare {setup.rungs[0].title}")
        wished = Preparation(setup)
        wished.commit, wished.cancel = lambda: self.done.append("commit"), lambda: self.done.append("cancel")
        wished.settle(self.errors.get("engine"))
        return wished

    def replace(self, order):
        self.done.append(f"replace {order.uri}")
        asked = Future()
        if "source" in self.errors:
            asked.set_exception(self.errors["source"])
        else:
            asked.set_result(None)
        return asked

    def _take(self, config):
        self.config = config
        self.done.append("take")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text("")
    return path


def outcome(unit, text):
    unit.path.write_text(text)
    unit.reload.run()
    return unit.reload.outcome()


def test_what_changed_is_taken(path):
    unit = Unit(path)
    record = outcome(unit, '[web]\njpeg_quality = 70\n[save]\nfolder = "/data"\n')
    assert (record["ok"], record["count"], record["reason"]) == (True, 1, "")
    assert unit.done == ["begin", "take", "end"]
    assert unit.config.web.jpeg_quality == 70


OTHER_VALUES = {
    "source.uri": "'demo:?seed=3'", "source.wait": "true", "source.fit": "'pad'",
    "source.controls": "['gain=3']",
    "source.password_file": "'/none'", "source.ca": "'/none'", "source.camera_clock": "false",
    "unit.serial": "'B-2'", "unit.calibration": None,
    "engine.profile": None, "engine.threads": "2", "engine.models": "'/none'", "engine.keys": "''",
    "engine.backend": "'cpu'",
    "engine.engines": "'/none'", "engine.precision": "'fp32'",
    "enhance.strength": "0.5", "web.listen": "'127.0.0.1:81'", "web.users": "'/none'",
    "web.certificate": "'/none'", "web.key": "'/none'", "web.insecure": "true", "web.idle_minutes": "5",
    "web.session_hours": "5", "web.transports": "['mjpeg']", "web.jpeg_quality": "50",
    "web.names": "['camera.example']", "web.proxies": "['127.0.0.1']", "web.streams": "9",
    "web.streams_per_address": "2", "display.on": "true", "display.sink": "'kmssink'",
    "video.webrtc": "false", "video.webrtc_ports": "[50000, 50031]",
    "video.rtsp": "'127.0.0.1:8554'", "video.encoder": "'x264enc'", "video.kbits": "4000", "video.width": "1280",
    "audit.file": "'/none'", "audit.size_mib": "5", "save.folder": "'/none'",
    "save.limit_gib": "3.5", "recording.views": "['raw']", "recording.fps": "15", "recording.minutes": "5",
    "recording.before_s": "10", "recording.before_mib": "50", "session.idle_hours": "3",
    "privacy.key": "'/none'", "privacy.old_keys": "['/none']", "privacy.retention_days": "30",
    "pacs.host": "'pacs.example'", "pacs.port": "4242", "pacs.ae_title": None, "pacs.own_ae_title": "'UNIT'",
    "pacs.tls": "true", "pacs.ca": "'/none'", "pacs.certificate": "'/none'", "pacs.key": "'/none'",
    "pacs.timeout_s": "20", "pacs.commitment": "false", "pacs.listen": "'127.0.0.1:11112'",
    "pacs.stow": "'https://pacs.example/dicom-web'", "pacs.user": None, "pacs.password_file": None,
    "pacs.token_file": "'/none'", "pacs.folder": "'/none'",
    "worklist.host": "'ris.example'", "worklist.port": "4242", "worklist.ae_title": "'RIS'",
    "worklist.own_ae_title": "'UNIT'", "worklist.tls": "true", "worklist.ca": "'/none'",
    "worklist.certificate": "'/none'", "worklist.key": "'/none'", "worklist.timeout_s": "20",
    "worklist.station": "'ENT1'", "worklist.modality": "'XC'", "worklist.days": "3", "worklist.mpps": None,
    "worklist.character_set": "'ISO_IR 100'",
    "usage.keep": "true", "usage.file": "'/none'",
    "bridge.port": "'auto'", "bridge.baud": "1_000_000", "bridge.keys": "'/none'",
    "bridge.led_permille": "[1]",
    "bridge.led_limit_permille": "10", "bridge.heater": "'off'", "bridge.dew_margin_celsius": "3.0",
    "bridge.sync_delay_us": "5",
    "heat.warm_celsius": "50", "heat.hot_celsius": "99", "heat.ignore_zones": "[]",
}  # fmt: skip
"""Key -> another value; None where that needs files or other settings: these have tests of their own."""
WANT_RESTART = {
    "source.wait", "web.listen", "web.users", "web.certificate", "web.key", "web.insecure", "web.idle_minutes",
    "web.session_hours", "web.transports", "web.names", "web.proxies", "web.streams", "web.streams_per_address",
    "display.on", "display.sink",
    "video.webrtc", "video.webrtc_ports", "video.rtsp", "video.encoder",
    "audit.file", "audit.size_mib", "bridge.port", "bridge.baud", "bridge.keys",
    "bridge.led_permille",
    "bridge.led_limit_permille", "bridge.heater", "bridge.dew_margin_celsius", "bridge.sync_delay_us",
    "privacy.key", "privacy.old_keys",
}  # fmt: skip


def test_the_rows_are_for_every_setting():
    assert [*OTHER_VALUES] == [one.path for one in settings_of(Config())]


@pytest.mark.parametrize("key", [key for key, value in OTHER_VALUES.items() if value is not None])
def test_a_setting_is_taken_or_refused_as_its_rules_say(path, key):
    unit = Unit(path)
    record = outcome(unit, f"{key} = {OTHER_VALUES[key]}")
    assert record["ok"] == (key not in WANT_RESTART), record["reason"]
    assert ("take" in unit.done) == record["ok"]
    if key in WANT_RESTART:
        assert record["reason"] == f"{key}: changes only with a restart: systemctl restart edge-enhance"


@pytest.mark.parametrize("line", ["fit = 'pad'", "controls = ['exposure=120']", "ca = '/none'"])
def test_another_way_to_open_the_camera_opens_it_again(path, line):
    unit = Unit(path)
    assert outcome(unit, f"[source]\n{line}\n")["ok"]
    assert "replace demo:" in unit.done


def test_another_engine_is_proven_first_and_committed_last(path):
    unit = Unit(path)
    outcome(unit, '[engine]\nbackend = "cpu"\n[source]\nuri = "demo:?seed=3"\n')
    steps = ["prepare live on the CPU", "replace demo:?seed=3", "commit", "take"]
    assert unit.done == ["begin", *steps, "end"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[web", "not TOML", id="not TOML"),
        pytest.param("[web]\nquality = 3", "did you mean", id="unknown key"),
        pytest.param("[web]\njpeg_quality = 3000", "expected a whole number from 30 to 100", id="out of range"),
        pytest.param('[engine]\nprofile = "none"', "not found", id="no such profile"),
        pytest.param('[unit]\ncalibration = "/none/unit.calib"', "/none/unit.calib", id="no such calibration"),
        pytest.param('[web]\nlisten = "0.0.0.0:80"', "web.listen: changes only with a restart", id="another address"),
        pytest.param('[bridge]\nport = "auto"', "bridge.port: changes only with a restart", id="another head"),
    ],
)
def test_a_wrong_file_is_refused_whole_and_in_one_line(path, text, message):
    unit = Unit(path)
    before = unit.config
    record = outcome(unit, "[save]\nfolder = '/other'\n" + text)
    assert not record["ok"]
    assert message in record["reason"]
    assert "\n" not in record["reason"]
    assert (unit.config, unit.done) == (before, ["begin", "end"])


@pytest.mark.parametrize(
    ("errors", "steps"),
    [
        ({"engine": ModelError("golden frame")}, ["prepare live on the CPU", "cancel"]),
        ({"source": DeviceMissing("gone")}, ["prepare live on the CPU", "replace demo:?seed=3", "cancel"]),
    ],
)
def test_what_cannot_be_opened_leaves_everything_as_it_is(path, errors, steps):
    unit = Unit(path, **errors)
    record = outcome(unit, '[engine]\nbackend = "cpu"\n[source]\nuri = "demo:?seed=3"\n')
    assert not record["ok"]
    assert unit.done == ["begin", *steps, "end"]


def test_a_source_that_does_not_open_in_time_is_asked_for_no_longer(path, monkeypatch):
    monkeypatch.setattr(reload_module, "OPENING_S", -10.0)
    unit, asked = Unit(path), Future()
    unit.replace = lambda order: asked
    record = outcome(unit, '[source]\nuri = "demo:?seed=3"\n')
    assert record["reason"] == "the new source did not open in time"
    assert asked.cancelled(), "or it would be opened though the configuration was not taken"


def test_after_a_refusal_the_next_one_is_held_to_what_is_in_use(path):
    unit = Unit(path, source=DeviceMissing("gone"))
    outcome(unit, '[source]\nuri = "demo:?seed=3"\n')
    unit.errors.clear()
    record = outcome(unit, '[source]\nuri = "demo:?seed=3"\n')
    assert (record["ok"], record["count"]) == (True, 2)
    assert unit.done.count("replace demo:?seed=3") == 2


def test_a_signal_is_worked_off_by_the_watch_one_at_a_time(path):
    unit = Unit(path)
    unit.reload.tick(0)
    assert unit.reload.outcome() is None
    unit.reload.request(1, None)
    unit.reload.tick(0)
    for thread in threading.enumerate():
        if thread.name == "reload":
            thread.join(GUARD_S)
    unit.reload.tick(0)
    assert unit.reload.outcome()["count"] == 1


def test_keys_are_compared_one_by_one():
    other = dataclasses.replace(Config(), web=dataclasses.replace(Config().web, jpeg_quality=50))
    assert changed_keys(Config(), other) == ["web.jpeg_quality"]


def test_a_profile_by_itself_leaves_all_else_as_it_is(path):
    unit = Unit(path)
    unit.reload.use_profile("live-fast").result(GUARD_S)
    assert unit.done == ["prepare live-fast", "commit"], "nothing is taken over that the page may have changed"
    unit.setup = None
    assert outcome(unit, "")["ok"]
    steps = ["begin", "prepare live", "commit", "take", "end"]
    assert unit.done[2:] == steps, "a reload goes back to what the file says"


@pytest.mark.parametrize(
    ("name", "errors", "reason"),
    [("none", {}, "not found"), ("live-fast", {"engine": ModelError("golden frame")}, "golden frame")],
)
def test_a_profile_that_cannot_run_changes_nothing(path, name, errors, reason):
    unit = Unit(path, **errors)
    with pytest.raises(ModelError, match=reason):
        unit.reload.use_profile(name).result(GUARD_S)
    assert "commit" not in unit.done


def test_two_changes_do_not_come_in_between_each_other(path):
    unit = Unit(path)
    ready = threading.Event()

    def prepare(setup):
        ready.set()
        return wished

    wished = Preparation(unit.setup)
    unit.prepare = prepare
    first = unit.reload.use_profile("live-fast")
    assert ready.wait(GUARD_S)
    with pytest.raises(ConfigError, match="another change is under way"):
        unit.reload.use_profile("live-fast").result(GUARD_S)
    wished.settle()
    first.result(GUARD_S)
