"""`python -m benchmarks.runtime.bridge`: the serial line's figures, and the section `bridge` of docs/results.md."""

from __future__ import annotations

import logging
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks.page import PAGE
from benchmarks.runtime.live import Viewer, get_json
from edge.basics.markdown import replace_section, table
from edge.health.machine import machine_line
from firmware_bridge.command_line import Parser
from firmware_bridge.device.c_device import CDevice
from firmware_bridge.device.faulty_line import FaultyLine, LineFaults
from firmware_bridge.device.interface import Sensors
from firmware_bridge.device.simulator import Simulator
from firmware_bridge.errors import BridgeError
from firmware_bridge.host.bridge import Bridge
from firmware_bridge.host.session import Session
from firmware_bridge.wire.frames import Frame, FrameDecoder, sent_bytes
from firmware_bridge.wire.messages import FrameSync, Param, Ping, SetLed, SetParam, Status, frame_from_message

LINE_BYTES_PER_S = {115_200: 11_520, 1_000_000: 100_000}
_TYPICAL = (
    frame_from_message(Status(10**9, 720, (600,) * 4, 300, 3550, 3900, 870, 210, 4990, 0, 1, 0), 7),
    frame_from_message(FrameSync(1234, 10**9, 10**9 + 800), 1234),
    frame_from_message(SetLed(1, 600), 8),
)


def decoder_mb_per_s(frames: list[Frame]) -> float:
    """Megabytes of wire that one core decodes a second, fed as a port gives them: 4096 bytes at most."""
    wire = b"".join(map(sent_bytes, frames))
    decoder, begin = FrameDecoder(), time.process_time()
    for at in range(0, len(wire), 4096):
        decoder.feed(wire[at : at + 4096])
    assert decoder.counts.frames == len(frames)
    return len(wire) / (time.process_time() - begin) / 1e6


def wait_for(done: Callable[[], bool], timeout_s: float = 20) -> float:
    """Seconds until it holds."""
    begin = time.perf_counter()
    while not done():
        if time.perf_counter() - begin > timeout_s:
            raise RuntimeError("what was waited for did not come")
        time.sleep(0.001)
    return time.perf_counter() - begin


def line_figures(folder: Path, rounds: int) -> list[list[object]]:
    """Round trips, unplugs and replugs over a pseudo terminal."""
    with Simulator(CDevice(), folder / "head") as simulator:
        bridge = Bridge(str(simulator.path))
        bridge.start()
        wait_for(lambda: bridge.snapshot().open)
        trips_ms = []
        for token in range(1000):
            begin = time.perf_counter()
            bridge.command(Ping(token))
            trips_ms.append((time.perf_counter() - begin) * 1e3)
        noticed_s, back_s, hung_s = [], [], []
        for _ in range(rounds):
            simulator.unplug()
            noticed_s.append(wait_for(lambda: not bridge.snapshot().open))
            time.sleep(1.5 + random.random())
            simulator.plug()
            back_s.append(wait_for(lambda: bridge.snapshot().status is not None))
            time.sleep(0.7 + random.random() / 2)
            simulator.switches.hang = True
            hung_s.append(wait_for(lambda: not bridge.snapshot().open))
            simulator.switches.hang = False
            wait_for(lambda: bridge.snapshot().status is not None)
        bridge.close()
    trips_ms.sort()

    def median_and_worst(seconds: list[float]) -> str:
        return f"median {median(seconds):.2f} s, at most {max(seconds):.2f} s"

    return [
        ["round trip of a command over a pty", f"median {median(trips_ms):.2f} ms, p95 {trips_ms[949]:.2f} ms"],
        ["unplug noticed after", f"median {median(noticed_s) * 1e3:.0f} ms, at most {max(noticed_s) * 1e3:.0f} ms"],
        [
            "link back after a replug (the head boots for 0.3 s)",
            median_and_worst(back_s),
        ],
        ["a head that hangs is noticed after", median_and_worst(hung_s)],
    ]


