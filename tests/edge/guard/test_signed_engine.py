"""A unit's own model that is signed runs in the engine's process, which sees for itself who vouches for it."""

import time

import pytest

from edge.basics.errors import ModelError
from edge.config import EngineConfig, UnitConfig
from edge.engines.rungs import Rung
from edge.guard.order import EngineOrder
from edge.guard.process import EngineProcess
from edge.guard.shared_frames import SharedFrames
from edge.models.bundle_file import opened_bundle
from edge.models.profile import load_profile
from edge.updates.store import ModelStore
from export.on_unit.bundle import write_bundle
from export.on_unit.keys import new_key, read_private_key
from tests.doubles.waiting import GUARD_S


@pytest.fixture
def engine(tmp_path):
    """The configuration of a unit with a signed model of its own."""
    keys, models, bundle = tmp_path / "keys", tmp_path / "models", tmp_path / "live.bundle"
    keys.mkdir(mode=0o755)
    new_key(tmp_path / "hospital")
    (tmp_path / "hospital.pub").rename(keys / "hospital.pub")
    write_bundle(load_profile("live"), bundle, (), read_private_key(tmp_path / "hospital.key"))
    store = ModelStore(models)
    with opened_bundle(bundle) as opened, store.locked():
        name, _ = store.take(opened, None, lambda part: None)
        store.use("live", name)
    return EngineConfig(models=str(models), keys=str(keys), backend="cpu")


@pytest.fixture
def frames():
    shared = SharedFrames(num_frames=8)
    yield shared
    shared.close()


def opened(engine, frames):
    order = EngineOrder(Rung("live", "cpu"), load_profile("live").sha256, engine, UnitConfig())
    process = EngineProcess(order, frames)
    try:
        until_s = time.monotonic() + GUARD_S
        while (found := process.poll_opened(1.0)) is None:
            assert time.monotonic() < until_s
        return found
    finally:
        process.close(GUARD_S)


def test_it_runs_confined(engine, frames):
    found = opened(engine, frames)
    assert found.profile == "live" and found.model_sha256 == load_profile("live").sha256


def test_it_is_refused_there_where_its_key_was_taken_away(engine, frames, tmp_path):
    (tmp_path / "keys" / "hospital.pub").unlink()
    with pytest.raises(ModelError, match="signed by key"):
        opened(engine, frames)


def test_keys_behind_a_link_are_found(engine, frames, tmp_path):
    (tmp_path / "linked").symlink_to(tmp_path / "keys")
    assert opened(EngineConfig(models=engine.models, keys=str(tmp_path / "linked"), backend="cpu"), frames)
