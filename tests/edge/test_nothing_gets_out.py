"""No command, and nothing that a command stands on, looks up a name, sends a packet or leaves a file under HOME.

Each runs in a network of its own where all that leaves is written down. A dependency that begins to report home with a
new version is seen here.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.clips.program import NoFfmpeg, find_ffmpeg
from edge.models.profile import SHIPPED
from tests.doubles.haste import first_in_haste
from tests.doubles.watched_network import watched, why_not

PROGRAMS = Path(sys.executable).parent
REPORTERS = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "PYTHONUSERBASE")
"""What a tester's own shell may have switched off."""
COMPILED = ".cache/edge-enhance/simulator-"
"""The simulated head, compiled once where a developer asks for it."""
MINUTE_S, LIVE_S, LONGEST_S = 60, 6, 300
TINY = """[student]
steps = 2
batch = 1
[student.data]
larynx_share = 1.0
[student.loop]
workers = 1
compile = false
"""

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


@pytest.fixture(scope="session")
def material(made_once):
    """A folder with what the commands are given."""
    return made_once("nothing-gets-out", fill)


def fill(folder):
    noise = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for number in range(4):
        picture = cv2.GaussianBlur(noise.integers(0, 256, (300, 400, 3), np.uint8), (0, 0), 4)
        cv2.imwrite(str(folder / "pictures" / f"patient{number}_seq{number}_0001.png"), picture)
    shutil.copytree(SHIPPED / "live", folder / "live")
    (folder / "tiny.toml").write_text(TINY)
    (folder / "compiled.toml").write_text(TINY.replace("compile = false", "compile = true"))
    try:
        made = ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=5:duration=1", "-loglevel", "error", "clip.mp4"]
        subprocess.run([find_ffmpeg().path, *made], cwd=folder, check=True)
    except NoFfmpeg:
        return


@pytest.fixture
def run(material, tmp_path):
    """`run(words, seconds)`: what left the machine, what lies under HOME, and the finished process."""
    work, home = tmp_path / "work", tmp_path / "home"
    shutil.copytree(material, work)
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in REPORTERS}
    environment = {name: value for name, value in environment.items() if not name.startswith("XDG_")}

    def begin(words, seconds=LONGEST_S):
        report = tmp_path / "report"
        report.unlink(missing_ok=True)
        done = watched(words, report, seconds, cwd=work, env={**environment, "HOME": str(home)})
        left = sorted(str(path.relative_to(home)) for path in home.rglob("*") if not path.is_dir())
        left = [name for name in left if not name.startswith(COMPILED)]
        return sorted(set(report.read_text().splitlines())), left, done

    return begin


def command(line):
    """Words of a line whose first is one of our programs, or several such lines, run one after the other."""
    lines = [PROGRAMS / one.strip() for one in line.split(";")]
    return ["sh", "-ec", "\n".join(map(str, lines))]


