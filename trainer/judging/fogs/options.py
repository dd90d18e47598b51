"""`edge-train evaluate --families`: its options, and what it runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from trainer.early import Renamed
from trainer.judging.held_out import HeldOut

FAMILY_OPTIONS = ("num_pictures", "real", "surgclean", "sheets")
"""What is judged by with --families alone, as attributes of the parsed arguments."""


def add_family_options(judge: argparse.ArgumentParser) -> None:
    """Register the options with `edge-train evaluate`."""
    judge.add_argument("--lpips", type=Path, metavar="WEIGHTS", help="AlexNet and LPIPS heads, for that column")
    families = judge.add_argument_group("with --families")
    families.add_argument("--families", action="store_true", help="every family of fog, left-out ones first")
    what = "held-out pictures of each manifest; with --report too; 0: all"
    families.add_argument("--num-pictures", type=int, default=0, metavar="N", help=what)
    families.add_argument("--pictures", action=Renamed, const="is --num-pictures now, as elsewhere it is a folder")
    families.add_argument(
        "--real", type=Path, metavar="FOLDER", help="real foggy frames, and real pairs; with --report too"
    )
    families.add_argument("--surgclean", type=Path, metavar="FOLDER", help="the SurgClean set: input/ and gt/")
    families.add_argument("--sheets", type=Path, metavar="FOLDER", help="where pages of the real frames are written")


def run_families(args: argparse.Namespace, pictures: HeldOut) -> int:
    """Print the tables and renew the page's section `fogs`."""
    from edge.basics.markdown import replace_section
    from trainer.judging.fogs.report import FogTask, judge_fogs
    from trainer.judging.judged import read_judged
    from trainer.judging.lpips import Lpips

    perceptual = Lpips(args.lpips) if args.lpips else None
    task = FogTask(pictures, args.num_pictures, args.real, args.surgclean, args.sheets, perceptual)
    text = judge_fogs(read_judged(args.checkpoint), task)
    print(text)
    if args.page is not None:
        replace_section(args.page, "fogs", text)
    return 0
