"""`edge-train mdos`: make a rating study, serve it, report it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge.basics.command import say
from edge.basics.errors import UsageError

PAPER_RATERS, PAPER_REPEATS = 3, 0.1
PAPER_MEANS = {"original": 2.36, "cyclegan": 3.83, "miinet": 4.11, "hq": 4.76}
"""Table 1, as the effects that a simulation has where none are named."""


def run_create(args: argparse.Namespace) -> int:
    from trainer.mdos.create import Wish, create_study

    methods = dict(_pair(one, "--method", "NAME=FOLDER") for one in args.method)
    if len(methods) < len(args.method):
        raise UsageError("--method: a name comes twice; expected each once")
    reference = args.reference if args.reference is not None else ("original" if "original" in methods else "")
    quality_only = set(args.quality_only or [name for name in ("hq",) if name in methods])
    width_px, height_px = _size(args.screen)
    wish = Wish(
        {name: Path(folder) for name, folder in methods.items()},
        args.title,
        reference,
        frozenset(quality_only | ({reference} if reference else set())),
        args.repeats,
        args.raters,
        args.seed,
        (width_px, height_px),
    )
    codes = create_study(args.study, wish)
    say(f"{args.study}: a study of {', '.join(methods)}; serve it: edge-train mdos serve {args.study}", "codes:")
    say(*(f"  {code}" for code in codes))
    return 0


def run_serve(args: argparse.Namespace) -> int:
    from trainer.mdos.server import serve
    from trainer.mdos.study import read_study

    host, _, port = args.listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--listen {args.listen}: expected HOST:PORT, such as 127.0.0.1:8090")
    serve(read_study(args.study), host.strip("[]"), int(port), say)
    return 0


def run_report(args: argparse.Namespace) -> int:
    from trainer.mdos.ratings import read_sheets
    from trainer.mdos.report import text_of, write_report
    from trainer.mdos.results import Results
    from trainer.mdos.study import read_study

    study = read_study(args.study)
    results = Results(study, read_sheets(study))
    page = write_report(results, args.output or args.study / "report")
    say(*text_of(results).splitlines(), str(page))
    return 0


def run_simulate(args: argparse.Namespace) -> int:
    from trainer.mdos.simulate import simulate
    from trainer.mdos.study import read_study

    study = read_study(args.study)
    told = {name: _mean(value) for name, value in (_pair(one, "--mean", "NAME=SCORE") for one in args.mean)}
    means = {**PAPER_MEANS, **told}
    missing = [name for name in study.methods if name not in means]
    if missing:
        raise UsageError(f"--mean: expected one for {missing[0]}, such as --mean {missing[0]}=3.5")
    if not 0 <= args.share <= 1:
        raise UsageError(f"--share {args.share}: expected a number from 0 to 1")
    simulate(study, means, args.share, args.seed)
    say(f"{args.study}: ratings of {len(study.raters)} raters simulated, and marked so")
    return 0


def _pair(text: str, option: str, expected: str) -> tuple[str, str]:
    name, is_there, value = text.partition("=")
    if not is_there or not name or not value:
        raise UsageError(f"{option} {text}: expected {expected}")
    return name, value


def _mean(text: str) -> float:
    try:
        mean = float(text)
    except ValueError:
        mean = 0.0
    if not 1 <= mean <= 5:
        raise UsageError(f"--mean {text}: expected a score from 1 to 5")
    return mean


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise UsageError(f"--screen {text}: expected WIDTHxHEIGHT, such as 1280x720")
    return int(width), int(height)


def add_mdos_command(commands: Any) -> None:
    """Register `mdos` with the subcommands of `edge-train`."""
    mdos = commands.add_parser("mdos", help="rate pictures as the paper does: make a study, serve it, report it")
    kinds = mdos.add_subparsers(dest="mdos", required=True)

    create = kinds.add_parser(
        "create",
        help="make a study folder of pictures of several methods",
        epilog="example: edge-train mdos create study --method original=raw --method miinet=out --method hq=sharp",
    )
    create.add_argument("study", type=Path, help="the new folder")
    create.add_argument(
        "--method",
        action="append",
        required=True,
        metavar="NAME=FOLDER",
        help="a method and the folder of its pictures; versions of one picture have one name. At least two",
    )
    create.add_argument("--reference", metavar="NAME", help="shown beside the others; default: original, if there")
    create.add_argument(
        "--quality-only",
        action="append",
        metavar="NAME",
        help="method rated for quality alone, as the reference is; default: hq, if there",
    )
    create.add_argument("--raters", type=int, default=PAPER_RATERS, help=f"codes to make (default {PAPER_RATERS})")
    create.add_argument(
        "--repeats", type=float, default=PAPER_REPEATS, help=f"share seen twice (default {PAPER_REPEATS})"
    )
    create.add_argument("--title", default="Rating of throat pictures", help="as raters and the report see it")
    create.add_argument("--screen", default="1280x720", help="least size of a monitor's window (default 1280x720)")
    create.add_argument("--seed", type=int, default=1, help="of names, codes and orders")
    create.set_defaults(run=run_create)

    serve = kinds.add_parser("serve", help="show it to raters", epilog="example: edge-train mdos serve study")
    serve.add_argument("study", type=Path)
    serve.add_argument("--listen", default="127.0.0.1:8090", metavar="HOST:PORT", help="default 127.0.0.1:8090")
    serve.set_defaults(run=run_serve)

    report = kinds.add_parser("report", help="tables and a page", epilog="example: edge-train mdos report study")
    report.add_argument("study", type=Path)
    report.add_argument("-o", "--output", type=Path, help="folder; default: report in the study's folder")
    report.set_defaults(run=run_report)

    simulated = kinds.add_parser(
        "simulate",
        help="fill a copy of a study with made-up ratings, to see the report; never a result",
        epilog="example: edge-train mdos simulate copy-of-study --mean miinet=4.1",
    )
    simulated.add_argument("study", type=Path)
    simulated.add_argument("--mean", action="append", default=[], metavar="NAME=SCORE", help="default: the paper's")
    simulated.add_argument("--share", type=float, default=1.0, help="of the pictures that each rater comes to")
    simulated.add_argument("--seed", type=int, default=1)
    simulated.set_defaults(run=run_simulate)
