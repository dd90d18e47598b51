"""`edge-train evaluate --families`: its options, and what it runs."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_family_options(judge: argparse.ArgumentParser) -> None:
    """Register the options with `edge-train evaluate`."""
    families = judge.add_argument_group("with --families")
    families.add_argument("--families", action="store_true", help="every family of fog, left-out ones first")
    families.add_argument("--pictures", type=int, default=0, metavar="N", help="held-out pictures a kind; 0: all")
    families.add_argument("--lpips", type=Path, metavar="WEIGHTS", help="AlexNet and LPIPS heads, for that column")
    families.add_argument(
        "--real", type=Path, metavar="FOLDER", help="real foggy frames; default: fogged_real of --data"
    )
    families.add_argument("--surgclean", type=Path, metavar="FOLDER", help="the SurgClean set: input/ and gt/")
    families.add_argument("--sheets", type=Path, metavar="FOLDER", help="where pages of the real frames are written")


def run_families(args: argparse.Namespace) -> int:
    """Print the tables and renew the page's section `fogs`."""
    from trainer.judging.fog_report import FogTask, judge_fogs
    from trainer.judging.judged import read_judged
    from trainer.judging.lpips import Lpips
    from trainer.judging.report import replace_section

    real = args.real or (args.data / "fogged_real" if (args.data / "fogged_real").is_dir() else None)
    perceptual = Lpips(args.lpips) if args.lpips else None
    task = FogTask(args.data, args.pictures, real, args.surgclean, args.sheets, perceptual)
    text = judge_fogs(read_judged(args.checkpoint), task)
    print(text)
    if args.page is not None:
        replace_section(args.page, "fogs", text)
    return 0
