"""`export/acceptance.sh`: the steps, the judgements and the report, with commands that play a unit."""

import os
import subprocess

import pytest

from tests.paths import REPOSITORY

SCRIPT = REPOSITORY / "export" / "acceptance.sh"
EXPORT = """#!/bin/sh
echo "$@" >> "{log}"
case "$1" in
  bench) printf 'device fake\\ngpu_ms {gpu_ms}\\nhost_ms {host_ms}\\nshare_of_peak {share}\\n' ;;
  verify) exit {verify} ;;
esac
"""


def accepted(folder, *options, gpu_ms=10, host_ms=0.5, share=0.5, verify=0):
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    log = folder / "log"
    text = EXPORT.format(log=log, gpu_ms=gpu_ms, host_ms=host_ms, share=share, verify=verify)
    for name, content in {"edge-export": text, "edge-enhance": "#!/bin/sh\nexit 0\n"}.items():
        (commands / name).write_text(content)
        (commands / name).chmod(0o755)
    command = ["bash", str(SCRIPT), "--bin", str(commands), "--output", str(folder / "out"), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    return done.returncode, (folder / "out" / "report.txt").read_text(), log.read_text()


def test_a_unit_that_keeps_every_promise_is_accepted(tmp_path):
    code, report, log = accepted(tmp_path, "--profiles", "live miinet", "--engines", "/e")
    assert code == 0
    assert report.strip().splitlines()[-1].startswith("ACCEPTED")
    assert "miinet: share of the measured fp16 matrix rate: 0.5, wanted >= 0.45: passed" in report
    assert [line.split()[:2] for line in log.splitlines()[:4]] == [
        ["engine", "live"], ["engine", "live"], ["verify", "live"], ["bench", "live"],
    ]  # fmt: skip
    assert "-o /e" in log


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"host_ms": 2}, "live: host time over GPU time: 0.2, wanted < 0.10: FAILED"),
        ({"verify": 1}, "verify live: FAILED"),
        ({"share": 0.2}, "miinet: share of the measured fp16 matrix rate: 0.2, wanted >= 0.45: FAILED"),
    ],
)
def test_one_that_does_not_is_not(tmp_path, figures, message):
    code, report, _ = accepted(tmp_path, "--profiles", "live miinet", **figures)
    assert code == 1
    assert message in report
    assert report.strip().splitlines()[-1].startswith("NOT ACCEPTED")


@pytest.mark.parametrize("options", [["--nonsense"], ["--seconds"]])
def test_a_wrong_option_is_one_line(tmp_path, options):
    done = subprocess.run(["bash", str(SCRIPT), *options], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())
