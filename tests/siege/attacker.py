"""The attacker, a process of its own: python -m tests.siege.attacker PORT NAME SECONDS SEED ADDRESS SHARE

It takes SHARE of one core and no more, and gives way to everybody (nice 19), so that what the viewer loses it loses to
the server's work. NAME `nothing` takes as much for nothing at all: the run that others are compared with.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import sys
import time
from random import Random

from tests.siege.attacks import ATTACKS, Attack

_DRIP_S = 0.5
_OPEN_AT_ONCE = 20


class Connection:
    """One of the crowd."""

    def __init__(self, attack: Attack, port: int, draw: Random, address: str) -> None:
        self._attack = attack
        self._request = attack.request(draw)
        self.to_send = self._request
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.bind((address, 0))
        with contextlib.suppress(BlockingIOError):
            self.socket.connect(("127.0.0.1", port))
        self._next_s = 0.0
        self.is_over = False

    @property
    def wants_to_write(self) -> bool:
        return bool(self.to_send or self._attack.body)

    def turn(self, can_read: bool, can_write: bool, now_s: float) -> None:
        try:
            if can_write:
                self._write(now_s)
            if can_read:
                self._read(now_s)
        except BlockingIOError:
            pass
        except OSError:
            self.is_over = True

    def _write(self, now_s: float) -> None:
        if self._attack.drip:
            if now_s < self._next_s:
                return
            self._next_s = now_s + _DRIP_S
        content = self.to_send or self._attack.body
        num_sent = self.socket.send(content[:1] if self._attack.drip else content)
        if self.to_send:
            self.to_send = self.to_send[num_sent:]
        if not self.to_send and self._attack.ending in ("close", "reset"):
            if self._attack.ending == "reset":
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.is_over = True

    def _read(self, now_s: float) -> None:
        if self._attack.reading == "none":
            return
        if self._attack.reading == "some" and now_s < self._next_s:
            return
        self._next_s = now_s + _DRIP_S
        got = self.socket.recv(1 if self._attack.reading == "some" else 1 << 18)
        if not got:
            self.is_over = True
        elif self._attack.ending == "again" and not self.to_send:
            self.to_send = self._request


def run(attack: Attack | None, port: int, seconds: float, draw: Random, address: str, share: float) -> int:
    """How many connections were opened."""
    os.nice(19)
    until_s, begin_s, begin_cpu_s = time.monotonic() + seconds, time.monotonic(), time.process_time()
    connections: dict[socket.socket, Connection] = {}
    selector = selectors.DefaultSelector()
    num_opened = 0
    while (now_s := time.monotonic()) < until_s:
        ahead_s = (time.process_time() - begin_cpu_s) / share - (now_s - begin_s)
        if ahead_s > 0:
            time.sleep(min(ahead_s, 0.5))
            continue
        if attack is None:
            sum(range(20_000))
            continue
        for _ in range(min(_OPEN_AT_ONCE, attack.num - len(connections))):
            try:
                one = Connection(attack, port, draw, address)
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL):
                    raise
                break
            connections[one.socket] = one
            num_opened += 1
            selector.register(one.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, one)
        is_busy = False
        for key, events in selector.select(0.02):
            one = key.data
            one.turn(bool(events & selectors.EVENT_READ), bool(events & selectors.EVENT_WRITE), now_s)
            is_busy = True
            if one.is_over:
                selector.unregister(one.socket)
                one.socket.close()
                del connections[one.socket]
            else:
                reads = selectors.EVENT_READ if attack.reading != "none" else 0
                wanted = reads | (selectors.EVENT_WRITE if one.wants_to_write else 0)
                selector.modify(one.socket, wanted or selectors.EVENT_READ, one)
        if is_busy and (attack.drip or attack.reading != "all"):
            time.sleep(0.02)  # sockets that are ready and left alone are ready at once again
    for one in connections.values():
        one.socket.close()
    return num_opened


def main(argv: list[str]) -> int:
    port, name, seconds, seed, address, share = argv
    attack = None if name == "nothing" else next(one for one in ATTACKS if one.name == name)
    print(run(attack, int(port), float(seconds), Random(int(seed)), address, float(share)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
