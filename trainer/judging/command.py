"""`edge-train evaluate`: how good networks are on held-out pictures."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge.basics.errors import UsageError
from edge.basics.whole_files import write_whole
from trainer.judging.comparing.options import add_comparison_options, run_comparison, wants_report
from trainer.judging.fogs.options import add_family_options, run_families

# Torch takes seconds to load, so it is imported where the command runs, not for its --help.


def run_evaluate(args: argparse.Namespace) -> int:
    from edge.basics.markdown import replace_section
    from trainer.judging.evaluate import evaluate
    from trainer.judging.held_out import held_out_pictures
    from trainer.judging.judged import read_judged
    from trainer.judging.lpips import Lpips

    if wants_report(args):
        return run_comparison(args)
    if args.families:
        for option in ("demo", "sr_benchmark", "model_json"):
            if getattr(args, option) is not None:
                name = f"--{option.replace('_', '-')}"
                raise UsageError(f"{name} is not for --families; leave it out, or evaluate without --families")
        return run_families(args)
    judged = read_judged(args.checkpoint)
    pictures = held_out_pictures(args.throats, args.larynx, args.sr_benchmark)
    found = evaluate(pictures, args.demo, judged, Lpips(args.lpips) if args.lpips else None)
    print(found.text)
    if args.page is not None:
        replace_section(args.page, "enhancement", found.text)
    if args.model_json is not None:
        description = json.loads(args.model_json.read_text(encoding="utf-8"))
        description["metrics"] = found.metrics[judged.names[0]]
        write_whole(args.model_json, (json.dumps(description, indent=2) + "\n").encode())
    return 0


def add_evaluate_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register `evaluate` with the subcommands of `edge-train`."""
    judge = commands.add_parser(
        "evaluate",
        help="tables of dehazing, x4 and flicker on held-out pictures",
        epilog="example: edge-train evaluate runs/free/student.safetensors --throats throats.json",
    )
    judge.add_argument("checkpoint", type=Path, nargs="+", help="what idm, isr and student made, the shipped one first")
    judge.add_argument("--throats", type=Path, metavar="MANIFEST", help="its held-out HQ: dehazing, flicker, x4")
    judge.add_argument("--larynx", type=Path, metavar="MANIFEST", help="its held-out HQ: dehazing, x4 at native pixels")
    judge.add_argument("--sr-benchmark", type=Path, metavar="FOLDER", help="has Set5/ or Set14/, for x4 alone")
    judge.add_argument("--demo", type=Path, help="folder with truth_*.png and degraded_*.png of the demo source")
    judge.add_argument("--page", type=Path, help="Markdown page whose section `enhancement` is renewed, or `fogs`")
    judge.add_argument("--model-json", type=Path, metavar="FILE", help="model.json that takes the first one's metrics")
    add_family_options(judge)
    add_comparison_options(judge)
    judge.set_defaults(run=run_evaluate)
