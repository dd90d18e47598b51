"""The camera's process.

python -m tests.doubles.network_camera --http 8081 --rtsp 8554 --set auth=basic

Lines on its standard input are orders: `repeat=true`, or in JSON {"set": {"repeat": true}}, {"counters": true},
{"drop": true} (close all connections). Each is answered with a line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from firmware_bridge.command_line import Parser
from tests.doubles.network_camera.certificates import made_certificate, server_context
from tests.doubles.network_camera.faults import Faults
from tests.doubles.network_camera.hub import Hub
from tests.doubles.network_camera.listening import Listeners


async def served(args: argparse.Namespace, folder: Path) -> None:
    faults = Faults().changed(dict(change.partition("=")[::2] for change in args.set))
    hub = Hub(faults, args.seed)
    certificate = made_certificate(folder, args.tls) if args.tls else None
    context = None if certificate is None else server_context(certificate)
    listeners = Listeners(hub, args.host, {"http": args.http, "rtsp": args.rtsp}, context)
    ports = await listeners.begin()
    _say({**ports, "certificate": str(certificate or "")})
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def ordered() -> None:
        line = sys.stdin.readline()
        if not line:
            loop.remove_reader(sys.stdin)
            if args.control:
                stop.set()
        elif line.strip():
            orders.put_nowait(line)

    async def obey() -> None:
        while True:
            line = await orders.get()
            try:
                _say(await _obeyed(hub, listeners, line))
            except ValueError as error:
                _say({"error": str(error)})

    orders: asyncio.Queue[str] = asyncio.Queue()
    if args.control or sys.stdin.isatty():
        loop.add_reader(sys.stdin, ordered)
    obeying = asyncio.ensure_future(obey())
    await stop.wait()
    obeying.cancel()
    listeners.drop()
    hub.close()


async def _obeyed(hub: Hub, listeners: Listeners, line: str) -> dict[str, Any]:
    if line.lstrip().startswith("{"):
        order = json.loads(line)
    else:
        order = {"set": dict(change.partition("=")[::2] for change in line.split())}
    if "set" in order:
        base = Faults() if order.get("anew") else hub.faults
        hub.faults = base.changed(order["set"])
        await listeners.follow()
    if order.get("drop"):
        listeners.drop()
    return hub.counters.record() if "counters" in order else {"ok": True}


def _say(record: dict[str, Any]) -> None:
    print(json.dumps(record), flush=True)


def main() -> int:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--http", type=int, default=8081, help="port; 0 takes a free one (default 8081)")
    parser.add_argument("--rtsp", type=int, default=8554, help="port; 0 takes a free one (default 8554)")
    parser.add_argument("--tls", choices=["own", "other"], help="HTTPS and RTSPS too, on free ports")
    parser.add_argument("--set", action="append", default=[], metavar="SWITCH=VALUE", help="may be given again")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true", help="ends with its standard input")
    with tempfile.TemporaryDirectory(prefix="network-camera-") as folder:
        asyncio.run(served(parser.parse_args(), Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
