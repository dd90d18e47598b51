"""The commands that train: `edge-train idm`, `isr` and `student`, and `pack` and `unpack`, which move a run."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.basics.errors import UsageError
from trainer.early import CONFIGS, check_files, check_folders, check_settings, checkpoint_path, config_path
from trainer.prepare.manifest import read_manifest, verified_manifest

if TYPE_CHECKING:
    from torch.utils.data import Dataset

    from trainer.training.loop import LoopConfig
    from trainer.training.parallel import Placement
    from trainer.training.stage import Stage

TABLES = ("idm", "isr", "student", "warm_start")
"""Of a config."""

# Torch takes seconds to load, so it is imported where a command runs, not for its --help.


def run_idm(args: argparse.Namespace) -> int:
    _look_first(args, ("--vgg", args.vgg), ("--init", args.init))
    from trainer.config import read_config
    from trainer.stages.idm import prepare_idm
    from trainer.stages.warm_start import check_start
    from trainer.training.parallel import placement

    changes = {"idm.vgg": _absolute(args.vgg), "idm.beta": args.beta, "idm.loop.seed": args.seed}
    changes["idm.steps"] = args.steps
    whole = read_config(args.config, changes, args.set)
    check_start(whole.warm_start, args.init)
    config = whole.idm
    with placement(args.device) as place:
        manifest = verified_manifest(args.manifest)
        data = {"data_manifest_sha256": manifest.sha256}
        train = (manifest.pictures("lq", "train"), manifest.pictures("hq", "train"))
        held_out = tuple(manifest.pictures(domain, "held_out", required=False) for domain in ("lq", "hq"))
        if config.fog != "none":
            manifest.check_domains_apart()
        stage, dataset = prepare_idm(config, train, held_out, place, data, args.init)
        return _fit(stage, dataset, config.loop, place, data, args)


def run_warm_start(args: argparse.Namespace) -> int:
    _look_first(args)
    from trainer.config import read_config
    from trainer.stages.warm_start import prepare_warm_start
    from trainer.training.parallel import placement

    changes = {"warm_start.loop.seed": args.seed, "warm_start.steps": args.steps}
    config = read_config(args.config, changes, args.set)
    with placement(args.device) as place:
        manifest = verified_manifest(args.manifest)
        data = {"data_manifest_sha256": manifest.sha256}
        train = [path for domain in ("lq", "hq") for path in manifest.pictures(domain, "train")]
        stage, dataset = prepare_warm_start(config.warm_start, config.idm, train, place, data)
        return _fit(stage, dataset, config.warm_start.loop, place, data, args)


def run_isr(args: argparse.Namespace) -> int:
    _look_first(args, ("--vgg", args.vgg), ("--init", args.init))
    from trainer.config import read_config
    from trainer.stages.isr import prepare_isr
    from trainer.training.parallel import placement

    changes = {"isr.vgg": _absolute(args.vgg), "isr.phase": args.phase, "isr.loop.seed": args.seed}
    changes["isr.steps"] = args.steps
    config = read_config(args.config, changes, args.set).isr
    with placement(args.device) as place:
        manifest = verified_manifest(args.manifest)
        data = {"data_manifest_sha256": manifest.sha256}
        train, held_out = manifest.pictures("hq", "train"), manifest.pictures("hq", "held_out", required=False)
        stage, dataset = prepare_isr(config, train, held_out, place, data, args.init)
        return _fit(stage, dataset, config.loop, place, data, args)


def run_student(args: argparse.Namespace) -> int:
    named = {"larynx": args.larynx, "throat": args.throats, "oral": args.oral, "hq": args.manifest}
    others = (("--larynx", args.larynx), ("--throats", args.throats), ("--oral", args.oral))
    _look_first(args, *others, ("--teacher", args.teacher), ("--isr-teacher", args.isr_teacher))
    check_folders([("--demo", args.demo)])
    init = checkpoint_path(args.init, "--init", "edge-train student")

    from trainer.config import read_config
    from trainer.data.student_items import clean_paths, refuse_idle, shares_of
    from trainer.prepare.data_hash import sha256_of_files
    from trainer.stages.student import prepare_student
    from trainer.stages.student_config import StudentInputs
    from trainer.training.parallel import placement

    config = read_config(args.config, {"student.loop.seed": args.seed, "student.steps": args.steps}, args.set).student
    given = [kind for kind, path in {**named, "demo": args.demo}.items() if path is not None]
    takes_lq = config.distill_weight > 0
    config = replace(config, data=shares_of(config.data, given, takes_lq=takes_lq))
    with placement(args.device) as place:
        manifests = {kind: verified_manifest(path) for kind, path in named.items() if path is not None}
        hq = {kind: manifest.pictures("hq", "train", required=False) for kind, manifest in manifests.items()}
        lq = manifests["hq"].pictures("lq", "train", required=False) if "hq" in manifests else []
        clean = clean_paths(config.data, hq, args.demo)
        refuse_idle(config.data, given, takes_lq=takes_lq)
        inputs = StudentInputs(clean, lq, args.teacher, args.isr_teacher, init)
        of_data = {"data_manifest_sha256": sha256_of_files([path for paths in (*clean.values(), lq) for path in paths])}
        stage, dataset = prepare_student(config, inputs, place, of_data)
        return _fit(stage, dataset, config.loop, place, of_data, args)


def run_pack(args: argparse.Namespace) -> int:
    from trainer.training.pieces import pack

    for path in pack(args.source, args.output, args.piece_mib, args.exact):
        print(f"{path} {path.stat().st_size / 2**20:.1f} MiB")
    return 0


def run_unpack(args: argparse.Namespace) -> int:
    from trainer.training.pieces import unpack
    from trainer.training.run_folder import STATE_NAME

    path, step = unpack(args.pieces, args.output)
    goes_on = f"; the command that made the run goes on with -o {args.output}" if path.name == STATE_NAME else ""
    print(f"{path}: at step {step}{goes_on}")
    return 0


def _look_first(args: argparse.Namespace, *files: tuple[str, Path | None]) -> None:
    """Refuse what needs no torch to be seen to be wrong."""
    config_path(args.config)
    check_settings(args.set, TABLES)
    check_files(files)
    if args.manifest is not None:
        read_manifest(args.manifest)
    if args.steps is not None and args.steps < 1:
        raise UsageError(f"--steps {args.steps}: expected a whole number of at least 1")
    if not args.minutes >= 0:
        raise UsageError(f"--minutes {args.minutes}: expected a number of at least 0; 0 for no limit")


def _absolute(path: Path | None) -> str | None:
    """A file named on the command line is relative to where one stands, not to the config."""
    return None if path is None else str(path.absolute())


def _fit(
    stage: Stage,
    dataset: Dataset[Any],
    loop: LoopConfig,
    place: Placement,
    data: Mapping[str, str],
    args: argparse.Namespace,
) -> int:
    from trainer.training.loop import fit

    about = {"recipe": Path(args.config).stem, **data, "settings": json.dumps(dict(stage.settings))}
    finished = fit(stage, dataset, loop, args.output, place, about, args.minutes, replans=args.steps is not None)
    if place.leads:
        made = " ".join(str(args.output / name) for name in stage.products())
        print(made if finished else f"{args.output}: time is up; the same command goes on")
    return 0


def add_training_commands(commands: Any) -> None:
    """Register the commands with argparse's subparsers."""
    idm = _trainer(commands, "idm", run_idm, "train the dehazing module", "idm paper --manifest M --vgg VGG16 -o RUN")
    idm.add_argument("--manifest", type=Path, required=True, help="what edge-train prepare made")
    idm.add_argument("--vgg", type=Path, help="VGG16 weights for eq. (4), instead of the config's idm.vgg")
    idm.add_argument("--init", type=Path, metavar="GENERATORS", help="both generators, of edge-train warm-start")
    idm.add_argument("--beta", type=float, help="weight of eq. (4), instead of the config's; 0: the paper's CycleGAN")

    what = "teach both generators simulated pairs, for edge-train idm --init"
    warm = _trainer(commands, "warm-start", run_warm_start, what, "warm-start cpu-night --manifest M -o RUN")
    warm.add_argument("--manifest", type=Path, required=True, help="what edge-train prepare made, of clean pictures")

    isr = _trainer(commands, "isr", run_isr, "train the super-resolution module", "isr paper --manifest M -o RUN")
    isr.add_argument("--manifest", type=Path, required=True, help="what edge-train prepare made")
    isr.add_argument("--phase", choices=("l1", "gan"), help="instead of the config's isr.phase; gan goes on from l1")
    isr.add_argument("--vgg", type=Path, help="VGG weights for phase gan, instead of the config's isr.vgg")
    isr.add_argument("--init", type=Path, metavar="WEIGHTS", help="isr.safetensors, or RRDB weights of other projects")

    student = _trainer(
        commands,
        "student",
        run_student,
        "train a live student",
        "student live --manifest throats.json --init live -o runs/live",
    )
    what = "its HQ as clean pictures (hq_share; given alone, it is all that is taught), its LQ for --teacher"
    student.add_argument("--manifest", type=Path, help=what)
    for option, kind in (("--larynx", "larynx"), ("--throats", "throat"), ("--oral", "oral")):
        student.add_argument(option, type=Path, metavar="MANIFEST", help=f"its HQ as clean pictures ({kind}_share)")
    student.add_argument("--demo", type=Path, help="folder with renders of the demo throat")
    student.add_argument("--teacher", type=Path, metavar="IDM", help="idm.safetensors, for distill_weight")
    student.add_argument("--isr-teacher", type=Path, metavar="ISR", help="isr.safetensors, for isr_distill_weight")
    what = "start from a student trained before; live and live-fast are the shipped ones"
    student.add_argument("--init", type=Path, metavar="CHECKPOINT", help=what)

    pack = commands.add_parser(
        "pack",
        help="put weights into small files, to carry them elsewhere",
        epilog="example: edge-train pack runs/idm -o carry; edge-train pack runs/isr/isr.safetensors -o carry-isr",
    )
    what = "the -o of a training command, to go on with; or a product of it"
    pack.add_argument("source", type=Path, metavar="RUN|FILE", help=what)
    pack.add_argument("-o", "--output", type=Path, required=True, help="folder for the pieces")
    pack.add_argument("--piece-mib", type=float, default=15.0, help="largest size of a piece")
    pack.add_argument("--exact", action="store_true", help="float32 instead of float16")
    pack.set_defaults(run=run_pack)

    unpack = commands.add_parser(
        "unpack",
        help="put the pieces that pack wrote together",
        epilog="example: edge-train unpack carry -o runs/idm",
    )
    unpack.add_argument("pieces", type=Path, help="the folder that pack filled")
    unpack.add_argument("-o", "--output", type=Path, required=True, help="the new run's folder")
    unpack.set_defaults(run=run_unpack)


