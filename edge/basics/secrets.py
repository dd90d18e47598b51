"""Addresses of cameras without the passwords and tokens in them.

Cameras' addresses carry them before an at sign, in the query and in the path, encoded or not. Where it is unclear what
belongs to a password, more is hidden, not less. What shows an address calls `shown_uri`; `edge.basics.hiding` catches
what forgot to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

HIDDEN = "***"

_NETWORK = ("ftp", "http", "https", "onvif", "rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp", "ws", "wss")
_LOCAL = ("camera", "csi", "demo")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(/*)")
_NESTED = re.compile(r"(?<=.)[A-Za-z][A-Za-z0-9+.-]*://", re.DOTALL)
_HOST = re.compile(r"(\[[\w:.%]+\]|[\w.-]+)(:\d{0,5})?")
_PLAINLY_A_HOST = re.compile(r"(\[[\w:.%]+\]|localhost|[\w-]+(\.[\w-]+)+)(:\d{0,5})?")
_SECRET_NAME = re.compile(r"pas|pwd|psw|token|secret|key|auth|sig|cred|sess|pin$|code$|jwt|ticket|^sid$", re.IGNORECASE)
_USER_NAME = re.compile(r"user|usr|login|account", re.IGNORECASE)
_SHOWN_NAMES = (
    "action", "at", "audio", "bitrate", "cam", "camera", "ch", "channel", "channels", "codec", "compression", "format",
    "fps", "framerate", "height", "input", "lens", "loop", "mode", "overlay", "pace", "profile", "proto", "q",
    "quality", "rate", "res", "resolution", "rotation", "size", "stream", "streamtype", "subtype", "track",
    "transport", "transportmode", "type", "unicast", "video", "videocodec", "view", "width",
)  # fmt: skip
"""Names of a network address' options whose values are shown; cameras' makers call passwords by too many names."""
_PAIR = re.compile(r"([^=&;/?#]*)=([^&;/?#]*)")
_TOKEN = re.compile(r"(?=[^/]*\d)(?=[^/]*[A-Za-z])[A-Za-z0-9-]{16,}")
"""A part of a stream's path that nobody wrote by hand: some recorders make the path itself the secret."""

_PIPELINE = re.compile(r"\s*gst:", re.IGNORECASE)
_PIPELINE_PART = re.compile(
    r"""([A-Za-z][\w:.-]*)\s*=\s*("(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|(?:\\.|[^\s"'\\])+)|[^\s"'!]+""", re.DOTALL
)
"""A property and its value, or any other word of a pipeline."""
_HIDDEN_PROPERTY = re.compile(
    r"(^|[-_:.])(pass|user|login|proxy-id|cookies?|auth|headers|streamid|sess|cert|cred)|(pw|pwd|psw|passwd|password"
    r"|passphrase|secret|token|pin|psk|key)$",
    re.IGNORECASE,
)
_CERTAIN_PROPERTY = re.compile(r"(pw|pwd|psw|passwd|password|passphrase|secret|token|psk|key)$", re.IGNORECASE)

Span = tuple[int, int, bool]
"""Begin, end, and whether what stands there is secret for certain, so that it is looked for elsewhere too."""


def shown_uri(uri: str) -> str:
    """The address with `***` in the place of user, password, tokens and whatever may be one."""
    parts, at = [], 0
    for begin, end, _ in _hidden_spans(uri):
        parts += [uri[at:begin], HIDDEN]
        at = end
    return "".join([*parts, uri[at:]])


def secrets_of(uri: str) -> set[str]:
    """The texts in an address that must not be seen by themselves either, as they stand in it."""
    found: set[str] = set()
    for begin, end, is_certain in _hidden_spans(uri):
        if is_certain:
            found.add(uri[begin:end])
    for user, colon, password in userinfos_of(uri):
        found |= {password, user + colon + password} if colon else {user}
        if len(user) >= 16:
            found.add(user)  # a token whose password is a formality
        elif not colon and re.fullmatch("[a-z]*", user):
            found.discard(user)  # a name
    return found - {"", HIDDEN}


def _hidden_spans(uri: str) -> Iterator[Span]:
    if scheme := _PIPELINE.match(uri):
        yield from _pipeline_spans(uri, scheme.end())
        return
    begin = _network_begin(uri)
    if begin is None:
        nested = _NESTED.search(uri)
        end = len(uri) if nested is None else nested.start()
        yield from _pairs(uri, uri.find("?", 0, end) + 1 or end, end, is_network=False)
        if nested is not None:
            yield from ((end + first, end + last, certain) for first, last, certain in _hidden_spans(uri[end:]))
        return
    host = begin + _userinfo_length(uri[begin:])
    if host > begin:
        yield begin, host - 1, False
    path = next((at for at in range(host, len(uri)) if uri[at] in "/?#"), len(uri))
    if not _HOST.fullmatch(uri, host, path) and path > host:
        encoded = uri[host:path].lower().rfind("%40")  # all of it encoded, the at sign too
        yield host, path if encoded < 0 else host + encoded, True
    query = next((at for at in range(path, len(uri)) if uri[at] in "?#"), len(uri))
    fragment = uri.find("#", query)
    end = len(uri) if fragment < 0 else fragment
    yield from _path_spans(uri, path, query)
    yield from _pairs(uri, query + 1, end, is_network=True)
    if fragment >= 0 and fragment + 1 < len(uri):
        yield fragment + 1, len(uri), False


