"""Answers to a server that asks who we are: Basic (RFC 7617) and Digest (RFC 7616), for HTTP and RTSP."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence

from edge.sources.network.address import CameraAddress

_SCHEME = re.compile(r"^\s*(Basic|Digest)\b", re.IGNORECASE)
_FIELD = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_HASHES: dict[str, Callable[[bytes], hashlib._Hash]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Login:
    """Keeps what the server asked for, and answers it with each request.

    Digest is preferred, with the strongest hash that is offered; without a user nothing is ever sent.
    """

    def __init__(self, address: CameraAddress) -> None:
        self._user, self._password = address.user, address.password
        self._digest: dict[str, str] | None = None
        self._is_basic = False
        self._num_requests = 0

    def refused(self) -> str:
        """What to do where the camera asks and no answer helps, in words."""
        if self._user:
            return "not authorised: the camera refuses this user and password"
        return "not authorised: the camera asks for a user; write SCHEME://USER@HOST/PATH, and [source] password_file"

    def take(self, challenges: Sequence[str]) -> bool:
        """Read the server's `WWW-Authenticate`; whether it can be answered and was not in vain before.

        A nonce that the server calls stale is answered again.
        """
        had_answer = self._digest is not None or self._is_basic
        if not self._user:
            return False
        digests = [fields for text in challenges if (fields := _digest_fields(text)) is not None]
        usable = [fields for fields in digests if _hash_name(fields) in _HASHES]
        if usable:
            self._digest = max(usable, key=lambda fields: _hash_name(fields) == "SHA-256")
            self._num_requests = 0
            return not had_answer or self._digest.get("stale", "").lower() == "true"
        self._is_basic = any(_is_basic(text) for text in challenges)
        return self._is_basic and not had_answer

    def header(self, method: str, uri: str) -> str | None:
        """The value of `Authorization`; None as long as the server has not asked."""
        if self._digest is not None:
            return self._digest_answer(self._digest, method, uri)
        if self._is_basic:
            return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        return None

    def _digest_answer(self, asked: dict[str, str], method: str, uri: str) -> str:
        make = _HASHES[_hash_name(asked)]

        def hashed(text: str) -> str:
            return make(text.encode()).hexdigest()

        realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
        secret, request = hashed(f"{self._user}:{realm}:{self._password}"), hashed(f"{method}:{uri}")
        self._num_requests += 1
        count, own = f"{self._num_requests:08x}", secrets.token_hex(8)
        if "auth" in re.split(r"[\s,]+", asked.get("qop", "")):
            answer = hashed(f"{secret}:{nonce}:{count}:{own}:auth:{request}")
            quality = f', qop=auth, nc={count}, cnonce="{own}"'
        else:  # RFC 2069, as older cameras have it
            answer, quality = hashed(f"{secret}:{nonce}:{request}"), ""
        opaque = f', opaque="{asked["opaque"]}"' if "opaque" in asked else ""
        named = f", algorithm={asked['algorithm']}" if "algorithm" in asked else ""
        return (
            f'Digest username="{_quoted(self._user)}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{answer}"{named}{opaque}{quality}'
        )


def _digest_fields(text: str) -> dict[str, str] | None:
    found = _SCHEME.match(text)
    if found is None or found[1].lower() != "digest":
        return None
    return {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(text[found.end() :])}


def _hash_name(fields: dict[str, str]) -> str:
    return fields.get("algorithm", "MD5").upper()


def _is_basic(text: str) -> bool:
    found = _SCHEME.match(text)
    return found is not None and found[1].lower() == "basic"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
