"""Asking the hospital's worklist (Modality Worklist, PS3.4 annex K) who is to be examined, and keeping what it said.

Who chooses names an answer by its key, so that what is stored is what the worklist said and nothing that came back from
a page.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from edge.basics.errors import NotNow
from edge.config import WorklistConfig
from edge.dicom.examination import Examination
from edge.dicom.scheduled import STEPS, UNREADABLE, Listed, Scheduled, keys_of_step, keys_wanted, scheduled_of
from edge.pacs.peers import Peer, PeerFailed, associated, status_of
from edge.pacs.tls import Files, files_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

log = logging.getLogger(__name__)

FIND = "1.2.840.10008.5.1.4.31"
"""Modality Worklist Information Model - FIND."""
MAX_ANSWERS = 500
MAX_BYTES = 16 << 20
"""Of all answers together; 500 whole ones have less than 2 MiB."""
MAX_HELD = 4 * MAX_ANSWERS
"""Answers that can still be chosen; the oldest are forgotten."""
FRESH_S = 5.0
HELD_S = 3600.0
_PENDING = (0xFF00, 0xFF01)


class Worklist:
    """Asked from a thread; who asks while another does, or just after, gets the same answer.

    Args:
        today: of the unit's own time zone.
    """

    def __init__(
        self,
        config: WorklistConfig,
        clock_s: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = lambda: datetime.now().astimezone().date(),
    ) -> None:
        self._config, self._clock_s, self._today = config, clock_s, today
        self._secret = secrets.token_bytes(16)
        self._asking, self._lock = threading.Lock(), threading.Lock()
        self._listed: Listed | None = None
        self._listed_s, self._listed_by = 0.0, config
        self._held: OrderedDict[str, tuple[Examination, float]] = OrderedDict()

    def use(self, config: WorklistConfig) -> None:
        """Ask another one, or otherwise, from the next time on. What was answered before can still be chosen."""
        self._config = config

    @property
    def is_on(self) -> bool:
        """Whether there is one to ask."""
        return bool(self._config.host)

    def ask(self) -> Listed:
        """What is scheduled, as it was said a few seconds ago at most.

        Raises:
            NotNow: no worklist is configured.
            PeerFailed: it did not answer; the message says what to do.
            ConfigError: a file for TLS cannot be used.
        """
        if not self.is_on:
            raise NotNow("no worklist is configured: set [worklist] host")
        with self._asking:
            config = self._config
            is_fresh = self._listed_by is config and self._clock_s() - self._listed_s < FRESH_S
            if self._listed is None or not is_fresh:
                self._listed = self._asked(config)
                self._listed_s, self._listed_by = self._clock_s(), config
            return self._listed

    def examination(self, key: str) -> Examination:
        """Of an answer that was given within the last hour.

        Raises:
            NotNow: of none of them.
        """
        with self._lock:
            found = self._held.get(key)
        if found is None or self._clock_s() - found[1] > HELD_S:
            raise NotNow("the worklist was asked too long ago: ask it again, and choose")
        return found[0]

    def _asked(self, config: WorklistConfig) -> Listed:
        from pynetdicom import build_context, evt

        peer, has_more, weight = _peer(config), False, _Weight()
        found: list[Scheduled] = []
        end_s = time.monotonic() + config.timeout_s
        handlers = [(evt.EVT_DATA_RECV, weight.add)]
        with weight.told(peer), associated(peer, [build_context(FIND)], handlers=handlers) as association:
            answers = association.send_c_find(_query(config, self._today()), FIND)
            for answer in _pending(peer, answers):
                if len(found) >= MAX_ANSWERS or time.monotonic() > end_s:
                    has_more = True
                    association.send_c_cancel(1, query_model=FIND)
                    association.abort()
                    break
                if answer is not None:
                    found.append(scheduled_of(answer, config.character_set))
                elif UNREADABLE not in found:
                    found.append(UNREADABLE)
        log.info("worklist: %d answers%s", len(found), ", and there are more" if has_more else "")
        items = tuple(sorted(((self._kept(one), one) for one in found), key=lambda item: _order(item[1])))
        return Listed(items, has_more, datetime.now(timezone.utc))

    def _kept(self, scheduled: Scheduled) -> str:
        """Its key, the same each time that the worklist says the same; "" where it cannot be chosen."""
        if scheduled.examination is None:
            return ""
        said = json.dumps(asdict(scheduled), sort_keys=True).encode()
        key = hashlib.blake2b(said, key=self._secret, digest_size=12).hexdigest()
        with self._lock:
            self._held.pop(key, None)
            self._held[key] = scheduled.examination, self._clock_s()
            while len(self._held) > MAX_HELD:
                self._held.popitem(last=False)
        return key


class _Weight:
    """What a worklist has sent: one that never ends its answer is cut off before it takes the unit's memory."""

    def __init__(self) -> None:
        self._num_bytes = 0

    def add(self, event: Any) -> None:
        """For EVT_DATA_RECV."""
        self._num_bytes += len(event.data)
        if self._num_bytes > MAX_BYTES:
            with suppress(OSError, AttributeError):  # it has closed by itself
                event.assoc.dul.socket.socket.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def told(self, peer: Peer) -> Iterator[None]:
        """Raises PeerFailed that says so, in place of a lost connection."""
        lost: PeerFailed | None = None
        try:
            yield
        except PeerFailed as error:
            lost = error
        if self._num_bytes > MAX_BYTES:
            what = f"{peer.name}: answered with more than {MAX_BYTES >> 20} MiB"
            raise PeerFailed(f"{what}; narrow it by [worklist] station, modality and days") from lost
        if lost is not None:
            raise lost


