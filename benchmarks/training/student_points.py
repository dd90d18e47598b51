"""What a student of each size costs and gains: `python -m benchmarks.training.student_points CHECKPOINT --throats M`.

The cost is that of the network alone, from 480x270 to its maps, in onnxruntime on one thread; the gain is on held-out
throats under the families that the network was not taught. Networks are only to be compared where they were trained
alike: the steps stand beside.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
from pathlib import Path

import torch

from edge.basics.markdown import table
from edge.engines.onnx_runtime import onnxruntime
from firmware_bridge.command_line import Parser
from trainer.data.fogs.catalogue import TEST_ONLY
from trainer.judging.fogs.gains import mean_gain
from trainer.judging.fogs.report import at_network_sizes, scored
from trainer.judging.fogs.sets import STRENGTHS, clear_pairs, family_pairs
from trainer.judging.held_out import held_out_pictures
from trainer.judging.judged import read_judged
from trainer.networks.from_checkpoint import student_from_checkpoint
from trainer.networks.student import Student

ROUNDS = 40


def cpu_ms(student: Student) -> float:
    """Median CPU milliseconds of one pass in onnxruntime, one thread."""
    x = torch.rand(1, 3, 270, 480)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "student.onnx"
        torch.onnx.export(student, (x,), path, input_names=["lq"], dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        name, feed = session.get_inputs()[0].name, x.numpy()
        taken = []
        for _ in range(ROUNDS):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
            session.run(None, {name: feed})
            taken.append(1000 * (resource.getrusage(resource.RUSAGE_SELF).ru_utime - before))
    return statistics.median(taken)


def gmac(student: Student) -> float:
    """Multiply-adds of the convolutions in 1e9, at 480x270."""
    total = 0

    def count(layer: torch.nn.Module, _: object, out: torch.Tensor) -> None:
        nonlocal total
        weight = layer.weight
        total += out.shape[2] * out.shape[3] * weight.numel()

    hooks = [m.register_forward_hook(count) for m in student.modules() if isinstance(m, torch.nn.Conv2d)]
    with torch.no_grad():
        student(torch.rand(1, 3, 270, 480))
    for hook in hooks:
        hook.remove()
    return total / 1e9


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, nargs="+")
    parser.add_argument("--throats", type=Path, required=True, metavar="MANIFEST", help="its held-out HQ judges")
    parser.add_argument("--pictures", type=int, default=8)
    args = parser.parse_args()
    torch.set_num_threads(1)
    throats = at_network_sizes(held_out_pictures([args.throats]), args.pictures)[args.throats.stem]
    rows: list[list[object]] = []
    for path in args.checkpoint:
        student, metadata = student_from_checkpoint(path)
        method = read_judged([path]).dehazers
        fogs = sorted(TEST_ONLY)
        of = [scored(family_pairs(f, s, throats), method, None)[path.stem] for f in fogs for s in STRENGTHS]
        gain = mean_gain([one for gains in of for one in gains])
        clear = mean_gain(scored(clear_pairs(throats), method, None)[path.stem])
        config, size = student.config, (480 // student.config.shrink, 270 // student.config.shrink)
        parameters = sum(p.numel() for p in student.parameters()) / 1e6
        seen = f"{size[0]}x{size[1]}, fold {config.fold}, {config.num_feat}, {config.num_conv}"
        row: list[object] = [path.parent.name, f"{seen}, smoothing {config.smoothing}", metadata.get("steps", "-")]
        row += [f"{parameters:.2f}", f"{gmac(student):.3f}", f"{cpu_ms(student):.1f}", f"{gain.psnr:+.2f}"]
        row += [f"{gain.best:+.2f}", f"{100 * gain.worse:.0f}%", f"{clear.input_psnr + clear.psnr:.1f}"]
        rows.append(row)
    head = [
        "run",
        "network",
        "steps",
        "M parameters",
        "GMAC",
        "CPU ms",
        "gain",
        "at best exposure",
        "worse",
        "clear dB",
    ]
    print(table(head, rows))


if __name__ == "__main__":
    main()
