"""Brings to the PACS what was saved: a thread behind the live picture, and what others are told of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from typing import Any

from edge.basics.errors import ConfigError, EdgeError
from edge.basics.threads import give_way
from edge.config import PacsConfig
from edge.health.news import Board, PartState, Removed, Saved, SessionChanged
from edge.pacs.delivery import Delivery
from edge.pacs.patience import Patience, wait_after
from edge.pacs.peers import pacs_peer, target_of
from edge.pacs.performing import Performing, Place
from edge.pacs.silence import silence
from edge.pacs.waiting.alone import alone
from edge.pacs.waiting.queue import LAST_ERROR, RETRY, Queue
from edge.pacs.waiting.scan import Scan
from edge.pacs.waiting.told import Told
from edge.pacs.ways.commitment import MOST, Listener, Reports, ask
from edge.pacs.ways.forms import remove_spooled
from edge.pacs.ways.objects import no_step
from edge.saving.store import Store

log = logging.getLogger(__name__)

POLL_S = 5.0
"""How soon a `retry` from the command line is noticed."""
SCAN_EVERY_S = 60.0
ANEW_S = 30.0
ASK_AGAIN_S = 600.0
"""After which a PACS is asked again that has not said what it keeps."""
REPORT_S = 10.0
"""How long the answer may come on the connection on which it was asked."""


class Sender:
    """Safe to use from any thread.

    Args:
        serial: of the camera unit.
        open_session: id of the patient session that is open; "" where none is.
        tell: the part's state and reason, each time that they may have changed.
        performing: tells of sessions, while this sends.
    """

    def __init__(
        self,
        config: PacsConfig,
        serial: str,
        store: Store,
        board: Board,
        open_session: Callable[[], str],
        tell: Callable[[PartState, str], None],
        performing: Performing | None = None,
    ) -> None:
        silence()  # a way without associations has pydicom's log all the same
        self._config = self._wanted = config
        self._serial, self._store, self._tell = serial, store, tell
        self._open_session, self._performing = open_session, performing
        self._queue: Queue | None = None
        self._scan: Scan | None = None
        self._wake, self._halt, self._is_closed = threading.Event(), threading.Event(), threading.Event()
        self._lock, self._is_hasty = threading.Lock(), False
        self._scan_at, self._retried_at = 0.0, 0.0
        self._sending, self._confirming = Patience(), Patience()
        self._told, self._deaf, self._removed = Told(), "", set[str]()
        self._last_session = ""
        self._thread = threading.Thread(target=self._run, name="pacs", daemon=True)
        board.read(SessionChanged, self._on_session_changed)
        board.read(Saved, lambda news: self._look())
        board.read(Removed, self._on_removed)

    def start(self) -> None:
        self._tell("starting", "")
        self._thread.start()

    def use(self, config: PacsConfig) -> None:
        """Another configuration, once what is sent now is sent; the queue is taken on."""
        if config != self._wanted:
            self._wanted = config
            self._halt.set()
            self._wake.set()

    def close(self) -> None:
        self._is_closed.set()
        self._halt.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def held(self) -> Mapping[str, str]:
        """Items that must not be removed yet -> why; "" where only the unit itself must not remove them.

        Raises:
            InputOutputError: nobody can say at this moment.
        """
        if not self._config.is_on:
            return {}
        queue, scan = self._queue_and_scan()
        held = dict.fromkeys(scan.run(), "")
        unfinished = queue.unfinished(is_commitment_asked=self._is_commitment_asked)
        words = {"waiting": "waits to be sent to the PACS", "sent": "the PACS has not said yet that it keeps it"}
        return {**held, **{item: words.get(state, "") for item, state in unfinished.items()}}

    def record(self) -> dict[str, Any] | None:
        """For `/health`, as the thread knew it last: whoever asks waits for no disk. None where nothing is sent."""
        if not self._config.is_on:
            return None
        mpps = None if self._performing is None else self._performing.record()
        return {"to": target_of(self._config), **self._told.record(), "mpps": mpps}

    # ---- the thread

    def _run(self) -> None:
        give_way()
        while True:
            self._halt.clear()
            if self._is_closed.is_set():
                return
            self._adopt()
            if self._config.is_on:
                self._run_once()
            else:
                self._tell("off", "")
                self._halt.wait()
            self._halt.wait(ANEW_S)

    def _run_once(self) -> None:
        try:
            with alone(self._config.path):
                remove_spooled(self._config.path)
                with self._listening(), self._performed():
                    self._work()
        except EdgeError as error:
            self._unsaid(str(error))
        except Exception as error:
            log.exception("pacs")
            self._unsaid(f"unexpected {type(error).__name__}")

    def _adopt(self) -> None:
        """Work by what is wanted from here on."""
        with self._lock:
            before, self._config = self._config, self._wanted
            if before.path != self._config.path and self._queue is not None:
                self._queue.close()
                self._queue = self._scan = None
            self._scan_at = 0.0
        self._sending.haste()
        self._confirming.haste()

    def _work(self) -> None:
        while not self._halt.is_set():
            self._wake.clear()
            self._round()
            self._wake.wait(POLL_S)

    @contextmanager
    def _performed(self) -> Iterator[None]:
        queue, scan = self._queue_and_scan()
        if self._performing is None:
            yield
        else:
            with self._performing.working(Place(self._store, queue, scan, self._config.path)):
                yield

    @contextmanager
    def _listening(self) -> Iterator[None]:
        queue, _ = self._queue_and_scan()
        self._reports = Reports(queue, lambda: time.time() + wait_after(3), self._wake.set)
        self._deaf = ""
        with ExitStack() as stack:
            if self._config.listen and self._is_commitment_asked:
                try:
                    peer = pacs_peer(self._config)
                    stack.enter_context(closing(Listener(self._config, peer.tls, self._reports)))
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
            if self._performing is not None:
                self._performing.hurry()
        due = queue.due(time.time())
        if due:
            way = Delivery(
                *(self._config, self._serial, self._store, queue, self._halt.is_set, lambda: self._publish(queue)),
                no_step if self._performing is None else self._performing.step_of,
            )
            self._sending.do(lambda: way.send(due))
        if self._is_commitment_asked and not self._halt.is_set():
            self._confirming.do(lambda: self._confirm(queue))
        for trouble in (self._sending, self._confirming):
            if trouble.news:
                queue.tell(LAST_ERROR, trouble.news, time.time())
                trouble.news = ""
        self._publish(queue)
        mpps = None if self._performing is None else self._performing.record()
        self._say(self._told.reason or str((mpps or {}).get("reason", "")))

    @property
    def _is_commitment_asked(self) -> bool:
        return self._config.commitment and bool(self._config.host)

    def _trouble(self) -> str:
        missed = "" if self._scan is None else self._scan.trouble
        return missed or self._sending.reason or self._confirming.reason or self._deaf

    def _confirm(self, queue: Queue) -> None:
        """Raises PeerFailed where the PACS is not there, or does not commit."""
        peer = pacs_peer(self._config)
        about = queue.to_confirm(time.time(), ASK_AGAIN_S)
        for begin in range(0, len(about), MOST):
            if not self._halt.is_set():
                ask(peer, queue, self._reports, about[begin : begin + MOST], REPORT_S)

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

    def _publish(self, queue: Queue) -> None:
        session = self._open_session() or self._last_session or queue.last_session()
        self._last_session = session
        coming = 0 if self._scan is None else self._scan.num_coming(session)
        self._told = replace(
            Told.of(queue, self._trouble()), session=session, of_session=queue.counts(session), coming=coming
        )

    def _unsaid(self, reason: str) -> None:
        """Nobody can say how many wait."""
        self._told = Told(reason)
        self._say(reason)

    def _say(self, reason: str) -> None:
        self._tell("degraded" if reason else "ok", reason)

    def _on_session_changed(self, news: SessionChanged) -> None:
        self._last_session = news.id or self._last_session
        self._hurry()

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