def scheduled_line(config: WorklistConfig) -> str:
    """One line for who installs the unit: how many are scheduled, and why not all can be chosen; as `Worklist.ask`."""
    if not config.host:
        return "not configured"
    listed = Worklist(config).ask()
    reasons = sorted({one.reason for _, one in listed.items if one.reason})
    told = f"; some cannot be chosen: {'; '.join(reasons)}" if reasons else ""
    return f"{config.host}:{config.port} answers, {len(listed.items)} scheduled{told}"


def _peer(config: WorklistConfig) -> Peer:
    titles = config.ae_title.strip(), config.own_ae_title.strip()
    return Peer("worklist", config.host, config.port, *titles, _tls(config), config.timeout_s)


def mpps_peer(config: WorklistConfig) -> Peer:
    """Who is told of performed procedure steps; `mpps` must not be empty."""
    title, host, port = config.mpps_address()
    return Peer("worklist", host, port, title, config.own_ae_title.strip(), _tls(config), config.timeout_s, key="mpps")


def _tls(config: WorklistConfig) -> Files | None:
    return files_of("worklist", config.ca, config.certificate, config.key) if config.tls else None


def _pending(peer: Peer, answers: Iterator[tuple[Dataset, Dataset | None]]) -> Iterator[Dataset | None]:
    """Those that match; None for one that is no dataset."""
    for status, answer in answers:
        code = status_of(peer, status)
        if code in _PENDING:
            yield answer
        elif code != 0:
            raise PeerFailed(f"{peer.name}: refused the query (status 0x{code:04X}); its own log says why")


def _query(config: WorklistConfig, today: date) -> Dataset:
    """What is asked: everything scheduled in these days, by keys that are plain ASCII."""
    from pydicom.dataset import Dataset

    step, query = Dataset(), Dataset()
    around = timedelta(days=config.days)
    first, last = today - around, today + around
    step.ScheduledProcedureStepStartDate = f"{first:%Y%m%d}" if first == last else f"{first:%Y%m%d}-{last:%Y%m%d}"
    step.ScheduledProcedureStepStartTime = ""
    step.Modality = config.modality
    step.ScheduledStationAETitle = config.station.strip()
    for dataset, keywords in ((step, keys_of_step()), (query, keys_wanted())):
        for keyword in keywords:
            setattr(dataset, keyword, "")
    query.SpecificCharacterSet = "ISO_IR 192"  # who answers in the set of the question then loses no letter
    setattr(query, STEPS, [step])
    return query


def _order(one: Scheduled) -> tuple[Any, ...]:
    return one.starts or "9999", one.name, one.birth_date, one.patient_id
