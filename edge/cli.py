"""`edge-enhance`: the runtime's command line."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from edge.basics.command import exit_code_of, have_standard_streams, say, stop_on_signals
from edge.basics.errors import UsageError
from edge.basics.guarded_output import guard_output
from edge.basics.logs import set_up_logging
from edge.basics.options import Option, add_options, given_settings, option_of, refuse_unused
from edge.basics.settings import settings_of
from edge.config import CHECK, FILES, LIVE, PRINT_CONFIG, Config
from edge.config_file import Origins, load_config
from edge.models.profile import Profile, profile_names
from firmware_bridge.command_line import Parser, hint

if TYPE_CHECKING:
    from edge.batch.workers.workers import Workers
    from edge.clips.encode import Codec

EXAMPLES = """examples:
  edge-enhance --live                                      the demo throat on http://127.0.0.1:8080/
  edge-enhance --live --source camera:/dev/video0          a camera
  edge-enhance --live --source csi:0 --output display      a Jetson's sensor, and its HDMI
  edge-enhance photos/ clip.mp4 --output enhanced/         pictures and clips
  edge-enhance --check --config edge.toml                  is everything there?

commands with a --help of their own:
  edge-enhance archive verify enhanced/                    are all results there, whole and as they were made?
  edge-enhance cameras                                     what cameras this machine has, and the URI of each
  edge-enhance model                                       install, list and roll back models
  edge-enhance user                                        who may come in to the page, and tokens for programs
  edge-enhance audit                                       who looked, saved, changed and came in
  edge-enhance pacs                                        what waits for the hospital's archive, and a try of it
  edge-enhance patient                                     what is stored of a person who asks: list, export, erase
  edge-enhance privacy                                     a key to encrypt what is kept, and files made readable
  edge-enhance stats                                       haze, sharpness and corrections of each day, if counted
  sudo edge-enhance install-service                        run it as a systemd service; --dry-run shows what that does
  sudo edge-enhance uninstall-service                      undo that"""

log = logging.getLogger(__name__)

NOTHING_ASKED = "give --live, or INPUT... --output DIR"
DISPLAY = "display"
LIVE_THREADS = ("capture", "inference")
MOST_WORKERS = 256

COMMANDS = {
    "archive": "edge.batch.archive_command:main",
    "audit": "edge.access.audit_command:main",
    "cameras": "edge.sources.cameras:main",
    "install-service": "edge.service.command:install_main",
    "model": "edge.updates.command:main",
    "pacs": "edge.pacs.command:main",
    "patient": "edge.privacy.patient_command:main",
    "privacy": "edge.privacy.command:main",
    "stats": "edge.usage.command:main",
    "uninstall-service": "edge.service.command:uninstall_main",
    "user": "edge.access.user_command:main",
}
"""First word of the command line -> module and function, which takes the other words and returns an exit code.

The module's function of the same name with `parser` for `main` makes its parser.
"""


def num_workers(word: str) -> int:
    """Raises ArgumentTypeError where it is no number from 1 to `MOST_WORKERS`."""
    if not (word.isdecimal() and 1 <= int(word[:9]) <= MOST_WORKERS):
        raise argparse.ArgumentTypeError(f"expected a number from 1 to {MOST_WORKERS}, not {word!r}")
    return int(word)


OWN_OPTIONS = (
    Option(
        "INPUT", "picture, clip, DICOM file or folder", (FILES,), instead="leave it out, or name a source with --source"
    ),
    Option(
        "--output",
        "folder for enhanced files; with --live, display: full screen at the unit",
        (FILES,),
        metavar="DIR",
    ),
    Option("--force", "overwrite what is in the output folder", (FILES,)),
    Option("--resume", "skip what an earlier run has already made of the same file", (FILES,)),
    Option("--keep-damaged", "enhance what can be read of a damaged picture; its .json says so", (FILES,)),
    Option("--deidentify", "results do not tell whose they are: DICOM by the basic profile, neutral names", (FILES,)),
    Option("--burned-in", "with --deidentify: also DICOM that says that text is burned into its pixels", (FILES,)),
    Option(
        "--workers",
        "processes that share the work, each with an engine of its own; by default one a core",
        (FILES,),
        metavar="N",
        kind=num_workers,
    ),
    Option(
        "--cluster",
        "have the nodes of a Ray cluster do the work; needs edge-enhance[cluster]",
        (FILES,),
        metavar="HOST:PORT",
    ),
    Option("--recursive", "take the pictures and clips of subfolders too", (FILES,)),
    Option(
        "--codec",
        "how clips are written: h264 (.mp4, the default), mjpeg (.mov) or ffv1 (.mkv, lossless)",
        (FILES,),
        metavar="CODEC",
    ),
)
"""What is given on the command line alone; the settings' own options come from `edge/config.py`."""


