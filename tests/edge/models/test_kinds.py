"""What a manifest tells of its profile."""

from __future__ import annotations

import pytest

from edge.models.kinds import is_for_stills, num_macs, synthesises
from edge.models.profile import load_profile


@pytest.mark.parametrize("name", ["live", "live-fast"])
def test_the_live_profiles_are_live_and_invent_nothing(name):
    manifest = load_profile(name).manifest
    assert not is_for_stills(manifest)
    assert not synthesises(manifest)


def test_the_papers_generator_is_for_stills():
    assert is_for_stills({"networks": [{"kind": "idm", "macs": 98_700_000_000}]})


@pytest.mark.parametrize(
    ("upscale", "expected"),
    [({"kind": "isr"}, True), ({"kind": "guided"}, False), ({"kind": "bicubic"}, False), ("isr", False), (None, False)],
)
def test_a_learned_enlargement_synthesises(upscale, expected):
    assert synthesises({"networks": [], "upscale": upscale}) is expected


def test_what_a_network_does_not_tell_counts_nothing():
    assert num_macs({"networks": [{"macs": 3}, {"kind": "isr"}, {"macs": "many"}, 7]}) == 3
