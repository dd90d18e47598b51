"""The output folder: one run at a time, and a disk that is really full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge.basics.errors import InputOutputError
from edge.batch.manifest import MANIFEST, entries_of
from edge.batch.output import SCRATCH, OutputFolder
from edge.batch.run import enhance_files
from edge.batch.verify import verify
from edge.batch.workers.processes import Processes
from tests.doubles.worker_engines import deadly

if TYPE_CHECKING:
    from tests.doubles.files_bench import Bench


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 20 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "none", str(folder)], capture_output=True)
    if done.returncode != 0:
        pytest.skip("may not mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_full_disk_ends_the_run_with_whole_results_and_resume_goes_on(
    bench: Bench, small_disk: Path, tmp_path: Path, num_workers: int
) -> None:
    """0 workers: in this thread."""
    noise = np.random.default_rng(1).integers(0, 256, (1080, 1920, 3), np.uint8)
    for name in "abcd":  # some 6 MB for each file
        assert cv2.imwrite(str(bench.originals / f"{name}.jpg"), noise)
    bench.output = small_disk / "out"

    def run(**more: bool) -> int:
        if not num_workers:
            return bench.run(**more).exit_code
        workers = Processes(deadly(tmp_path, num_workers), bench.profile)
        profile, output = bench.profile, bench.output
        return enhance_files([bench.originals], output, workers, profile, stop=bench.stop, **more).exit_code

    with pytest.raises(InputOutputError, match="No space left on device; free space") as caught:
        run()
    assert "\n" not in str(caught.value)
    sidecars = [name for name in bench.written() if name.endswith(".json")]
    assert len(bench.written()) == 3 * len(sidecars) < 12 and not (bench.output / SCRATCH).exists()
    assert all(entry is not None for entry in entries_of(bench.output / MANIFEST))
    assert [*verify(bench.output)] == []
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    assert run(resume=True) == 0
    assert len(bench.written()) == 12 and [*verify(bench.output)] == []


def test_a_second_run_into_the_same_folder_is_refused(bench: Bench) -> None:
    path = bench.picture()
    with (
        OutputFolder(bench.output, (), "").opened(),
        pytest.raises(InputOutputError, match="another run of this program writes there now"),
    ):
        bench.run(path)
    assert bench.run(path).exit_code == 0


def test_what_a_kill_left_of_the_workers_goes_at_the_next_start(bench: Bench) -> None:
    left = bench.output / SCRATCH / "worker-3"
    left.mkdir(parents=True)
    (left / ".x-enhanced.mp4.edge.part").write_bytes(b"1")
    os.symlink(bench.originals, bench.output / SCRATCH / "a link")  # noqa: PTH211 - what others may put there
    path = bench.picture()
    assert bench.run(path).exit_code == 0
    assert not (bench.output / SCRATCH).exists() and path.exists()


def test_a_link_in_place_of_the_scratch_folder_is_refused_and_nothing_behind_it_goes(bench: Bench) -> None:
    path = bench.picture()
    bench.output.mkdir()
    (bench.output / SCRATCH).symlink_to(bench.originals)
    with pytest.raises(InputOutputError, match=f"{SCRATCH}: is a link, expected a folder; remove it") as refused:
        bench.run(path)
    assert "\n" not in str(refused.value) and path.exists()


def test_a_scratch_folder_that_is_swapped_for_a_link_costs_nothing_behind_it(bench: Bench, tmp_path: Path) -> None:
    path = bench.picture()
    folder = OutputFolder(bench.output, (), "")
    with folder.opened() as scratch:
        (scratch / "x").write_bytes(b"1")
        scratch.rename(tmp_path / "aside")
        scratch.symlink_to(bench.originals)
        folder.clear_scratch()
        assert not (tmp_path / "aside" / "x").exists() and path.exists()
    assert path.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_scratch_folder_of_another_user_is_refused(bench: Bench) -> None:
    path = bench.picture()
    (bench.output / SCRATCH).mkdir(parents=True)
    (bench.output / SCRATCH / "theirs").write_bytes(b"1")
    os.chown(bench.output / SCRATCH, 12345, -1)
    with pytest.raises(InputOutputError, match="belongs to another user; remove it"):
        bench.run(path)
    assert (bench.output / SCRATCH / "theirs").exists()
