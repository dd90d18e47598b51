"""The campaign: start the real program, break it again and again, and see that it never lies and never stops.

python -m tests.faults.campaign --num 1000 --seed 1
python -m tests.faults.campaign --network --num 100        the same against a network camera of ours
"""

from __future__ import annotations

import argparse
import contextlib
import random
import re
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.faults.injected.injections import FAULTS, Expected, Fault
from tests.faults.network.campaign import run_network_campaign
from tests.faults.network.table import NETWORK_FAULTS
from tests.faults.program import Counts
from tests.faults.report import Outcome, Report
from tests.faults.unit import Unit, made_unit
from tests.faults.watched.invariants import BACK_WITHIN_S, STOOD_MS
from tests.faults.watched.saved import faults_of_folder, leftovers
from tests.faults.watched.watching import Watching

PAIRED_SHARE, PRESSED_SHARE = 0.2, 0.15
LONGEST_WAIT_S = 20.0
ENGINE_WAIT_S = 12.0
"""A fault of the engine waits for so long for one that runs: on a raw picture it would prove nothing."""
_TOLERATED_PSS = 1.25


class Campaign:
    """Draws faults, injects them and judges what came of each.

    Args:
        names: which faults; all by default.
        back_within_s: from the end of a fault to the next live picture.
    """

    def __init__(
        self,
        unit: Unit,
        num_faults: int,
        seed: int,
        names: list[str] | None = None,
        back_within_s: float = BACK_WITHIN_S,
    ) -> None:
        self._unit, self._num_faults, self._back_within_s = unit, num_faults, back_within_s
        self._stood_limit_ms = STOOD_MS * back_within_s / BACK_WITHIN_S
        self._random = random.Random(seed)
        self._faults = [FAULTS[name] for name in (names or FAULTS)]
        self.report = Report()
        self._baseline: Counts | None = None
        self._log_offset = 0
        self._num_ends_seen = 0
        self._settled: list[Counts] = []
        self._stood_ms: list[float] = []
        self._num_met = self._num_unmet = self._num_saved = 0

    def run(self) -> Report:
        unit = self._unit
        unit.program.start()
        unit.program.wait_live()
        self._warm_up()
        watching = Watching(unit)
        try:
            if watching.wait_back(time.monotonic_ns(), LONGEST_WAIT_S) is None:
                raise RuntimeError("the watcher sees no live picture before the first fault")
            self._baseline = self._settled_counts(watching)
            self._settled.append(self._baseline)
            for faults in self._drawn():
                self._inject(watching, faults)
                if len(self.report.outcomes) % 25 == 0:
                    self._look_for_leaks(watching)
            self._look_for_leaks(watching)
            self._note_enhanced(watching)
            self._check_saved(watching, last=True)
        finally:
            watching.close()
        self._check_exit()
        self._tell(watching)
        return self.report

    def _drawn(self) -> list[tuple[Fault, ...]]:
        """Each kind equally often, in random order, some two at once."""
        pool: list[Fault] = []
        while len(pool) < self._num_faults:
            pool += self._random.sample(self._faults, len(self._faults))
        pool = pool[: self._num_faults]
        drawn: list[tuple[Fault, ...]] = []
        while pool:
            first = pool.pop()
            if pool and self._random.random() < PAIRED_SHARE and first.may_come_with(pool[-1]):
                drawn.append((first, pool.pop()))
            else:
                drawn.append((first,))
        return drawn

    def _warm_up(self) -> None:
        """Let the web server make all the threads that it will ever make."""
        crowd = self._unit.crowd()
        crowd.burst(["/snapshot.png?view=raw"] * 4 + ["/"] * 60)
        time.sleep(1.0)
        crowd.close()

    def _inject(self, watching: Watching, faults: tuple[Fault, ...]) -> None:
        unit = self._unit
        if any(fault.needs_engine for fault in faults):
            met = watching.wait_enhanced(time.monotonic_ns(), ENGINE_WAIT_S) is not None
            self._num_met += met
            self._num_unmet += not met
        self._note_enhanced(watching)
        outcome = Outcome(tuple(fault.name for fault in faults), time.monotonic_ns())
        self.report.outcomes.append(outcome)
        if self._random.random() < PRESSED_SHARE and unit.head is not None:
            unit.head.order("press")
        try:
            with contextlib.ExitStack() as stack:
                for fault in faults:
                    stack.enter_context(fault.inject(unit))
                time.sleep(max(self._random.uniform(*fault.seconds) for fault in faults))
        except Expected as error:
            outcome.violations.append(str(error))
        outcome.end_ns = time.monotonic_ns()
        outcome.back_s = watching.wait_back(outcome.end_ns, LONGEST_WAIT_S)
        if outcome.back_s is None:
            outcome.violations.append(f"no live picture within {LONGEST_WAIT_S:.0f} s")
        elif outcome.back_s > self._back_within_s:
            outcome.violations.append(f"live again after {outcome.back_s:.1f} s")
        time.sleep(self._random.uniform(0.05, 0.3))
        self._check_log(outcome)
        self._check_ends(outcome, faults)
        with watching.lock:
            found, watching.judge.violations = watching.judge.violations, []
            stood, watching.judge.stood = watching.judge.stood, []
        outcome.violations += _summed(found, outcome.begin_ns)
        if not any(fault.stops_main for fault in faults):  # nobody can paint then; the page covers the picture itself
            longest_ms = max((ms for _, ms in stood), default=0.0)
            self._stood_ms.append(longest_ms)
            if longest_ms > self._stood_limit_ms:
                outcome.violations.append(f"a LIVE picture stood on the screen to an age of {longest_ms:.0f} ms")
        self._check_saved(watching)

    def _note_enhanced(self, watching: Watching) -> None:
        """When the enhanced picture was back after the last fault, if it was before the next."""
        if self.report.outcomes:
            last = self.report.outcomes[-1]
            with watching.lock:
                enhanced_ns = watching.judge.enhanced_after(last.end_ns)
            last.enhanced_s = None if enhanced_ns is None else (enhanced_ns - last.end_ns) / 1e9

    # ---- checks from outside

    def _check_log(self, outcome: Outcome) -> None:
        with self._unit.program.log_path.open("rb") as log:
            log.seek(self._log_offset)
            fresh = log.read().decode(errors="replace")
            self._log_offset = log.tell()
        if any("memory" in name for name in outcome.names):
            return  # Python itself may have no memory left to be polite with
        last_lines = re.findall(r"Traceback \(most recent.*?\n(\w\S*(?:Error|Exception)\S*[^\n]*)", fresh, re.DOTALL)
        outcome.violations += [f"a traceback in the log: {line[:200]}" for line in last_lines]

    def _check_ends(self, outcome: Outcome, faults: tuple[Fault, ...]) -> None:
        fresh = self._unit.program.ends[self._num_ends_seen :]
        self._num_ends_seen += len(fresh)
        if fresh and not any(fault.ends_program for fault in faults):
            outcome.violations.append(f"the program ended by itself with code {fresh[-1][1]}")
        if len(fresh) > 1:
            outcome.violations.append(f"the program ended {len(fresh)} times")

    def _check_saved(self, watching: Watching, *, last: bool = False) -> None:
        """Every so often: what was saved is whole; then it makes room for more."""
        unit = self._unit
        if not last and len(self.report.outcomes) % 8:
            return
        time.sleep(0.3)
        saved = watching.saves.saved[:]
        self.report.overall += faults_of_folder(unit.pictures, saved)
        watching.saves.saved[: len(saved)] = []
        self._num_saved += len(saved)
        if last:
            time.sleep(2.0)
            self.report.overall += [f"{name}: a temporary file is left" for name in leftovers(unit.pictures)]
        for path in unit.pictures.iterdir():
            if not path.name.startswith(".") and _moment(path.name) in map(_moment, saved):
                path.unlink(missing_ok=True)

    def _settled_counts(self, watching: Watching, timeout_s: float = 15.0) -> Counts:
        """What the program holds once nothing goes on: the least of what is seen while it may come down."""
        deadline, best = time.monotonic() + timeout_s, None
        while True:
            counts = self._unit.program.counts()
            if counts is not None:
                if best is None:
                    best = counts
                best = Counts(*(min(a, b) for a, b in zip(_row(best), _row(counts), strict=True)))
                if self._baseline is None and time.monotonic() > deadline - timeout_s + 3:
                    return counts
                if self._baseline is not None and not _leaks(self._baseline, best):
                    return best
            if time.monotonic() > deadline and best is not None:
                return best
            time.sleep(0.3)

    def _look_for_leaks(self, watching: Watching) -> None:
        assert self._baseline is not None, "counted before the first fault"
        watching.wait_enhanced(time.monotonic_ns(), 30.0)
        counts = self._settled_counts(watching)
        self._settled.append(counts)
        self.report.overall += [
            f"after {len(self.report.outcomes)} injections: {leak}" for leak in _leaks(self._baseline, counts)
        ]

    def _check_exit(self) -> None:
        code = self._unit.program.stop()
        if code != 0:
            self.report.overall.append(f"SIGTERM at the end: exit code {code}, expected 0")

    def _tell(self, watching: Watching) -> None:
        judge, notes = watching.judge, self.report.notes
        slack = sorted(judge.slack_ms)
        p50, p99 = (slack[int(share * (len(slack) - 1))] for share in (0.5, 0.99))
        notes.append(
            f"pictures watched: {judge.num_pictures} ({judge.num_skipped} not looked at); oldest LIVE picture "
            f"{judge.oldest_live_ms:.0f} ms; from the sender's look at a picture's age to its last byte p50 {p50:.1f}, "
            f"p99 {p99:.1f}, max {slack[-1]:.1f} ms; the longest that a LIVE picture stood on the screen: to an age of "
            f"{max(self._stood_ms, default=0.0):.0f} ms"
        )
        notes.append(
            f"saves told: {self._num_saved}, refused: {len(watching.saves.refused)}; "
            f"program started anew {len(self._unit.program.ends)} times; faults of the engine that met a running "
            f"one: {self._num_met}, that met the raw picture: {self._num_unmet}"
        )
        for what, counts in (("first", self._settled[0]), ("last", self._settled[-1])):
            notes.append(
                f"{what}: {counts.num_fds} descriptors, {counts.num_threads} threads, "
                f"{counts.num_processes} processes, {counts.pss_mib:.0f} MiB and {counts.frames_mib:.0f} MiB of frames"
            )


