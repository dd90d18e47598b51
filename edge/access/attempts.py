"""How often a password may be tried: waits that grow, for who tries and never for ever.

Counted are failures of a name from an address, of an address, and of a name. The last one waits shortly, or a stranger
could keep somebody out by failing in their name. A browser that has been logged in before carries a mark of it and is
counted by that alone (OWASP, device cookies), so what strangers try does not concern it.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MAX_COUNTED = 4096
FORGET_AFTER_S = 900.0


@dataclass(frozen=True, slots=True)
class _Limit:
    """So many failures are free; each one more doubles the wait, from 1 s to `most_s`."""

    num_free: int
    most_s: float


_PAIR, _ADDRESS, _NAME, _DEVICE = _Limit(5, 60.0), _Limit(20, 60.0), _Limit(30, 5.0), _Limit(5, 60.0)


@dataclass(slots=True)
class _Failures:
    number: int = 0
    last_s: float = 0.0


class Attempts:
    """Belongs to the event loop. Its memory is bounded: what failed longest ago is forgotten first.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._failures: OrderedDict[tuple[str, ...], _Failures] = OrderedDict()

    def wait_s(self, name: str, address: str, device: str = "") -> float:
        """How long this one must wait before the next try; 0 for not at all. A refused try counts for nothing."""
        now_s = self._clock()
        return max(0.0, *(self._wait_s(key, limit, now_s) for key, limit in self._keys(name, address, device)))

    def failed(self, name: str, address: str, device: str = "") -> None:
        """Count a wrong password."""
        now_s = self._clock()
        for key, _ in self._keys(name, address, device):
            found = self._found(key, now_s) or _Failures()
            found.number, found.last_s = found.number + 1, now_s
            self._failures[key] = found
            self._failures.move_to_end(key)
        while len(self._failures) > MAX_COUNTED:
            self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str, device: str = "") -> str:
        """Forget what this name failed from there; the mark for the browser that it came from.

        What the address failed is not forgotten: a user of the unit could else try the passwords of others from theirs.
        """
        for key, limit in self._keys(name, address, device):
            if limit in (_PAIR, _DEVICE):
                self._failures.pop(key, None)
        nonce = secrets.token_urlsafe(12)
        return f"{nonce}.{self._seal(name, nonce)}"

    def __len__(self) -> int:
        return len(self._failures)

    def _keys(self, name: str, address: str, device: str) -> list[tuple[tuple[str, ...], _Limit]]:
        nonce, _, seal = device.partition(".")
        if seal and hmac.compare_digest(seal.encode("utf-8", "replace"), self._seal(name, nonce).encode()):
            return [(("device", _short(name), nonce), _DEVICE)]
        network = network_of(address)
        return [
            (("pair", _short(name), network), _PAIR),
            (("address", network), _ADDRESS),
            (("name", _short(name)), _NAME),
        ]

    def _seal(self, name: str, nonce: str) -> str:
        return hmac.new(self._key, f"{nonce}.{name}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _found(self, key: tuple[str, ...], now_s: float) -> _Failures | None:
        found = self._failures.get(key)
        if found is not None and now_s - found.last_s > FORGET_AFTER_S:
            del self._failures[key]
            return None
        return found

    def _wait_s(self, key: tuple[str, ...], limit: _Limit, now_s: float) -> float:
        found = self._found(key, now_s)
        if found is None or found.number < limit.num_free:
            return 0.0
        delay_s = min(limit.most_s, 2.0 ** min(16, found.number - limit.num_free))
        return found.last_s + delay_s - now_s


@functools.lru_cache(MAX_COUNTED)
def network_of(address: str) -> str:
    """What counts as one place: an IPv4 address, an IPv6 network of 64 bits, or whatever else it is."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def _short(name: str) -> str:
    """A name of any length in little memory."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
