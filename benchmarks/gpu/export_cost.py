"""`python -m benchmarks.gpu.export_cost`: time and memory of `edge-export onnx` for the paper's networks at full size.

Weights are random unless given: neither time nor memory depends on them, unless the accuracy gate is missed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from edge.basics.markdown import table
from edge.health.machine import machine_line
from firmware_bridge.command_line import Parser
from trainer.networks.resnet_generator import ResnetGenerator
from trainer.networks.rrdb import Rrdb
from trainer.networks.rrdb_weights import load_init
from trainer.training.checkpoint import described, save_whole


def cost_of(command: list[str]) -> tuple[int, float, float, float]:
    """Exit code, wall seconds, CPU seconds and peak memory in GiB of a command."""
    begin = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def main() -> None:
    parser = Parser(prog="python -m benchmarks.gpu.export_cost", description=__doc__)
    parser.add_argument("--idm", type=Path, help="idm.safetensors")
    parser.add_argument("--rrdb", type=Path, help="weights of RRDBNet-23 under BasicSR's names")
    args = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        idm, isr = args.idm or folder / "idm.safetensors", folder / "isr.safetensors"
        if args.idm is None:
            generator = ResnetGenerator()
            save_whole(generator.state_dict(), idm, described("resnet_generator", generator.config))
        network = Rrdb()
        if args.rrdb:
            load_init(network, args.rrdb)
        save_whole(network.state_dict(), isr, described("rrdb", network.config))
        rows: list[list[object]] = []
        for profile, more in {"miinet": ["--isr", str(isr)], "miinet-guided": []}.items():
            base = [sys.executable, "-m", "export.cli", "onnx", str(idm), *more, "--profile", profile]
            for precision in ("fp32", "fp16"):
                command = [*base, "--precision", precision, "--licence", "benchmark", "-o", str(folder)]
                code, wall_s, cpu_s, peak_gib = cost_of(command)
                rows.append([profile, precision, "done" if code == 0 else f"exit {code}", wall_s, cpu_s, peak_gib])
    print(f"{machine_line()}\n")
    print(table(["profile", "with", "", "wall s", "CPU s", "GiB"], rows))


if __name__ == "__main__":
    main()
