"""The folder of a comparison as `edge-train evaluate --report` leaves it, with figures and pictures made up."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from edge.pictures.image import Image
from trainer.judging.comparing.catalogue import MEASURES
from trainer.judging.comparing.records import (
    PICTURES_FOLDER,
    RECORDS_FILE,
    Case,
    MethodOfRun,
    Record,
    Run,
    encoded,
    line_of,
    write_run,
)

BETAS = {"cyclegan": 0.0, "miinet-05": 0.5, "miinet": 1.5}
FOGS = ("airlight", "dew")
REACH = {"original": 0.0, "cyclegan": 1.0, "miinet-05": 2.0, "miinet": 3.0, "live": 4.0, "hq": 6.0}
"""How good a method is here, in its measures' own made-up steps."""
WIDTH_PX, HEIGHT_PX = 480, 270


def methods() -> tuple[MethodOfRun, ...]:
    networks = [
        MethodOfRun(name, "resnet_generator", f"runs/{name}/idm.safetensors", f"{number}" * 64, beta, FOGS[:1], name)
        for number, (name, beta) in enumerate(BETAS.items(), 1)
    ]
    live = MethodOfRun("live", "student", "trainer/checkpoints/live.safetensors", "9" * 64, None, FOGS[:1], "live")
    first, last = MethodOfRun("original", "original", slug="original"), MethodOfRun("hq", "hq", slug="hq")
    return (first, *networks, live, last)


def cases(num: int, num_real: int) -> tuple[Case, ...]:
    simulated = [
        Case(n, "throats", f"throats/throat-{n:03}.jpg", FOGS[n % 2], (0.3, 0.6, 0.9)[n % 3]) for n in range(1, num + 1)
    ]
    return (*simulated, *(Case(num + n, "real", f"real/fog-{n}.png") for n in range(1, num_real + 1)))


def write_comparison(folder: Path, num: int = 12, num_real: int = 3, *, num_records: int | None = None) -> Run:
    """Write it, or as much as a killed run has; the same each time."""
    run = Run(
        {"seed": 20261, "num_pictures": num, "fogs": list(FOGS)},
        methods(),
        cases(num, num_real),
        {"throats": "ab" * 32},
    )
    (folder / PICTURES_FOLDER).mkdir(parents=True)
    write_run(folder, run)
    lines = []
    for case, method in [*run.expected()][:num_records]:
        record = _record(case, method)
        (folder / record.shown).write_bytes(_picture(case, method))
        lines.append(line_of(record))
    (folder / RECORDS_FILE).write_bytes(b"".join(lines))
    return run


def _record(case: Case, method: MethodOfRun) -> Record:
    rng = np.random.default_rng((case.number, *method.name.encode()))
    measures = {}
    for name, measure in MEASURES.items():
        if (measure.group == "truth" and not case.has_truth) or (
            measure.group == "reproducibility" and method.kind == "original"
        ):
            continue
        sign = 1 if measure.higher_is_better else -1
        measures[name] = 20 + sign * (REACH[method.name] + case.number % 3) + float(rng.normal(0, 0.3))
    shown = f"{PICTURES_FOLDER}/{case.number:04}-{method.slug}.jpg"
    features = encoded(rng.normal(REACH[method.name], 1, 128).astype(np.float32))
    return Record(case.number, case.kind, case.source, case.fog, case.strength, method.name, shown, measures, features)


def _picture(case: Case, method: MethodOfRun) -> bytes:
    """A throat of a kind, veiled as much as its method leaves."""
    rng = np.random.default_rng(case.number)
    coarse = rng.uniform(60, 200, (9, 16, 3)).astype(np.float32) * np.float32([1, 0.5, 0.45])
    scene = cv2.resize(coarse, (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    cv2.circle(scene, (WIDTH_PX // 2, HEIGHT_PX // 2), 60, (20, 6, 6), -1)
    veil = 0.12 * (6 - REACH[method.name])
    picture: Image = np.clip(scene * (1 - veil) + 215 * veil, 0, 255).astype(np.uint8)
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(picture), 92))
