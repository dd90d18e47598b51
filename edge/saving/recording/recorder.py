"""Records the live picture: a sink that encodes behind everything else, and drops rather than slows it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, get_args

from edge.basics.errors import InputOutputError
from edge.basics.threads import give_way
from edge.config import RecordingConfig
from edge.frames.frame import FramePair
from edge.frames.slot import Slot
from edge.health.news import Board, RecordingChanged, SessionChanged
from edge.health.record import Health
from edge.saving.recording.before import Before
from edge.saving.recording.current import DISK_ANSWERS_S, ON_REQUEST, PROGRAM_ENDS, Current
from edge.saving.recording.deck import RETRY_S, Deck
from edge.saving.recording.encoders import Encoder, find_encoder
from edge.saving.recording.opening import NotRecorded, Opening
from edge.saving.recording.pace import Pace
from edge.saving.recording.recording import Recording
from edge.saving.recording.tape import Piece, Tape, View
from edge.saving.store import Store

log = logging.getLogger(__name__)

VIEWS: tuple[View, ...] = get_args(View)
_TAKE_S = 0.2
_LAST_PIECE_S = 3.0
"""From the end of a recording on, its last fragment is waited for."""
_ENCODER_WITHIN_S = 30.0
_FIRST_WITHIN_S = 1.0
WRITES_AGAIN_S = 5.0
_NOT_WRITTEN = "its record is not written to its end, which is tried again; make room first"


class Recorder:
    """A sink of pairs. What is asked of it may wait for the disk: not for an event loop.

    Encoding gives way to all else (niceness); what it cannot take is dropped and counted. A recording that cannot go on
    ends, is told, and is whole as far as it went.

    Args:
        session: patient session that is open, as a record has it; while `is_recording` no other is opened.
    """

    def __init__(
        self,
        config: RecordingConfig,
        store: Store,
        health: Health,
        board: Board,
        session: Callable[[], Mapping[str, Any] | None] = lambda: None,
    ) -> None:
        self._config, self._store, self._health, self._board = config, store, health, board
        self._opening = Opening(store, health, board)
        self._session, self._is_beginning, self._changed_ns = session, False, 0
        self._session_id = str((session() or {}).get("id", ""))
        self._slot: Slot[tuple[FramePair, int]] = Slot()
        self._before = Before()
        self._current = Current(health, board)
        self._deck = Deck(self._on_piece, self._on_end)
        self._newest: FramePair | None = None
        self._pace = Pace()
        self._encoder: Encoder | None = None
        self._no_encoder = ""
        self._has_looked = threading.Event()
        self._asking = threading.Lock()
        self._keeping = ""
        self._dropped_before = 0
        self._written_s = time.monotonic()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        health.track_drops("recorder", lambda: self._slot.dropped)
        board.read(SessionChanged, self._on_session_changed)

    # ---- a sink

    def start(self) -> None:
        self._thread.start()

    def publish(self, pair: FramePair) -> None:
        self._newest = pair
        if self._is_wanted() and self._pace.is_due(pair.raw.t_capture_ns, self._config.fps):
            self._slot.put((pair, time.monotonic_ns()))

    def close(self) -> None:
        """End a recording, as far as it went, and FFmpeg; safe to call twice."""
        self._closed.set()
        recording = self._current.stop(PROGRAM_ENDS)
        self._slot.close()
        if self._thread.is_alive():
            self._thread.join(1.0)
        self._deck.close(1.0)
        if recording is not None:
            self._current.finish(recording)
        self._current.write_left()

    def use(self, config: RecordingConfig) -> None:
        """Other settings from now on; a recording that runs keeps its views."""
        self._config = config
        if not config.before_s:
            self._before.forget()

    def _on_session_changed(self, news: SessionChanged) -> None:
        """What was seen of one patient goes into no recording of another."""
        before, self._session_id = self._session_id, news.id
        if before not in ("", news.id):
            self._changed_ns = time.monotonic_ns()
            self._before.forget(self._changed_ns)

    # ---- what it tells

    @property
    def is_recording(self) -> bool:
        """From before the session of a recording is asked for."""
        return self._is_beginning or self._current.recording is not None

    def running(self) -> tuple[str, int] | None:
        """Name and bytes of the recording that runs."""
        recording = self._current.recording
        return None if recording is None else (recording.stem, recording.num_bytes)

    def hidden(self) -> set[str]:
        """Names of what is being written at this moment."""
        recording = self._current.recording
        return {name for name in (self._keeping, recording.stem if recording else "") if name}

    def unwritten(self) -> Mapping[str, str]:
        """Names of what has ended and must stay, as the disk has not taken its record -> why."""
        return dict.fromkeys(self._current.left(), _NOT_WRITTEN)

    def can(self) -> dict[str, bool]:
        """`recording`: whether this unit can; `before_roll`: whether seconds before are kept."""
        has = self._encoder is not None
        return {"recording": has, "before_roll": has and self._config.before_s > 0}

    def state(self) -> dict[str, Any] | None:
        """Of the recording that runs, as pages read it."""
        recording = self._current.recording
        if recording is None:
            return None
        return {
            "name": recording.stem,
            "since": recording.began_at.isoformat(timespec="milliseconds"),
            "seconds": round(recording.duration_s, 1),
            "views": list(recording.views),
            "bytes": recording.num_bytes,
            "dropped": self._slot.dropped - self._dropped_before,
        }

    def record(self) -> dict[str, Any]:
        """What `/health` tells under `recording`."""
        keeps = self._config.before_s > 0
        before = {"seconds": round(self._before.seconds(), 1), "bytes": self._before.num_bytes()} if keeps else None
        encoder = self._encoder.format.told if self._encoder is not None else self._no_encoder
        return {"running": self.state(), "before": before, "encoder": encoder, "ended": self._current.ended}

    # ---- what is asked of it

    def begin(self, views: Sequence[View] = (), *, before: bool = False) -> dict[str, Any]:
        """Begin a recording; its state.

        Args:
            views: those of the settings where none are named.
            before: with what is kept of the seconds before.

        Raises:
            NotRecorded: it cannot begin, and why. Nothing of it is on the disk.
        """
        with self._asking, self._in_session() as session:
            encoder = self._found_encoder()
            if not self._current.wait_until_over(_LAST_PIECE_S + 1.0):
                raise NotRecorded("a recording runs already; stop it first")
            pair = self._opening.live_pair(self._seen())
            self._opening.refuse_without_room()
            wanted = tuple(view for view in VIEWS if view in (views or self._config.views))
            now_ns = time.monotonic_ns()
            with self._current.lock:  # no piece comes between what was kept and what comes
                since_ns = now_ns - self._config.before_s * 1_000_000_000
                kept = {view: self._before.since(view, since_ns) for view in wanted} if before else {}
                try:
                    recording = self._opening.opened(wanted, pair, encoder, kept, now_ns, session)
                except OSError as error:
                    raise self._opening.refusal(error) from error
                self._dropped_before = self._slot.dropped
                self._current.begin(recording)
            try:
                recording.write_kept()
            except OSError as error:
                self._current.fail(recording, self._opening.why(error), by_disk=True)
                raise NotRecorded(self._opening.why(error)) from error
            self._current.told_begun(recording)
            return self.state() or {}

    def end(self, reason: str = "") -> dict[str, Any]:
        """End the recording that runs: its name, and its state when all of it is on the disk.

        Args:
            reason: where nobody asked for it.

        Raises:
            NotRecorded: none runs.
        """
        recording = self._current.stop(reason or ON_REQUEST)
        if recording is None:
            raise NotRecorded("no recording runs")
        self._current.wait_until_over(_LAST_PIECE_S + 2.0)
        told = {"seconds": round(recording.duration_s, 1), "views": list(recording.views)}
        return {"name": recording.stem, **told, "bytes": recording.num_bytes, "ended": self._current.ended}

    def end_full(self, reason: str) -> None:
        """End the recording that runs because there is no room for more of it."""
        recording = self._current.recording
        if recording is not None:
            self._current.fail(recording, reason, by_disk=True)

    def keep(self) -> dict[str, Any]:
        """Save the seconds that are kept in memory, as a recording of their own; its name and facts.

        Raises:
            NotRecorded: nothing is kept, or the disk does not take it.
        """
        with self._asking, self._in_session() as session:
            encoder = self._found_encoder()
            now_ns = time.monotonic_ns()
            since_ns = now_ns - self._config.before_s * 1_000_000_000
            kept = {view: self._before.since(view, since_ns) for view in VIEWS}
            views = tuple(view for view, (_, pieces) in kept.items() if pieces)
            if not views or self._newest is None:
                why = "nothing was live in these seconds" if self._config.before_s else "[recording] before_s = 0"
                raise NotRecorded(f"nothing is kept in memory: {why}")
            self._opening.refuse_without_room()
            recording: Recording | None = None
            try:
                recording = self._opening.opened(views, self._newest, encoder, kept, now_ns, session)
                self._keeping = recording.stem
                recording.write_kept()
                if not recording.finish(ON_REQUEST, DISK_ANSWERS_S):
                    self._current.leave(recording, ON_REQUEST)
            except OSError as error:
                if recording is not None:
                    self._current.leave(recording, self._opening.why(error))
                raise self._opening.refusal(error) from error
            finally:
                self._keeping = ""
            log.info("recorded %s from memory", recording.stem)
            self._board.post(RecordingChanged(False, recording.stem, recording.views))
            told = {"seconds": round(recording.duration_s, 1), "views": list(recording.views)}
            return {"name": recording.stem, **told, "bytes": recording.num_bytes}

    @contextmanager
    def _in_session(self) -> Iterator[Mapping[str, Any] | None]:
        """The session that is open, and that stays so meanwhile."""
        self._is_beginning = True
        try:
            yield self._session()
        finally:
            self._is_beginning = False

    def _seen(self) -> FramePair | None:
        """The newest pair; who has only just opened a session waits for one of it."""
        end_s = time.monotonic() + _FIRST_WITHIN_S
        while (pair := self._newest) is not None and pair.raw.t_capture_ns < self._changed_ns:
            if time.monotonic() > end_s:
                raise NotRecorded("there is no picture of this patient session yet")
            time.sleep(0.01)
        return pair

    def _found_encoder(self) -> Encoder:
        if self._closed.is_set() or not self._has_looked.wait(_ENCODER_WITHIN_S):
            raise NotRecorded("the recorder does not run; try again")
        if self._encoder is None:
            raise NotRecorded(self._no_encoder)
        return self._encoder

    # ---- the thread that feeds

    def _run(self) -> None:
        give_way()
        try:
            self._encoder = find_encoder()
        except InputOutputError as error:
            self._no_encoder = str(error)
            log.warning("recording: %s", error)
        self._has_looked.set()
        while not self._closed.is_set():
            taken = self._slot.take(_TAKE_S)
            try:
                self._turn(taken)
            except Exception as error:
                log.exception("recording")
                if (recording := self._current.recording) is not None:
                    self._current.fail(recording, f"{type(error).__name__}: {error}")

    def _turn(self, taken: tuple[FramePair, int] | None) -> None:
        wanted = self._wanted()
        self._deck.end_all_but(wanted)
        self._look_after()
        if time.monotonic() - self._written_s > WRITES_AGAIN_S:
            self._current.write_left()
            self._written_s = time.monotonic()
        if taken is None or self._encoder is None:
            return
        pair, at_ns = taken
        if self._health.verdict(at_ns, pair.raw.t_capture_ns).state not in ("live", "degraded"):
            return  # a gap in time, and nothing that passes for live
        recording = self._current.recording
        for view in VIEWS:
            if view in wanted:
                frame = pair.raw if view == "raw" else pair.enhanced
                self._deck.feed(view, frame, self._encoder, at_once=recording is not None)
        if recording is not None and "enhanced" in recording.views:
            recording.see(pair.enhanced)

    def _wanted(self) -> set[View]:
        recording = self._current.recording
        views: set[str] = set(self._config.views) if self._config.before_s and self._encoder is not None else set()
        if recording is not None and recording.stop_ns is None:
            views |= {*recording.views}
        return {view for view in VIEWS if view in views}

    def _is_wanted(self) -> bool:
        return self._config.before_s > 0 or self._current.recording is not None

    def _look_after(self) -> None:
        """End what is over."""
        recording = self._current.recording
        if recording is None:
            return
        now_ns = time.monotonic_ns()
        if recording.stop_ns is None:
            if now_ns - recording.begin_ns > self._config.minutes * 60e9:
                self._current.stop(f"after [recording] minutes = {self._config.minutes}")
        elif now_ns - recording.stop_ns > _LAST_PIECE_S * 1e9:
            self._current.finish(recording)

    # ---- the threads of the tapes

    def _on_piece(self, tape: Tape, piece: Piece) -> None:
        config = self._config
        with self._current.lock:
            if config.before_s:
                most_bytes = (config.before_mib << 20) // len(config.views)
                self._before.add(tape, piece, config.before_s, most_bytes)
            recording = self._current.recording
        if recording is None or piece.view not in recording.views:
            return
        recording.num_dropped = self._slot.dropped - self._dropped_before
        try:
            recording.append(piece.view, tape.init, [piece])
        except OSError as error:
            self._current.fail(recording, self._opening.why(error), by_disk=True)
        if recording.is_finishing:  # while this piece waited for the disk
            self._current.write_left()
        elif recording.is_over():
            self._current.finish(recording)

    def _on_end(self, view: View, reason: str) -> None:
        recording = self._current.recording
        if recording is not None and view in recording.views and not self._closed.is_set():
            if reason:
                self._current.fail(recording, reason)
            elif recording.stop_ns is not None:
                recording.end_view(view)
                if recording.is_over():
                    self._current.finish(recording)
        elif reason and not self._closed.is_set():
            log.warning("recording: seconds before, %s: %s; tried again in %.0f s", view, reason, RETRY_S)
