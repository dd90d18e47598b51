"""`edge-export`: from a trained checkpoint to the files that the unit runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge.basics.command import say
from edge.basics.errors import UsageError
from edge.basics.owner import become_owner_of
from edge.basics.running import run_command
from edge.models.profile import SHIPPED
from export.on_unit.describe import add_describe_command
from export.onnx_command import add_onnx_command
from firmware_bridge.command_line import Parser

ENGINES = Path("/var/lib/edge-enhance/engines")
"""Where the runtime looks for engines unless its configuration says otherwise."""

ENGINE_EXAMPLES = """examples:
  edge-export engine live -o /var/lib/edge-enhance/engines
  edge-export engine models/miinet -o engines --precision best --workspace-mib 512
  edge-export engine live -o engines --runtime tensorrt-rtx --compute-capability 8.6    no GPU needed"""


def run_engine(args: argparse.Namespace) -> int:
    from export.on_unit.build import EngineOptions, build_engine, find_model

    options = EngineOptions(
        precision=args.precision,
        runtime=args.runtime,
        workspace_mib=args.workspace_mib,
        compute_capability=args.compute_capability,
        force=args.force,
    )
    profile = find_model(args.profile)
    become_owner_of(args.output)
    path, is_new = build_engine(profile, args.output, options)
    say(f"{path}" if is_new else f"{path}: up to date, nothing done; --force builds it again")
    return 0


def capability(text: str) -> tuple[int, int]:
    """`8.6` -> (8, 6)."""
    major, dot, minor = text.partition(".")
    if not (dot and major.isdigit() and minor.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number such as 8.6")
    return int(major), int(minor)


def _add_engine(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    engine = commands.add_parser(
        "engine",
        help="a profile -> the TensorRT engine for this machine's GPU",
        epilog=ENGINE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    engine.add_argument("profile", help="a profile's folder, its model.onnx, or the name of a shipped one")
    engine.add_argument("-o", "--output", type=Path, default=ENGINES, help="folder of engines")
    engine.add_argument(
        "--precision",
        choices=["fp16", "fp32", "int8", "best"],
        default="fp16",
        help="best: the lowest it was exported in",
    )
    engine.add_argument("--runtime", choices=["tensorrt", "tensorrt-rtx"], default="tensorrt")
    engine.add_argument("--workspace-mib", type=int, default=1024, metavar="MIB", help="memory that a layer may use")
    engine.add_argument(
        "--compute-capability", type=capability, metavar="M.N", help="tensorrt-rtx: build for another GPU"
    )
    engine.add_argument("--force", action="store_true", help="build though it is there")
    engine.set_defaults(run=run_engine)


def run_verify(args: argparse.Namespace) -> int:
    from export.on_unit.build import find_model
    from export.on_unit.samples import sample_frames
    from export.verify import HEAD, aligned, verify

    become_owner_of(args.engines)  # a plan is code, and whose folder it is may write it
    checkpoints = None if args.checkpoint is None else (args.checkpoint, args.isr)
    rows = verify(
        find_model(args.profile),
        sample_frames(args.pictures, args.frames),
        engines=args.engines,
        precision=args.precision,
        runtime=args.runtime,
        checkpoints=checkpoints,
    )
    sys.stdout.write(aligned([list(HEAD), *(row.cells() for row in rows)]))
    failed = [row for row in rows if row.passed is False or (args.need_engine and row is rows[-1] and not row.passed)]
    return 1 if failed else 0


def run_bench(args: argparse.Namespace) -> int:
    from edge.config import EngineConfig
    from edge.engines.open import open_proven
    from edge.engines.rungs import own_rungs
    from export.on_unit.bench import bench, gpu_engine
    from export.on_unit.build import find_model
    from export.on_unit.peak import measured_peak_flops
    from export.on_unit.samples import sample_frames

    become_owner_of(args.engines)
    config = EngineConfig(backend=args.backend, engines=str(args.engines), precision=args.precision)
    profile = find_model(args.profile)
    rungs = own_rungs(profile.name, args.backend)
    engine, _ = open_proven(profile, config, rungs, lambda line: sys.stderr.write(f"{line}\n"))
    if gpu_engine(engine) is None:
        peak = None
    else:
        engine.close()  # the yardstick wants the GPU for itself
        peak = measured_peak_flops(rungs[0].runtime)
        engine, _ = open_proven(profile, config, rungs[:1])
    try:
        figures = bench(profile, engine, sample_frames(args.pictures, 1).frames[0], args.seconds, peak)
    finally:
        engine.close()
    say(*figures.lines())
    return 0


def run_inspect(args: argparse.Namespace) -> int:
    from export.on_unit.inspector import inspected

    become_owner_of(args.plan.parent)
    for line in inspected(args.plan):
        say(line)
    return 0


def _add_judges(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verify = commands.add_parser("verify", help="torch, onnx and the engine against each other on sample frames")
    verify.add_argument("--frames", type=int, default=2, help="how many sample frames")
    verify.add_argument("--checkpoint", type=Path, help="compare torch too: what edge-train wrote")
    verify.add_argument("--isr", type=Path, metavar="CHECKPOINT", help="with --checkpoint, for miinet and cyclegan")
    verify.add_argument("--runtime", choices=["tensorrt", "tensorrt-rtx"], default="tensorrt")
    verify.add_argument("--need-engine", action="store_true", help="an engine that cannot run is a failure")
    verify.set_defaults(run=run_verify)
    bench = commands.add_parser("bench", help="latency, throughput, GPU time, arithmetic rate, energy")
    bench.add_argument("--seconds", type=float, default=10.0, help="length of each of two measurements")
    bench.add_argument("--backend", choices=["auto", "cpu", "tensorrt", "tensorrt-rtx"], default="auto")
    bench.set_defaults(run=run_bench)
    for command in (verify, bench):
        command.add_argument("profile", help="a profile's folder, its model.onnx, or the name of a shipped one")
        command.add_argument("--engines", type=Path, default=ENGINES, help="folder of engines")
        command.add_argument("--precision", choices=["fp16", "fp32", "int8"], default="fp16")
        command.add_argument("--pictures", type=Path, metavar="FOLDER", help="real pictures; else the demo throat")
        command.epilog = f"example: edge-export {command.prog.split()[-1]} live --engines engines"
    inspect = commands.add_parser("inspect", help="layers, precisions and memory of an engine")
    inspect.add_argument("plan", type=Path, help="a .plan file")
    inspect.epilog = "example: edge-export inspect engines/live-0123456789abcdef.plan"
    inspect.set_defaults(run=run_inspect)


def run_correct(args: argparse.Namespace) -> int:
    try:
        from export.graphs.correction_graph import export_corrected_profile
    except ModuleNotFoundError as error:
        needed = f"edge-export correct needs {error.name}, which a unit does not have; run it where models are trained"
        raise UsageError(f"{needed} (make venv-dev), with the unit's unit.calib") from error

    folder = export_corrected_profile(args.profile, (*args.models, SHIPPED), args.calibration, args.output)
    say(f"{folder}")
    return 0


def _add_correct(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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


def run_bundle(args: argparse.Namespace) -> int:
    from export.on_unit.build import find_model
    from export.on_unit.bundle import write_bundle
    from export.on_unit.keys import read_private_key

    private = None if args.sign is None else read_private_key(args.sign)
    write_bundle(find_model(args.profile), args.output, args.engine, private)
    if private is None:
        sys.stderr.write("edge-export: nobody signed it, so units take it with --unsigned alone; --sign KEY signs it\n")
    say(f"{args.output}")
    return 0


def _add_bundle(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    bundle = commands.add_parser(
        "bundle",
        help="a profile -> one file, and its sha256 beside it, for edge-enhance model install",
        epilog="example: edge-export bundle models/live -o live-3.bundle --sign hospital.key",
    )
    bundle.add_argument("profile", help="a profile's folder, its model.onnx, or the name of a shipped one")
    bundle.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the bundle")
    bundle.add_argument("--sign", type=Path, metavar="KEY", help="private key to sign with, of edge-export key new")
    bundle.add_argument(
        "--engine", type=Path, action="append", default=[], metavar="PLAN", help="an engine of it to ship along"
    )
    bundle.set_defaults(run=run_bundle)


def run_key(args: argparse.Namespace) -> int:
    from export.on_unit.keys import new_key

    private, public, fingerprint = new_key(args.name)
    say(f"{private}: keep it where models are signed, and nowhere else")
    say(f"{public}: copy it to /etc/edge-enhance/keys of each unit; key {fingerprint[:16]}")
    return 0


def _add_key(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    key = commands.add_parser("key", help="the key pair that bundles are signed with")
    actions = key.add_subparsers(dest="action", required=True)
    new = actions.add_parser(
        "new", help="make one: NAME.key and NAME.pub", epilog="example: edge-export key new hospital-2026"
    )
    new.add_argument("name", type=Path, metavar="NAME", help="path of both files without its ending")
    new.set_defaults(run=run_key)


def parser() -> Parser:
    top = Parser(prog="edge-export", description=__doc__)
    commands = top.add_subparsers(dest="command")
    add_onnx_command(commands)
    _add_engine(commands)
    _add_judges(commands)
    _add_correct(commands)
    _add_bundle(commands)
    _add_key(commands)
    add_describe_command(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    return run_command(parser(), lambda args: int(args.run(args)), argv)


if __name__ == "__main__":
    sys.exit(main())