def _trainer(commands: Any, name: str, run: Any, about: str, example: str) -> argparse.ArgumentParser:
    """A command with what all training commands take."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, epilog=f"example: edge-train {example}")
    parser.add_argument("config", help=f"a TOML file, or the name of a shipped config: {', '.join(configs_of(name))}")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the run; interrupted, it goes on")
    what = "a key of the config and its value, such as student.head=isr; may be given several times"
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=what)
    parser.add_argument("--seed", type=int, help="instead of the config's")
    what = "how many steps in all, also for a run that was begun with another number: its rates follow the new plan"
    parser.add_argument("--steps", type=int, help=what)
    parser.add_argument("--minutes", type=float, default=0.0, help="stop with a checkpoint after this time; 0: never")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="", help="default: a GPU where there is one")
    parser.set_defaults(run=run)
    return parser


def configs_of(command: str) -> list[str]:
    """The shipped configs that say something for a command; the others leave it at its defaults."""
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(CONFIGS.glob("*.toml"))}
    table = rf"^\[{command.replace('-', '_')}[].]"
    bases = {name: re.search(r'^extends = "([\w-]+)"', text, re.MULTILINE) for name, text in texts.items()}
    return [
        name
        for name, base in bases.items()
        if any(re.search(table, texts[one], re.MULTILINE) for one in (name, *([base[1]] if base else [])))
    ]
