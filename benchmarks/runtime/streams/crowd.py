"""Eight viewers over WebSocket, one of which is stopped dead (SIGSTOP): rates of the others and memory of the unit."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import time
from multiprocessing.sharedctypes import SynchronizedArray
from typing import Any

import psutil

from benchmarks.runtime.streams.measured import unit

NUM_VIEWERS = 8
WARM_UP_S = 5.0


def crowd(seconds: float) -> list[list[object]]:
    """Rows: before and after the stop, the slowest and fastest of the seven, memory at the begin and the end in MiB."""
    counts: SynchronizedArray[int] = multiprocessing.Array("q", NUM_VIEWERS)
    with unit("passthrough") as (process, address):
        dead = multiprocessing.Process(target=_watch, args=(address, counts, [0]), daemon=True)
        others = multiprocessing.Process(target=_watch, args=(address, counts, range(1, NUM_VIEWERS)), daemon=True)
        dead.start()
        others.start()
        try:
            time.sleep(WARM_UP_S)
            rows = [["before", *_rates(counts, process, seconds)]]
            os.kill(dead.pid or 0, signal.SIGSTOP)
            rows.append(["one stopped", *_rates(counts, process, seconds)])
        finally:
            for one in (dead, others):
                one.kill()
                one.join()
    return rows


def _rates(counts: SynchronizedArray[int], process: psutil.Process, seconds: float) -> list[object]:
    before, begin_s = list(counts), time.monotonic()
    memory_mib = [process.memory_info().rss / 2**20]
    time.sleep(seconds)
    passed_s = time.monotonic() - begin_s
    memory_mib.append(process.memory_info().rss / 2**20)
    rates = sorted((after - earlier) / passed_s for after, earlier in zip(list(counts)[1:], before[1:], strict=True))
    return [f"{rates[0]:.1f}", f"{rates[-1]:.1f}", " -> ".join(f"{mib:.0f}" for mib in memory_mib)]


def _watch(address: str, counts: SynchronizedArray[int], numbers: Any) -> None:
    async def all_of_them() -> None:
        await asyncio.gather(*(_one(address, counts, number) for number in numbers))

    asyncio.run(all_of_them())


async def _one(address: str, counts: SynchronizedArray[int], number: int) -> None:
    import aiohttp

    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address}stream.ws", max_msg_size=0) as socket,
    ):
        await socket.send_json({"want": "enhanced", "width": 1280})
        async for message in socket:
            if message.type != aiohttp.WSMsgType.BINARY:
                return
            size = int.from_bytes(message.data[:4], "big")
            counts[number] += 1
            await socket.send_json({"next": json.loads(message.data[4 : 4 + size])["seq"]})
