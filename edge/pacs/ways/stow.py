"""Objects to a DICOMweb service by STOW-RS (PS3.18 10.5)."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from edge.basics.errors import ConfigError
from edge.basics.folders import read_plain
from edge.basics.hiding import remember
from edge.basics.secrets import shown_uri
from edge.basics.texts import json_from_text
from edge.config import PacsConfig
from edge.pacs.peers import PeerFailed
from edge.pacs.tls import Files, client_context, files_of, named_file
from edge.pacs.ways.forms import CAPTURES, in_form_for, spooled
from edge.pacs.ways.outcome import DUPLICATE, NotTaken, Outcome, Taken, is_refused_kind, outcome_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_BOUNDARY = "edge-enhance-39c2b6f04d1e"
_MAX_ANSWER_BYTES, _MAX_SECRET_BYTES, _PIECE_BYTES = 4 << 20, 4096, 1 << 16
_SLOWEST_BYTES_S = 20_000
"""A connection that is slower is given up."""
_FAILED, _UID, _REASON = "00081198", "00081155", "00081197"
"""Failed SOP Sequence, Referenced SOP Instance UID, Failure Reason."""


@dataclass(frozen=True, slots=True)
class Service:
    """A DICOMweb service. Attributes: headers: that say who asks; never shown."""

    url: str
    tls: Files | None
    timeout_s: float
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return f"pacs {shown_uri(self.url)}"


def service_of(config: PacsConfig) -> Service:
    """As [pacs] names it; raises ConfigError where a file cannot be used."""
    url = config.stow.rstrip("/")
    is_secure = urlsplit(url).scheme == "https"
    tls = files_of("pacs", config.ca, config.certificate, config.key) if is_secure else None
    headers = {}
    if config.token_file:
        headers["Authorization"] = f"Bearer {_secret('token_file', config.token_file)}"
    elif config.user:
        password = _secret("password_file", config.password_file)
        headers["Authorization"] = f"Basic {base64.b64encode(f'{config.user}:{password}'.encode()).decode()}"
    for header in headers.values():
        remember(header.partition(" ")[2])
    return Service(url, tls, config.timeout_s, headers)


def _secret(key: str, name: str) -> str:
    """The first line of a file that not everybody may read."""
    path = named_file(name)
    assert path is not None
    try:
        content = read_plain(path, _MAX_SECRET_BYTES).decode()
        is_open = path.stat().st_mode & 0o004
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigError(f"pacs.{key} = {path}: cannot be read: {why}") from error
    line = (content.splitlines() or [""])[0].strip()
    if is_open:
        raise ConfigError(f"pacs.{key} = {path}: everybody may read it; chmod 0640 it")
    if not line or not line.isprintable():
        raise ConfigError(f"pacs.{key} = {path}: expected a file whose first line is it")
    remember(line)
    return line


class Stow:
    """A way by which objects go, for one thread.

    Args:
        folder: for what does not fit into memory.
    """

    def __init__(self, service: Service, folder: Path) -> None:
        self._service, self._folder = service, folder
        self._loop = asyncio.new_event_loop()
        self._session = self._loop.run_until_complete(self._made())

    def close(self) -> None:
        self._loop.run_until_complete(self._session.close())
        self._loop.close()

    def send(self, dataset: Dataset) -> Outcome:
        """Send one.

        Raises:
            PeerFailed: nobody answers, or the unit may not; whether the service has the object, nobody knows then.
            OSError: it cannot be put together.
        """
        outcome = self._sent(dataset)
        captured = is_refused_kind(outcome) and in_form_for(dataset, CAPTURES)
        return self._sent(captured) if captured else outcome

    def try_out(self) -> str:
        """Ask for nothing that could be there, to see whether the service answers; what it said. Raises PeerFailed."""
        status, _ = self._answer(self._asked("GET", "/studies?limit=1&StudyInstanceUID=2.25.0"))
        return f"answers (HTTP {status})"

    def _sent(self, dataset: Dataset) -> Outcome:
        sop_class, uid = str(dataset.SOPClassUID), str(dataset.SOPInstanceUID)
        with spooled(dataset, self._folder) as path:
            status, content = self._answer(self._asked("POST", "/studies", path))
        found = _reason_in(content, uid)
        if status in (200, 202) and found is None:
            return Taken(uid, sop_class)
        if status in (200, 202, 409):
            if found != DUPLICATE and self._is_there(dataset):
                return Taken(uid, sop_class)  # some say no more of a duplicate than that processing failed
            return outcome_of(found or 0x0110, uid, sop_class)
        if status in (404, 405):
            raise PeerFailed(f"{self._service.name}: no STOW-RS there (HTTP {status}); correct [pacs] stow")
        is_final = status in (400, 413, 415)
        return NotTaken(f"the DICOMweb service refused the object: HTTP {status}", is_final)

    def _is_there(self, dataset: Dataset) -> bool:
        words = ("studies", dataset.StudyInstanceUID, "series", dataset.SeriesInstanceUID, "instances")
        path = "/".join(("", *map(str, words), str(dataset.SOPInstanceUID), "metadata"))
        return self._answer(self._asked("GET", path))[0] == 200

    async def _made(self) -> aiohttp.ClientSession:
        timeout_s = self._service.timeout_s
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=timeout_s, sock_read=timeout_s)
        return aiohttp.ClientSession(timeout=timeout, headers=self._service.headers)

    def _answer(self, request: Coroutine[Any, Any, tuple[int, bytes]]) -> tuple[int, bytes]:
        """Status and content; raises PeerFailed."""
        name = self._service.name
        try:
            status, content = self._loop.run_until_complete(request)
        except aiohttp.ClientConnectorCertificateError as error:
            why = getattr(error.certificate_error, "verify_message", str(error.certificate_error))
            raise PeerFailed(
                f"{name}: its certificate is not accepted: {why}; nothing was sent. Name the authority that signed it, "
                "or the certificate itself, with [pacs] ca"
            ) from error
        except (asyncio.TimeoutError, TimeoutError) as error:
            raise PeerFailed(f"{name}: no answer within {self._service.timeout_s:g} s") from error
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
            raise PeerFailed(f"{name}: nobody answers there ({why}); check [pacs] stow, and that it runs") from error
        if status in (401, 403):
            keys = "user and password_file, or token_file"
            raise PeerFailed(f"{name}: the unit may not store there (HTTP {status}); correct [pacs] {keys}")
        return status, content

    async def _asked(self, method: str, path: str, file: Path | None = None) -> tuple[int, bytes]:
        tls = self._service.tls
        headers = {"Accept": "application/dicom+json"}
        body, longest_s = None, 4 * self._service.timeout_s
        if file is not None:
            head, tail = _around()
            size = file.stat().st_size
            headers["Content-Type"] = f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'
            headers["Content-Length"] = str(len(head) + size + len(tail))
            body, longest_s = _body(head, file, tail), longest_s + size / _SLOWEST_BYTES_S
        asked = self._session.request(
            method,
            self._service.url + path,
            data=body,
            headers=headers,
            ssl=client_context(tls) if tls is not None else True,
            allow_redirects=False,
        )

        async def answered() -> tuple[int, bytes]:
            async with asked as answer:
                return answer.status, await answer.content.read(_MAX_ANSWER_BYTES)

        return await asyncio.wait_for(answered(), longest_s)


def _around() -> tuple[bytes, bytes]:
    head = f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n"
    return head.encode(), f"\r\n--{_BOUNDARY}--\r\n".encode()


async def _body(head: bytes, path: Path, tail: bytes) -> AsyncIterator[bytes]:
    yield head
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
    yield tail


def _reason_in(content: bytes, uid: str) -> int | None:
    """Why an object was not stored; None where the answer does not say that it was not."""
    try:
        told = json_from_text(content)
        for item in told.get(_FAILED, {}).get("Value", ()):
            if item.get(_UID, {}).get("Value", [uid])[0] == uid:
                return int(item.get(_REASON, {}).get("Value", [0x0110])[0])
    except (ValueError, TypeError, AttributeError, IndexError):
        return None
    return None
