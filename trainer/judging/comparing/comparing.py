"""The run: every method on every case, a record a line as it goes; a run that was killed goes on where it stopped."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import cv2
from tqdm import tqdm

from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.whole_files import lock, write_whole
from edge.pictures.image import Image
from trainer.judging.comparing.measuring import Yardsticks, measured, scene_of
from trainer.judging.comparing.methods import Compared
from trainer.judging.comparing.plan import Planned
from trainer.judging.comparing.records import (
    HQ,
    ORIGINAL,
    PICTURES_FOLDER,
    RECORDS_FILE,
    RUN_FILE,
    Case,
    Comparison,
    MethodOfRun,
    Record,
    Run,
    line_of,
    read_comparison,
    read_run,
    whole_records,
    write_run,
)

JPEG_QUALITY = 92


@dataclass(frozen=True)
class Task:
    """What is to be compared, on what, and with which yardsticks."""

    plans: Sequence[Planned]
    compared: Compared
    yardsticks: Yardsticks
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]

    def run(self) -> Run:
        rows = [MethodOfRun(ORIGINAL, ORIGINAL, slug=ORIGINAL), *self.compared.rows]
        if any(plan.case.has_truth for plan in self.plans):
            rows.append(MethodOfRun(HQ, HQ, slug=HQ))
        return Run(self.settings, tuple(rows), tuple(plan.case for plan in self.plans), self.inputs)


def compare(task: Task, folder: Path) -> Comparison:
    """Make what is missing of the folder's comparison.

    Raises:
        ConfigError: the folder has a comparison of other settings, something else, or another process at work.
        InputOutputError: it cannot be written, or a picture cannot be read.
    """
    run = task.run()
    try:
        _open_folder(folder, run)
        with (folder / RECORDS_FILE).open("ab") as file:
            if not lock(file, wait=False):
                raise ConfigError(f"{folder}: another edge-train writes it now; wait for it or give another folder")
            _fill(task, run, folder, file)
    except OSError as error:
        raise InputOutputError(f"{folder}: cannot be written ({error.strerror}); give another folder") from error
    return read_comparison(folder)


def check_folder(folder: Path) -> Run | None:
    """The run that a folder holds, before anything is read or hashed for it.

    Raises:
        ConfigError: it holds something else.
        InputOutputError: it cannot be read, or written.
    """
    try:
        if (folder / RUN_FILE).exists():
            held = read_run(folder)
        elif folder.exists() and any(folder.iterdir()):
            raise ConfigError(f"{folder}: is not empty and has no {RUN_FILE}; give an empty or a new folder")
        else:
            held = None
        there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            number = errno.EACCES if there.is_dir() else errno.ENOTDIR
            raise OSError(number, os.strerror(number))
    except OSError as error:
        raise InputOutputError(f"{folder}: cannot be written ({error.strerror}); give another folder") from error
    return held


def _open_folder(folder: Path, run: Run) -> None:
    held = check_folder(folder)
    if held is not None:
        if difference := _difference(held, run):
            raise ConfigError(f"{folder}: holds a comparison with {difference}; give another folder, or remove it")
        return
    (folder / PICTURES_FOLDER).mkdir(parents=True, exist_ok=True)
    write_run(folder, run)


def _difference(held: Run, wanted: Run) -> str:
    """What the folder has otherwise, in words; empty where nothing that decides a figure differs."""
    for name, value in {**wanted.settings, **wanted.inputs}.items():
        other = {**held.settings, **held.inputs}.get(name)
        if json.dumps(other) != json.dumps(value):
            return f"{name} = {_short(other)}, not {_short(value)}"
    if extra := sorted({*held.settings, *held.inputs} - {*wanted.settings, *wanted.inputs}):
        return f"{extra[0]}, which is not given now"
    pathless = [[dataclasses.replace(m, checkpoint="") for m in run.methods] for run in (held, wanted)]
    for index in range(max(map(len, pathless))):
        one, other = (rows[index] if index < len(rows) else None for rows in pathless)
        if one != other:
            if held.names == wanted.names:
                return f"another file for {held.names[index]}"
            return f"methods {', '.join(held.names)}, not {', '.join(wanted.names)}"
    return "" if held.cases == wanted.cases else "other pictures"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:16] + "..."


def _fill(task: Task, run: Run, folder: Path, file: BinaryIO) -> None:
    done = len(whole_records(folder, run))
    left = list(run.expected())[done:]
    plans = {plan.case.number: plan for plan in task.plans}
    scene = None
    at = 0
    for case, row in tqdm(left, "pictures", unit="picture", disable=None, dynamic_ncols=True):
        if case.number != at:
            scene, at = scene_of(plans[case.number], task.yardsticks), case.number
        assert scene is not None
        found = measured(scene, row, task.compared)
        shown = f"{PICTURES_FOLDER}/{case.number:04d}-{row.slug}.jpg"
        write_whole(folder / shown, _jpeg(found.picture))
        file.write(line_of(_record(case, row, shown, found.measures, found.features)))
        file.flush()
        os.fsync(file.fileno())


def _record(case: Case, row: MethodOfRun, shown: str, measures: Mapping[str, float], features: str) -> Record:
    return Record(case.number, case.kind, case.source, case.fog, case.strength, row.name, shown, measures, features)


def _jpeg(picture: Image) -> bytes:
    return bytes(cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])
