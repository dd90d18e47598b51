"""Whose page asks: only the unit's own page, under a name that is the unit's, and programs that are no browser.

A page of somebody else reaches the unit through the browser of a person who may: by a name of its own that it lets
point here (DNS rebinding), or by requests from its own address (CSRF, pictures in a foreign page).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from aiohttp import web

from edge.web.answers import refused

_LOCAL = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
_OURS = (None, "same-origin", "none")
_SIMPLE_BODIES = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
"""What any page's form can send without being asked (WHATWG Fetch, CORS-safelisted)."""


class Names:
    """The names and addresses that are this unit's.

    Args:
        configured: `[web] names`, and the host of `[web] listen`.
    """

    def __init__(self, configured: Collection[str] = ()) -> None:
        machine = socket.gethostname().lower().rstrip(".")
        short = machine.partition(".")[0]
        own = {machine, short, f"{short}.local"} if short else set()
        self._names = {*_LOCAL, *own, *(name.lower().rstrip(".") for name in configured)} - {""}

    def has(self, host: str, arrived_at: str) -> bool:
        """Whether a request for this host is for the unit.

        Args:
            host: as in the header `Host`, with or without a port.
            arrived_at: address of this machine's end of the connection; empty for a Unix socket.
        """
        name = _without_port(host).lower().rstrip(".")
        if name in self._names:
            return True
        address, local = _address(name), _address(arrived_at)
        if address is None:
            return False
        if local is None:  # by a proxy: whose address it is it knows, and no foreign name can pose as an address
            return not arrived_at
        return address == local or (address.is_loopback and local.is_loopback)


def objection(request: web.Request, names: Names, pages: Collection[str]) -> web.Response | None:
    """The answer to a request that is not for this unit, or that another site's page makes; None where it may go on.

    Args:
        pages: paths that a link of another site may lead to.
    """
    hosts = request.headers.getall("Host", [])
    if request.raw_path.lower().startswith(("http:", "https:")):  # its host counts (RFC 9112, 3.2.2): both must be ours
        hosts = [*hosts, _host_of(request.raw_path) or "?"]
    elif len(hosts) > 1 or (not hosts and request.version >= (1, 1)):
        return refused(400, "expected one header Host")
    sockname = request.transport.get_extra_info("sockname") if request.transport is not None else None
    arrived_at = str(sockname[0]) if isinstance(sockname, tuple) and sockname else ""
    if not all(names.has(host, arrived_at) for host in hosts):
        return refused(421, "this unit has another name; [web] names in edge.toml says which it has")
    if is_foreign(request.headers, request.method, request.path, pages):
        return refused(403, "another site's page may not do this")
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if request.method not in ("GET", "HEAD") and request.path.startswith("/api/") and kind in _SIMPLE_BODIES:
        return refused(415, f"Content-Type = {kind!r}: expected no body")
    return None


def is_foreign(headers: Mapping[str, str], method: str, path: str, pages: Collection[str]) -> bool:
    """Whether a browser says that another site's page asks.

    `Origin` comes with whatever could change something, `Sec-Fetch-Site` (W3C Fetch Metadata) to this machine and over
    TLS alone, `Referer` where neither does; a program sends none of them. A link may lead to a page, not to a picture.
    """
    host, origin = headers.get("Host", ""), headers.get("Origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return True
    site = headers.get("Sec-Fetch-Site")
    is_followed = headers.get("Sec-Fetch-Mode") == "navigate" and headers.get("Sec-Fetch-Dest") == "document"
    if path in pages and method in ("GET", "HEAD") and (site is None or is_followed):
        return False
    referer = headers.get("Referer")
    if site is None and origin is None and referer is not None:
        return _host_of(referer) != host.lower()
    return site not in _OURS


def _host_of(address: str) -> str | None:
    """Host and port of an address, in small letters; None where it is none."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return None


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, _, port = host.rpartition(":")
    return name if port.isascii() and (port.isdigit() or not port) and name else host


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
