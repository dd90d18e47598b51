"""A run of files mode: what is refused, skipped and reported. The engine inverts the picture."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

import edge.batch.kinds.picture
from edge.basics.errors import EdgeError, InputOutputError, ModelError
from edge.basics.folders import read_plain
from edge.pictures.marks import mode_of_file

if TYPE_CHECKING:
    from tests.doubles.files_bench import Bench


@pytest.mark.parametrize("name", ["throat-enhanced.png", "throat-raw.png", "throat-enhanced.png.json"])
def test_nothing_is_overwritten_without_force(bench: Bench, name: str) -> None:
    path, other = bench.picture(), bench.picture("other.png")
    bench.output.mkdir()
    (bench.output / name).write_text("precious")
    report = bench.run(path, other)
    assert (report.exit_code, report.done) == (1, [other])
    (failure,) = report.failed
    assert failure.path == path
    assert name in str(failure.error) and "--force" in str(failure.error)
    assert (bench.output / name).read_text() == "precious"
    assert bench.engine.num_calls == 1
    assert bench.run(path, force=True).exit_code == 0
    assert mode_of_file(bench.output / "throat-enhanced.png") == "enhanced"


def test_force_never_replaces_an_input(bench: Bench) -> None:
    bench.output = bench.originals
    path, in_the_way = bench.picture("x.png"), bench.picture("x-raw.png", level=50)
    precious = in_the_way.read_bytes()
    report = bench.run(path, in_the_way, force=True)
    assert [failure.path for failure in report.failed] == [path]
    assert in_the_way.read_bytes() == precious


def test_a_run_into_the_folder_of_the_originals_does_not_eat_its_own_results(bench: Bench) -> None:
    bench.output = bench.originals
    bench.picture()
    bench.run()
    assert len(bench.run(resume=True).skipped) == 1
    assert bench.engine.num_calls == 1


def replace_model(bench: Bench) -> None:
    bench.engine.model_sha256 = "0" * 64


def replace_source(bench: Bench) -> None:
    bench.picture(level=50)


def cut_result(bench: Bench) -> None:
    path = bench.output / "throat-raw.png"
    path.write_bytes(path.read_bytes()[:-10])


def remove_sidecar(bench: Bench) -> None:
    (bench.output / "throat-enhanced.png.json").unlink()


def name_as_before(bench: Bench) -> None:
    """As an earlier version named what it made."""
    for path in [*bench.output.iterdir()]:
        path.rename(path.with_name(path.name.replace("-raw", "_raw").replace("-enhanced", "_enhanced")))
    sidecar = bench.output / "throat_enhanced.png.json"
    sidecar.write_text(sidecar.read_text().replace("throat-", "throat_"))


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param(lambda bench: None, "skipped", id="unchanged"),
        pytest.param(replace_model, "failed", id="another model"),
        pytest.param(replace_source, "failed", id="another source"),
        pytest.param(cut_result, "failed", id="a result cut short"),
        pytest.param(remove_sidecar, "done", id="left unfinished"),
        pytest.param(name_as_before, "skipped", id="named as before"),
    ],
)
def test_resume(bench: Bench, change: Callable[[Bench], None], outcome: str) -> None:
    bench.picture()
    bench.run()
    change(bench)
    report = bench.run(resume=True)
    counts = {name: len(getattr(report, name)) for name in ("done", "skipped", "failed")}
    assert counts == {"done": 0, "skipped": 0, "failed": 0, outcome: 1}


def test_resume_with_force_does_again_only_what_is_not_complete(bench: Bench) -> None:
    bench.picture(), bench.picture("b.png")
    bench.run()
    replace_source(bench)
    report = bench.run(resume=True, force=True)
    assert [path.name for path in report.done + report.skipped] == ["throat.png", "b.png"]


def test_a_corrupt_file_is_reported_and_does_not_stop_the_rest(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench.picture("a.png"), bench.picture("c.png")
    (bench.originals / "b.png").write_bytes(b"\x89PNG no more")
    (bench.originals / "d.mp4").write_text("a text")
    report = bench.run()
    assert (report.exit_code, [path.name for path in report.done]) == (1, ["a.png", "c.png"])
    failed = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert [name for name in ("b.png", "d.mp4") if any(name in line for line in failed)] == ["b.png", "d.mp4"]
    assert caplog.records[-1].message == "2 enhanced, 2 failed"


def make(content: bytes | None) -> Callable[[Path], object]:
    return lambda path: path.mkdir() if content is None else path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "create", "exit_code"),
    [
        pytest.param("missing.png", lambda path: None, 74, id="missing"),
        pytest.param("empty.png", make(b""), 1, id="empty picture"),
        pytest.param("empty.mp4", make(b""), 74, id="empty clip"),
        pytest.param("text.mp4", make(b"hello " * 100), 74, id="text named mp4"),
        pytest.param("text.bin", make(b"hello " * 100), 74, id="neither"),
        pytest.param("folder", make(None), 74, id="folder without pictures"),
    ],
)
def test_a_lone_bad_input_raises_its_own_error(
    bench: Bench, name: str, create: Callable[[Path], object], exit_code: int
) -> None:
    path = bench.originals / name
    create(path)
    with pytest.raises(InputOutputError, match=name) as caught:
        bench.run(path)
    assert caught.value.exit_code == exit_code
    assert "\n" not in str(caught.value)
    assert bench.written() == []


def test_an_enhanced_picture_is_not_enhanced_again(bench: Bench) -> None:
    bench.run(bench.picture())
    with pytest.raises(InputOutputError, match="enhanced already"):
        bench.run(bench.output / "throat-enhanced.png")


def test_an_output_that_is_a_file_is_refused(bench: Bench) -> None:
    bench.output.write_text("")
    with pytest.raises(InputOutputError, match="out"):
        bench.run(bench.picture())


def test_each_file_is_read_once_and_none_for_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one's files are there already, and the third has pages."""
    bench.run(bench.picture("b.png"))
    bench.picture("a.png"), bench.picture("d.png")
    pages = [np.full((54, 96, 3), level, np.uint8) for level in (9, 90)]
    assert cv2.imwritemulti(str(bench.originals / "c.tif"), pages)
    names: list[str] = []

    def reading(path: Path, most: int) -> bytes:
        names.append(path.stem)
        return read_plain(path, most)

    monkeypatch.setattr(edge.batch.kinds.picture, "read_plain", reading)
    report = bench.run(resume=True)
    assert "".join(names) == "acd"
    assert [path.stem for path in report.done] == ["a", "c", "c", "d"]
    assert [path.stem for path in report.skipped] == ["b"]


