"""Storage commitment (PS3.4 annex J): the PACS is asked to keep what was sent, and says later that it does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.uid import UID, generate_uid
from pynetdicom import build_context, evt

from edge.basics.errors import ConfigError, EdgeError
from edge.config import PacsConfig, address_from_listen
from edge.pacs.peers import NothingAccepted, Peer, PeerFailed, associated, entity_of, limit_waits, status_of
from edge.pacs.tls import Files, server_context
from edge.pacs.waiting.queue import Queue, Sent

if TYPE_CHECKING:
    from pynetdicom.transport import ThreadedAssociationServer

log = logging.getLogger(__name__)

VERIFICATION, PUSH_MODEL = UID("1.2.840.10008.1.1"), UID("1.2.840.10008.1.20.1")
PUSH_INSTANCE = UID("1.2.840.10008.1.20.1.1")
MOST = 500
"""Objects that are asked about at a time."""
_REFUSED, _OK = 0x0110, 0x0000
_REASONS = {0x0112: "it has none of this UID", 0x0119: "it has another kind", 0x0122: "it does not commit this kind"}
_POLL_S = 0.1
_ANSWER_S = 2.0
_MAX_REPORTERS = 4


class Reports:
    """Takes what the PACS says, on whichever connection; safe to use from any thread.

    Args:
        again_at: when, in seconds since 1970, what it does not keep is sent again.
        on_heard: called when something was taken.
    """

    def __init__(self, queue: Queue, again_at: Callable[[], float], on_heard: Callable[[], None]) -> None:
        self._queue, self._again_at, self._on_heard = queue, again_at, on_heard
        self._heard: set[str] = set()

    def has(self, transaction: str) -> bool:
        return transaction in self._heard

    def take(self, event: Any) -> tuple[int, None]:
        """For EVT_N_EVENT_REPORT. What nobody asked for is refused, and changes nothing."""
        try:
            return self._taken(event.event_information), None
        except (EdgeError, AttributeError, ValueError, TypeError, KeyError) as error:
            log.warning("pacs: a report of storage commitment was not taken: %s", type(error).__name__)
            return _REFUSED, None

    def _taken(self, told: Dataset) -> int:
        transaction = str(told.TransactionUID)
        if not self._queue.knows(transaction):
            log.warning("pacs: a report of storage commitment that was not asked for")
            return _REFUSED
        self._queue.committed([str(item.ReferencedSOPInstanceUID) for item in told.get("ReferencedSOPSequence") or ()])
        for item in told.get("FailedSOPSequence") or ():
            code = int(item.get("FailureReason") or _REFUSED)
            reason = f"the PACS does not keep it: {_REASONS.get(code, 'it failed')} ({code:#06x})"
            self._queue.not_committed(str(item.ReferencedSOPInstanceUID), reason, self._again_at())
        self._heard.add(transaction)
        self._on_heard()
        return _OK


def ask(peer: Peer, queue: Queue, reports: Reports, about: Sequence[Sent], wait_s: float) -> None:
    """Ask about objects that were sent, and wait a while for the answer on this connection.

    Raises:
        PeerFailed: nobody there, or the PACS does not commit.
    """
    heard, answered = threading.Event(), threading.Event()

    def take(event: Any) -> tuple[int, None]:
        heard.set()
        return reports.take(event)

    def sent(event: Any) -> None:
        if heard.is_set():
            answered.set()

    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, take), (evt.EVT_PDU_SENT, sent)]
    try:
        with associated(peer, [build_context(PUSH_MODEL)], handlers=handlers) as association:
            transaction = str(generate_uid(None))
            queue.asks(transaction, time.time())  # before the answer can come
            answer, _ = association.send_n_action(_request(transaction, about), 1, PUSH_MODEL, PUSH_INSTANCE)
            status = status_of(peer, answer)
            if status != _OK:
                raise PeerFailed(f"{peer.name}: does not take requests for storage commitment (status {status:#06x})")
            queue.asked(about, time.time())
            end_s = time.monotonic() + wait_s
            while not reports.has(transaction) and association.is_established and time.monotonic() < end_s:
                _never.wait(_POLL_S)
            if heard.is_set():
                answered.wait(_ANSWER_S)  # or the release overtakes it, and the PACS does not know that it was heard
    except NothingAccepted as error:
        raise PeerFailed(
            f"{peer.name}: does not offer storage commitment to {peer.own_ae_title!r}: have it allowed there, or set "
            "[pacs] commitment = false, and what was sent counts as there"
        ) from error


_never = threading.Event()


def _request(transaction: str, about: Sequence[Sent]) -> Dataset:
    made = Dataset()
    made.TransactionUID = transaction
    items = []
    for one in about:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.sop_class, one.sent_uid
        items.append(item)
    made.ReferencedSOPSequence = items
    return made


class Listener:
    """Where the PACS may tell later what it keeps, and try whether the unit is there (C-ECHO).

    Raises:
        ConfigError: it cannot listen there.
    """

    def __init__(self, config: PacsConfig, tls: Files | None, reports: Reports) -> None:
        host, port = address_from_listen(config.listen, "pacs.listen")
        entity = entity_of(config.own_ae_title.strip(), config.timeout_s)
        entity.maximum_associations = _MAX_REPORTERS
        entity.require_called_aet = True
        entity.require_calling_aet = [config.ae_title.strip()]
        entity.add_supported_context(PUSH_MODEL, scu_role=False, scp_role=True)
        entity.add_supported_context(VERIFICATION)
        context = None if tls is None else server_context(tls)
        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, reports.take), (evt.EVT_CONN_OPEN, limit_waits)]
        try:
            self._server: ThreadedAssociationServer | None = entity.start_server(
                (host, port), block=False, ssl_context=context, evt_handlers=handlers
            )
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"pacs.listen = {config.listen!r}: cannot listen there ({reason})") from error

    @property
    def port(self) -> int:
        return 0 if self._server is None else int(self._server.server_address[1])

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server = None
