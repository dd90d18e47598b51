"""`edge-train`: prepare pictures, train the networks and judge them."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from edge.basics.command import exit_code_of
from edge.basics.whole_files import write_whole
from trainer.commands import add_training_commands
from trainer.data.degrade import add_degrade_command
from trainer.judging.fog_options import add_family_options, run_families
from trainer.prepare.command import add_prepare_command


def run_evaluate(args: argparse.Namespace) -> int:
    from trainer.judging.evaluate import evaluate
    from trainer.judging.judged import read_judged
    from trainer.judging.report import replace_section

    if args.families:
        return run_families(args)
    judged = read_judged(args.checkpoint)
    found = evaluate(args.data, args.demo, judged)
    print(found.text)
    if args.page is not None:
        replace_section(args.page, "enhancement", found.text)
    if args.manifest is not None:
        manifest = json.loads(args.manifest.read_text(encoding="utf-8"))
        manifest["metrics"] = found.metrics[judged.names[0]]
        write_whole(args.manifest, (json.dumps(manifest, indent=2) + "\n").encode())
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="edge-train", description=__doc__)
    top.add_argument("--debug", action="store_true", help="show a traceback on errors")
    commands = top.add_subparsers(dest="command", required=True)
    add_prepare_command(commands)
    add_degrade_command(commands)
    add_training_commands(commands)
    judge = commands.add_parser(
        "evaluate",
        help="tables of dehazing, x4 and flicker on held-out pictures",
        epilog="example: edge-train evaluate trainer/checkpoints/*.safetensors --data DATA --page docs/results.md",
    )
    judge.add_argument("checkpoint", type=Path, nargs="+", help="what idm, isr and student made, the shipped one first")
    judge.add_argument("--data", type=Path, default=Path("../shared/data"), help="has larynx/ and throat_research/")
    judge.add_argument("--demo", type=Path, help="folder with truth_*.png and degraded_*.png of the demo source")
    judge.add_argument("--page", type=Path, help="Markdown page whose section `enhancement` is renewed")
    judge.add_argument("--manifest", type=Path, help="model.json that takes the first one's metrics")
    add_family_options(judge)
    judge.set_defaults(run=run_evaluate)
    return top


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    return exit_code_of("edge-train", lambda: args.run(args), debug=args.debug)


if __name__ == "__main__":
    sys.exit(main())