IF_THERE = 69
"""Or 0, on a machine that has one."""
COMMANDS = {
    "enhance": ("edge-enhance pictures clip.mp4 --output enhanced --force", 0),
    "check": ("edge-enhance --check", 0),
    "settings": ("edge-enhance --print-config; edge-enhance model list", 0),
    "cameras": ("edge-enhance cameras", IF_THERE),
    "service": ("edge-enhance install-service --program /opt/x/bin/edge-enhance --dry-run", 0),
    "export": ("edge-export onnx live --precision fp32; edge-export bundle live -o live.bundle", 0),
    "calibrate": (
        "edge-calib capture dark -o A/dark --unit A --source 'demo:?unit=A&target=dark' --headless --frames 4;"
        "edge-calib board -o board.png",
        0,
    ),
    "ports": ("edge-bridge ports", IF_THERE),
    "head": ("edge-bridge status", IF_THERE),
    "simulated head": ("edge-bridge simulate head --seconds 1", 0),
    "train": (
        "edge-train prepare pictures -o larynx.json --hq '*' --held-out 0;"
        "edge-train student tiny.toml --larynx larynx.json -o run",
        0,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(("line", "code"), first_in_haste(COMMANDS))
def test_a_command_keeps_to_itself(run, line, code):
    left_the_machine, left_at_home, done = run(command(line))
    assert (left_the_machine, left_at_home) == ([], [])
    assert done.returncode == code or (done.returncode, code) == (0, IF_THERE), done.stderr


FROM_THEN_ON = """
import re, signal, subprocess, sys, threading
seconds, words, program = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
running = subprocess.Popen(program, stderr=subprocess.PIPE, text=True)
signal.signal(signal.SIGTERM, lambda *_: running.terminate())
for line in running.stderr:
    sys.stderr.write(line)
    if words and re.search(words, line):
        words = ""
        threading.Timer(seconds, running.terminate).start()
sys.exit(running.wait())
"""
ENGINE_RUNS = r"engine: (starting|degraded) -> ok"
"""On a machine that is busy when it opens, a smaller one runs for a while before."""


def live(seconds, words, *more):
    """The live program from its start until so long after a line that has these words."""
    return [sys.executable, "-c", FROM_THEN_ON, seconds, words, PROGRAMS / "edge-enhance", "--live", *more]


@pytest.mark.parametrize("seconds", [LIVE_S, pytest.param(MINUTE_S, marks=pytest.mark.slow)])
def test_the_live_program_keeps_to_itself(run, seconds):
    left_the_machine, left_at_home, done = run(live(seconds, ENGINE_RUNS), 2 * LONGEST_S)
    assert (left_the_machine, left_at_home) == ([], [])
    assert done.returncode == 0 and re.search(ENGINE_RUNS, done.stderr), done.stderr


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gst-launch-1.0") is None, reason="apt-get install gstreamer1.0-tools")
def test_the_live_program_with_a_camera_through_gstreamer_keeps_to_itself(run):
    """All but GStreamer's list of its plug-ins, which it makes at the first start for whoever has a home."""
    source = "gst:videotestsrc is-live=true ! video/x-raw,width=640,height=360"
    words = live(4 * LIVE_S, "source: starting -> ok", "--source", source)
    left_the_machine, left_at_home, done = run(words, 2 * LONGEST_S)
    assert left_the_machine == []
    assert [name for name in left_at_home if not name.startswith(".cache/gstreamer-1.0/registry.")] == []
    assert done.returncode == 0 and "source: starting -> ok" in done.stderr, done.stderr


TRAIN_COMPILED = COMMANDS["train"][0].replace("tiny", "compiled")


@pytest.mark.slow
def test_a_training_that_compiles_keeps_to_itself(run):
    left_the_machine, left_at_home, done = run(command(TRAIN_COMPILED), 2 * LONGEST_S)
    assert (left_the_machine, left_at_home) == ([], [])
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_minute_of_a_command_keeps_to_itself(run, name):
    line, code = COMMANDS[name]
    words = command(line)
    once = f"( set -e; rm -rf A board.png; {words[2]}\n) || exit"
    words[2] = f"end=$(($(date +%s)+{MINUTE_S})); while [ $(date +%s) -lt $end ]; do {once}; done"
    left_the_machine, left_at_home, done = run(words)
    assert (left_the_machine, left_at_home) == ([], [])
    assert done.returncode == code or (done.returncode, code) == (0, IF_THERE), done.stderr


GOES_OUT = {
    "a name": ("socket.getaddrinfo('collector.example', 443)", "dns collector.example"),
    "a connection": ("socket.socket().connect_ex(('203.0.113.5', 443))", "tcp 203.0.113.5:443"),
    "a datagram": ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('203.0.113.5', 514))", "udp 203.0.113.5:514"),
    "IPv6": (
        "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('2001:db8::5', 443))",
        "udp 2001:db8::5:443",
    ),
}


@pytest.mark.parametrize(("code", "line"), GOES_OUT.values(), ids=GOES_OUT.keys())
def test_the_watch_sees(run, code, line):
    assert line in run([sys.executable, "-c", f"import socket; {code}"])[0]


def test_the_watch_sees_what_is_left_at_home(run):
    code = "from pathlib import Path; (Path.home() / '.device-id').touch()"
    assert run([sys.executable, "-c", code])[1] == [".device-id"]