def _moment(name: str) -> str:
    """What the files of one saved pair have in common: `throat-TIME-SEQ`."""
    return re.split(r"-(?:raw|enhanced)\.png", name)[0]


def _row(counts: Counts) -> tuple[int, int, int, float, float]:
    return counts.num_fds, counts.num_threads, counts.num_processes, counts.pss_mib, counts.frames_mib


def _summed(found: list[tuple[int, str]], begin_ns: int) -> list[str]:
    """Violations that differ only in their figures as one, the last, with how many they were."""
    kinds: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for at_ns, what in found:
        kinds[re.sub(r"[\d.]+", "", what)].append((at_ns, what))
    return [
        f"{(same[0][0] - begin_ns) / 1e9:.2f} s in: {same[-1][1]}" + (f" ({len(same)} times)" if same[1:] else "")
        for same in kinds.values()
    ]


def _leaks(before: Counts, after: Counts) -> list[str]:
    leaks = []
    for what, was, now in zip(("descriptors", "threads", "processes"), _row(before), _row(after), strict=False):
        if now > was:
            leaks.append(f"{now} {what}, {was} before the first fault")
    if after.pss_mib > before.pss_mib * _TOLERATED_PSS:
        leaks.append(f"{after.pss_mib:.0f} MiB, {before.pss_mib:.0f} before the first fault")
    return leaks