def test_without_an_engine_the_run_ends_with_its_reason_and_nothing_is_written(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise ModelError("model.onnx: is wrong")

    caplog.set_level(logging.INFO)
    bench.engine.on_open = refuse
    bench.picture(), bench.clip(), bench.picture("z.png")
    with pytest.raises(EdgeError, match=r"^model\.onnx: is wrong$") as caught:
        bench.run()
    assert caught.value.exit_code == ModelError.exit_code
    assert (bench.written(), bench.engine.num_calls) == ([], 0)
    assert caplog.records[-1].message == "0 enhanced, 3 not done"


def test_the_engine_is_waited_for_once_and_only_where_a_picture_needs_it(bench: Bench) -> None:
    waits: list[int] = []
    bench.engine.on_open = lambda: waits.append(1)
    bench.picture(), bench.clip()
    assert len(bench.run().done) == 2
    assert len(bench.run(resume=True).skipped) == 2
    assert len(waits) == 1


def test_a_stop_while_the_engine_opens_leaves_nothing(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench.engine.on_open = bench.stop.set
    path, last = bench.picture(), bench.picture("z.png")
    report = bench.run()
    told = "stopped: 0 enhanced, 2 not done; the same command with --resume goes on"
    assert caplog.records[-1].message == told
    assert (report.exit_code, report.not_done) == (1, [path, last])
    assert (bench.written(), bench.engine.num_calls) == ([], 0)
