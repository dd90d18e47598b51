"""An association with a DICOM peer: a PACS or a worklist, over TCP or TLS, and its failures in one line each.

pynetdicom is loaded when the first association is wanted; its own log, which tells of patients, is silenced.
"""

from __future__ import annotations

import queue
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge.basics.errors import InputOutputError
from edge.basics.secrets import shown_uri
from edge.config import PacsConfig
from edge.pacs.tls import Files, client_context, files_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset
    from pynetdicom.ae import ApplicationEntity
    from pynetdicom.association import Association
    from pynetdicom.presentation import PresentationContext

MAX_PDU_BYTES = 1 << 17
"""Of what a peer may send at a time; it says itself what it takes."""
_WAITING_PDUS = 32
_REJECTED = {
    (
        1,
        3,
    ): "does not know the unit's AE title {own!r}: have it added there, or correct [{table}] own_ae_title",
    (1, 7): "does not know itself by the AE title {called!r}: correct {setting}",
    (3, 1): "is too busy at this moment",
    (3, 2): "has as many connections as it takes",
}
"""Source and reason of a rejection (PS3.8 table 9-21) -> what it means."""


class PeerFailed(InputOutputError):
    """A peer is not there, does not want us, or was lost; another try may help."""


class NothingAccepted(PeerFailed):
    """A peer takes none of what was proposed."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom to speak with.

    Attributes:
        table: of edge.toml, whose keys messages name.
        ae_title, own_ae_title: what it is called, and what the unit is.
        tls: PEM files for TLS; None: without.
        timeout_s: after which a peer that says nothing is given up.
        key: of the table, which names AE title, host and port, where it is one.
    """

    table: str
    host: str
    port: int
    ae_title: str
    own_ae_title: str
    tls: Files | None
    timeout_s: float
    key: str = ""

    @property
    def name(self) -> str:
        """As messages say it."""
        return f"{self.key or self.table} {self.host}:{self.port}"

    def setting(self, keys: str) -> str:
        """As messages name what is to be corrected."""
        return f"[{self.table}] {self.key or keys}"


def pacs_peer(config: PacsConfig) -> Peer:
    """The archive that [pacs] names."""
    tls = files_of("pacs", config.ca, config.certificate, config.key) if config.tls else None
    titles = config.ae_title.strip(), config.own_ae_title.strip()
    return Peer("pacs", config.host, config.port, *titles, tls, config.timeout_s)


def target_of(config: PacsConfig) -> str:
    """Where what is sent goes, as it may be shown."""
    return shown_uri(config.stow) if config.stow else f"{config.host}:{config.port}"


@contextmanager
def associated(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    *,
    roles: Sequence[Any] = (),
    handlers: Sequence[tuple[Any, Callable[..., Any]]] = (),
) -> Iterator[Association]:
    """An association for the block, at whose end it is released; an exception in it aborts it.

    Args:
        contexts: what is proposed; at least one of them is accepted, `accepted_contexts` says which.
        roles: from `pynetdicom.build_role`, where we are to be asked too.
        handlers: of pynetdicom's events.

    Raises:
        PeerFailed: there is none; the message says what to do.
        NothingAccepted: of what was proposed.
        ConfigError: a file for TLS cannot be used.
    """
    from pynetdicom import evt

    tls = None if peer.tls is None else (client_context(peer.tls), peer.host)
    entity = entity_of(peer.own_ae_title, peer.timeout_s)
    heard: list[Any] = []
    watch = [(evt.EVT_CONN_OPEN, limit_waits), (evt.EVT_ACSE_RECV, lambda event: heard.append(event.primitive))]
    try:
        made = entity.associate(
            peer.host,
            peer.port,
            contexts=list(contexts),
            ae_title=peer.ae_title,
            max_pdu=MAX_PDU_BYTES,
            ext_neg=list(roles),
            tls_args=tls,
            evt_handlers=[*watch, *handlers],
        )
    except OSError as error:  # a name that nobody knows
        raise PeerFailed(f"{peer.name}: {error.strerror or error}; correct {peer.setting('host')}") from error
    if not made.is_established:
        told = made.acceptor.primitive
        kind = NothingAccepted if told is not None and told.result == 0 and not made.accepted_contexts else PeerFailed
        raise kind(f"{peer.name}: {_why_none(peer, made, heard)}")
    made.dul.to_provider_queue = _Bounded(made, peer)
    is_done = False
    try:
        yield made
        is_done = True
    finally:
        end = made.release if is_done and made.is_established else made.abort
        with suppress(PeerFailed):
            end()


def entity_of(ae_title: str, timeout_s: float) -> ApplicationEntity:
    """One of pynetdicom's, with time-outs; its log is silent from the first one on."""
    from pynetdicom import AE

    from edge.pacs.silence import silence

    silence()
    entity = AE(ae_title)
    entity.acse_timeout = entity.dimse_timeout = entity.connection_timeout = timeout_s
    entity.network_timeout = 2 * timeout_s
    return entity