def options() -> tuple[Option, ...]:
    """Every word that only some modes use."""
    return (*OWN_OPTIONS, *(option_of(one) for one in settings_of(Config()) if one.rules.option))


def parser() -> Parser:
    top = Parser(
        prog="edge-enhance",
        description="Dehazes and enlarges throat camera pictures, live or from files.",
        epilog=f"{EXAMPLES}\n\nshipped profiles: {', '.join(profile_names())}",
        bare=NOTHING_ASKED,
    )
    job = top.add_mutually_exclusive_group()
    job.add_argument(LIVE, action="store_true", help="enhance a source and show it on a web page until stopped")
    job.add_argument(CHECK, action="store_true", help="one line a part: is it there and right? exit 0 or 1")
    job.add_argument(PRINT_CONFIG, action="store_true", help="every value and where it came from")
    top.add_argument("--config", type=Path, metavar="FILE", help="TOML; every key has a default")
    add_options(top, options())
    return top


def given_options(args: argparse.Namespace) -> Mapping[str, tuple[str, Any]]:
    """The settings on the command line, as dotted path -> (option, value)."""
    given = given_settings(settings_of(Config()), args)
    if args.models:  # pictures enhanced by hand: whoever names the folder vouches for what is in it
        given = {**given, "engine.keys": ("--models", "")}
    return {**given, "display.on": ("--output", True)} if wants_display(args) else given


def wants_display(args: argparse.Namespace) -> bool:
    """Whether `--output display` means the screen: with files it is a folder's name as any other."""
    return bool(args.output == DISPLAY and not args.input)


def refuse_near_display(args: argparse.Namespace, mode: str) -> None:
    """Raises `UsageError` where a mistyped `display` would be told to be a folder, which is for files."""
    near = "" if mode == FILES or wants_display(args) else hint(args.output or "", (DISPLAY,))
    if near:
        raise UsageError(f"--output is {args.output!r}: no screen of that name{near}")


def profile_of(config: Config) -> Profile:
    """The configured profile; the unit's own win over the shipped ones, where somebody vouches for them."""
    from edge.models.trust import trusted_profile

    return trusted_profile(config.engine.profile, config.engine.models, config.engine.keys)


def codec_of(word: str | None) -> Codec:
    """Raises `UsageError` where there is no such codec."""
    from edge.clips.encode import CODECS

    for codec in CODECS:
        if word in (None, codec):
            return codec
    raise UsageError(f"--codec is '{word}'; expected {', '.join(CODECS)}{hint(str(word), CODECS)}")


def run_files(config: Config, args: argparse.Namespace) -> int:
    if args.output is None:
        raise UsageError("--output DIR is missing: where should the enhanced files go?")
    output, codec = Path(args.output), codec_of(args.codec)

    if args.burned_in and not args.deidentify:
        raise UsageError("--burned-in is for --deidentify; leave it out, or give both")

    from edge.batch.kinds.kind import Options
    from edge.batch.run import enhance_files
    from edge.dicom.derived.secret import deidentify_key
    from edge.guard.sandbox import has_gpu

    profile = profile_of(config)
    stop = stop_on_signals()
    with closing(workers_of(config, args, profile, stop)) as workers:
        report = enhance_files(
            args.input,
            output,
            workers,
            profile,
            force=args.force,
            resume=args.resume,
            recursive=args.recursive,
            options=Options(codec, args.keep_damaged, deidentify_key() if args.deidentify else None, args.burned_in),
            stop=stop,
            is_on_cpu=not args.cluster and (config.engine.backend == "cpu" or not has_gpu()),
        )
    return report.exit_code


