"""From the options of `edge-train evaluate --report` to what is to be compared."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from edge.basics.errors import InputOutputError
from edge.basics.whole_files import file_sha256
from edge.pictures.files import read_picture
from edge.pictures.geometry import NETWORK_HEIGHT_PX, NETWORK_WIDTH_PX
from trainer.data.fogs.catalogue import FAMILIES
from trainer.judging.comparing.comparing import Task
from trainer.judging.comparing.isr import isr_text
from trainer.judging.comparing.measuring import Yardsticks, check_one_size
from trainer.judging.comparing.methods import Compared
from trainer.judging.comparing.niqe import Niqe
from trainer.judging.comparing.plan import Pictures, Planned, check_apart, planned
from trainer.judging.fogs.sets import SEED, STRENGTHS
from trainer.judging.held_out import held_out_pictures
from trainer.judging.lpips import Lpips
from trainer.networks.vgg_features import VggFeatures
from trainer.prepare.data_hash import sha256_of_files
from trainer.prepare.manifest import Manifest, read_manifest, verified_manifest
from trainer.training.checkpoint import read_whole


def task_of(args: argparse.Namespace, compared: Compared) -> tuple[Task, list[str]]:
    """The task, and what a person should know of it.

    Raises:
        UsageError, ConfigError, InputOutputError, ModelError: as whatever reads the files; pictures that were trained
            on are a ConfigError, a pair of two sizes an InputOutputError.
    """
    held_out = {path.stem: verified_manifest(path) for path in args.manifest}
    pictures = Pictures(held_out, args.real, args.pairs, args.num_pictures, args.fogs_each or 1)
    plans = planned(pictures)
    _check_pairs(plans)
    trained_on = [*held_out.values(), *map(read_manifest, args.trained_on or [])]
    check_apart(plans, trained_on)
    vgg = (
        VggFeatures(args.vgg, "vgg16.pool2").to(memory_format=torch.channels_last) if args.vgg else None
    )  # 1.5x faster
    yardsticks = Yardsticks(vgg, Niqe(args.niqe) if args.niqe else None)
    settings = {
        "seed": SEED,
        "size_px": [NETWORK_WIDTH_PX, NETWORK_HEIGHT_PX],
        "num_pictures": pictures.num_pictures,
        "fogs_each": pictures.fogs_each,
        "fogs": list(FAMILIES),
        "strengths": list(STRENGTHS),
    }
    notes = [] if args.trained_on else _unknown_training(args.checkpoint, trained_on)
    return Task(plans, compared, yardsticks, settings, _inputs(args, held_out, plans)), notes


def text_of_enlargers(args: argparse.Namespace, compared: Compared) -> str:
    """The tables of x4 alone; empty where no checkpoint enlarges.

    Raises:
        UsageError, ConfigError, InputOutputError, ModelError: as whatever reads the files.
        OSError: the folder cannot be written.
    """
    if not compared.enlargers:
        return ""
    pictures = held_out_pictures(args.manifest, args.sr_benchmark)
    files = [*args.checkpoint, *([args.lpips] if args.lpips else [])]
    key = hashlib.sha256("".join(map(file_sha256, files)).encode()).hexdigest()
    lpips = Lpips(args.lpips) if args.lpips else None
    return isr_text(pictures, compared.enlargers, lpips, args.report, key)


def _check_pairs(plans: Sequence[Planned]) -> None:
    """Before the first picture is judged: a run must not end at its last pair."""
    for plan in plans:
        if plan.case.kind == "pairs":
            assert plan.foggy is not None and plan.truth is not None
            check_one_size((plan.foggy, read_picture(plan.foggy)), (plan.truth, read_picture(plan.truth)))


def _inputs(args: argparse.Namespace, held_out: Mapping[str, Manifest], plans: Sequence[Planned]) -> dict[str, str]:
    """Hash of everything that the figures come from, by option."""
    found = {kind: manifest.sha256 for kind, manifest in held_out.items()}
    for kind in ("pairs", "real"):
        files = [p for plan in plans if plan.case.kind == kind for p in (plan.foggy, plan.truth) if p is not None]
        if files:
            found[kind] = sha256_of_files(files)
    for option in ("vgg", "niqe"):
        path = getattr(args, option)
        if path is not None:
            try:
                found[option] = file_sha256(path)
            except OSError as error:
                raise InputOutputError(f"{path}: cannot be read ({error.strerror}); give the file again") from error
    return found


def _unknown_training(paths: Sequence[Path], trained_on: Sequence[Manifest]) -> list[str]:
    known = {manifest.sha256 for manifest in trained_on}
    unknown = [p for p in paths if read_whole(p, "edge-train")[1].get("data_manifest_sha256") not in known]
    if not unknown:
        return []
    return [
        f"what {', '.join(map(str, unknown))} learned from is not among the manifests given, so a copy of a judged "
        "picture there would not be seen; give it with --trained-on"
    ]