def limit_waits(event: Any) -> None:
    """For EVT_CONN_OPEN: without it a peer that stops reading in the middle holds its sender for ever."""
    connection = event.assoc.dul.socket.socket
    if connection is not None:
        connection.settimeout(event.assoc.network_timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def status_of(peer: Peer, answer: Dataset) -> int:
    """The status that a peer answered with.

    Raises:
        PeerFailed: there was no answer, so nobody knows what has become of the request.
    """
    if "Status" not in answer:
        raise PeerFailed(f"{peer.name}: the connection was lost, or no answer came within {peer.timeout_s:g} s")
    return int(answer.Status)


class _Bounded(queue.Queue[Any]):
    """What waits to be sent to a peer: no more than a few pieces, so that a long clip is never all in memory.

    It also makes the time-out for an answer begin when all was sent.
    """

    def __init__(self, association: Association, peer: Peer) -> None:
        super().__init__(_WAITING_PDUS)
        self._association, self._peer = association, peer

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Raises PeerFailed where nothing was taken for as long as the connection may be silent."""
        end_s = time.monotonic() + (self._association.network_timeout or 0.0)
        while True:
            try:
                super().put(item, timeout=0.2)
                return
            except queue.Full:
                if not self._association.dul.is_alive() or time.monotonic() > end_s:
                    message = f"{self._peer.name}: the connection was lost in the middle"
                    raise PeerFailed(message) from None


def _why_none(peer: Peer, made: Association, heard: Sequence[Any]) -> str:
    """Why there is no association, in words, and what to do."""
    if made.is_rejected:
        told = made.acceptor.primitive
        source, why = (0, 0) if told is None else (told.result_source or 0, told.diagnostic or 0)
        words = _REJECTED.get((source, why), f"rejected the connection (source {source}, reason {why})")
        return words.format(
            own=peer.own_ae_title, called=peer.ae_title, table=peer.table, setting=peer.setting("ae_title")
        )
    if made.acceptor.primitive is not None and not made.accepted_contexts:
        return f"accepts nothing of what was proposed as {peer.own_ae_title!r}: its administrator must allow it"
    if heard:
        reason = "" if peer.tls is None else why_unreachable(peer)
        if "certificate" in reason:  # with TLS 1.3 a peer says what it thinks of ours when all seems done
            return reason
        return "broke off before it accepted: does it speak DICOM there, and know the unit's AE title and address?"
    return why_unreachable(peer)


def why_unreachable(peer: Peer) -> str:
    """What is wrong with the way there, by trying it again without a word of DICOM; what to do."""
    keys = peer.setting("host and port")
    try:
        connection = socket.create_connection((peer.host, peer.port), peer.timeout_s)
    except TimeoutError:
        return f"nobody answers there within {peer.timeout_s:g} s; check {keys}, and the network"
    except OSError as error:
        return f"nobody listens there ({error.strerror or error}); check {keys}, and that it runs"
    with connection:
        if peer.tls is not None:
            told = why_no_tls(peer, connection)
            if told:
                return told
    speaks = "" if peer.tls is not None else f"; if it speaks TLS: [{peer.table}] tls = true"
    return f"took the connection and said nothing within {peer.timeout_s:g} s, or closed it; check {keys}{speaks}"


@contextmanager
def secured(peer: Peer) -> Iterator[ssl.SSLSocket]:
    """A connection to a peer with TLS, without a word of DICOM, to look at its certificate. Raises PeerFailed."""
    assert peer.tls is not None
    try:
        with (
            socket.create_connection((peer.host, peer.port), peer.timeout_s) as plain,
            client_context(peer.tls).wrap_socket(plain, server_hostname=peer.host) as made,
        ):
            yield made
    except OSError as error:
        raise PeerFailed(f"{peer.name}: {why_unreachable(peer)}") from error


def why_no_tls(peer: Peer, connection: socket.socket) -> str:
    """Why TLS does not come about on a connection; "" where it does."""
    assert peer.tls is not None
    connection.settimeout(peer.timeout_s)
    try:
        with client_context(peer.tls).wrap_socket(connection, server_hostname=peer.host) as secured:
            secured.settimeout(min(1.0, peer.timeout_s))
            with suppress(TimeoutError):  # TLS 1.3: a peer that does not want our certificate says so afterwards
                secured.recv(1)
    except ssl.SSLCertVerificationError as error:
        return (
            f"its certificate is not accepted: {error.verify_message}; nothing was sent. Name the authority that "
            f"signed it, or the certificate itself, with [{peer.table}] ca"
        )
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        if "certificate" in reason or "unknown ca" in reason:
            return f"wants a certificate of the unit that it trusts ({reason}); set [{peer.table}] certificate and key"
        return f"no TLS there ({reason}); check {peer.setting('port')} and tls"
    except OSError as error:
        return f"no TLS there ({error.strerror or error}); check {peer.setting('port')} and tls"
    return ""