def commands_once(num_commands: int, faults: LineFaults) -> list[object]:
    """10,000 commands to the device in C over a bad line, in simulated time; each has its own number."""
    device, now_ns, effects, done = CDevice(), 10**12, Counter[int](), 0
    down, up = FaultyLine(faults, 1), FaultyLine(faults, 2)
    session, seen = Session(now_ns), 0
    retries = requests = 0
    for number in range(num_commands):
        future = None
        while future is None or not future.done():
            if session.failure is not None:
                session = Session(now_ns)
            if future is None and session.identity is not None:
                future = session.submit(SetParam(Param.SYNC_DELAY_US, number))
            session.receive(up.take(now_ns), now_ns)
            session.poll(now_ns)
            down.put(session.take_output(), now_ns)
            stepped = device.step((now_ns - 10**12) // 1000, down.take(now_ns), Sensors())
            if stepped.effects > seen:
                effects[stepped.sync_delay_us] += stepped.effects - seen
                seen = stepped.effects
            up.put(stepped.sent, now_ns)
            now_ns += 5_000_000
        done += future.exception() is None
        retries, requests = session.counts.retries, session.counts.requests
    device.close()
    twice = sum(count > 1 for count in effects.values())
    outcome = f"{done} done, {num_commands - done} errors, {twice} twice; {retries / requests:.2f} retries a request"
    return [f"{num_commands} commands, 1% of bytes lost and 1% corrupted", outcome]


def frame_intervals(folder: Path, port: int, seconds: float) -> list[list[object]]:
    """The live program with one viewer: times between pictures with the link up, and while the plug goes in and out."""
    config = folder / "edge.toml"
    with Simulator(CDevice(), folder / "head") as simulator:
        config.write_text(f'[source]\nuri = "demo:?fps=10"\n[bridge]\nport = "{simulator.path}"\n')
        command = [sys.executable, "-m", "edge.cli", "--live", "--config", str(config), "--listen", f"127.0.0.1:{port}"]
        program = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: _is_running(port), 60)
            viewer = Viewer(port, "enhanced")
            viewer.start()
            time.sleep(5)
            before: list[float] = []
            during: list[float] = []
            for _ in range(3):
                before += _intervals_ms(viewer, seconds / 3, lambda: None)
                during += _intervals_ms(viewer, seconds / 3, lambda: _plug_about(simulator))
                simulator.plug()
                time.sleep(2)
        finally:
            program.terminate()
            program.wait(10)
    rows: list[list[object]] = []
    for name, intervals in (("the link up", before), ("the plug pulled and put back every 3 s", during)):
        ordered = sorted(intervals)
        p95, worst = ordered[round(0.95 * (len(ordered) - 1))], ordered[-1]
        figures = f"median {median(ordered):.0f} ms, p95 {p95:.0f} ms, longest {worst:.0f} ms ({len(ordered)} frames)"
        rows.append([f"between two frames of a 10 frames/s source, {name}", figures])
    rows.append(["median interval, plug in and out over link up", f"{median(during) / median(before):.3f}"])
    return rows


def _is_running(port: int) -> bool:
    try:
        record = get_json(port)
    except OSError:
        return False
    return record["frames"] > 0 and record["bridge"]["state"] == "connected"


def _intervals_ms(viewer: Viewer, seconds: float, act: Callable[[], None]) -> list[float]:
    first, end = viewer.num_pictures, time.monotonic() + seconds
    while time.monotonic() < end:
        act()
        time.sleep(0.01)
    seen = viewer.arrivals_s[first:]
    return [(b - a) * 1e3 for a, b in pairwise(seen)]


def _plug_about(simulator: Simulator) -> None:
    if time.monotonic() % 3 < 1:
        simulator.unplug()
    else:
        simulator.plug()


def main() -> None:
    parser = Parser(prog="python -m benchmarks.runtime.bridge", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="unplugs and hangs")
    parser.add_argument("--seconds", type=float, default=60, help="of video with the link up, and as many without")
    parser.add_argument("--commands", type=int, default=10_000)
    parser.add_argument("--port", type=int, default=8139)
    parser.add_argument("--no-page", action="store_true", help="print only; leave docs/results.md as it is")
    args = parser.parse_args()
    logging.disable(logging.WARNING)  # the plug is pulled on purpose
    typical = median(decoder_mb_per_s(list(_TYPICAL) * 10_000) for _ in range(5))
    zeros = median(decoder_mb_per_s([Frame(3, 1, bytes(64))] * 20_000) for _ in range(5))
    empty = median(decoder_mb_per_s([Frame(2, 1)] * 60_000) for _ in range(5))
    over = typical * 1e6 / LINE_BYTES_PER_S[1_000_000]
    rows: list[list[object]] = [
        ["decoder, one core, STATUS with FRAME_SYNC and SET_LED", f"{typical:.1f} MB/s, {over:.0f} times 1 Mbaud"],
        ["decoder, frames of 64 zeros; empty frames", f"{zeros:.1f} MB/s; {empty:.1f} MB/s"],
    ]
    with tempfile.TemporaryDirectory() as name:
        rows += line_figures(Path(name), args.rounds)
        rows.append(commands_once(args.commands, LineFaults(drop=0.01, corrupt=0.01)))
        rows += frame_intervals(Path(name), args.port, args.seconds)
    machine = f"{date.today()}, 2 cores shared with other work, {machine_line()}, the device in C."
    text = f"{machine}\n\n{table(['what', 'figure'], rows)}"
    print(text)
    if not args.no_page:
        replace_section(PAGE, "bridge", text)


if __name__ == "__main__":
    try:
        main()
    except BridgeError as error:
        sys.exit(f"benchmarks.runtime.bridge: {error}")
