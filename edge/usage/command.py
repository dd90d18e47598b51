"""`edge-enhance stats`: what the unit met with in use, drawn in the terminal or as CSV."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.basics.command import exit_code_of, say
from edge.basics.errors import UsageError
from edge.config_file import load_config
from edge.usage.days import HIGHEST, NUM_BINS, Day, read_days
from firmware_bridge.command_line import Parser

PROGRAM = "edge-enhance stats"
EXAMPLES = """examples:
  edge-enhance stats --config /etc/edge-enhance/edge.toml
  edge-enhance stats --days 7 --csv > week.csv"""
_BARS = " ▁▂▃▄▅▆▇█"
_TITLES = {"haze": "haze", "sharpness": "sharpness", "correction": "correction"}


def parser() -> argparse.ArgumentParser:
    top = Parser(
        prog=PROGRAM, description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--days", type=int, default=30, metavar="N", help="only the newest N days (default 30)")
    top.add_argument("--csv", action="store_true", help="a line a day, figure and bin")
    top.add_argument("--config", type=Path, metavar="FILE", help="the unit's TOML, as for --live")
    top.add_argument("--debug", action="store_true", help="show tracebacks")
    return top


def run(args: argparse.Namespace) -> int:
    usage = load_config(args.config, {}).config.usage
    if args.days < 1:
        raise UsageError(f"--days {args.days}: expected 1 or more")
    path = usage.path
    if path is None:
        raise UsageError(
            "usage.keep is false, so nothing is counted; set it in edge.toml, and usage.file where there is no "
            "$STATE_DIRECTORY"
        )
    days = dict(sorted(read_days(path).days.items())[-args.days :])
    if args.csv:
        _write_csv(days)
    elif days:
        say(*_drawn(days))
    else:
        say(f"{path}: nothing was counted yet")
    return 0


def _write_csv(days: dict[str, Day]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["day", "figure", "from", "to", "count"])
    for name, day in days.items():
        for figure, highest in HIGHEST.items():
            for index, count in enumerate(day.bins[figure]):
                edges = (f"{highest * (index + end) / NUM_BINS:.4g}" for end in (0, 1))
                writer.writerow([name, figure, *edges, count])
        for state, seconds in day.states.items():
            writer.writerow([name, "seconds", state, "", round(seconds)])


def _drawn(days: dict[str, Day]) -> list[str]:
    lines = ["each bar is a twentieth of the range, left to right; the mean behind it is about right"]
    heads = "".join(f"{_TITLES[figure] + f' 0-{highest:g}':<{NUM_BINS + 8}}" for figure, highest in HIGHEST.items())
    lines.append(f"{'day':<12}{heads}ran")
    for name, day in days.items():
        figures = "".join(f"{_bars(day.bins[figure])} {_figure(day.mean(figure)):<7}" for figure in HIGHEST)
        total = sum(day.states.values()) or 1.0
        shares = sorted(day.states.items(), key=lambda one: -one[1])
        ran = ", ".join(f"{state} {seconds / total:.0%}" for state, seconds in shares[:3])
        lines.append(f"{name:<12}{figures}{ran} of {total / 3600:.1f} h")
    return lines


def _bars(counts: Sequence[int]) -> str:
    top = max(counts) or 1
    return "".join(_BARS[0 if count == 0 else max(1, round(count / top * (len(_BARS) - 1)))] for count in counts)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    return exit_code_of(PROGRAM, lambda: run(args), debug=args.debug)
