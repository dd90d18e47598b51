"""What `edge-export onnx` is asked for, looked at before torch is loaded and a graph is drawn."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from edge.basics.errors import InputOutputError, ModelError, UsageError
from edge.models.age import why_older
from edge.models.manifest import read_manifest
from edge.models.profile import MANIFEST_NAME
from edge.pictures.folder import pictures_below
from export.recipes import Recipe, check_beta, check_isr, recipe_for
from trainer.early import check_files

OF_CHECKPOINTS = ("isr", "profile", "upscale", "output", "share", "version", "downgrade", "licence")
"""Options of no use where a profile's folder gets another precision."""
KINDS = {"student": "student", "student_isr": "student-isr", "resnet_generator": "idm", "rrdb": "isr"}
"""What a checkpoint says it holds -> which product of edge-train that is."""
FIRST_VERSION = "1"
"""Of a profile whose export names none."""
WANTED = {"student": "student", "student_isr": "student_isr", "idm": "resnet_generator"}


def check_request(args: argparse.Namespace) -> None:
    """Refuse what cannot be exported.

    Raises:
        UsageError: an option is missing, of no use, or says what cannot be.
        InputOutputError: a file or a folder that is named is not there.
        ModelError: a checkpoint is no safetensors file, or is older than what it would replace.
    """
    precisions = precisions_of(args)
    if args.calibration is not None and "int8" not in precisions:
        raise UsageError(f"--calibration {args.calibration}: is for --precision int8; add that, or leave it out")
    if "int8" in precisions and args.calibration is None:
        raise UsageError("--calibration is missing: int8 needs it: a session, a folder of pictures, a clip, or demo:")
    if args.frames < 0:
        raise UsageError(f"--frames {args.frames}: expected a whole number from 0 on")
    if args.pictures is not None:
        pictures_below(args.pictures)
    if args.checkpoint.is_dir():
        _check_folder(args)
    else:
        _check_checkpoints(args)


def precisions_of(args: argparse.Namespace) -> list[str]:
    """Graphs to make beside the float32 one."""
    return [name for name in args.precision or ["fp16"] if name != "fp32"]


def _check_folder(args: argparse.Namespace) -> None:
    for name in OF_CHECKPOINTS:
        if getattr(args, name):
            raise UsageError(
                f"--{name} is for an export from a checkpoint, and {args.checkpoint} is a folder; leave it out, or "
                "name the .safetensors file"
            )
    if not (args.checkpoint / MANIFEST_NAME).is_file():
        made = sorted(path.name for path in args.checkpoint.glob("*.safetensors"))
        there = f"; it has {', '.join(made)}: name that file" if made else "; name a profile's folder or a checkpoint"
        raise InputOutputError(f"{args.checkpoint}: a folder without {MANIFEST_NAME}, so no profile{there}")


def _check_checkpoints(args: argparse.Namespace) -> None:
    check_files([("checkpoint", args.checkpoint), ("--isr", args.isr)])
    for name in ("output", "licence", "profile"):
        if getattr(args, name) is None:
            raise UsageError(f"--{name} is missing: an export from a checkpoint needs it; see edge-export onnx --help")
    name, recipe = recipe_for(args.profile, args.upscale)
    _check_networks(args, recipe)  # before what is missing: weights for x4 help nobody whose dehazer is the wrong one
    check_isr(recipe, args.isr)
    _check_version(args, name)


def _check_networks(args: argparse.Namespace, recipe: Recipe) -> None:
    about = _metadata(args.checkpoint)
    wanted = WANTED[recipe.dehazer]
    found = next((kind for kind in KINDS if kind in about), None)
    if found is not None and found != wanted:
        raise ModelError(
            f"{args.checkpoint}: holds a network of kind {found}, --profile {args.profile} is made of {wanted}; give "
            f"the {KINDS[wanted]}.safetensors of a run"
        )
    settings = _settings(about)
    check_beta(args.profile, recipe, args.checkpoint, settings.get("idm.beta"))


def _metadata(path: Path) -> dict[str, str]:
    try:
        with safe_open(path, "np") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path}: not a readable checkpoint ({error}); give a .safetensors file of a run") from error


def _settings(about: dict[str, str]) -> dict[str, Any]:
    try:
        settings = json.loads(about.get("settings", "{}"))
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


def _check_version(args: argparse.Namespace, name: str) -> None:
    """Raises UsageError where the folder holds a higher version and nobody says that a lower one is meant."""
    path = args.output / name / MANIFEST_NAME
    if args.downgrade or not path.exists():
        return
    old, version = read_manifest(path), args.version or FIRST_VERSION
    if why_older({**old, "version": version}, old):
        raise UsageError(
            f"{path.parent}: holds version {old['version']}, and --version {version} is lower, which units refuse; "
            "give a higher --version, or --downgrade says that it is meant"
        )


def told_of_gates(manifest: dict[str, Any], precisions: Sequence[str]) -> list[str]:
    """What the gate of each precision measured, a line each."""
    from export.on_unit.accuracy import GATES

    lines = []
    for precision in precisions:
        about = manifest["precisions"][precision]
        found, frames = about["against_fp32"], about["against_fp32"]["frames"]
        on = f"{frames['count']} x {frames['kind']}{', plain and veiled' if frames.get('veiled_too') else ''}"
        within = f"{found['psnr_db']} dB, at most {found['max_levels']}/255 off"
        lines.append(f"{precision} against fp32 on {on}: {within}; the gate wants {GATES[precision]}")
        if "calibration" in about:
            of = about["calibration"]
            lines.append(f"{precision} took its ranges from {of['frames']} frames of: {of.get('kind', 'a session')}")
    return lines
