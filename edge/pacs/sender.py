"""Brings to the PACS what was saved: a thread behind the live picture, and what others are told of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import groupby
from typing import Any, Protocol

from pydicom.dataset import Dataset

from edge.basics.errors import ConfigError, EdgeError, InputOutputError
from edge.basics.threads import give_way
from edge.config import PacsConfig
from edge.health.news import Board, PartState, Removed, Saved, SessionChanged
from edge.pacs.patience import Patience, wait_after
from edge.pacs.peers import PeerFailed, pacs_peer, target_of
from edge.pacs.silence import silence
from edge.pacs.waiting.alone import alone
from edge.pacs.waiting.database import DatabaseFailed
from edge.pacs.waiting.queue import LAST_ERROR, RETRY, Entry, Queue
from edge.pacs.waiting.scan import Scan
from edge.pacs.waiting.told import Told
from edge.pacs.ways.commitment import MOST, Listener, Reports, ask
from edge.pacs.ways.forms import remove_spooled
from edge.pacs.ways.objects import DicomObject, NoObject, objects_of
from edge.pacs.ways.outcome import NotTaken, Outcome
from edge.pacs.ways.storing import storing
from edge.pacs.ways.stow import Stow, service_of
from edge.saving.store import Store

log = logging.getLogger(__name__)

POLL_S = 5.0
"""How soon a `retry` from the command line is noticed."""
SCAN_EVERY_S = 60.0
ANEW_S, RARE_WAIT_S = 30.0, 900.0
ASK_AGAIN_S = 600.0
"""After which a PACS is asked again that has not said what it keeps."""
REPORT_S = 10.0
"""How long the answer may come on the connection on which it was asked."""


class Way(Protocol):
    """By which objects go."""

    def send(self, dataset: Dataset) -> Outcome: ...


class Sender:
    """Safe to use from any thread.

    Args:
        serial: of the camera unit.
        open_session: id of the patient session that is open; "" where none is.
        tell: the part's state and reason, each time that they may have changed.
    """

    def __init__(
        self,
        config: PacsConfig,
        serial: str,
        store: Store,
        board: Board,
        open_session: Callable[[], str],
        tell: Callable[[PartState, str], None],
    ) -> None:
        silence()  # a way without associations has pydicom's log all the same
        self._config, self._serial, self._store, self._tell = config, serial, store, tell
        self._peer = pacs_peer(config) if config.host else None
        self._is_commitment_asked = config.commitment and self._peer is not None
        self._open_session = open_session
        self._queue: Queue | None = None
        self._scan: Scan | None = None
        self._wake, self._is_closed = threading.Event(), threading.Event()
        self._lock, self._is_hasty = threading.Lock(), False
        self._scan_at, self._retried_at = 0.0, 0.0
        self._sending, self._confirming = Patience(), Patience()
        self._told, self._deaf, self._removed = Told(), "", set[str]()
        self._thread = threading.Thread(target=self._run, name="pacs", daemon=True)
        board.read(SessionChanged, lambda news: self._hurry())
        board.read(Saved, lambda news: self._look())
        board.read(Removed, self._on_removed)

    def start(self) -> None:
        self._tell("starting", "")
        self._thread.start()

    def close(self) -> None:
        self._is_closed.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def held(self) -> Mapping[str, str]:
        """Items that must not be removed yet -> why; "" where only the unit itself must not remove them.

        Raises:
            InputOutputError: nobody can say at this moment.
        """
        queue, scan = self._queue_and_scan()
        held = dict.fromkeys(scan.run(), "")
        unfinished = queue.unfinished(is_commitment_asked=self._is_commitment_asked)
        words = {"waiting": "waits to be sent to the PACS", "sent": "the PACS has not said yet that it keeps it"}
        return {**held, **{item: words.get(state, "") for item, state in unfinished.items()}}

    def record(self) -> dict[str, Any]:
        """For `/health`, as the thread knew it last: whoever asks waits for no disk."""
        return {"to": target_of(self._config), **self._told.record()}

    # ---- the thread

    def _run(self) -> None:
        give_way()
        while not self._is_closed.is_set():
            try:
                with alone(self._config.path):
                    remove_spooled(self._config.path)
                    with self._listening():
                        self._work()
            except EdgeError as error:
                self._unsaid(str(error))
            except Exception as error:
                log.exception("pacs")
                self._unsaid(f"unexpected {type(error).__name__}")
            self._is_closed.wait(ANEW_S)

    def _work(self) -> None:
        while not self._is_closed.is_set():
            self._wake.clear()
            self._round()
            self._wake.wait(POLL_S)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        queue, _ = self._queue_and_scan()
        self._reports = Reports(queue, lambda: time.time() + wait_after(3), self._wake.set)
        with ExitStack() as stack:
            if self._config.listen and self._is_commitment_asked:
                assert self._peer is not None
                try:
                    stack.enter_context(closing(Listener(self._config, self._peer.tls, self._reports)))
                    self._deaf = ""
                except ConfigError as error:  # what waits goes all the same
                    self._deaf = str(error)
                    log.error("pacs: %s", error)
            yield

    def _round(self) -> None:
        queue, scan = self._queue_and_scan()
        if is_hasty := self._is_hasty:
            self._is_hasty = False  # before the scan: a session that closes from here on is of the next round
        if is_hasty or time.monotonic() >= self._scan_at:
            self._scan_at = time.monotonic() + SCAN_EVERY_S  # before, so that what is saved meanwhile is looked for
            try:
                scan.run()
            except Exception:
                self._hurry()
                raise
        if self._is_retry_asked(queue) or is_hasty:
            self._sending.haste()
            self._confirming.haste()
        due = queue.due(time.time())
        if due:
            self._sending.do(lambda: self._send(queue, due))
        if self._is_commitment_asked and not self._is_closed.is_set():
            self._confirming.do(lambda: self._confirm(queue))
        for trouble in (self._sending, self._confirming):
            if trouble.news:
                queue.tell(LAST_ERROR, trouble.news, time.time())
                trouble.news = ""
        self._publish(queue)
        self._say(self._told.reason)

    def _trouble(self) -> str:
        missed = "" if self._scan is None else self._scan.trouble
        return missed or self._sending.reason or self._confirming.reason or self._deaf

    def _send(self, queue: Queue, due: Sequence[Entry]) -> None:
        """Raises PeerFailed where the PACS is not there, or is lost."""
        with self._way() as way:
            for _, found in groupby(due, lambda one: one.item):
                self._send_item(queue, way, [*found])
                self._publish(queue)
                if self._is_closed.is_set():
                    return

    def _send_item(self, queue: Queue, way: Way, wanted: Sequence[Entry]) -> None:
        left = {one.view: one for one in wanted}
        try:
            with objects_of(self._store, wanted, queue.of(wanted[0].item), self._serial, self._config.path) as objects:
                for view, parts in groupby(objects, lambda one: one.view):
                    self._send_view(queue, way, left[view], parts)
                    del left[view]
            for entry in left.values():
                self._failed(queue, entry, "no object could be made of it")
        except NoObject as error:
            for entry in left.values():
                self._failed(queue, entry, str(error))
        except PeerFailed:
            if left:  # what ends a connection each time shall not stand in the way of all others
                entry = next(iter(left.values()))
                queue.later(entry, "the connection was lost while it was sent", self._next(entry))
            raise
        except (ConfigError, DatabaseFailed):  # of no item
            raise
        except (OSError, InputOutputError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            for entry in left.values():
                queue.later(entry, f"cannot be put together: {reason}", self._next(entry))
        except Exception as error:  # noqa: BLE001 - its text and its traceback may name the patient
            for entry in left.values():
                self._failed(queue, entry, f"unexpected {type(error).__name__}")

    def _send_view(self, queue: Queue, way: Way, entry: Entry, parts: Iterable[DicomObject]) -> None:
        """One object, or the parts of a long clip; those that the PACS has are not sent again."""
        taken = queue.taken(entry)
        for made in parts:
            if made.uid in taken:
                continue
            outcome = way.send(made.dataset)
            if isinstance(outcome, NotTaken):
                self._not_taken(queue, entry, outcome)
                return
            queue.took(entry, made.uid, outcome.uid, outcome.sop_class)
        queue.sent(entry)
        log.info("pacs: sent %s, %s", entry.item, entry.view)

    def _not_taken(self, queue: Queue, entry: Entry, outcome: NotTaken) -> None:
        if outcome.is_final:
            self._failed(queue, entry, outcome.reason)
        else:
            wait_s = RARE_WAIT_S if outcome.is_rare else wait_after(entry.tries)
            queue.later(entry, outcome.reason, time.time() + wait_s)

    def _failed(self, queue: Queue, entry: Entry, reason: str) -> None:
        queue.failed(entry, reason)
        log.error("pacs: %s, %s: %s; edge-enhance pacs retry sends it again", entry.item, entry.view, reason)

    def _confirm(self, queue: Queue) -> None:
        """Raises PeerFailed where the PACS is not there, or does not commit."""
        assert self._peer is not None
        about = queue.to_confirm(time.time(), ASK_AGAIN_S)
        for begin in range(0, len(about), MOST):
            if not self._is_closed.is_set():
                ask(self._peer, queue, self._reports, about[begin : begin + MOST], REPORT_S)

    @contextmanager
    def _way(self) -> Iterator[Way]:
        if self._config.stow:
            with closing(Stow(service_of(self._config), self._config.path)) as stow:
                yield stow
        else:
            assert self._peer is not None
            with storing(self._peer, self._config.path) as way:
                yield way

    def _queue_and_scan(self) -> tuple[Queue, Scan]:
        with self._lock:
            if self._queue is None or self._scan is None:
                self._queue = Queue(self._config.path)
                self._scan = Scan(self._store, self._queue, self._open_session, self._removed)
            return self._queue, self._scan

    def _is_retry_asked(self, queue: Queue) -> bool:
        """Whether somebody asked on the command line for another try."""
        told = queue.told(RETRY)
        before, self._retried_at = self._retried_at, told[0] if told is not None else 0.0
        return before != self._retried_at

    def _next(self, entry: Entry) -> float:
        return time.time() + wait_after(entry.tries)

    def _publish(self, queue: Queue) -> None:
        self._told = Told.of(queue, self._trouble())

    def _unsaid(self, reason: str) -> None:
        """Nobody can say how many wait."""
        self._told = Told(reason)
        self._say(reason)

    def _say(self, reason: str) -> None:
        self._tell("degraded" if reason else "ok", reason)

    def _hurry(self) -> None:
        """A session was closed: what is of it goes at once."""
        self._is_hasty = True
        self._wake.set()

    def _on_removed(self, news: Removed) -> None:
        self._removed.add(news.name)
        self._look()

    def _look(self) -> None:
        self._scan_at = 0.0
        self._wake.set()