def run_campaign(
    folder: Path,
    num_faults: int,
    seed: int,
    *,
    fps: float = 10.0,
    names: list[str] | None = None,
    back_within_s: float = BACK_WITHIN_S,
) -> Report:
    """Everything, in a folder that keeps the log and the watcher's records."""
    unit = made_unit(folder, seed, fps)
    try:
        return Campaign(unit, num_faults, seed, names, back_within_s).run()
    finally:
        unit.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=1000, help="faults (default 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fps", type=float, help="of the camera (default 10; 30 of a network camera)")
    parser.add_argument("--network", action="store_true", help="faults of a network camera, over HTTP and RTSP")
    parser.add_argument("--scheme", choices=["http", "rtsp"], action="append", help="with --network: this one alone")
    parser.add_argument("--small", action="store_true", help="with --network: 1280x720, for a busy machine")
    parser.add_argument("--back-within", type=float, default=BACK_WITHIN_S, metavar="S", help="(default 2)")
    parser.add_argument("--only", action="append", metavar="NAME", help="this fault; may be given again")
    parser.add_argument("--folder", type=Path, help="keeps log and records here; a temporary one by default")
    parser.add_argument("--list", action="store_true", help="the names of all faults")
    args = parser.parse_args()
    known = NETWORK_FAULTS if args.network else FAULTS
    if args.list:
        sys.stdout.write("\n".join(known) + "\n")
        return 0
    for name in args.only or ():
        if name not in known:
            parser.error(f"--only {name!r}: no such fault; --list names them")
    with contextlib.ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        folder.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()
        if args.network:
            schemes = tuple(args.scheme or ("http", "rtsp"))
            report = run_network_campaign(
                folder.resolve(),
                args.num,
                args.seed,
                fps=args.fps or 30.0,
                names=args.only,
                schemes=schemes,
                back_within_s=args.back_within,
                is_small=args.small,
            )
        else:
            report = run_campaign(
                folder.resolve(),
                args.num,
                args.seed,
                fps=args.fps or 10.0,
                names=args.only,
                back_within_s=args.back_within,
            )
        sys.stdout.write("\n".join(report.lines()) + "\n")
        took_s = time.monotonic() - begin
        sys.stdout.write(f"{report.num_faults} faults, {report.num_violations} violations, {took_s:.0f} s\n")
    return 1 if report.num_violations else 0


if __name__ == "__main__":
    sys.exit(main())
