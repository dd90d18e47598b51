"""`edge-calib`: capture, solve, check and show the calibration of a camera unit."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from calib.session import TARGETS
from edge.basics.command import say
from edge.basics.errors import InputOutputError, UsageError
from edge.basics.running import run_command
from edge.config import Config, SourceConfig
from edge.config_file import load_config
from firmware_bridge.command_line import Parser

EXAMPLES = """examples, one unit in five minutes:
  edge-calib capture dark  -o A-1/dark  --unit A-1 --source camera:/dev/video0
  edge-calib capture flat  -o A-1/flat  --unit A-1 --source camera:/dev/video0
  ... white, chart and lens likewise; then
  edge-calib solve A-1/dark A-1/flat A-1/white A-1/chart A-1/lens -o unit.calib
  edge-calib check unit.calib A-1/flat-in-june A-1/chart-in-june
  edge-calib show unit.calib"""


def parser() -> Parser:
    top = Parser(
        prog="edge-calib",
        description="Calibrates a camera unit, so that every unit shows the same throat the same way.",
        epilog=EXAMPLES,
    )
    commands = top.add_subparsers(dest="command")
    _add_capture(commands)
    _add_solve(commands)
    _add_check(commands)
    show = commands.add_parser("show", help="print what a calibration holds")
    show.add_argument("calibration", type=Path, metavar="FILE", help="unit.calib")
    board = commands.add_parser("board", help="write the board for the lens, to print at 100%%")
    board.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="PNG at 254 dots an inch")
    return top


def _add_capture(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    capture = commands.add_parser(
        "capture",
        help="take the frames of a target, by themselves, when all is right",
        epilog="example: edge-calib capture flat -o A-1/flat --unit A-1 --source 'demo:?unit=A-1'",
    )
    capture.add_argument("target", choices=TARGETS, metavar="TARGET", help=", ".join(TARGETS))
    capture.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the session")
    capture.add_argument(
        "--for", dest="purpose", choices=("int8",), help="scenes alone: the engine build's calibration set"
    )
    capture.add_argument("--frames", type=int, default=0, metavar="N", help="how many; 0: as many as the target wants")
    capture.add_argument("--unit", metavar="SERIAL", help="serial number of the unit; unit.serial of the configuration")
    capture.add_argument("--source", metavar="URI", help="camera:/dev/video0, or demo:?unit=SERIAL for the bench")
    capture.add_argument("--config", type=Path, metavar="FILE", help="the runtime's TOML")
    capture.add_argument("--listen", metavar="HOST:PORT", help="address of the preview page; 127.0.0.1:8080")
    capture.add_argument("--headless", action="store_true", help="no page; the guidance goes to the terminal")
    capture.add_argument(
        "--patience", type=float, default=0.0, metavar="S", help="give up after S seconds without a frame; 0: never"
    )


def _add_solve(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    solve = commands.add_parser(
        "solve", help="work out the calibration from sessions; exit 1 where a figure is over its limit"
    )
    solve.add_argument("session", nargs="+", type=Path, metavar="SESSION", help="folders made by capture")
    solve.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="unit.calib")
    solve.add_argument("--report", type=Path, metavar="FILE", help="HTML; beside the output by default")
    solve.add_argument("--verbose", action="store_true", help="every figure with its unit, as the report has them")
    solve.add_argument("--force", action="store_true", help="replace a calibration that is there")


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = commands.add_parser("check", help="hold a new flat and chart against a calibration; exit 0 or 1")
    check.add_argument("calibration", type=Path, metavar="FILE", help="unit.calib")
    check.add_argument("session", nargs="+", type=Path, metavar="SESSION", help="new flat and chart sessions")
    check.add_argument("--max-drift", type=float, default=5.0, metavar="PERCENT", help="of the flat field")
    check.add_argument("--max-delta", type=float, default=3.0, metavar="DE", help="mean CIEDE2000 of the chart")
    check.add_argument("--report", type=Path, metavar="FILE", help="HTML with a map of suspicious spots")


def run_capture(args: argparse.Namespace) -> int:
    from calib.capture.capture import CaptureOptions, capture
    from edge.basics.command import say, stop_on_signals

    if args.purpose and args.target != "scenes":
        raise UsageError(f"--for {args.purpose} goes with scenes, not {args.target}")
    if args.frames < 0 or args.patience < 0:
        raise UsageError("--frames and --patience are whole numbers from 0 on")
    given = {"source.uri": ("--source", args.source), "unit.serial": ("--unit", args.unit),
             "web.listen": ("--listen", args.listen)}  # fmt: skip
    config: Config = load_config(args.config, {key: one for key, one in given.items() if one[1] is not None}).config
    if args.source is None and config.source.uri == SourceConfig().uri:
        say("the source is demo:, the synthetic throat; --source or --config names a camera")
    options = CaptureOptions(
        target=args.target,
        folder=args.output,
        unit=config.unit.serial,
        source=config.source,
        purpose=args.purpose or "",
        num_frames=args.frames,
        patience_s=args.patience,
        web=None if args.headless else config.web,
        bridge=config.bridge,
    )
    session = capture(options, stop_on_signals())
    if not session.complete:
        done = f"{len(session.frames)} of {session.wanted} frames"
        say(f"{session.folder}: stopped after {done}; run the same command again to go on")
        return 1
    say(f"{session.folder}: complete, {len(session.frames)} frames of {session.target}")
    return 0


def run_solve(args: argparse.Namespace) -> int:
    from calib.reports.report import solution_page, write_report
    from calib.reports.verdict import details, verdict
    from calib.solving.solve import solve
    from edge.calibration.file import write_calibration

    if args.output.exists() and not args.force:
        raise UsageError(f"{args.output}: exists; replace it with --force, or choose another -o")
    _refuse_unwritable(args.output, args.report)
    solution = solve(args.session, say)
    calibration = solution.calibration
    report = args.report or args.output.with_suffix(".html")
    write_report(report, solution_page(solution), f"Calibration of unit {calibration.unit}")
    write_calibration(args.output, calibration)
    is_good, line = verdict(calibration)
    say(*(details(calibration) if args.verbose else ()), line)
    missing = [part for part in ("dark", "flat", "white", "chart", "lens") if part not in calibration.parts]
    if missing:
        say(f"not captured, so left as it is: {', '.join(missing)}")
    say(f"wrote {args.output}; look at {report}")
    return 0 if is_good else 1


def _refuse_unwritable(*paths: Path | None) -> None:
    """Say before minutes of work that what they make has no place."""
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.absolute().parent}; make it, or name another")


def run_check(args: argparse.Namespace) -> int:
    from calib.reports.check import check
    from calib.reports.report import check_page, write_report
    from edge.calibration.file import read_calibration

    calibration = read_calibration(args.calibration)
    result = check(calibration, args.session, args.max_drift / 100, args.max_delta)
    for good, line in result.lines():
        say(f"{'ok' if good else 'FAILED':7} {line}")
    if args.report is not None:
        write_report(args.report, check_page(result), f"Check of unit {calibration.unit}")
        say(f"look at {args.report}")
    say("pass" if result.passed else "FAIL")
    return 0 if result.passed else 1


def run_show(args: argparse.Namespace) -> int:
    from calib.reports.show import lines
    from edge.calibration.file import read_calibration

    say(*lines(read_calibration(args.calibration)))
    return 0


def run_board(args: argparse.Namespace) -> int:
    import numpy as np

    from edge.basics.whole_files import write_whole
    from edge.calibration.targets import board_picture
    from edge.pictures.marks import png_bytes

    if args.output.exists():
        raise UsageError(f"{args.output}: exists; choose another -o")
    drawn = np.repeat(board_picture()[..., None], 3, axis=2)
    try:
        write_whole(args.output, png_bytes(drawn, "ChArUco board, squares of 10 mm at 254 dots an inch"))
    except OSError as error:
        raise InputOutputError(f"{args.output}: cannot be written: {error.strerror or error}") from error
    say(f"wrote {args.output}: print it at 254 dots an inch, so that a square is 10 mm wide")
    return 0


COMMANDS = {"capture": run_capture, "solve": run_solve, "check": run_check, "show": run_show, "board": run_board}


def main(argv: Sequence[str] | None = None) -> int:
    return run_command(parser(), lambda args: COMMANDS[args.command](args), argv, level=logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
