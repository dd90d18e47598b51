"""A profile's folder: the graphs of a trained checkpoint and the manifest that describes them."""

from __future__ import annotations

import hashlib
import json
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from edge.artifact import DEHAZER_NAME, GRAPH_NAME, MANIFEST_NAME
from edge.geometry import FRAME_SHAPE
from edge.whole_files import write_whole
from export.onnx_graph import OPSET, dehazer_graph, multiply_accumulates, whole_graph
from export.pipeline import GuidedPipeline
from trainer import guided
from trainer.networks.student import student_from_checkpoint


def export_guided_profile(checkpoint: Path, profile: str, root: Path, *, version: str, licence: str) -> Path:
    """Write `root/profile/` with `model.onnx`, `dehaze.onnx` and `model.json`.

    Metrics already in the folder's manifest are dropped: they belong to other weights. `edge-train evaluate --manifest`
    adds new ones.

    Raises:
        ModelError: the checkpoint is not a student's, or a graph is not valid.
    """
    student, trained = student_from_checkpoint(checkpoint)
    pipeline = GuidedPipeline(student)
    graphs = {GRAPH_NAME: whole_graph(pipeline), DEHAZER_NAME: dehazer_graph(pipeline.dehazer)}
    frame: dict[str, Any] = {"type": "uint8", "shape": [1, *FRAME_SHAPE], "layout": "NHWC", "colour": "RGB"}
    network = {
        "kind": "student",
        "parameters": sum(p.numel() for p in student.parameters()),
        "macs": multiply_accumulates(graphs[DEHAZER_NAME]),
    }
    shape = trained.pop("student")
    training: dict[str, Any] = {**trained, "commit": _commit()}
    if "init" in trained:
        training["init"] = json.loads(trained["init"])
    manifest = {
        "name": f"edge-enhance {profile}",
        "profile": profile,
        "version": version,
        "sha256": hashlib.sha256(graphs[GRAPH_NAME]).hexdigest(),
        "dehaze_sha256": hashlib.sha256(graphs[DEHAZER_NAME]).hexdigest(),
        "opset": OPSET,
        "input": {"name": "frame", **frame},
        "output": {"name": "enhanced", **frame},
        "networks": [{**network, **json.loads(shape)}],
        "upscale": {
            "kind": "guided",
            "gain": "the network's own",
            "up": "bilinear maps of slope and intercept",
            "noise_sigma": guided.NOISE_SIGMA,
        },
        "training": training,
        "metrics": {},
        "licence": licence,
        "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    folder = root / profile
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in graphs.items():
        write_whole(folder / name, content)
    write_whole(folder / MANIFEST_NAME, (json.dumps(manifest, indent=2) + "\n").encode())
    return folder


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
