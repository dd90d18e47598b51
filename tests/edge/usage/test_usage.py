"""What is counted of the live picture, and what of it is kept."""

from __future__ import annotations

import csv
import io
import json
import stat
import time
from datetime import date, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.config import UsageConfig
from edge.engines.golden import golden_frame
from edge.frames.frame import Frame, FramePair
from edge.usage import watch as usage_watch
from edge.usage.command import main
from edge.usage.days import HIGHEST, MAX_STATES, NUM_BINS, NUM_DAYS, OTHERS, Days, read_days
from edge.usage.measures import Measures, measured
from edge.usage.watch import UsageWatch
from tests.doubles.waiting import GUARD_S

TODAY = date(2026, 11, 29)
SOME = Measures(0.42, 0.012, 0.1, "live")


def pair_of(image, enhanced=None):
    raw = Frame(np.ascontiguousarray(image), 1, time.monotonic_ns())
    return FramePair(raw, raw if enhanced is None else raw.enhanced(enhanced, "live", {}))


def fogged(image, share):
    return (image * (1 - share) + 235 * share).astype(np.uint8)


def test_fog_lifts_haze_and_blur_takes_sharpness():
    clear = golden_frame()
    figures = [measured(pair_of(fogged(clear, share)), "raw") for share in (0.0, 0.3, 0.6)]
    assert figures[0].haze < figures[1].haze < figures[2].haze
    assert figures[0].sharpness > figures[1].sharpness > figures[2].sharpness
    blurred = measured(pair_of(cv2.GaussianBlur(clear, (0, 0), 9)), "raw")
    assert blurred.sharpness < figures[0].sharpness / 2


def test_the_correction_is_how_much_was_changed_and_none_where_nothing_was():
    clear = golden_frame()
    untouched = measured(pair_of(clear), "live")
    assert (untouched.correction, untouched.state) == (None, "raw")  # whichever rung runs, nothing enhanced this one
    same = measured(pair_of(clear, clear), "live, bicubic")
    assert (same.correction, same.state) == (0, "live, bicubic")
    assert measured(pair_of(np.full_like(clear, 100), np.full_like(clear, 151)), "live").correction == pytest.approx(
        0.2
    )


def test_every_value_has_a_bin_and_every_second_a_state():
    days = Days()
    for haze in (-0.1, 0.0, 0.999, 1.0, 7.0):
        days.add(TODAY, Measures(haze, 0.05, None, "raw"), 1.0)
    day = days.days["2026-11-29"]
    assert day.bins["haze"][0] == 2
    assert day.bins["haze"][-1] == 3
    assert sum(day.bins["sharpness"]) == 5
    assert sum(day.bins["correction"]) == 0
    assert day.mean("correction") is None
    assert day.states == {"raw": 5.0}


def test_the_file_is_bounded_whatever_happens():
    days = Days()
    for number in range(NUM_DAYS + 50):
        for state in range(MAX_STATES + 5):
            days.add(TODAY + timedelta(number), Measures(0.4, 0.01, 0.1, f"rung {state}"), 1.0)
    assert len(days.days) == NUM_DAYS
    assert min(days.days) == (TODAY + timedelta(50)).isoformat()
    newest = days.days[max(days.days)]
    assert len(newest.states) == MAX_STATES + 1
    assert newest.states[OTHERS] == 5.0


def test_what_is_kept_is_read_again_and_is_its_owners(tmp_path):
    path = tmp_path / "usage" / "usage.json"
    days = Days()
    days.add(TODAY, SOME, 60.0)
    days.write(path)
    again = read_days(path)
    assert again.days == days.days
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert read_days(tmp_path / "none.json").days == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"format": 2, "days": {}}', b'{"format": 1, "days": {"monday": {}}}',
     b'{"format": 1, "days": {"2026-11-29": {"bins": {"haze": [1]}, "states": {}}}}', b"[" * 5000],
)  # fmt: skip
def test_a_file_that_is_none_of_ours_is_told_and_left(tmp_path, content):
    path = tmp_path / "usage.json"
    path.write_bytes(content)
    with pytest.raises(InputOutputError, match=r"usage\.json: no statistics of use"):
        read_days(path)
    watch = UsageWatch(UsageConfig(keep=True, file=str(path)), lambda: "live", lambda: TODAY)
    watch.start()
    watch.publish(pair_of(golden_frame()))
    time.sleep(0.2)
    watch.close()
    assert path.read_bytes() == content


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(usage_watch, "EVERY_S", 0.01)


