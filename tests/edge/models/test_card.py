"""What a person is told of a profile."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.basics.errors import ModelError
from edge.models.card import Card, card_of
from edge.models.card_page import DOCS, PAGES, section
from edge.models.kinds import DRAWS_DETAIL, DRAWS_NOTHING
from edge.models.manifest import MAX_WORDS, manifest_from
from edge.models.profile import SHIPPED, load_profile

LIVE = load_profile("live").manifest


def manifest(**changes: Any) -> dict[str, Any]:
    return {**LIVE, **changes}


def figures(metrics: object) -> list[tuple[str, str]]:
    return [(one.name, one.text) for one in card_of(manifest(metrics=metrics)).figures]


def facts(card: Card) -> dict[str, str]:
    return dict(card.facts())


@pytest.mark.parametrize("name", ["live", "live-fast"])
def test_a_shipped_profile_tells_everything(name: str) -> None:
    card = card_of(load_profile(name).manifest)
    told = facts(card)
    wanted = {"for", "detail", "use", "never shown", "trained on", "data", "training", "licence", "golden frame"}
    assert wanted <= told.keys()
    assert card.advice == "" and card.draws == DRAWS_NOTHING
    assert "steps" in told["training"] and "airlight" in told["training"]
    assert [one.unit for one in card.figures] == ["dB"] * 4


def test_an_advice_comes_first() -> None:
    advice = "comparison only: not good enough to help"
    assert next(iter(card_of(manifest(advice=advice)).facts())) == ("advice", advice)


@pytest.mark.parametrize(
    ("networks", "upscale", "expected"),
    [
        pytest.param(["student"], {"kind": "guided"}, DRAWS_NOTHING, id="maps"),
        pytest.param(["student_isr"], {"kind": "isr"}, DRAWS_DETAIL, id="learned x4"),
        pytest.param(["resnet_generator", "rrdb"], {"kind": "isr"}, f"{DRAWS_DETAIL}, and may move colours", id="GAN"),
        pytest.param(
            ["resnet_generator"], {"kind": "guided"}, "draws no detail, but may move colours", id="guided GAN"
        ),
        pytest.param(["student"], None, "", id="not told"),
    ],
)
def test_where_a_profile_invents(networks: list[str], upscale: object, expected: str) -> None:
    card = card_of(manifest(networks=[{"kind": kind} for kind in networks], upscale=upscale))
    assert card.draws.startswith(expected) and bool(card.draws) == bool(expected)


def test_figures_carry_their_intervals() -> None:
    metrics = {
        "fog_gain_best_db": {"mean": 4.054, "low": 3.7, "high": 4.41, "num": 12},
        "fog_ssim": 0.8123,
        "share": {"mean": 0.1, "low": 0.05},
    }
    assert figures(metrics) == [("fog gain best", "4.05 (3.70 to 4.41) dB"), ("fog SSIM", "0.812"), ("share", "0.100")]


@pytest.mark.parametrize("metrics", [[], "x", {"a": True}, {"a": float("nan")}, {"a": {"low": 1}}, {"a": "9"}])
def test_what_is_no_figure_is_left_out(metrics: object) -> None:
    assert figures(metrics) == []


def test_each_network_of_two_tells_its_training() -> None:
    idm = {"steps": "1500", "recipe": "cpu-night", "warm_start": {"steps": "2500"}, "data_manifest_sha256": "ab" * 32}
    training = {"idm": idm, "isr": {"weights": "RRDB.pth", "data_manifest_sha256": "ab" * 32}, "commit": "1"}
    card = card_of(manifest(training=training))
    after = "idm: 1500 steps of cpu-night, after a warm start of 2500 steps"
    assert card.training == (after, "isr: the weights of RRDB.pth")
    assert card.data_sha256 == ("ab" * 32,)


def test_the_record_is_json_with_every_fact() -> None:
    card = card_of(manifest(never_shown=["real fog"], metrics={"a_db": {"mean": 1, "low": 0, "high": 2}}))
    told = json.loads(json.dumps(card.record()))
    assert set(told) == set(Card.__slots__)
    assert told["never_shown"] == ["real fog"]
    assert told["figures"] == [{"name": "a", "value": 1.0, "low": 0.0, "high": 2.0, "unit": "dB"}]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("advice", 3),
        ("advice", "two\nlines"),
        ("purpose", "x" * (MAX_WORDS + 1)),
        ("data", None),
        ("never_shown", "dew"),
        ("never_shown", ["\x1b[2J"]),
        ("never_shown", ["x"] * 21),
    ],
)
def test_words_that_do_not_fit_are_refused_by_name(key: str, value: object) -> None:
    content = json.dumps(manifest(**{key: value})).encode()
    with pytest.raises(ModelError, match=f"{key} = .*: expected"):
        manifest_from(content, SHIPPED)


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_of_the_cards_say_what_the_manifests_do(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert section(PAGES[page]) in text, "renew it with: python -m edge.models.card_page"
