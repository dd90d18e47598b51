"""A profile's folder: the graphs of trained checkpoints and the manifest that describes them."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from edge.basics.errors import InputOutputError, UsageError
from edge.basics.progress import progress
from edge.basics.whole_files import make_folder, write_together
from edge.engines.golden import KEY as GOLDEN_KEY
from edge.engines.golden import golden_frame, golden_record
from edge.models.profile import DEHAZER_NAME, GRAPH_NAME, MANIFEST_NAME, load_profile, typed_graph_name
from edge.models.shared_weights import KEY as SHARED_KEY
from edge.pictures.geometry import FRAME_SHAPE
from export.graphs.card_keys import card_keys
from export.graphs.from_checkpoints import Built, built_from_checkpoints
from export.graphs.onnx_graph import OPSET, dehazer_graph, multiply_accumulates, whole_graph
from export.graphs.pipeline import GuidedPipeline
from export.graphs.shared_weights import remove_unused, round_to_half, shared_out, write_shared
from export.on_unit.accuracy import GATES
from export.on_unit.samples import SampleFrames, sample_frames, with_veiled
from export.precisions.rounded import run_on_cpu
from export.precisions.typed import PRECISIONS, typed_graph
from export.recipes import Recipe, Upscale, recipe_for
from trainer.networks import guided

HEAVY_MACS = 200_000_000_000
"""Above this a frame takes a minute on a CPU, and the gate looks at one."""


def export_profile(
    checkpoint: Path,
    profile: str,
    root: Path,
    *,
    version: str,
    licence: str,
    isr: Path | None = None,
    upscale: Upscale | None = None,
    precisions: Sequence[str] = ("fp16",),
    pictures: Path | None = None,
    num_frames: int = 0,
    calibration: str | None = None,
    shares: bool = False,
) -> Path:
    """Write `root/name/` with `model.onnx`, a graph for each lower precision, and `model.json`.

    A guided profile gets `dehaze.onnx` too, what the CPU engine runs. All files are written together, or none. Metrics
    already in the folder's manifest are dropped: they belong to other weights. `edge-train evaluate --model-json` adds
    new ones.

    Args:
        isr: the checkpoint of a separate super-resolution network.
        upscale: another way to enlarge than the profile's own; the folder is then named after both.
        pictures: folder of real pictures, subfolders too, for the accuracy gate; None takes the demo throat.
        num_frames: how many of them, each also under a veil; 0 takes two, or one alone where the networks are heavy.
        calibration: frames for int8, see `export.precisions.calibration_frames`.
        shares: keep the weights of both networks in half precision under `root/shared/`, once for all profiles of
            the same ones, in place of in each graph; float32 graphs compute with the rounded weights too.

    Raises:
        ModelError: a checkpoint is another network's, a graph is not valid, or a precision misses its gate.
        UsageError: a profile, upscale or precision that cannot be.
        InputOutputError: pictures or calibration frames cannot be read, or the folder cannot be written.
    """
    name, recipe = recipe_for(profile, upscale)
    with progress(f"drawing the graphs of {name}", 2, "step") as tick:
        built = built_from_checkpoints(recipe, checkpoint, isr)
        if shares:
            round_to_half(built.pipeline)
        tick()
        graphs = {GRAPH_NAME: whole_graph(built.pipeline)}
        if isinstance(built.pipeline, GuidedPipeline):
            graphs[DEHAZER_NAME] = dehazer_graph(built.pipeline.guided)
        tick()
    manifest = _manifest(name, recipe, built, graphs, version=version, licence=licence)
    if precisions:
        samples = _gate_frames(manifest, pictures, num_frames)
        _add_precisions(graphs, manifest, precisions, samples, calibration)
    manifest[GOLDEN_KEY] = golden_answer(graphs[GRAPH_NAME], manifest)
    if not shares:
        return write_profile(root / name, graphs, manifest)
    names = [network["kind"].replace("_", "-") for network in built.networks]
    graphs, files = shared_out(graphs, dict(zip(names, built.scopes, strict=True)))
    _name_shared(manifest, graphs, files)
    write_shared(root, files)
    folder = write_profile(root / name, graphs, manifest)
    remove_unused(root)
    return folder


def _name_shared(manifest: dict[str, Any], graphs: Mapping[str, bytes], files: Mapping[str, bytes]) -> None:
    """Enter the files of shared weights, and the hashes of the graphs that are left."""
    manifest[SHARED_KEY] = [{"name": name, "sha256": _sha256(content)} for name, content in files.items()]
    manifest["sha256"] = _sha256(graphs[GRAPH_NAME])
    if DEHAZER_NAME in graphs:
        manifest["dehaze_sha256"] = _sha256(graphs[DEHAZER_NAME])
    for precision, about in manifest.get("precisions", {}).items():
        about["sha256"] = _sha256(graphs[typed_graph_name(precision)])


def add_precisions(
    folder: Path,
    precisions: Sequence[str],
    *,
    pictures: Path | None = None,
    num_frames: int = 0,
    calibration: str | None = None,
) -> Path:
    """Add graphs of lower precision to a profile's folder; its float32 graph stays as it is.

    Its answer to the golden frame is stored anew, which is all that happens where no precision is named.

    Raises:
        as `export_profile`; the folder is untouched then.
    """
    profile = load_profile(folder.name, (folder.absolute().parent,))
    manifest = json.loads(json.dumps(profile.manifest))
    if profile.shared and precisions:
        raise UsageError(f"{folder}: shares weights with other profiles; export it again from its checkpoints")
    graphs = {path.name: path.read_bytes() for path in folder.glob("*.onnx")}
    if precisions:
        samples = _gate_frames(manifest, pictures, num_frames)
        _add_precisions(graphs, manifest, precisions, samples, calibration)
    manifest[GOLDEN_KEY] = golden_answer(profile.content(profile.graph), manifest)
    return write_profile(folder, graphs, manifest)


def golden_answer(graph: bytes, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest stores of the golden frame: the float32 graph's answer, and the gate of the weakest precision.

    Raises:
        ModelError: onnxruntime refuses the graph.
    """
    with progress("answer to the golden frame", 1, "frame") as tick:
        enhanced = np.asarray(run_on_cpu(graph, golden_frame())[0][0], np.uint8)
        tick()
    return golden_record(enhanced, min(GATES[name].min_psnr_db for name in ("fp32", *manifest.get("precisions", {}))))


