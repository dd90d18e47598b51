"""Workers' processes, for real: what one takes with it when it dies, and that nothing is left of any."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from edge.basics.errors import EdgeError, ModelError
from edge.batch.output import SCRATCH
from edge.batch.run import enhance_files
from edge.batch.workers.in_thread import InThread
from edge.batch.workers.processes import MOST_STARTS, Processes
from tests.doubles.children import children_before, new_children  # noqa: F401 - a fixture
from tests.doubles.files_bench import InvertingEngine
from tests.doubles.worker_engines import DEADLY, DEADLY_ONCE, SLOW, deadly, ends_at_first, ends_at_once, no_engine

if TYPE_CHECKING:
    from edge.batch.report import BatchReport
    from tests.doubles.files_bench import Bench


@pytest.fixture(autouse=True)
def nothing_left(children_before: None) -> Iterator[None]:  # noqa: F811 - the fixture
    yield
    assert new_children() == []


def run(bench: Bench, makers: Any, output: Path, **more: Any) -> BatchReport:
    workers = Processes(makers, bench.profile)
    return enhance_files([bench.originals], output, workers, bench.profile, stop=bench.stop, **more)


def test_a_death_costs_an_attempt_and_a_second_one_that_file_alone(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    levels = {"a": 9, "b": DEADLY, "c": DEADLY_ONCE, "d": 30, "e": 40}
    for name, level in levels.items():
        bench.picture(f"{name}.png", level=level)
    report = run(bench, deadly(tmp_path, 2), bench.output)
    assert [path.stem for path in report.done] == ["a", "c", "d", "e"]
    (failure,) = report.failed
    assert str(failure.error) == f"{bench.originals / 'b.png'}: its worker was ended by SIGSEGV, 2 times with this file"
    lines = [record.message for record in caplog.records]
    tried = f"{bench.originals / 'c.png'}: its worker was ended by SIGSEGV; another tries it"
    assert (lines.count(tried), lines.count("found out")) == (1, 1)
    told = [line.split(" -> ")[0][-5] for line in lines if " -> " in line]
    assert told == ["a", "c", "d", "e"], "in the order of the plan, whichever was done first"
    bench.originals.joinpath("b.png").unlink()
    alone = bench.originals.with_name("alone")
    stop = threading.Event()
    enhance_files([bench.originals], alone, InThread(InvertingEngine(), bench.profile, stop), bench.profile, stop=stop)
    for path in alone.iterdir():
        if path.suffix != ".jsonl":
            assert path.read_bytes() == (bench.output / path.name).read_bytes()
    assert not (bench.output / SCRATCH).exists()


@pytest.mark.parametrize(
    ("maker", "why", "kind"),
    [
        (no_engine, r"^model\.onnx: is wrong$", ModelError),
        (ends_at_once, "ended before it could begin, 3 times: the last one .* 7", None),
    ],
)
def test_without_an_engine_the_run_ends_with_its_reason(
    bench: Bench, maker: Callable[[], InvertingEngine], why: str, kind: type[EdgeError] | None
) -> None:
    bench.picture()
    with pytest.raises(EdgeError, match=why) as caught:
        run(bench, lambda num_pieces: [maker], bench.output)
    assert caught.value.exit_code == (kind or EdgeError).exit_code
    assert bench.written() == []


def test_a_worker_killed_before_it_could_begin_is_replaced_and_costs_no_piece_an_attempt(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, level in {"a": 9, "b": DEADLY_ONCE, "c": 30}.items():
        bench.picture(f"{name}.png", level=level)
    maker = partial(ends_at_first, tmp_path, MOST_STARTS - 1)
    report = run(bench, lambda num_pieces: [maker], bench.output)
    assert ([path.stem for path in report.done], report.failed) == (["a", "b", "c"], [])
    told = "a worker was ended by SIGKILL (most often memory: the kernel's log says so) before it could begin; another"
    assert sum(record.message.startswith(told) for record in caplog.records) == MOST_STARTS - 1 + 1


def test_a_stop_ends_workers_in_the_middle_and_leaves_nothing(bench: Bench, tmp_path: Path) -> None:
    def stop_when_begun() -> None:
        while not (tmp_path / "began").exists():
            bench.stop.wait(0.01)
        bench.stop.set()

    path = bench.picture(level=SLOW)
    thread = threading.Thread(target=stop_when_begun)
    thread.start()
    report = run(bench, deadly(tmp_path, 1), bench.output)
    thread.join()
    assert (report.exit_code, report.not_done, bench.written()) == (1, [path], [])
