"""What a comparison leaves in its folder, and how it is read.

    run.json                      settings, methods with their hashes, cases (`Run`)
    records.jsonl                 one `Record` a line, in order of case, then of method
    pictures/0001-original.jpg    what a method made of case 1

A run that is killed leaves whole lines (a torn last one is cut off) and goes on where it stopped.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.whole_files import write_whole

VERSION = 1
RUN_FILE, RECORDS_FILE, PICTURES_FOLDER = "run.json", "records.jsonl", "pictures"
ORIGINAL, HQ = "original", "hq"
"""Methods that every comparison has: the foggy picture as it is, and the truth, where there is one."""


@dataclass(frozen=True, slots=True)
class MethodOfRun:
    """One that is compared.

    Attributes:
        name: `original`, `hq`, or a checkpoint's.
        kind: `original`, `hq`, or of network: `student`, `student_isr`, `resnet_generator`.
        checkpoint, sha256: the file as it was given and its hash; empty of the first two.
        beta: weight of the perceptual loss (MIINet eq. (5)) that its file names; None where it names none.
        taught: families of fog that its training drew, in order; empty where its file names none.
        slug: its name in the files of pictures.
    """

    name: str
    kind: str
    checkpoint: str = ""
    sha256: str = ""
    beta: float | None = None
    taught: tuple[str, ...] = ()
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One picture to be dehazed: a held-out picture under one fog of one strength, or a real foggy one.

    Attributes:
        number: from 1; the same settings always number alike.
        kind: a manifest's name (truth known), `pairs` (real, truth known) or `real` (no truth).
        source: the picture's file, as its manifest or folder names it.
        fog: family (`trainer.data.fogs`); empty of real fog.
        strength: in [0, 1]; 0 of real fog.
    """

    number: int
    kind: str
    source: str
    fog: str = ""
    strength: float = 0.0

    @property
    def has_truth(self) -> bool:
        return self.kind != "real"


@dataclass(frozen=True, slots=True)
class Record:
    """What was measured of one method on one case.

    Attributes:
        number, kind, source, fog, strength: of the case.
        method: a `MethodOfRun.name`.
        shown: the picture's file, relative to the folder; JPEG of the network's size (480x270, real ones within it).
        measures: by a name of `catalogue.MEASURES`; one that has no value here is left out (a truth's of real fog;
            reproducibility of `original`, which it is measured against).
        features: float32, base64 (`feature_vector`); what KID compares.
    """

    number: int
    kind: str
    source: str
    fog: str
    strength: float
    method: str
    shown: str
    measures: Mapping[str, float]
    features: str = ""

    @property
    def feature_vector(self) -> NDArray[np.float32]:
        """Means over places of VGG16's second pool, (128,); empty where no VGG16 was given."""
        return np.frombuffer(base64.b64decode(self.features), "<f4")


@dataclass(frozen=True, slots=True)
class Run:
    """What a folder's comparison is of.

    Attributes:
        settings: what decides the figures: `seed`, `num_pictures`, `fogs`, `strengths`, `size_px`.
        methods: `original` first, then checkpoints in the order given, `hq` last where any case has a truth.
        cases: in order of number.
        inputs: hash of each manifest, folder and file of weights that was given, by option.
    """

    settings: Mapping[str, Any]
    methods: tuple[MethodOfRun, ...]
    cases: tuple[Case, ...]
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return [method.name for method in self.methods]

    def expected(self) -> Iterator[tuple[Case, MethodOfRun]]:
        """What a finished run has a record of, in order: every method on every case, `hq` where there is a truth."""
        for case in self.cases:
            for method in self.methods:
                if method.kind != HQ or case.has_truth:
                    yield case, method


