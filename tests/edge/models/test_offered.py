"""Which profiles a person may choose from."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from edge.models.kinds import num_macs
from edge.models.offered import LOOK_EVERY_NS, Offered
from edge.models.profile import MANIFEST_NAME, SHIPPED, load_profile, profile_names
from tests.doubles.waiting import GUARD_S


def own_profile(folder: Path, profile: str, **changes: object) -> Path:
    """The shipped small one under another name."""
    target = folder / profile
    shutil.copytree(SHIPPED / "live-fast", target)
    manifest = json.loads((target / MANIFEST_NAME).read_text())
    (target / MANIFEST_NAME).write_text(json.dumps(manifest | changes))
    return target


def names(offered: Offered) -> list[str]:
    return [one.name for one in offered.now()]


def after_a_look(offered: Offered, now_ns: int) -> list[str]:
    offered.tick(now_ns)
    if offered._thread is not None:
        offered._thread.join(GUARD_S)
    return names(offered)


def test_of_the_shipped_ones_those_with_an_enlarger_are_for_stills_and_invent() -> None:
    offered = Offered("", "")
    offered.look()
    kinds = {one.name: (one.is_live, one.synthesises) for one in offered.now()}
    stills, live = (False, True), (True, False)
    assert kinds == {"cyclegan": stills, "live": live, "live-fast": live, "miinet": stills, "miinet-guided": live}
    for name in ("cyclegan", "miinet", "miinet-guided"):
        card = next(one.card for one in offered.now() if one.name == name)
        assert card is not None and card.advice.startswith("comparison only")
    assert 0 < num_macs(load_profile("live").manifest) < 10**9


def test_a_unit_s_own_is_told_by_its_manifest(tmp_path: Path) -> None:
    networks = [{"kind": "idm", "macs": 98 * 10**9}, {"kind": "isr", "macs": 2300 * 10**9}]
    own_profile(tmp_path, "miinet", name="MIINet", networks=networks, upscale={"kind": "isr"}, advice="comparison only")
    offered = Offered(str(tmp_path), "")
    offered.look()
    one = next(one for one in offered.now() if one.name == "miinet")
    kind = {"is_live": False, "synthesises": True, "advice": "comparison only"}
    assert one.record() == {"name": "miinet", "title": "MIINet", **kind}
    assert one.card is not None and one.card.draws == "draws detail that the camera did not see"


def test_what_nobody_vouches_for_or_is_damaged_is_not_offered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    models = tmp_path / "models"
    own_profile(models, "by-hand")
    damaged = own_profile(models, "damaged")
    (damaged / "model.onnx").write_bytes(b"no graph")
    with caplog.at_level(logging.WARNING):
        offered = Offered(str(models), str(keys))
        offered.look()
    assert names(offered) == profile_names()
    assert "profile by-hand is not offered" in caplog.text
    assert "profile damaged is not offered" in caplog.text


def test_one_that_is_installed_later_is_found_and_one_that_is_gone_is_not(tmp_path: Path) -> None:
    offered = Offered(str(tmp_path), "")
    assert after_a_look(offered, 0) == profile_names()
    folder = own_profile(tmp_path, "other")
    assert after_a_look(offered, LOOK_EVERY_NS - 1) == profile_names(), "not yet time"
    assert after_a_look(offered, LOOK_EVERY_NS) == sorted([*profile_names(), "other"])
    shutil.rmtree(folder)
    assert after_a_look(offered, 2 * LOOK_EVERY_NS) == profile_names()


def test_nothing_is_read_while_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offered = Offered("", "")
    after_a_look(offered, 0)
    monkeypatch.setattr(offered, "look", lambda: pytest.fail("nothing had changed"))
    after_a_look(offered, LOOK_EVERY_NS)
