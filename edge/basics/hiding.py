"""What is secret never leaves the program: the last step before a text is shown, logged, sent or written.

It replaces what was remembered as secret, in each form that a library may give it, and whatever looks like an address
with a password. A place that shows an address by itself still calls `edge.basics.secrets.shown_uri`.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from edge.basics.secrets import HIDDEN, secrets_of, shown_uri, userinfos_of

_SETTING_NAME = re.compile(r"passw|passphrase|pwd|psw|token$|secret|credential|api_?key|^pass$|pin$", re.IGNORECASE)
_FILE_NAME = re.compile(r"file|folder|path|dir$", re.IGNORECASE)
_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"<>]+")
_HEADER = re.compile(r"(authorization[\"']?\s*[:=]\s*[\"']?(?:(?:basic|bearer|digest)\s+)?)[^\s\"']+", re.IGNORECASE)
_WORD = re.compile(r"[a-z0-9_-]{0,24}")
_SHORTEST, _UNBOUNDED = 4, 8
_MOST = 1024


class _Register:
    """What is known to be secret, and what is shown instead. Thread-safe; forgets the oldest beyond a limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown: dict[str, str] = {}
        self._longest_first: list[tuple[str, str]] = []

    def add(self, texts: Mapping[str, str]) -> None:
        """Text -> what stands in its place."""
        with self._lock:
            if texts.keys() <= self._shown.keys():
                return
            self._shown |= texts
            for old in list(self._shown)[: max(0, len(self._shown) - _MOST)]:
                del self._shown[old]
            self._longest_first = sorted(self._shown.items(), key=lambda one: len(one[0]), reverse=True)

    def replaced(self, text: str) -> str:
        for secret, shown in self._longest_first:
            if secret in text:
                text = _replaced(text, secret, shown)
        return text


_known = _Register()


def remember(secret: str) -> None:
    """Hide this text from now on, in every form; one of fewer than four characters is hidden in addresses alone."""
    _known.add({form: HIDDEN for form in _forms(secret) if len(form) >= _SHORTEST})


def remember_uri(uri: str) -> None:
    """Hide what is secret in an address from now on; another text may be given too."""
    shown = shown_uri(uri)
    if shown == uri:
        return
    _known.add(dict.fromkeys(_written(uri), shown))
    for secret in secrets_of(uri):
        remember(secret)
    for user, colon, password in userinfos_of(uri):
        for text in {user + colon + password, unquote(user + colon + password)}:  # HTTP's Basic authentication
            for charset in ("utf-8", "latin-1"):
                remember(base64.b64encode(text.encode(charset, "replace")).decode())


def remember_in(value: object, name: str = "") -> None:
    """Look through a configuration for what is secret: addresses, and values whose name says that they are."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            remember_in(one, str(key))
    elif isinstance(value, (list, tuple)):
        for one in value:
            remember_in(one, name)
    elif isinstance(value, str):
        remember_uri(value)
        if is_secret_name(name):
            remember(value)
    elif isinstance(value, int) and is_secret_name(name) and abs(value) < 10**100:
        remember(str(value))


def remember_words(words: Sequence[str]) -> list[str]:
    """Look through a command line; the words that carry something secret."""
    found = []
    before = ""
    for word in words:
        option, equals, value = word.partition("=") if word.startswith("--") else ("", "", "")
        name = option if equals else before
        secret = value if equals else word
        remember_uri(secret)
        is_named = bool(name) and is_secret_name(name) and not secret.startswith("--")
        if is_named:
            remember(secret)
        if is_named or shown_uri(secret) != secret:
            found.append(word)
        before = word if word.startswith("--") and not equals else ""
    return found


def is_secret_name(name: str) -> bool:
    """Whether a setting of this name is a secret, and not the file that holds one."""
    return bool(_SETTING_NAME.search(name)) and not _FILE_NAME.search(name)


def without_secrets(text: str) -> str:
    """A text, of one line or many, as it may leave the program."""
    text = _known.replaced(text)
    if "://" in text:
        text = _IN_TEXT.sub(lambda match: shown_uri(match[0]), text)
    return _HEADER.sub(rf"\g<1>{HIDDEN}", text) if "uthorization" in text else text


def record_without_secrets(value: Any) -> Any:
    """A JSON value as it may leave the program. A lone word, as the program's own states are, stays what it is."""
    if isinstance(value, str):
        return value if _WORD.fullmatch(value) else without_secrets(value)
    if isinstance(value, Mapping):
        return {key: record_without_secrets(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [record_without_secrets(one) for one in value]
    return value


def _replaced(text: str, secret: str, shown: str) -> str:
    """A short secret may be part of a common word, and is hidden where it stands alone."""
    if len(secret) >= _UNBOUNDED:
        return text.replace(secret, shown)
    before = "(?<![A-Za-z0-9])" if secret[0].isalnum() else ""
    after = "(?![A-Za-z0-9])" if secret[-1].isalnum() else ""
    return re.sub(before + re.escape(secret) + after, lambda _: shown, text)


def _forms(secret: str) -> set[str]:
    """As it stands, decoded, and encoded again in each way that libraries have, all as messages write them."""
    bare = unquote(secret)
    spellings = {secret, bare, unquote(secret, "latin-1")}
    for text in (secret, bare):
        spellings |= {quote(text), quote(text, safe=""), quote_plus(text)}
        spellings.add(quote(text, safe="", encoding="latin-1", errors="replace"))
    spellings |= {re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), one) for one in spellings}
    return {form for spelling in spellings for form in _written(spelling)}


def _written(text: str) -> set[str]:
    """As Python and JSON write it between their quotes."""
    return {
        text,
        repr(text)[1:-1],
        ascii(text)[1:-1],
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;"),
    } - {""}
