"""The line to the process that speaks with Ray, and what is refused before there is one."""

from __future__ import annotations

import importlib.util
import multiprocessing
import re
import socket
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edge.basics.errors import InputOutputError, UsageError
from edge.batch.cluster import link, ray_driver, workers
from edge.batch.cluster.link import ClusterLost, Link
from edge.batch.cluster.messages import Dismiss, Do, Employ, KeepContent, KeepModel, NoModel, WriteInto
from edge.batch.cluster.ray_driver import MODEL_TRIES, Content, Driver
from edge.batch.cluster.ray_words import refusal
from edge.batch.kinds.kind import Piece
from edge.cli import main, workers_of
from tests.doubles.played_cluster import made_of
from tests.doubles.waiting import GUARD_S, wait_until


@pytest.fixture
def a_server(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Something that listens, so that the process is started; the test puts its own in that one's place."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=re.escape("not installed: pip install 'edge-enhance[cluster]'")):
        Link("127.0.0.1:6379")


@pytest.mark.parametrize("address", ["auto", "10.0.0.5", "ray://10.0.0.5:x", ":6379", "10.0.0.5:0", "10.0.0.5:65536"])
def test_what_is_no_address_is_refused(a_server: str, address: str) -> None:
    with pytest.raises(UsageError, match=r"expected HOST:PORT as ray start --head shows it"):
        Link(address)


def test_where_nobody_listens_one_line_says_so(a_server: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(InputOutputError, match=r"Connection refused; start Ray there"):
            Link(f"127.0.0.1:{port}")


def test_where_nobody_answers_it_is_given_up(a_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def silent(address: object, timeout_s: float) -> None:
        waited.append(timeout_s)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silent)
    with pytest.raises(InputOutputError, match="no answer within 10 s; start Ray there"):
        Link("10.0.0.5:6379")
    assert waited == [10.0]


def test_what_answers_and_is_no_cluster_is_given_up(a_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "DRIVER_COMMAND", ["sh", "-c", "exec sleep 600"])
    monkeypatch.setattr(link, "JOINED_S", 0.1)
    monkeypatch.setattr(link, "ENDS_S", 0.1)
    with pytest.raises(InputOutputError, match="something answers there, but not a Ray cluster"):
        Link(a_server)


def test_a_process_that_ends_is_a_cluster_that_is_gone(a_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "DRIVER_COMMAND", ["true"])
    with pytest.raises(ClusterLost, match="the cluster is gone; the same command with --resume goes on"):
        Link(a_server)


def test_the_process_reports_nothing_home_and_loads_nothing_from_the_working_folder(
    a_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    monkeypatch.setattr(link, "DRIVER_COMMAND", ["sh", "-c", f'echo "$RAY_USAGE_STATS_ENABLED $PWD" > {told}', "sh"])
    with pytest.raises(ClusterLost):
        Link(a_server)
    assert told.read_text() == "0 /\n"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            "Version mismatch: The cluster was started with:\n    Ray: 2.49.0\n    Python: 3.10.4\n"
            "This process on x was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n",
            "runs Ray 2.49.0 with Python 3.10.4, and here is Ray 2.60.0 with Python 3.11.7; install the same on all "
            "machines",
        ),
        (
            "\x1b[31mno raylet\x1b[0m\n at 10.0.0.9",
            "no raylet at 10.0.0.9; Ray must run on this machine too (ray start --address=a:1 --num-cpus=0), and the "
            "token of its nodes be set here (RAY_AUTH_MODE, RAY_AUTH_TOKEN_PATH)",
        ),
    ],
    ids=["version", "not a node"],
)
def test_what_ray_refuses_is_one_line_with_what_to_do(told: str, expected: str) -> None:
    assert refusal(told, "a:1").startswith(expected)


def test_workers_are_for_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [str(tmp_path), "--output", str(tmp_path / "out"), "--cluster", "10.0.0.5:6379", "--workers", "2"]
    assert main(words) == UsageError.exit_code
    assert "--workers is for this machine" in capsys.readouterr().err


@pytest.mark.parametrize("word", [None, "0", "yes"])
def test_the_key_of_new_names_does_not_travel_in_plain(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, word: str | None
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("RAY_USE_TLS", word or "")
    if word is None:
        monkeypatch.delenv("RAY_USE_TLS")
    words = [str(tmp_path), "--output", str(tmp_path / "out"), "--cluster", "10.0.0.5:6379", "--deidentify"]
    assert main(words) == UsageError.exit_code
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1 and "the key to its names would go through the network in plain; set RAY_USE_TLS=1" in told[0]
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(("word", "is_warned"), [("0", True), ("1", False), ("True", False)])
def test_who_sends_originals_in_plain_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, word: str, is_warned: bool
) -> None:
    monkeypatch.setenv("RAY_USE_TLS", word)
    monkeypatch.setattr(link, "Link", lambda address: SimpleNamespace(asks_for_token=True))
    monkeypatch.setattr(workers, "ClusterWorkers", lambda *given: given)
    args = SimpleNamespace(cluster="10.0.0.5:6379", workers=None, deidentify=word != "0")
    profile = SimpleNamespace(name="live", sha256="0")
    workers_of(SimpleNamespace(engine=None), args, profile, threading.Event())  # type: ignore[arg-type]
    told = [record.getMessage() for record in caplog.records if "in plain" in record.getMessage()]
    expected = (
        "--cluster 10.0.0.5:6379: originals go through the network in plain; RAY_USE_TLS=1 encrypts them; docs/files.md"
    )
    assert told == [expected] * is_warned


