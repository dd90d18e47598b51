"""`edge-train`: train the networks and judge them."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

from edge.errors import ConfigError, InputOutputError, exit_code_of
from edge.settings import from_table, setting
from edge.whole_files import write_whole
from trainer.student import Optimisation

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CONFIGS = Path(__file__).parent / "configs"


@dataclass(frozen=True)
class DataConfig:
    """Which pictures a run sees; a share of 0 leaves them out."""

    larynx_share: float = setting(0.0, "share of pairs made from larynx pictures", low=0.0)
    larynx_tone: float = setting(1.0, "how far their tone is varied", low=0.0, high=1.0)
    demo_share: float = setting(0.0, "share of pairs made from renders of the demo throat", low=0.0)
    demo_tone: float = setting(0.6, "how far their tone is varied", low=0.0, high=1.0)
    throat_share: float = setting(0.0, "share of pairs made from throat_research", low=0.0)
    throat_tone: float = setting(0.3, "how far their tone is varied", low=0.0, high=1.0)


@dataclass(frozen=True)
class StudentRun:
    """A student's TOML file."""

    data: DataConfig = field(default_factory=DataConfig)
    optimisation: Optimisation = field(default_factory=Optimisation)


def read_config(name: str) -> StudentRun:
    """A config by path, or by the name of one in `trainer/configs`.

    Raises:
        ConfigError: no such file, not TOML, or a wrong value (named by its dotted path).
    """
    path = Path(name) if name.endswith(".toml") else CONFIGS / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text())
    except OSError as error:
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); shipped configs: {known}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML ({error})") from error
    return from_table(StudentRun, table, "", str(path))


def run_student(args: argparse.Namespace) -> int:
    from trainer.data import Group, PairDataset, read_pictures
    from trainer.networks.student import StudentConfig
    from trainer.splits import larynx_splits, manifest, throat_splits
    from trainer.student import train_student

    run = read_config(args.config)
    data, groups, used = run.data, [], []
    if data.larynx_share:
        paths = larynx_splits(args.data)["train"]
        groups.append(Group(read_pictures(paths), data.larynx_share, data.larynx_tone, turns=True))
        used += paths
    if data.throat_share:
        paths = throat_splits(args.data)["train"]
        groups.append(Group(read_pictures(paths), data.throat_share, data.throat_tone, turns=False))
        used += paths
    if data.demo_share:
        paths = sorted(args.demo.glob("truth_*.png")) if args.demo else []
        if not paths:
            raise InputOutputError(
                f"--demo {args.demo}: no truth_*.png; make them with "
                "python -m edge.sources.demo --kind truth --variety --count 240 --output DIR"
            )
        groups.append(Group(read_pictures(paths), data.demo_share, data.demo_tone, turns=False))
        used += paths
    if not groups:
        raise ConfigError(f"{args.config}: every data share is 0; give at least one of them a share")
    description = {"recipe": Path(args.config).stem, "data_manifest_sha256": manifest(used)}
    num_pairs = run.optimisation.steps * run.optimisation.batch
    pairs = PairDataset(groups, num_pairs, run.optimisation.seed)
    print(train_student(pairs, StudentConfig(), run.optimisation, args.output, description, args.init))
    return 0


def run_evaluate(args: argparse.Namespace) -> int:
    from trainer.evaluate import evaluate
    from trainer.report import replace_section
    from trainer.student import student_from_checkpoint

    students = {path.stem: student_from_checkpoint(path)[0] for path in args.checkpoint}
    found = evaluate(args.data, args.demo, students)
    print(found.text)
    if args.page is not None:
        replace_section(args.page, "enhancement", found.text)
    if args.manifest is not None:
        manifest = json.loads(args.manifest.read_text(encoding="utf-8"))
        manifest["metrics"] = found.metrics[args.checkpoint[0].stem]
        write_whole(args.manifest, (json.dumps(manifest, indent=2) + "\n").encode())
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="edge-train", description=__doc__)
    top.add_argument("--debug", action="store_true", help="show a traceback on errors")
    commands = top.add_subparsers(dest="command", required=True)
    student = commands.add_parser(
        "student",
        help="train the live student",
        epilog="example: edge-train student student-free --data DATA --demo RENDERS -o runs/free",
    )
    student.add_argument("config", help="a TOML file, or the name of one in trainer/configs")
    student.add_argument("-o", "--output", type=Path, required=True, help="the run; interrupted, it goes on")
    student.add_argument("--data", type=Path, default=Path("../shared/data"), help="has larynx/ and throat_research/")
    student.add_argument("--demo", type=Path, help="folder with renders of the demo throat")
    student.add_argument("--init", type=Path, metavar="CHECKPOINT", help="start from a student trained before")
    student.set_defaults(run=run_student)
    judge = commands.add_parser(
        "evaluate",
        help="tables of dehazing, guided x4 and flicker on held-out pictures",
        epilog="example: edge-train evaluate trainer/checkpoints/*.safetensors --data DATA --page docs/results.md",
    )
    judge.add_argument("checkpoint", type=Path, nargs="+", help="student checkpoints, the shipped one first")
    judge.add_argument("--data", type=Path, default=Path("../shared/data"), help="has larynx/ and throat_research/")
    judge.add_argument("--demo", type=Path, help="folder with truth_*.png and degraded_*.png of the demo source")
    judge.add_argument("--page", type=Path, help="Markdown page whose section `enhancement` is renewed")
    judge.add_argument("--manifest", type=Path, help="model.json that takes the first student's metrics")
    judge.set_defaults(run=run_evaluate)
    return top


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    return exit_code_of("edge-train", lambda: args.run(args), debug=args.debug)


if __name__ == "__main__":
    sys.exit(main())
