"""The siege: a crowd attacks the running program over loopback, and who was there first must not notice.

python -m tests.siege.campaign --minutes 10 --seed 1

Each attack runs in a process of its own that gives way to everybody and takes a tenth of a core (`attacker.py`). The
first viewer's rate is compared with runs right before and after in which that process takes as much for nothing at all:
so the share says what the server's own work for the crowd costs, not what the crowd's processor time does.

The camera is a clip, since a camera's pictures are decoded: to draw the demo's takes two thirds of a core, and where
there are two it sets the rate. A machine that cannot carry the camera's rate loses pictures to whatever else it does,
somebody's Save too: there `--fps` says a rate that it carries, which the report names.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import psutil

from tests.doubles.ports import free_port
from tests.doubles.waiting import GUARD_S
from tests.faults.program import Counts, Program
from tests.paths import REPOSITORY
from tests.siege.attacks import ATTACKS
from tests.siege.camera import camera_clip
from tests.siege.watch import NOT_LIVE, FirstViewer, Watchdog, asked, saves, too_often

CROWD = "127.0.0.2"
CORE_SHARE = 0.1
CAMERA_FPS = 30.0
LEAST_SHARE, OLDEST_MS, FED_S = 0.9, 500.0, 10.0
LEAKED_MIB, LEAKED = 60.0, 12
"""Memory that may be held more at the end than in the first half, when each kind was there once; descriptors or threads
that may be held more than before it all."""
LEAST_LATE, GROWTH_MIB = 5, 4.0
"""From so many attacks in the second half on: how much more each of them may leave behind. In the first half memory
grows as heaps and buffers are used for the first time; after it by what one attack has at hand and another has not."""

MOST_STOLEN, MOST_TRIES = 0.1, 3
"""Cores that the host of a guest may give to others in an attack or beside it, before it is tried again."""


@dataclass(frozen=True)
class Spell:
    """What was seen while one attack ran, or none.

    Attributes:
        rate: LIVE pictures of the first viewer a second.
        oldest_ms: of these, when read.
        cores: processor time of the program, without the engine's, a second.
        unfed_s: the longest time without a sign of life for the watchdog.
        trouble: what was not answered as it must be.
        stolen: processor time that the host gave to others meanwhile, a second; 0 on a machine that is no guest.
    """

    name: str
    rate: float
    oldest_ms: float
    unfed_s: float
    held: Counts
    cores: float
    trouble: str = ""
    stolen: float = 0.0


@dataclass
class Report:
    """The whole siege.

    Attributes:
        control: the spells in which nothing was attacked, one before each attack and one after the last.
        again: attacks whose rate does not count, since the host of this machine took much of it meanwhile.
    """

    control: list[Spell] = field(default_factory=list)
    spells: list[tuple[Spell, float]] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    after: Counts | None = None
    is_cut: bool = False
    again: list[Spell] = field(default_factory=list)

    def faults(self, *, is_timed: bool = True) -> list[str]:
        """What must not be.

        Args:
            is_timed: what a machine that is busy with other work spoils too: rates, ages, how the parts do.
        """
        attacks = [*self.again, *(spell for spell, _ in self.spells)]
        troubled = [spell for spell in attacks if spell.trouble and (is_timed or NOT_LIVE not in spell.trouble)]
        found = [f"{spell.name}: {spell.trouble}" for spell in troubled]
        noise = [kind for kind in self.noise if is_timed or kind.startswith("web server")]
        found += [f"a log line twice in ten seconds: {kind}" for kind in noise]
        found += ["the first viewer was cut off"] if self.is_cut else []
        before = self.control[0].held
        if self.after is None or self.after.num_fds > before.num_fds + LEAKED:
            found.append(f"descriptors: {before.num_fds} before, {self.after and self.after.num_fds} after")
        elif self.after.num_threads > before.num_threads + LEAKED:
            found.append(f"threads: {before.num_threads} before, {self.after.num_threads} after")
        if not is_timed:
            return found
        middle = [spell.held.pss_mib for spell, _ in self.spells[: max(1, len(self.spells) // 2)]]
        if self.after is not None and self.after.pss_mib > max(middle) + LEAKED_MIB:
            found.append(f"memory: {max(middle):.0f} MiB up to the middle, {self.after.pss_mib:.0f} at the end")
        if self.growth_mib() > GROWTH_MIB:
            found.append(f"memory: each attack of the second half left {self.growth_mib():.1f} MiB behind")
        for spell, share in self.spells:
            found += [f"{spell.name}: {share:.0%} of the first viewer's pictures"] if share < LEAST_SHARE else []
        for spell in attacks:
            found += [f"{spell.name}: LIVE, {spell.oldest_ms:.0f} ms old"] if spell.oldest_ms > OLDEST_MS else []
            found += [f"{spell.name}: no sign of life for {spell.unfed_s:.0f} s"] if spell.unfed_s > FED_S else []
        return found

    def growth_mib(self) -> float:
        """By how much memory grows with an attack once it is warm: the median of the slopes between any two of them."""
        late = [spell.held.pss_mib for spell, _ in self.spells[len(self.spells) // 2 :]]
        if len(late) < LEAST_LATE:
            return 0.0
        places = combinations(range(len(late)), 2)
        return median((late[after] - late[before]) / (after - before) for before, after in places)

    def lines(self) -> Iterator[str]:
        """Markdown. Beside rate, cores and what the host took stand those of the runs before and after, in which
        nothing was attacked: where these lie far apart, the machine was busy with other work.
        """
        shares = [share for _, share in self.spells]
        columns = ("oldest LIVE, ms", "watchdog fed within, s", "cores", "stolen", "memory, MiB", "held")
        yield f"| attack | first viewer's rate | {' | '.join(columns)} |"
        yield "|---|---|---|---|---|---|---|---|"
        for number, (spell, share) in enumerate([(self.control[0], 1.0), *self.spells]):
            beside = self.control[max(0, number - 1) : number + 1]
            rate = _span((one.rate for one in beside), ".1f")
            cores = _span((one.cores for one in beside), ".2f")
            seen = f"{share:.0%} ({spell.rate:.1f} of {rate}/s) | {spell.oldest_ms:.0f} | {spell.unfed_s:.1f}"
            stolen = f"{spell.stolen:.2f} ({_span((one.stolen for one in beside), '.2f')})"
            yield f"| {spell.name} | {seen} | {spell.cores:.2f} ({cores}) | {stolen} | {_told(spell.held)} |"
        if self.after is not None:
            yield f"| afterwards | | | | | | {_told(self.after)} |"
        yield ""
        yield f"{len(shares)} attacks; share: median {median(shares):.0%}, least {min(shares):.0%}"
        if self.again:
            yield f"{len(self.again)} tried again: this machine's host took more than {MOST_STOLEN:g} cores meanwhile"
        yield f"memory in the second half: {self.growth_mib():+.1f} MiB an attack"
        yield from self.faults() or ["nothing was lost"]


def _span(figures: Iterable[float], form: str) -> str:
    return "-".join(sorted({format(figure, form) for figure in figures}, key=float))


def _told(held: Counts) -> str:
    return f"{held.pss_mib:.0f} | {held.num_fds} descriptors, {held.num_threads} threads"


class Siege:
    """The program, who watches it, and the crowd.

    Args:
        num_descriptors: that the program may open; 0 for as many as this process.
        camera: URI of the source.
    """

    def __init__(self, folder: Path, seed: int, num_descriptors: int = 0, camera: str = "demo:") -> None:
        self._num_descriptors, self._camera = num_descriptors, camera
        self._folder, self._draw, self.port = folder, Random(seed), free_port()
        self._log = folder / "program.log"
        self._watchdog = Watchdog(folder / "notify")
        self.lines: list[tuple[float, str]] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """The program as the service manager starts it, with a viewer."""
        state = self._folder / "state"
        state.mkdir()
        told = {"NOTIFY_SOCKET": str(self._watchdog.path), "WATCHDOG_USEC": "20000000", "STATE_DIRECTORY": str(state)}
        command = [sys.executable, "-m", "edge.cli", "--live", "--source", self._camera]
        process = subprocess.Popen(
            [*command, "--listen", f"127.0.0.1:{self.port}"],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), **told},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if self._num_descriptors:
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (self._num_descriptors, self._num_descriptors))
        reader = threading.Thread(target=self._read_log, args=(process,), daemon=True)
        reader.start()
        self._watchdog.start()
        self.program = Program.of(process, self.port, self._folder)
        try:
            self._log.touch()
            self.program.wait_live()
            self._viewer = FirstViewer(self.port)
            self._viewer.start()
            yield
        finally:
            if self.program.stop() is None:
                self.lines.append((time.monotonic(), "the program had to be killed"))

    def _read_log(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None, "a pipe"
        with self._log.open("a") as log:
            for line in process.stdout:
                self.lines.append((time.monotonic(), line.rstrip()))
                log.write(line)

    def spell(self, name: str, seconds: float) -> Spell:
        """Let the crowd do this for so long; `nothing` for a control."""
        crowd = self.crowd(name, seconds)
        time.sleep(min(2.0, seconds / 4))  # it starts, and its first wave comes in
        self._viewer.counts()
        self._watchdog.longest_s()
        begin_s, begin_cpu_s, begin_stolen_s = time.monotonic(), self._cpu_s(), psutil.cpu_times().steal
        time.sleep(max(0.5, seconds * 0.6))
        (num, oldest_ms), took_s = self._viewer.counts(), time.monotonic() - begin_s
        cores = (self._cpu_s() - begin_cpu_s) / took_s
        stolen = (psutil.cpu_times().steal - begin_stolen_s) / took_s
        unfed_s, held = self._watchdog.longest_s(), self.program.counts()
        trouble = "" if name == "nothing" else self._trouble()
        if crowd.wait(GUARD_S) != 0:
            trouble = trouble or "the attacker failed"
        assert held is not None, "the program runs"
        return Spell(name, num / took_s, oldest_ms, unfed_s, held, cores, trouble, stolen)

    def crowd(self, name: str, seconds: float) -> subprocess.Popen[bytes]:
        """The attacker's process, at work."""
        seed = str(self._draw.randrange(1 << 30))
        words = [str(self.port), name, str(seconds), seed, CROWD, str(CORE_SHARE)]
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
        command = [sys.executable, "-m", "tests.siege.attacker", *words]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)

    def _cpu_s(self) -> float:
        times = psutil.Process(self.program.pid).cpu_times()
        return float(times.user + times.system)

    def num_descriptors_open(self) -> int:
        return psutil.Process(self.program.pid).num_fds()

    def newest(self) -> tuple[str, str]:
        """State and mode of the picture that the first viewer was sent last."""
        return self._viewer.newest

    def forget_newest(self) -> None:
        """Until the next new picture comes."""
        self._viewer.forget_newest()

    def reload(self) -> dict[str, Any] | None:
        """How the last reload went, asked from elsewhere; None before the first."""
        status, body = asked(self.port, "GET", "/health")
        return json.loads(body)["reload"] if status == 200 else None

    def _trouble(self) -> str:
        status, _ = asked(self.port, "GET", "/health")
        return saves(self.port) if status == 200 else f"/health: {status}"

    def lay(self, seconds_each: float, names: Sequence[str], most_tries: int = 1) -> Report:
        """All of it, one after the other, with a control between two.

        Args:
            most_tries: of an attack, where rates are looked at and the host took the machine away.
        """
        report = Report()
        with self.running():
            report.control.append(self.spell("nothing", seconds_each))
            for name in names:
                self.attack(report, name, seconds_each, most_tries)
            time.sleep(15.0)  # what was kept for ten seconds is let go, who was silent is closed
            report.after = self.program.counts()
            report.is_cut = self._viewer.is_cut
        report.noise = too_often(self.lines)
        return report

    def attack(self, report: Report, name: str, seconds: float, most_tries: int) -> None:
        """One attack and the control after it; again where the host took what they are compared by."""
        for tries in range(1, most_tries + 1):
            spell, after = self.spell(name, seconds), self.spell("nothing", seconds / 2)
            compared = (report.control[-1], spell, after)
            if tries == most_tries or max(one.stolen for one in compared) <= MOST_STOLEN:
                break
            report.control[-1] = self.spell("nothing", seconds / 2)
            report.again.append(spell)
        report.control.append(after)
        usual = median(control.rate for control in report.control[-2:])
        report.spells.append((spell, spell.rate / max(usual, 0.1)))


