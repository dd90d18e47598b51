"""A graph that takes over the process in which it is proven has gained nothing, though that user owns the models."""

import json
import os
import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from edge.basics.errors import ModelError
from edge.basics.owner import Account
from edge.config import Config, EngineConfig, UnitConfig
from edge.confining.landlock import landlock_version
from edge.confining.seccomp import can_filter
from edge.guard.confined import Limits
from edge.updates import proving
from edge.updates.proving import prove_in, prover
from tests.doubles.waiting import GUARD_S

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give rights away"),
    pytest.mark.skipif(not (can_filter() and landlock_version()), reason="needs a kernel with Landlock and seccomp"),
]
SERVICE = Account("service", 54321, 54321, (54321,))


@pytest.fixture
def unit(monkeypatch):
    """The state of a unit, all of it its service's, with an unpacked bundle; `unit(expressions)` tries them there."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    part = place / "models" / "versions" / ".live-0123456789abcdef.edge.part"
    part.mkdir(parents=True)
    (place / "pictures").mkdir()
    for path in (part / "model.json", place / "pictures" / "patient.png", place / "models" / "versions" / ".lock"):
        path.write_text("before")
    for path in (place, *place.rglob("*")):
        os.chown(path, SERVICE.uid, SERVICE.gid)
    monkeypatch.setattr(proving, "MODULE", "tests.doubles.hostile_proof")
    monkeypatch.setattr(proving, "_whom", lambda: SERVICE)

    def attempt(*expressions, seconds=GUARD_S):
        codes = json.dumps([one.format(place=place) for one in expressions])
        config = replace(Config(), engine=EngineConfig(models=str(place / "models")), unit=UnitConfig(serial=codes))
        said = []
        with prover(seconds) as confined:
            prove_in(confined, part, config, said.append, "live.bundle")
        return said

    attempt.place = place
    yield attempt
    shutil.rmtree(place)


def state(place):
    return {str(path): path.lstat().st_size for path in place.rglob("*")}


ATTACKS = {
    "fork": "os.fork()",
    "program": "os.posix_spawn('/bin/true', ['true'], {{}})",
    "socket": "socket.socket()",
    "Unix socket": "socket.socket(socket.AF_UNIX)",
    "write its bundle": "open(folder + '/model.json', 'r+')",
    "add to its bundle": "open(folder + '/more', 'w')",
    "leave its bundle": "os.listdir(folder + '/../../..')",
    "put another in use": "os.symlink('versions/evil', '{place}/models/live')",
    "through the descriptor": "os.rename(folder + '/model.json', folder + '/other')",
    "rights": "os.chmod(folder, 0o777)",
    "remove": "os.unlink('{place}/models/versions/.lock')",
    "read a picture": "open('{place}/pictures/patient.png').read()",
    "remove a picture": "os.unlink('{place}/pictures/patient.png')",
    "read the system's": "open('/etc/passwd').read()",
    "leave a file": "open('/tmp/left', 'w')",
    "end the command": "os.kill(parent, 9)",
    "its memory": "open(f'/proc/{{parent}}/mem', 'rb')",
    "its descriptors": "os.listdir(f'/proc/{{parent}}/fd')",
    "slow it": "os.setpriority(os.PRIO_PROCESS, parent, 19)",
    "come first": "os.nice(-10)",
    "root again": "os.setresuid(0, 0, 0)",
    "more memory": "import_('resource').setrlimit(import_('resource').RLIMIT_DATA, (1 << 50, 1 << 50))",
    "shared memory": "import_('mmap').mmap(-1, 4096)",
    "live on": "import_('ctypes').CDLL(None, use_errno=True).prctl(1, 0) and 1 / 0",
}


@pytest.mark.slow
def test_nothing_of_what_it_tries_is_done(unit):
    before = state(unit.place)
    *told, who = unit(*ATTACKS.values())
    assert not {name: one for name, one in zip(ATTACKS, told, strict=True) if one.startswith("done")}
    assert who == f"who: {(SERVICE.uid,) * 3}"
    assert state(unit.place) == before and not Path("/tmp/left").exists()


@pytest.mark.slow
def test_what_it_may_is_read_its_bundle(unit):
    assert unit("open(folder + '/model.json').read()")[0] == "done: 'before'"


@pytest.mark.slow
def test_it_gets_no_more_memory_than_it_may(unit, monkeypatch):
    monkeypatch.setattr(proving, "Limits", partial(Limits, memory_bytes=1 << 30))
    try:
        assert unit("len([bytearray(64 << 20) for _ in range(100)])")[0] == "MemoryError"
    except ModelError as error:  # who watches it may be faster than the limit that it has itself
        assert "more than 1024 MiB of memory, and was ended" in str(error)


@pytest.mark.slow
@pytest.mark.parametrize(
    "expression",
    [
        "[None for _ in iter(int, 1) if 0]",
        "(import_('signal').pthread_sigmask(0, range(1, 32)), import_('time').sleep(1000))",
    ],
    ids=["turns", "hears nothing"],
)
def test_one_that_never_ends_is_ended(unit, expression):
    with pytest.raises(ModelError, match=r"live\.bundle: it was not through after 3 s"):
        unit(expression, seconds=3.0)


def test_what_the_kernel_does_not_hold_is_told(unit, monkeypatch):
    monkeypatch.setattr(proving, "MODULE", "tests.doubles.proof_of_an_old_kernel")
    assert unit()[-1] == "the process that tried it was not held by this kernel: files: there is no Landlock"
