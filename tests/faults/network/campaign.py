"""The campaign against network cameras: ours is broken again and again while the real program shows its pictures.

python -m tests.faults.campaign --network --num 100 --seed 1
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.doubles.network_camera.camera import NetworkCamera
from tests.doubles.ports import free_port
from tests.faults.injected.switches import Switch
from tests.faults.network.judge import TOLERATED_MS, NetworkJudge, contradiction, quantile
from tests.faults.network.table import NetworkFault, Scheme, faults_of
from tests.faults.program import Counts, Program
from tests.faults.report import Outcome, Report
from tests.faults.watched.invariants import BACK_WITHIN_S
from tests.paths import REPOSITORY

LONGEST_WAIT_S = 30.0
TOLD_MEDIAN_MS, TOLD_P99_MS = 100.0, 200.0
_REST_S = (0.5, 1.5)
_SETTLES_WITHIN_S = 20.0


class NetworkWatching:
    """The watcher's process, and a look at `/health` each second."""

    def __init__(self, program: Program, folder: Path, judge: NetworkJudge) -> None:
        self.judge, self.lock = judge, threading.Lock()
        self._program, self._stop = program, threading.Event()
        command = [sys.executable, "-m", "tests.faults.network.watcher", str(program.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True)
        self._records_path = folder / "watcher.jsonl"
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._listen, self._ask_health)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._stop.set()
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(5.0)

    def wait_live(self, taken_after_ns: int, timeout_s: float) -> float | None:
        """Seconds from this moment to the first LIVE picture that was taken after it; None where none came."""
        until_s = time.monotonic() + timeout_s
        while time.monotonic() < until_s:
            with self.lock:
                arrived_ns = self.judge.back_after(taken_after_ns)
            if arrived_ns is not None:
                return (arrived_ns - taken_after_ns) / 1e9
            time.sleep(0.02)
        return None

    def _listen(self) -> None:
        assert self._process.stdout is not None, "a pipe was asked for"
        with self._records_path.open("w") as records:
            for line in self._process.stdout:
                records.write(line)
                with self.lock:
                    self.judge.take(json.loads(line))

    def _ask_health(self) -> None:
        num_contradicted = 0
        while not self._stop.wait(1.0):
            asked_ns = time.monotonic_ns()
            health = self._program.health(1.0)
            answered_ns = time.monotonic_ns()
            if health is None or self._stop.wait(0.45):
                continue
            with self.lock:
                found = contradiction(health, self.judge.states[-60:], asked_ns, answered_ns)
                num_contradicted = num_contradicted + 1 if found else 0
                if num_contradicted >= 2:
                    self.judge.violations.append((asked_ns, found))


