"""`edge-export`: from a trained checkpoint to the files that the unit runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge.artifact import SHIPPED
from edge.errors import exit_code_of


def run_onnx(args: argparse.Namespace) -> int:
    from export.profile import export_guided_profile

    export_guided_profile(args.checkpoint, args.profile, args.output, version=args.version, licence=args.licence)
    print(args.output / args.profile)
    return 0


def run_correct(args: argparse.Namespace) -> int:
    from export.correction_graph import export_corrected_profile

    print(export_corrected_profile(args.profile, (*args.models, SHIPPED), args.calibration, args.output))
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="edge-export", description=__doc__)
    top.add_argument("--debug", action="store_true", help="show a traceback on errors")
    commands = top.add_subparsers(dest="command", required=True)
    graph = commands.add_parser(
        "onnx",
        help="checkpoint -> model.onnx, dehaze.onnx and model.json",
        epilog="example: edge-export onnx runs/free/student.safetensors --profile live -o edge/models",
    )
    graph.add_argument("checkpoint", type=Path, help="student.safetensors of edge-train student")
    graph.add_argument("--profile", choices=["live"], default="live", help="which profile to make")
    graph.add_argument("-o", "--output", type=Path, required=True, help="folder of profiles")
    graph.add_argument("--version", default="1", help="version written into the manifest")
    graph.add_argument("--licence", required=True, help="what may be done with weights trained on this data")
    graph.set_defaults(run=run_onnx)
    correct = commands.add_parser(
        "correct",
        help="profile + unit.calib -> the profile of one unit, its correction in the graph, for GPU engines",
        epilog="example: edge-export correct live --calibration unit.calib -o /var/lib/edge-enhance/models",
    )
    correct.add_argument("profile", help="name of a profile")
    correct.add_argument("--calibration", type=Path, required=True, metavar="FILE", help="unit.calib of edge-calib")
    correct.add_argument(
        "--models", type=Path, action="append", default=[], help="folder of profiles beside the shipped"
    )
    correct.add_argument("-o", "--output", type=Path, required=True, help="folder of profiles")
    correct.set_defaults(run=run_correct)
    return top


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    return exit_code_of("edge-export", lambda: args.run(args), debug=args.debug)


if __name__ == "__main__":
    sys.exit(main())