def workers_of(config: Config, args: argparse.Namespace, profile: Profile, stop: threading.Event) -> Workers:
    """Who does the work: processes of this machine, or the nodes of a cluster."""
    if args.cluster is None:
        from edge.batch.workers.processes import Processes
        from edge.guard.files import engine_makers

        return Processes(engine_makers(profile, config.engine, args.workers or 0), profile)
    if args.workers is not None:
        raise UsageError("--workers is for this machine, and --cluster for others: a node has one worker for each core")

    from edge.batch.cluster.link import Link, travels_in_plain
    from edge.batch.cluster.messages import Task
    from edge.batch.cluster.workers import ClusterWorkers
    from edge.guard.files import FilesEngine

    if args.deidentify and travels_in_plain():
        raise UsageError(
            "--deidentify: the key to its names would go through the network in plain; set RAY_USE_TLS=1 and the "
            "certificates on each machine (docs/files.md), or leave --cluster out"
        )
    link = Link(args.cluster)
    if not link.asks_for_token:
        log.warning(
            "--cluster %s: asks nobody for a token: whoever reaches its ports runs programs there; docs/files.md",
            args.cluster,
        )
    if travels_in_plain():
        log.warning(
            "--cluster %s: originals go through the network in plain; RAY_USE_TLS=1 encrypts them; docs/files.md",
            args.cluster,
        )
    try:
        return ClusterWorkers(link, profile, Task(profile.name, profile.sha256, config.engine, FilesEngine), stop)
    except BaseException:
        link.close()
        raise


def run_print_config(origins: Origins) -> int:
    say(*origins.lines())
    return 0


def run_check(config: Config) -> int:
    from edge.check import check_unit

    return check_unit(config, profile_of)


def run_live_picture(config: Config, args: argparse.Namespace) -> int:
    from edge.program import run_live

    return run_live(config, lambda: load_config(args.config, given_options(args)).config, stop_on_signals())


MODES: Mapping[str, Callable[[Origins, argparse.Namespace], int]] = {
    PRINT_CONFIG: lambda origins, args: run_print_config(origins),
    CHECK: lambda origins, args: run_check(origins.config),
    LIVE: lambda origins, args: run_live_picture(origins.config, args),
    FILES: lambda origins, args: run_files(origins.config, args),
}
"""What is done, under the name that options are declared with."""


def mode_of(args: argparse.Namespace) -> str:
    """Raises `UsageError` where the command line asks for nothing."""
    asked = {LIVE: args.live, CHECK: args.check, PRINT_CONFIG: args.print_config, FILES: bool(args.input)}
    for mode, is_asked in asked.items():
        if is_asked:
            return mode
    raise UsageError(f"nothing to do: {NOTHING_ASKED}; see --help")


def run(args: argparse.Namespace) -> int:
    mode = mode_of(args)
    refuse_near_display(args, mode)
    of_files = argparse.Namespace(**{**vars(args), "output": None}) if wants_display(args) else args
    refuse_unused(options(), of_files, mode)
    return MODES[mode](load_config(args.config, given_options(args)), args)


def run_command(name: str, argv: Sequence[str]) -> int:
    """Load a command and run it."""
    module, function = COMMANDS[name].split(":")
    work = cast("Callable[[Sequence[str]], int]", getattr(importlib.import_module(module), function))
    return work(argv)


def refuse_near_command(top: Parser, given: Sequence[str]) -> None:
    """End with a line where the first word is a mistyped command: it would be taken for the name of a file."""
    word = given[0] if given else ""
    if word and not word.startswith("-") and not Path(word).exists() and (near := hint(word, COMMANDS)):
        top.error(f"no file and no command {word!r}{near}")


def main(argv: Sequence[str] | None = None) -> int:
    have_standard_streams()
    given = sys.argv[1:] if argv is None else list(argv)
    was_seen = guard_output(given)
    if given[:1] == ["--debug"] and set(given[1:2]) & set(COMMANDS):
        given = [given[1], "--debug", *given[2:]]
    if given and given[0] in COMMANDS:
        return run_command(given[0], given[1:])
    top = parser()
    refuse_near_command(top, given)
    args = top.parse_args(given)
    mark = set_up_logging(args.debug)
    if was_seen:
        log.warning("a password on the command line stays in the shell's history; keep it in edge.toml")
    code = exit_code_of("edge-enhance", lambda: run(args), debug=args.debug, mark=mark)
    if args.live:
        leave_hung_threads(code)
    return code


def leave_hung_threads(code: int) -> None:
    """End the process at once where a thread still waits in a driver: Python's own end would abort in its library."""
    if any(thread.daemon and thread.name in LIVE_THREADS for thread in threading.enumerate()):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    sys.exit(main())