class NetworkCampaign:
    """One program and one camera; each kind of fault equally often, in random order.

    Args:
        back_within_s: from the end of a fault to the next live picture; the other limits on time grow with it.
        is_small: pictures of 1280x720, which cost a busy machine less.
    """

    def __init__(
        self,
        folder: Path,
        scheme: Scheme,
        num_faults: int,
        seed: int,
        *,
        fps: float = 30.0,
        names: list[str] | None = None,
        back_within_s: float = BACK_WITHIN_S,
        is_small: bool = False,
    ) -> None:
        self._folder, self._scheme, self._num_faults = folder, scheme, num_faults
        self._seed, self._back_within_s = seed, back_within_s
        self._switches = {"fps": fps, **({"width_px": 1280, "height_px": 720} if is_small else {})}
        self._slack = back_within_s / BACK_WITHIN_S
        self._random = random.Random(seed)
        self._kinds = [fault for fault in faults_of(scheme) if names is None or fault.name in names]
        self._quiet: list[tuple[int, int]] = []
        self._log_offset = 0
        self.report = Report()

    def run(self) -> Report:
        if not self._kinds:
            return self.report
        with NetworkCamera(seed=self._seed, **self._switches) as camera:
            port = free_port()
            arguments = ["--source", camera.url(self._scheme), "--listen", f"127.0.0.1:{port}"]
            program = Program(self._folder, port, arguments, fps=None, frames=self._folder)
            Switch("engine", self._folder).set(mode="ten a second")
            program.start()
            watching = None
            try:
                program.wait_live()
                watching = NetworkWatching(program, self._folder, NetworkJudge(TOLERATED_MS * self._slack))
                self._break(camera, program, watching)
            finally:
                if watching is not None:
                    watching.close()
                code = program.stop()
            if code != 0:
                self.report.overall.append(f"SIGTERM at the end: exit code {code}, expected 0")
            self._tell(watching.judge)
        return self.report

    def _break(self, camera: NetworkCamera, program: Program, watching: NetworkWatching) -> None:
        if watching.wait_live(time.monotonic_ns(), LONGEST_WAIT_S) is None:
            raise RuntimeError("the watcher sees no live picture before the first fault")
        time.sleep(2.0)
        before = program.counts()
        pool: list[NetworkFault] = []
        while len(pool) < self._num_faults:
            pool += self._random.sample(self._kinds, len(self._kinds))
        for fault in pool[: self._num_faults]:
            self._inject(camera, watching, fault)
            self._check_log(program)
        if program.ends:
            self.report.overall.append(f"the program ended by itself {len(program.ends)} times")
        self._look_for_leaks(program, before)

    def _inject(self, camera: NetworkCamera, watching: NetworkWatching, fault: NetworkFault) -> None:
        quiet_since_ns = time.monotonic_ns()
        time.sleep(self._random.uniform(*_REST_S))
        self._quiet.append((quiet_since_ns, time.monotonic_ns()))
        outcome = Outcome((fault.name,), time.monotonic_ns())
        self.report.outcomes.append(outcome)
        switches = fault.drawn(self._random, camera)
        camera.set(**switches)
        if fault.drops:
            camera.drop()
        began_ns = time.monotonic_ns()
        self._bear(camera, watching, fault, outcome, began_ns)
        camera.reset()
        if fault.drops:
            camera.drop()
        outcome.end_ns = time.monotonic_ns()
        outcome.back_s = watching.wait_live(outcome.end_ns, LONGEST_WAIT_S)
        if outcome.back_s is None:
            outcome.violations.append(f"no live picture within {LONGEST_WAIT_S:.0f} s")
        elif outcome.back_s > self._back_within_s + self._key_frame_s(camera):
            outcome.violations.append(f"live again after {outcome.back_s:.1f} s")
        with watching.lock:
            found, watching.judge.violations = watching.judge.violations, []
        outcome.violations += summed([each for each in found if not each[1].startswith(fault.unseen)], began_ns)
        outcome.violations = [f"{words} {_told(switches)}" for words in outcome.violations]

    def _bear(
        self, camera: NetworkCamera, watching: NetworkWatching, fault: NetworkFault, outcome: Outcome, began_ns: int
    ) -> None:
        """Let it last; and look for what must be there meanwhile."""
        until_s = time.monotonic() + self._random.uniform(*fault.seconds)
        if fault.borne_within_s is not None:
            limit_s = fault.borne_within_s * self._slack + self._key_frame_s(camera)
            if watching.wait_live(began_ns, limit_s) is None:
                outcome.violations.append(f"no live picture within {limit_s:.1f} s, although it can be read")
        num_connections = camera.counters()["total"]
        time.sleep(max(0.0, until_s - time.monotonic()))
        if fault.is_one_connection and camera.counters()["total"] != num_connections:
            outcome.violations.append(f"{camera.counters()['total'] - num_connections} new connections")

    def _key_frame_s(self, camera: NetworkCamera) -> float:
        """How long video cannot be shown by whoever comes anew, whatever he does."""
        is_video = self._scheme == "rtsp" and camera.faults.codec != "mjpeg"
        return camera.faults.key_frame_s if is_video else 0.0

    def _check_log(self, program: Program) -> None:
        with program.log_path.open("rb") as log:
            log.seek(self._log_offset)
            fresh = log.read().decode(errors="replace")
            self._log_offset = log.tell()
        last_lines = re.findall(r"Traceback \(most recent.*?\n(\w\S*(?:Error|Exception)\S*[^\n]*)", fresh, re.DOTALL)
        outcome = self.report.outcomes[-1]
        outcome.violations += [f"a traceback in the log: {line[:200]}" for line in last_lines]

    def _look_for_leaks(self, program: Program, before: Counts | None) -> None:
        until_s = time.monotonic() + _SETTLES_WITHIN_S
        leaks = ["the program cannot be counted"]
        while leaks and time.monotonic() < until_s:
            after = program.counts()
            if before is not None and after is not None:
                leaks = _leaks(before, after)
                self.report.notes[:] = [
                    f"{self._scheme}: before the first fault {_counted(before)}, after the last {_counted(after)}"
                ]
            time.sleep(0.5)
        self.report.overall += leaks

    def _tell(self, judge: NetworkJudge) -> None:
        """Of the pictures between the faults: how far the told age is off."""
        quiet = [abs(off) for at_ns, off in judge.off_ms if any(begin <= at_ns <= end for begin, end in self._quiet)]
        p50, p99 = (quantile(quiet, share) for share in (0.5, 0.99))
        every = [abs(off) for _, off in judge.off_ms]
        self.report.notes.append(
            f"{self._scheme}: told age off by p50 {p50:.0f}, p99 {p99:.0f} ms in {len(quiet)} pictures between faults "
            f"(in all {len(every)}: {quantile(every, 0.5):.0f}, {quantile(every, 0.99):.0f}); oldest LIVE picture "
            f"{judge.oldest_live_ms:.0f} ms, with those of which nothing that comes from a camera tells the age"
        )
        if not (p50 <= TOLD_MEDIAN_MS * self._slack and p99 <= TOLD_P99_MS * self._slack):
            self.report.overall.append(f"{self._scheme}: told age off by {p50:.0f} ms at the median, {p99:.0f} at p99")