def until(condition):
    end = time.monotonic() + GUARD_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def closed(watch):
    """It gives way to all else, so that on a busy machine it may write later than who ends it waits for."""
    watch.close()
    watch._thread.join(GUARD_S)


def test_a_running_unit_counts_and_keeps_what_it_counted(tmp_path, quick, monkeypatch):
    path, measured, looked_at = tmp_path / "usage.json", usage_watch.measured, []

    def noted(*pictures):
        found = measured(*pictures)
        looked_at.append(found)
        return found

    monkeypatch.setattr(usage_watch, "measured", noted)
    watch = UsageWatch(UsageConfig(keep=True, file=str(path)), lambda: "live", lambda: TODAY)
    watch.start()
    pair = pair_of(golden_frame(), golden_frame())
    for number in range(1, 6):
        watch.publish(pair)
        until(lambda number=number: len(looked_at) == number)
    closed(watch)
    (day,) = read_days(path).days.values()
    assert sum(day.bins["haze"]) == 5
    watch = UsageWatch(UsageConfig(keep=True, file=str(path)), lambda: "live", lambda: TODAY)
    watch.start()
    watch.publish(pair)
    until(lambda: len(looked_at) == 6)
    closed(watch)
    (more,) = read_days(path).days.values()
    assert sum(more.bins["haze"]) > sum(day.bins["haze"])


def test_nothing_is_looked_at_while_it_is_off(tmp_path, quick, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    watch = UsageWatch(UsageConfig(), lambda: "live", lambda: TODAY)
    monkeypatch.setattr(usage_watch, "measured", lambda *_: pytest.fail("it is off"))
    watch.start()
    watch.publish(pair_of(golden_frame()))
    time.sleep(0.1)
    watch.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_nothing_is_told_once(tmp_path, quick, caplog, monkeypatch):
    monkeypatch.setattr(usage_watch, "WRITE_EVERY_S", 0.0)
    blocked = tmp_path / "file"
    blocked.write_text("")
    watch = UsageWatch(UsageConfig(keep=True, file=str(blocked / "usage.json")), lambda: "live", lambda: TODAY)
    watch.start()
    for _ in range(10):
        watch.publish(pair_of(golden_frame()))
        time.sleep(0.03)
    watch.close()
    assert sum("statistics of use are not kept" in line for line in caplog.messages) <= 1


def settings(tmp_path: Path) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(f"[usage]\nkeep = true\nfile = {json.dumps(str(tmp_path / 'usage.json'))}\n")
    return path


def test_the_command_draws_a_line_a_day(tmp_path, capsys):
    days = Days()
    for number in range(3):
        days.add(TODAY + timedelta(number), SOME, 3600.0)
    days.add(TODAY, Measures(0.9, 0.001, None, "raw"), 1200.0)
    days.write(tmp_path / "usage.json")
    assert main(["--config", str(settings(tmp_path)), "--days", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["2026-11-30", "2026-12-01"]
    assert "live 100% of 1.0 h" in lines[-1]
    assert "0.425" in lines[-1]


def test_the_command_gives_every_bin_as_csv(tmp_path, capsys):
    days = Days()
    days.add(TODAY, SOME, 60.0)
    days.write(tmp_path / "usage.json")
    assert main(["--config", str(settings(tmp_path)), "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == len(HIGHEST) * NUM_BINS + 1
    assert sum(int(row["count"]) for row in rows if row["figure"] == "haze") == 1
    assert rows[-1] == {"day": "2026-11-29", "figure": "seconds", "from": "live", "to": "", "count": "60"}


@pytest.mark.parametrize(
    ("words", "text", "code"),
    [([], "usage.keep is false", 2), (["--days", "0"], "--days 0: expected 1 or more", 2)],
)
def test_what_cannot_be_is_one_line(tmp_path, capsys, words, text, code):
    empty = tmp_path / "edge.toml"
    empty.write_text("")
    assert main(["--config", str(empty), *words]) == code
    told = capsys.readouterr().err
    assert text in told
    assert told.count("\n") == 1
