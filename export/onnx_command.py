"""`edge-export onnx`: from checkpoints to the graphs and the manifest of a profile."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge.basics.command import say
from edge.basics.errors import UsageError
from edge.models.profile import MANIFEST_NAME
from export.recipes import RECIPES, UPSCALES

EXAMPLES = """examples:
  edge-export onnx runs/live/student.safetensors --profile live --licence "..." -o models
  edge-export onnx runs/idm/idm.safetensors --isr runs/isr/isr.safetensors --profile miinet --licence "..." -o models
  edge-export onnx models/live --precision int8 --calibration sessions/2026-11-25    add a precision to a profile
  edge-export onnx models/live --precision fp32    store its answer to the golden frame, nothing else"""


def run_onnx(args: argparse.Namespace) -> int:
    try:
        from export.onnx_request import FIRST_VERSION, check_request, precisions_of, told_of_gates

        check_request(args)
        from export.graphs.profile import add_precisions, export_profile
    except ModuleNotFoundError as error:
        needed = f"edge-export onnx needs {error.name}, which a unit does not have; run it where models are trained"
        raise UsageError(f"{needed} (make venv-dev)") from error

    common = {"pictures": args.pictures, "num_frames": args.frames, "calibration": args.calibration}
    precisions = precisions_of(args)
    if args.checkpoint.is_dir():
        folder = add_precisions(args.checkpoint, precisions, **common)
    else:
        description = {"version": args.version or FIRST_VERSION, "licence": args.licence, "shares": args.share}
        description |= {"isr": args.isr, "upscale": args.upscale, "precisions": precisions}
        folder = export_profile(args.checkpoint, args.profile, args.output, **description, **common)
    manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
    say(*told_of_gates(manifest, precisions), f"{folder}: version {manifest['version']}")
    return 0


def add_onnx_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `onnx` with the subcommands of `edge-export`."""
    graph = commands.add_parser(
        "onnx",
        help="checkpoints -> the graphs and the manifest of a profile",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    graph.add_argument("checkpoint", type=Path, help="what edge-train student or idm wrote, or a profile's folder")
    graph.add_argument("--isr", type=Path, metavar="CHECKPOINT", help="isr.safetensors, for miinet and cyclegan")
    graph.add_argument("--profile", choices=list(RECIPES), help="which profile to make")
    graph.add_argument("--upscale", choices=UPSCALES, help="enlarge another way than the profile does")
    graph.add_argument(
        "--precision", action="append", choices=["fp16", "int8", "fp32"], help="graphs beside fp32; default fp16"
    )
    what = (
        "where int8 takes its ranges: a session of edge-calib capture --for int8, a folder of pictures, a clip, demo:"
    )
    graph.add_argument("--calibration", metavar="FRAMES", help=what)
    what = "real pictures for the accuracy gate, subfolders too; default: the demo throat"
    graph.add_argument("--pictures", type=Path, metavar="FOLDER", help=what)
    graph.add_argument("--frames", type=int, default=0, help="how many of them; 0: two, one for heavy networks")
    graph.add_argument("-o", "--output", type=Path, help="folder of profiles")
    what = "keep weights in half precision in shared/, once for all profiles there that have the same networks"
    graph.add_argument("--share", action="store_true", help=what)
    graph.add_argument("--version", help="version written into the manifest; default 1")
    graph.add_argument("--downgrade", action="store_true", help="write over a higher version")
    graph.add_argument("--licence", help="what may be done with weights trained on this data")
    graph.set_defaults(run=run_onnx)