def _gate_frames(manifest: dict[str, Any], pictures: Path | None, num_frames: int) -> SampleFrames:
    """Frames for the gate, and the same under a veil; of heavy networks one as it is, unless more are asked for."""
    is_heavy = sum(network.get("macs", 0) for network in manifest["networks"]) > HEAVY_MACS
    samples = sample_frames(pictures, num_frames or (1 if is_heavy else 2))
    return samples if is_heavy and not num_frames else with_veiled(samples)


def _add_precisions(
    graphs: dict[str, bytes],
    manifest: dict[str, Any],
    precisions: Sequence[str],
    samples: SampleFrames,
    calibration: str | None,
) -> None:
    for precision in precisions:
        content, about = typed_graph(graphs[GRAPH_NAME], precision, samples, calibration)
        graphs[typed_graph_name(precision)] = content
        manifest.setdefault("precisions", {})[precision] = {"sha256": _sha256(content), **about}


def write_profile(folder: Path, graphs: dict[str, bytes], manifest: dict[str, Any]) -> Path:
    """Write a profile's files together, the manifest last; graphs of an older export are removed.

    Raises:
        InputOutputError: the folder cannot be written; a new one is not left behind.
    """
    files = {folder / name: content for name, content in graphs.items()}
    is_new = not folder.exists()
    try:
        make_folder(folder)
        write_together({**files, folder / MANIFEST_NAME: (json.dumps(manifest, indent=2) + "\n").encode()})
    except OSError as error:
        if is_new and folder.exists():
            shutil.rmtree(folder, ignore_errors=True)
        raise InputOutputError(
            f"{folder}: cannot be written ({error.strerror}); make room or name another -o"
        ) from error
    for name in (DEHAZER_NAME, *map(typed_graph_name, PRECISIONS)):
        if name not in graphs:  # it belongs to other weights
            (folder / name).unlink(missing_ok=True)
    return folder


def _manifest(
    name: str, recipe: Recipe, built: Built, graphs: dict[str, bytes], *, version: str, licence: str
) -> dict[str, Any]:
    frame: dict[str, Any] = {"type": "uint8", "shape": [1, *FRAME_SHAPE], "layout": "NHWC", "colour": "RGB"}
    networks = [
        {"kind": network["kind"], "macs": multiply_accumulates(graphs[GRAPH_NAME], scope), **network}
        for network, scope in zip(built.networks, built.scopes, strict=True)
    ]
    manifest: dict[str, Any] = {
        "name": f"edge-enhance {name}",
        "profile": name,
        "version": version,
        "sha256": _sha256(graphs[GRAPH_NAME]),
        "opset": OPSET,
        "input": {"name": "frame", **frame},
        "output": {"name": "enhanced", **frame},
        "networks": networks,
        "upscale": _upscale(recipe),
        "training": {**built.training, "commit": _commit()},
        "metrics": {},
        "licence": licence,
        **card_keys(name, built.training),
        "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    if DEHAZER_NAME in graphs:
        manifest["dehaze_sha256"] = _sha256(graphs[DEHAZER_NAME])
    return manifest


def _upscale(recipe: Recipe) -> dict[str, Any]:
    if recipe.upscale == "guided":
        gain = "the network's own" if recipe.dehazer == "student" else "ratio of local contrast, 5x5"
        maps = {"up": "bilinear maps of slope and intercept", "noise_sigma": guided.NOISE_SIGMA}
        return {"kind": "guided", "gain": gain, **maps}
    return {"kind": recipe.upscale}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
