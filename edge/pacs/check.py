"""Tries the way to the PACS: does it answer, what does it take, how long is its certificate good for."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timezone

from pynetdicom.presentation import build_context

from edge.config import PacsConfig, WorklistConfig
from edge.pacs.peers import NothingAccepted, Peer, PeerFailed, associated, pacs_peer, secured, status_of
from edge.pacs.ways.commitment import PUSH_MODEL, VERIFICATION
from edge.pacs.ways.forms import PROPOSED, name_of
from edge.pacs.ways.mpps import telling
from edge.pacs.ways.stow import Stow, service_of
from edge.pacs.worklist import mpps_peer

Line = tuple[str, str]
"""What was looked at, and what was found."""


def answers(config: PacsConfig) -> str:
    """One line: that the PACS answers. Raises PeerFailed, ConfigError."""
    return "; ".join(told for _, told in [*_echo(config), *_stow(config)])


def tried_out(config: PacsConfig, worklist: WorklistConfig | None = None) -> Iterator[Line]:
    """All that can be tried without sending a picture, line by line. Raises PeerFailed, ConfigError."""
    yield from _tls(config)
    yield from _echo(config)
    yield from _kinds(config)
    yield from _commitment(config)
    yield from _stow(config)
    if worklist is not None and worklist.mpps:
        peer = mpps_peer(worklist)
        with telling(peer):
            yield "mpps", f"{peer.host}:{peer.port} takes performed procedure steps as {peer.ae_title!r}"


def _tls(config: PacsConfig) -> Iterator[Line]:
    if not config.host:
        return
    peer = pacs_peer(config)
    if peer.tls is None:
        yield "tls", "off: what is sent can be read on the way; [pacs] tls = true"
        return
    with secured(peer) as connection:
        cipher, certificate = connection.cipher() or ("",), connection.getpeercert() or {}
        until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), timezone.utc)
        left = (until - datetime.now(timezone.utc)).days
        yield "tls", f"{connection.version()}, {cipher[0]}; certificate good until {until:%Y-%m-%d}, {left} days"


def _echo(config: PacsConfig) -> Iterator[Line]:
    if not config.host:
        return
    peer = pacs_peer(config)
    began_s = time.monotonic()
    with associated(peer, [build_context(VERIFICATION)]) as association:
        status = status_of(peer, association.send_c_echo())
    if status != 0:
        raise PeerFailed(f"{peer.name}: refuses C-ECHO with status {status:#06x}")
    took_ms = (time.monotonic() - began_s) * 1e3
    yield "echo", f"{peer.host}:{peer.port} answers as {peer.ae_title!r} to {peer.own_ae_title!r}, {took_ms:.0f} ms"


def _kinds(config: PacsConfig) -> Iterator[Line]:
    if not config.host or config.stow:
        return
    peer = pacs_peer(config)
    contexts = [build_context(sop_class, syntax) for sop_class, syntax in PROPOSED]
    with associated(peer, contexts) as association:
        accepted = {(str(one.abstract_syntax), str(one.transfer_syntax[0])) for one in association.accepted_contexts}
    for form in PROPOSED:
        yield ("takes" if form in accepted else "refuses"), name_of(form)


def _commitment(config: PacsConfig) -> Iterator[Line]:
    if not config.host or not config.commitment:
        yield "keeps", "not asked: what was sent counts as there ([pacs] commitment, and host)"
        return
    peer = pacs_peer(config)
    yield "keeps", _offered(peer) + ("" if config.listen else "; only on the same connection: [pacs] listen is empty")


def _offered(peer: Peer) -> str:
    try:
        with associated(peer, [build_context(PUSH_MODEL)]):
            return "offers storage commitment"
    except NothingAccepted as error:
        raise PeerFailed(f"{peer.name}: offers no storage commitment; set [pacs] commitment = false") from error


def _stow(config: PacsConfig) -> Iterator[Line]:
    if config.stow:
        service = service_of(config)
        with closing(Stow(service, config.path)) as stow:
            yield "stow", f"{service.name.removeprefix('pacs ')} {stow.try_out()}"