def names_for(num: int, seed: int) -> list[str]:
    """So many attacks in random order, none twice before each was there."""
    draw, names = Random(seed), [attack.name for attack in ATTACKS]
    chosen: list[str] = []
    while len(chosen) < num:
        chosen += draw.sample(names, len(names))
    return chosen[:num]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A crowd attacks the running program over loopback.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--num", type=int, default=20, help="attacks, at random")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fps", type=float, default=CAMERA_FPS, help="of the camera (default 30)")
    parser.add_argument("--only", action="append", help="this attack alone; may be given again")
    parser.add_argument("--list", action="store_true", help="name them all")
    args = parser.parse_args(argv)
    if args.list:
        print("\n".join(attack.name for attack in ATTACKS))
        return 0
    names = args.only or names_for(args.num, args.seed)
    with tempfile.TemporaryDirectory() as folder:
        print(f"the camera takes {args.fps:g} pictures/s", flush=True)
        camera = f"{camera_clip(Path(folder) / 'camera.mp4', args.minutes * 60 + 60)}?fps={args.fps:g}"
        seconds_each = args.minutes * 60 / (1.5 * len(names) + 1)
        report = Siege(Path(folder), args.seed, camera=camera).lay(seconds_each, names, MOST_TRIES)
    print("\n".join(report.lines()))
    return 1 if report.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