def summed(found: list[tuple[int, str]], began_ns: int) -> list[str]:
    """Violations that differ only in their figures as one, the first and the last."""
    kinds: dict[str, list[tuple[int, str]]] = {}
    for at_ns, what in found:
        kinds.setdefault(re.sub(r"[\d.]+", "", what), []).append((at_ns, what))
    return [
        f"{(same[0][0] - began_ns) / 1e9:.2f} s in: {same[0][1]}"
        + (f" ({len(same)} times, until {(same[-1][0] - began_ns) / 1e9:.2f} s: {same[-1][1]})" if same[1:] else "")
        for same in kinds.values()
    ]


def _told(switches: dict[str, object]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in switches.items()) + "}"


def _counted(counts: Counts) -> str:
    return f"{counts.num_fds} descriptors, {counts.num_threads} threads, {counts.num_processes} processes, " + (
        f"{counts.pss_mib:.0f} MiB"
    )


def _leaks(before: Counts, after: Counts) -> list[str]:
    rows = (
        ("descriptors", before.num_fds, after.num_fds),
        ("threads", before.num_threads, after.num_threads),
        ("processes", before.num_processes, after.num_processes),
        ("MiB", before.pss_mib * 1.25 + 20, after.pss_mib),
    )
    return [f"{now:.0f} {what}, {was:.0f} before the first fault" for what, was, now in rows if now > was]


def run_network_campaign(
    folder: Path,
    num_faults: int,
    seed: int,
    *,
    fps: float = 30.0,
    names: list[str] | None = None,
    schemes: tuple[Scheme, ...] = ("http", "rtsp"),
    back_within_s: float = BACK_WITHIN_S,
    is_small: bool = False,
) -> Report:
    """Every scheme in turn, each with its share of the faults."""
    report = Report()
    num_kinds = {
        scheme: len([fault for fault in faults_of(scheme) if names is None or fault.name in names])
        for scheme in schemes
    }
    for scheme in schemes:
        own = folder / scheme
        own.mkdir(parents=True, exist_ok=True)
        num = round(num_faults * num_kinds[scheme] / max(1, sum(num_kinds.values())))
        found = NetworkCampaign(
            own, scheme, num, seed, fps=fps, names=names, back_within_s=back_within_s, is_small=is_small
        ).run()
        report.outcomes += found.outcomes
        report.overall += found.overall
        report.notes += found.notes
    return report
