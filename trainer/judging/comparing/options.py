"""`edge-train evaluate --report`: its options, and what it runs."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from edge.basics.errors import UsageError

ONLY_HERE = ("vgg", "niqe", "pairs", "fogs_each", "trained_on", "sweep")
NOT_HERE = ("families", "demo", "surgclean", "sheets", "model_json")


def add_comparison_options(judge: argparse.ArgumentParser) -> None:
    """Register the options with `edge-train evaluate`."""
    of = judge.add_argument_group("with --report")
    of.add_argument("--report", type=Path, metavar="DIR", help="the paper's comparison into DIR; goes on where it was")
    of.add_argument("--vgg", type=Path, metavar="WEIGHTS", help="VGG16 to its second pool, for texture and KID")
    of.add_argument("--niqe", type=Path, metavar="MODEL", help="NIQE's niqe_pris_params.npz, for that column")
    of.add_argument("--pairs", type=Path, metavar="FOLDER", help="real pairs NAME_hazy and NAME_clear, aligned")
    of.add_argument("--fogs-each", type=int, metavar="N", help="fogs for each held-out picture; 1 by default")
    of.add_argument("--trained-on", type=Path, metavar="MANIFEST", action="append", help="no copy of it may be judged")
    of.add_argument("--sweep", action="store_true", help="checkpoints of several betas: draw their curve")


def wants_report(args: argparse.Namespace) -> bool:
    """Whether it is `--report` that was asked for.

    Raises:
        UsageError: an option of the one is given with the other.
    """
    wrong = NOT_HERE if args.report is not None else ONLY_HERE
    for option in wrong:
        if getattr(args, option) not in (None, False):
            name = f"--{option.replace('_', '-')}"
            where = "not for --report; leave it out" if args.report is not None else "for --report DIR; give that too"
            raise UsageError(f"{name} is {where}")
    for option in ("num_pictures", "fogs_each"):
        value = getattr(args, option)
        if value is not None and value < (option == "fogs_each"):
            least = int(option == "fogs_each")
            raise UsageError(f"--{option.replace('_', '-')} {value}: expected {least} or more")
    return args.report is not None


def _check_extra() -> None:
    if importlib.util.find_spec("scipy") is None or importlib.util.find_spec("statsmodels") is None:
        raise UsageError("--report: needs scipy and statsmodels; install them with pip install 'edge-enhance[study]'")


def run_comparison(args: argparse.Namespace) -> int:
    """Fill the folder, print the tables, renew the page's section `comparison`; `x4` where all checkpoints enlarge."""
    from edge.basics.errors import InputOutputError
    from edge.basics.markdown import replace_section

    _check_extra()
    from trainer.judging.comparing.comparing import check_folder, compare
    from trainer.judging.comparing.methods import read_compared
    from trainer.judging.comparing.summary import summarised
    from trainer.judging.comparing.sweep import check_sweep, write_sweep
    from trainer.judging.comparing.tables import comparison_text
    from trainer.judging.comparing.task import task_of, text_of_enlargers
    from trainer.judging.reporting.report import write_report

    check_folder(args.report)
    compared = read_compared(args.checkpoint)
    if args.sweep:
        check_sweep(compared)
    task, notes = task_of(args, compared)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    comparison = compare(task, args.report)
    summary = summarised(comparison)
    try:
        write_sweep(summary, args.report)
        enlarged = text_of_enlargers(args, compared)
    except OSError as error:
        raise InputOutputError(f"{args.report}: cannot be written ({error.strerror}); make room") from error
    text = "\n\n".join(filter(None, [comparison_text(comparison, summary), enlarged]))
    print(text)
    print(f"{write_report(args.report)}")
    if args.page is not None:
        replace_section(args.page, *(("comparison", text) if compared.rows else ("x4", enlarged)))
    return 0