class PlayedRay:
    """As much of Ray as the driver asks; `put` takes what a test lets it.

    Attributes:
        given: contents that workers were given.
    """

    def __init__(self, put: Callable[[Any], Any] = lambda content: content) -> None:
        self.put = put
        self.given: list[Any] = []
        self.tells: list[Callable[[Any], None]] = []
        self.started = 0
        theirs: Connection
        self.ours, theirs = multiprocessing.Pipe()
        self.driver = Driver(self, theirs)
        self.driver._workers[7] = SimpleNamespace(do=SimpleNamespace(remote=self._do))
        self._running = threading.Thread(target=self.driver.run, daemon=True)
        self._running.start()

    def remote(self, **options: object) -> Any:
        return lambda of: SimpleNamespace(options=self._options)

    def _options(self, **options: object) -> Any:
        self.started += 1
        raise AssertionError("no worker is to be started")

    def nodes(self) -> list[Any]:
        return []

    def kill(self, worker: object) -> None:
        pass

    def _do(self, piece: Piece, content: Any) -> Any:
        self.given.append(content)
        return SimpleNamespace(future=lambda: SimpleNamespace(add_done_callback=self.tells.append))

    def ordered(self, *orders: Any) -> None:
        for order in orders:
            self.ours.send(order)

    def report(self) -> Any:
        assert self.ours.poll(GUARD_S)
        return self.ours.recv()

    def close(self) -> None:
        self.ours.close()
        self._running.join(GUARD_S)
        assert not self._running.is_alive()


def a_piece(folder: Path) -> Piece:
    return Piece("picture", folder / "a.png", folder / "a.png", "a")


def test_an_original_that_ray_does_not_take_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def put(content: bytes) -> bytes:
        raise RuntimeError("the object store is full\nmore of it")

    monkeypatch.setattr(ray_driver, "IN_A_MESSAGE_BYTES", len(b"large"))
    ray, piece = PlayedRay(put), a_piece(tmp_path)
    ray.ordered(WriteInto(tmp_path), KeepContent(b"large"), Do(7, 0, piece), KeepContent(b"some"), Do(7, 1, piece))
    report = ray.report()
    assert (report.worker, report.number, report.made.exit_code, report.made.is_of_node) == (7, 0, 74, False)
    told = f"{tmp_path / 'a.png'}: the cluster takes it not: the object store is full; free memory there"
    assert report.made.told.startswith(told)
    wait_until(lambda: ray.given == [b"some"])
    ray.close()


def test_an_original_goes_with_its_piece_and_once_where_it_is_large_or_of_pages() -> None:
    put: list[bytes] = []
    content = Content(SimpleNamespace(put=lambda given: (put.append(given), "kept")[1]))
    content.keep(b"small")
    assert [content.next() for _ in range(3)] == [b"small", "kept", "kept"]
    content.keep(bytes(ray_driver.IN_A_MESSAGE_BYTES))
    assert [content.next() for _ in range(2)] == ["kept", "kept"]
    assert list(map(len, put)) == [5, ray_driver.IN_A_MESSAGE_BYTES]


@pytest.mark.parametrize("num_failures", [MODEL_TRIES - 1, MODEL_TRIES])
def test_a_model_that_ray_does_not_take_is_tried_again_and_told_at_last(
    monkeypatch: pytest.MonkeyPatch, num_failures: int
) -> None:
    tries: list[Any] = []

    def put(files: Any) -> Any:
        tries.append(files)
        if len(tries) <= num_failures:
            raise RuntimeError("the object store is full\nmore of it")
        return files

    monkeypatch.setattr(ray_driver, "MODEL_WAIT_S", 0.0)
    ray = PlayedRay(put)
    ray.ordered(KeepModel({"model.onnx": b"model"}))
    if num_failures == MODEL_TRIES:
        ray.ordered(Employ(1, "a", 1, 0, None))  # type: ignore[arg-type]
        assert ray.report() == NoModel("the object store is full")
    ray.ordered(Dismiss(7))
    wait_until(lambda: not ray.driver._workers)
    ray.close()
    assert (len(tries), ray.started) == (MODEL_TRIES, 0)


def test_a_result_is_written_where_it_belongs_unless_its_worker_was_dismissed(tmp_path: Path) -> None:
    ray, piece = PlayedRay(), a_piece(tmp_path)
    ray.ordered(WriteInto(tmp_path), KeepContent(b"it"), Do(7, 0, piece), Do(7, 1, piece))
    wait_until(lambda: len(ray.tells) == 2)
    ray.tells[0](SimpleNamespace(result=lambda: made_of("a", b"it")))
    report = ray.report()
    assert report.made.files[0].path.read_bytes() == b"result"
    ray.ordered(Dismiss(7))
    wait_until(lambda: not ray.driver._workers)
    ray.tells[1](SimpleNamespace(result=lambda: made_of("late", b"it")))
    ray.driver.report(NoModel("next"))
    assert ray.report() == NoModel("next")
    assert [path.name for path in tmp_path.rglob("*.png")] == ["a-enhanced.png"]
    ray.close()
