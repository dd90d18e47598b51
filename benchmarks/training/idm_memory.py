"""Memory of one training step of the image dehazing module: `python -m benchmarks.training.idm_memory`.

Each batch is measured in a process of its own, after two steps, so that Adam's moments are there. On a GPU it is what
torch allocated, on the CPU the process's largest resident size.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.page import PAGE
from benchmarks.training.train_idm import add_size, config_of, make_pictures, ours
from edge.basics.markdown import replace_section, table
from firmware_bridge.command_line import Parser
from trainer.training.parallel import placement


def peak_gib(args: argparse.Namespace) -> float:
    with tempfile.TemporaryDirectory() as name, placement() as place:
        lq, hq = make_pictures(Path(name), max(4, args.batch))
        config = config_of(args, torch.cuda.is_available())
        steps = ours(replace(config, loop=replace(config.loop, compile=False, workers=0)), lq, hq, place)
        for _ in range(2):
            next(steps)
        if place.device.type == "cuda":
            return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = Parser(prog="python -m benchmarks.training.idm_memory", description=__doc__)
    add_size(parser)
    parser.add_argument("--batches", type=int, nargs="+", default=[1], help="measured one after the other")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--page", action="store_true", help="renew the section training-memory of docs/results.md")
    args = parser.parse_args()
    if args.alone:
        print(f"{peak_gib(args):.2f}")
        return
    rows: list[list[object]] = []
    for batch in args.batches:
        command = [sys.executable, "-m", "benchmarks.training.idm_memory", "--alone", "--batch", str(batch)]
        command += ["--size", args.size, "--num-feat", str(args.num_feat), "--num-block", str(args.num_block)]
        done = subprocess.run([*command, "--vgg", args.vgg], capture_output=True, text=True, check=False)
        rows.append([batch, done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]])
    device = f"{torch.cuda.get_device_name()}, bf16" if torch.cuda.is_available() else "CPU, fp32"
    text = f"{device}, torch {torch.__version__}, {args.size}, {args.num_feat} channels, {args.num_block} blocks.\n\n"
    text += table(["batch", "peak GiB"], rows)
    print(text)
    if args.page:
        replace_section(PAGE, "training-memory", text)


if __name__ == "__main__":
    main()