@dataclass(frozen=True, slots=True)
class Comparison:
    """A folder, read.

    Attributes:
        folder: where `Record.shown` is looked for.
        records: in order of case and method; fewer than `Run.expected` while the run is not finished.
    """

    folder: Path
    run: Run
    records: tuple[Record, ...]

    @property
    def is_finished(self) -> bool:
        return len(self.records) == sum(1 for _ in self.run.expected())

    def of(self, method: str, kinds: Sequence[str] = ()) -> list[Record]:
        """A method's records in order of case; of all kinds where none is given."""
        return [r for r in self.records if r.method == method and (not kinds or r.kind in kinds)]

    def values(self, method: str, measure: str, kinds: Sequence[str] = ()) -> dict[int, float]:
        """Case number -> value, for the cases that have one."""
        return {r.number: r.measures[measure] for r in self.of(method, kinds) if measure in r.measures}


def read_comparison(folder: Path) -> Comparison:
    """Read what `edge-train evaluate --report` wrote, finished or not.

    Raises:
        InputOutputError: no such folder, or a file of it cannot be read.
        ConfigError: a file is not what this program wrote; names the file and, of records, the line.
    """
    run = read_run(folder)
    return Comparison(folder, run, tuple(_read_records(folder / RECORDS_FILE, run)))


def read_run(folder: Path) -> Run:
    """`run.json` alone; raises as `read_comparison`."""
    path = folder / RUN_FILE
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        if table["version"] != VERSION:
            raise ConfigError(f"{path}: version = {table['version']!r}: expected {VERSION}; give an empty folder")
        methods = tuple(MethodOfRun(**{**row, "taught": tuple(row["taught"])}) for row in table["methods"])
        return Run(table["settings"], methods, tuple(Case(**row) for row in table["cases"]), table["inputs"])
    except OSError as error:
        raise InputOutputError(
            f"{path}: cannot be read ({error.strerror}); make it with edge-train evaluate"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: not a comparison's ({error}); give an empty folder") from error


def write_run(folder: Path, run: Run) -> None:
    """Raises OSError where it cannot be written."""
    write_whole(folder / RUN_FILE, run_bytes(run))


def run_bytes(run: Run) -> bytes:
    """`run.json`, a method and a case a line."""

    def lines(rows: Sequence[MethodOfRun | Case]) -> str:
        return "[\n" + ",\n".join(_json(dataclasses.asdict(row)) for row in rows) + "\n]"

    parts = [f'"version": {VERSION}', f'"settings": {_json(run.settings)}', f'"inputs": {_json(run.inputs)}']
    parts += [f'"methods": {lines(run.methods)}', f'"cases": {lines(run.cases)}']
    return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def line_of(record: Record) -> bytes:
    """Its line of `records.jsonl`; the same record always gives the same bytes.

    Raises:
        ValueError: a measure is not finite.
    """
    for name, value in record.measures.items():
        if not math.isfinite(value):
            raise ValueError(f"{record.shown}: {name} is {value}")
    measures = {name: round(float(value), 6) for name, value in record.measures.items()}
    return (_json({**dataclasses.asdict(record), "measures": measures}) + "\n").encode()


def whole_records(folder: Path, run: Run) -> list[Record]:
    """The records that a killed run left; a torn last line is cut off the file.

    Raises:
        InputOutputError, ConfigError: as `read_comparison`.
    """
    path = folder / RECORDS_FILE
    if not path.exists():
        return []
    try:
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(path, whole)
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be read and cut ({error.strerror})") from error
    return _read_records(path, run)


def encoded(features: NDArray[np.float32]) -> str:
    """For `Record.features`."""
    return base64.b64encode(np.ascontiguousarray(features, "<f4").tobytes()).decode()


def _read_records(path: Path, run: Run) -> list[Record]:
    try:
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be read ({error.strerror})") from error
    records = []
    for number, (line, (case, method)) in enumerate(zip(lines, run.expected(), strict=False), 1):
        if not line.endswith(b"\n"):
            break
        try:
            record = Record(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{path}: line {number} is not a record ({error}); give an empty folder") from error
        if (record.number, record.method) != (case.number, method.name):
            raise ConfigError(
                f"{path}: line {number} is case {record.number} by {record.method}, expected {case.number} by "
                f"{method.name} as {RUN_FILE} says; give an empty folder"
            )
        records.append(record)
    return records


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
