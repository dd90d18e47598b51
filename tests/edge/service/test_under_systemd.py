"""The program as a service under a real systemd: installed, started, reloaded, stopped, killed, refused, removed."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # a container boots and the service lives through a day in it: half a minute


@pytest.fixture(scope="module")
def seen(seen_inside):
    """What `inside_container.py` wrote down."""
    seen = seen_inside(Path(__file__).with_name("inside_container.py"))
    assert "error" not in seen, f"{seen['error']}\n{seen['last']}\n{messages(seen)}"
    return seen


def messages(seen):
    return "\n".join(str(entry["MESSAGE"]) for entry in seen["journal"])


def test_it_is_installed_and_enabled(seen):
    assert seen["install"]["rc"] == 0, seen["install"]
    assert "ran        systemctl enable edge-enhance.service" in seen["install"]["out"]
    assert 'uri = "camera:/dev/video0"' in seen["default_config"]


def test_it_gets_ready_and_says_what_it_does(seen):
    assert seen["start"]["rc"] == 0, seen["start"]
    assert (seen["started"]["ActiveState"], seen["started"]["SubState"]) == ("active", "running")
    assert seen["started"]["StatusText"]
    assert seen["health"]["frames"] > 0, "ready before the first picture"


def test_it_is_its_own_user_without_any_capability(seen):
    ids = set(seen["user"]["Uid"].split())
    assert len(ids) == 1 and ids != {"0"}
    assert len(seen["user"]["Groups"].split()) == 4  # its own, video, dialout, render
    assert int(seen["user"]["CapBnd"], 16) == 0
    assert seen["state_folder"] == "edge-enhance 750"


def test_a_reload_keeps_the_process(seen):
    for name in ("reload", "bad_reload"):
        assert seen[name]["ActiveState"] == "active"
        assert seen[name]["MainPID"] == seen["started"]["MainPID"]
    assert seen["reload"]["health"]["reload"]["ok"] is True


def test_the_engines_process_is_closed_off_under_the_unit_too(seen):
    ladder = seen["bad_reload"]["health"]["ladder"]
    assert (ladder["engine_pid"] is not None, ladder["engine_not_held"]) == (True, [])


def test_a_wrong_configuration_is_refused_and_the_picture_goes_on(seen):
    reload = seen["bad_reload"]["health"]["reload"]
    assert reload["ok"] is False
    assert "web.jpeg_quality = 5" in reload["reason"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        pytest.param("stopped", "Failed with result 'watchdog'", id="silent"),
        pytest.param("killed", "Failed with result 'signal'", id="killed"),
    ],
)
def test_it_is_started_again(seen, how, message):
    before, after = seen[how]["before"], seen[how]["after"]
    assert (before["ActiveState"], after["ActiveState"]) == ("active", "active")
    assert after["MainPID"] != before["MainPID"]
    assert int(after["NRestarts"]) == int(before["NRestarts"]) + 1
    assert message in messages(seen)


def test_it_is_reached_from_the_network_with_a_certificate_of_its_own(seen):
    assert seen["token"]["rc"] == 0, seen["token"]
    assert (seen["open_start"]["rc"], seen["open"]["ActiveState"]) == (0, "active"), seen["open_journal"]
    assert "certificate: SHA-256 " in seen["open_journal"]


def test_where_a_silent_program_hung_is_in_the_journal(seen):
    assert "Fatal Python error: Aborted" in messages(seen)


def test_on_a_wrong_configuration_it_is_not_started_again(seen):
    before, after = seen["refused"]["before"], seen["refused"]["after"]
    assert (after["ActiveState"], after["ExecMainStatus"]) == ("failed", "78")
    assert int(after["NRestarts"]) == int(before["NRestarts"]) + 1  # after the kill, and never since


def test_the_journal_has_fields(seen):
    own = [entry for entry in seen["journal"] if entry.get("SYSLOG_IDENTIFIER") == "edge-enhance"]
    assert any(entry.get("EDGE_PART") == "source" and entry.get("EDGE_STATE") == "ok" for entry in own)
    assert any("CODE_FUNC" in entry and entry["LOGGER"] == "edge.health.record" for entry in own)
    assert all(entry["PRIORITY"] in "234567" for entry in own)
    (refused,) = {e["MESSAGE"] for e in own if e["PRIORITY"] == "3" and e["MESSAGE"].startswith("edge-enhance: ")}
    assert "web.jpeg_quality = 5" in refused
    assert "Traceback" not in messages(seen)


def test_it_runs_on_a_read_only_root(seen):
    assert seen["read_only_mount"]["rc"] == 0, seen["read_only_mount"]
    assert seen["read_only_start"]["rc"] == 0, seen["read_only_start"]
    assert seen["read_only"]["ActiveState"] == "active"
    assert seen["read_only"]["health"]["frames"] > 0


def test_uninstall_leaves_what_was_changed_and_saved(seen):
    assert seen["uninstall"]["rc"] == 0, seen["uninstall"]
    assert seen["left"] == ["/etc/edge-enhance"]  # with the configuration that was changed
    assert seen["unit_after"] == "not-found"
