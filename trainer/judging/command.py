"""`edge-train evaluate`: how good networks are on held-out pictures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge.basics.errors import UsageError
from edge.basics.whole_files import write_whole
from trainer.early import Renamed, check_files, check_folders
from trainer.judging.comparing.options import add_comparison_options, run_comparison, wants_report
from trainer.judging.fogs.options import FAMILY_OPTIONS, add_family_options, run_families
from trainer.judging.held_out import checked_model_json, held_out_pictures

# Torch takes seconds to load, so it is imported where the command runs, not for its --help.


def run_evaluate(args: argparse.Namespace) -> int:
    is_report = wants_report(args)
    if not is_report:
        _refuse_what_is_ignored(args)
    check_files([("checkpoint", path) for path in args.checkpoint])
    check_files([("--lpips", args.lpips), ("--page", args.page)])
    check_folders([("--demo", args.demo), ("--real", args.real), ("--surgclean", args.surgclean)])
    if args.model_json is not None:
        checked_model_json(args.model_json)
    if is_report:
        return run_comparison(args)
    pictures = held_out_pictures(args.manifest, args.sr_benchmark)
    if args.families:
        return run_families(args, pictures)

    from edge.basics.markdown import replace_section
    from trainer.judging.evaluate import evaluate
    from trainer.judging.judged import read_judged
    from trainer.judging.lpips import Lpips

    judged = read_judged(args.checkpoint)
    found = evaluate(pictures, args.demo, judged, Lpips(args.lpips) if args.lpips else None)
    print(found.text)
    if args.page is not None:
        replace_section(args.page, "enhancement", found.text)
    if args.model_json is not None:
        description = json.loads(args.model_json.read_text(encoding="utf-8"))
        description["metrics"] = found.metrics[judged.names[0]]
        write_whole(args.model_json, (json.dumps(description, indent=2) + "\n").encode())
    return 0


def _refuse_what_is_ignored(args: argparse.Namespace) -> None:
    for option in ("demo", "sr_benchmark", "model_json"):
        if args.families and getattr(args, option) is not None:
            name = f"--{option.replace('_', '-')}"
            raise UsageError(f"{name} is not for --families; leave it out, or evaluate without --families")
    for option in FAMILY_OPTIONS:
        if not args.families and getattr(args, option):
            raise UsageError(f"--{option.replace('_', '-')} is for --families; add that, or leave it out")


def add_evaluate_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `evaluate` with the subcommands of `edge-train`."""
    judge = commands.add_parser(
        "evaluate",
        help="tables of dehazing, x4 and flicker on held-out pictures",
        epilog="example: edge-train evaluate runs/live/student.safetensors --manifest throats.json",
    )
    judge.add_argument("checkpoint", type=Path, nargs="+", help="what idm, isr and student made, the shipped one first")
    what = "of edge-train prepare; its held-out HQ judges. Several times for several sets, each called by its file"
    judge.add_argument("--manifest", type=Path, action="append", default=[], metavar="FILE", help=what)
    for old in ("--throats", "--larynx"):
        instead = f"is --manifest now: --manifest {old[2:]}.json, and the set is called by its file"
        judge.add_argument(old, action=Renamed, const=instead)
    judge.add_argument("--sr-benchmark", type=Path, metavar="FOLDER", help="has Set5/ or Set14/, for x4 alone")
    judge.add_argument("--demo", type=Path, help="folder with truth_*.png and degraded_*.png of the demo source")
    what = "Markdown page whose section is renewed: `enhancement`, `fogs`; with --report `comparison`, or `x4`"
    judge.add_argument("--page", type=Path, help=what)
    judge.add_argument("--model-json", type=Path, metavar="FILE", help="model.json that takes the first one's metrics")
    add_family_options(judge)
    add_comparison_options(judge)
    judge.set_defaults(run=run_evaluate)