def _pipeline_spans(uri: str, begin: int) -> Iterator[Span]:
    """Of a GStreamer pipeline: addresses, wherever they stand, and values of what is called like a secret."""
    for match in _PIPELINE_PART.finditer(uri, begin):
        name, value = match[1] or "", match[2] if match[1] else match[0]
        first = match.start(2) if match[1] else match.start()
        quoted = len(value) > 1 and value[0] in "\"'"
        inside = first + quoted
        end = match.end() - (quoted and value[-1] == value[0])
        if name and _HIDDEN_PROPERTY.search(name):
            if inside < end:
                yield inside, end, _CERTAIN_PROPERTY.search(name) is not None
        elif "://" in uri[inside:end]:
            yield from ((inside + a, inside + b, certain) for a, b, certain in _hidden_spans(uri[inside:end]))
        elif not name and "@" in value:  # the rest of a password with a blank in it
            yield first, uri.rindex("@", first, end), False


def _network_begin(uri: str) -> int | None:
    """Where user or host begin; None for what is on this machine."""
    match = _SCHEME.match(uri)
    scheme = "" if match is None else match[1].lower()
    if scheme in _LOCAL or uri.startswith(("/", ".", "~")):
        return None
    if match is not None and (scheme in _NETWORK or len(match[2]) >= 2):
        return match.end()
    return 0 if re.match(r"[^/]*:.*@", uri, re.DOTALL) else None  # user:password@host without a scheme


def _userinfo_length(rest: str) -> int:
    """Characters before the host, the at sign included: up to the last one, unless a host is there in any reading."""
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" not in authority and _PLAINLY_A_HOST.fullmatch(authority):
        return 0
    return rest.rfind("@") + 1


def userinfos_of(uri: str) -> Iterator[tuple[str, str, str]]:
    """User, colon and password, as RFC 3986 reads the address and as somebody meant it who encoded nothing."""
    if _PIPELINE.match(uri):
        for part in _PIPELINE_PART.finditer(uri):
            value = part[2] or part[0]
            if address := _NESTED.search(f" {value}"):
                yield from userinfos_of(value[address.start() - 1 :].rstrip("\"'"))
        return
    begin = _network_begin(uri)
    if begin is None:
        nested = _NESTED.search(uri)
        yield from () if nested is None else userinfos_of(uri[nested.start() :])
        return
    authority = re.split(r"[/?#]", uri[begin:], maxsplit=1)[0]
    length = _userinfo_length(uri[begin:])
    if not length:
        if "%40" in authority:
            yield unquote(authority).rpartition("@")[0].partition(":")
        return
    readings = {uri[begin : begin + length - 1], authority.rpartition("@")[0]}
    for userinfo in readings - {""}:
        yield userinfo.partition(":")


def _path_spans(uri: str, begin: int, end: int) -> Iterator[Span]:
    for match in re.compile(r"[^/]+").finditer(uri, begin, end):
        if "=" in match[0]:
            yield from _pairs(uri, match.start(), match.end(), is_network=False)
        elif "%3d" in match[0].lower():
            yield match.start(), match.end(), False
        elif not uri.lower().startswith("http") and _TOKEN.fullmatch(match[0]):
            yield match.start(), match.end(), True


def _pairs(uri: str, begin: int, end: int, *, is_network: bool) -> Iterator[Span]:
    """Values of `name=value&...`: of a network camera all but those known to be harmless, else those named alike."""
    for match in re.compile(r"[^&;]+").finditer(uri, begin, end):
        pair = _PAIR.match(uri, match.start(), match.end())
        if pair is None:
            if is_network and match[0].lower() not in _SHOWN_NAMES:
                yield match.start(), match.end(), False
            continue
        is_secret, is_user = _SECRET_NAME.search(pair[1]) is not None, _USER_NAME.search(pair[1]) is not None
        is_hidden = is_secret or is_user or (is_network and pair[1].lower() not in _SHOWN_NAMES)
        if is_hidden and pair.start(2) < match.end():
            yield pair.start(2), match.end(), is_secret and "=" not in pair[2]
        elif "?" in match[0] and not is_hidden:
            yield from _pairs(uri, uri.index("?", match.start()) + 1, match.end(), is_network=is_network)
