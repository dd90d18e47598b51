"""Which files a folder stands for, what is left out, and that every name is possible."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge.batch.names import output_names
from edge.batch.plan import plan
from edge.pictures.marks import mode_of_file

if TYPE_CHECKING:
    from tests.doubles.files_bench import Bench

ODD = [b"caf\xe9", b"line\nbreak", b"-dash", b"~name", b"~", b"a:b", b"tab\there", b"%d"]
ODD += [b"x" * 247, "\u00e9".encode() * 120]
"""Names without their ending; of 251 bytes and 244 with it."""


@pytest.mark.parametrize("name", ODD)
def test_every_name_is_possible_and_costs_no_other_file(bench: Bench, name: bytes) -> None:
    other = bench.picture("other.png")
    path = Path(os.fsdecode(os.fsencode(bench.originals) + b"/" + name + b".png"))
    path.write_bytes(other.read_bytes())
    report = bench.run()
    assert sorted(report.done) == sorted([path, other]) and report.exit_code == 0
    assert len(bench.written()) == 6
    assert all(len(os.fsencode(written)) < 255 - len(".edge.part") for written in bench.written())
    assert {mode_of_file(bench.output / written) for written in bench.written() if written.endswith(".png")} == {
        "raw", "enhanced",
    }  # fmt: skip


def test_a_clip_whose_name_is_not_utf_8_is_made_among_others(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    path, other = bench.clip(num_frames=3), bench.picture()
    path = path.rename(os.fsdecode(os.fsencode(bench.originals) + b"/caf\xe9\n.avi"))
    assert bench.run().done == [path, other]
    assert caplog.messages and all(message.isprintable() for message in caplog.messages)
    assert os.fsdecode(b"caf\xe9\n-enhanced.mp4") in bench.written()


def test_a_name_that_no_disk_takes_fails_alone(bench: Bench) -> None:
    other = bench.picture()
    report = bench.run(Path("y" * 300 + ".png"), Path("~nobody-has-this-home/x.png"), Path("a\0b.png"), other)
    assert (report.done, len(report.failed), report.exit_code) == ([other], 3, 1)
    assert all("\n" not in str(failure.error) for failure in report.failed)


def test_a_long_name_keeps_its_beginning_and_differs_from_its_like() -> None:
    long = "z" * 230
    first, second = output_names([(Path(f"{long}1.png"), "picture"), (Path(f"{long}2.png"), "picture")])
    assert first != second and first.startswith("z" * 150) and len(first) <= 210


def links_that_loop(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "back").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "self.png").symlink_to("self.png")


def test_folders_are_entered_when_asked_and_never_twice(bench: Bench) -> None:
    links_that_loop(bench.originals)
    bench.picture("top.png")
    (bench.originals / "deep" / "inner.png").write_bytes((bench.originals / "top.png").read_bytes())
    (bench.originals / "notes.HEYC").touch()
    flat = plan([bench.originals], bench.output)
    assert [job.piece.path.name for job in flat.jobs] == ["top.png"]
    assert flat.left_out == {".heyc": 1, "broken link": 2, "subfolder": 1}
    whole = plan([bench.originals], bench.output, recursive=True)
    assert [job.piece.path.name for job in whole.jobs] == ["top.png", "inner.png"]
    assert whole.left_out == {".heyc": 1, "broken link": 2}


def test_results_inside_the_input_are_not_taken_again(bench: Bench) -> None:
    bench.output = bench.originals / "out"
    bench.picture()
    bench.run(recursive=True)
    planned = plan([bench.originals], bench.output, recursive=True)
    assert [job.piece.path.name for job in planned.jobs] == ["throat.png"]
    others = plan([bench.originals], bench.originals / "elsewhere", recursive=True)
    assert others.left_out == {"enhanced already": 1}


def test_the_summary_says_what_was_left_out_and_changed(bench: Bench) -> None:
    bench.picture(size=(80, 60))
    (bench.originals / "notes.txt").touch()
    (bench.originals / "inner").mkdir()
    assert bench.run().summary() == "1 enhanced; left out: .txt 1, subfolder 1; changed: cropped 1"
