"""Intervals, tests and sets of a comparison whose records are known."""

import math

import numpy as np
import pytest

from trainer.judging.comparing.records import Case, Comparison, MethodOfRun, Record, Run, encoded
from trainer.judging.comparing.summary import interval, sets_of, signed_rank_p, summarised
from trainer.judging.comparing.tables import comparison_text

NUM = 12


def comparison(folder, shift=1.0, features=True):
    """Twelve pictures, each under a taught and an untaught fog; `b` has `shift` more PSNR than `a`."""
    methods = (
        MethodOfRun("original", "original"),
        MethodOfRun("a", "resnet_generator", beta=0.0, taught=("airlight",)),
        MethodOfRun("b", "resnet_generator", beta=1.5, taught=("airlight",)),
        MethodOfRun("hq", "hq"),
    )
    fogs = ("airlight", "dew")
    cases = [Case(2 * n + k + 1, "throats", f"{n}.png", fogs[k], 0.5) for n in range(NUM) for k in range(2)]
    run = Run({}, methods, tuple(cases))
    rng = np.random.default_rng(0)
    levels = rng.normal(20, 2, NUM)
    records = []
    for case, method in run.expected():
        number = (case.number - 1) // 2
        values = {"original": 0.0, "a": levels[number], "b": levels[number] + shift * (1 + 0.01 * number), "hq": 40.0}
        fog = 1 if case.fog == "dew" else -1
        point = rng.normal(3 * (method.name == "a"), 1, 4).astype(np.float32)
        records.append(Record(case.number, case.kind, case.source, case.fog, 0.5, method.name, "x.jpg",
                              {"psnr": values[method.name] + fog, "haze": 0.5},
                              encoded(point) if features else ""))  # fmt: skip
    return Comparison(folder, run, tuple(records)), levels


def test_a_mean_is_over_source_pictures_and_its_interval_holds_it(tmp_path):
    compared, levels = comparison(tmp_path)
    mean = summarised(compared).mean_of("psnr", "a", "fog")
    assert mean.num == NUM and mean.mean == pytest.approx(levels.mean())
    half = 1.96 * levels.std() / math.sqrt(NUM)
    assert (mean.mean - mean.low, mean.high - mean.mean) == (pytest.approx(half, rel=0.2), pytest.approx(half, rel=0.2))


def test_fog_that_was_not_taught_is_a_set_of_its_own(tmp_path):
    compared, levels = comparison(tmp_path)
    assert sets_of(compared) == {"fog": set(range(1, 25)), "fog not taught": set(range(2, 25, 2))}
    assert summarised(compared).mean_of("psnr", "a", "fog not taught").mean == pytest.approx(levels.mean() + 1)


def test_pairs_are_tested_and_corrected(tmp_path):
    """Twelve differences of one sign: p = 2 / 2^12 (Wilcoxon 1945), Holm over the six tests of the set."""
    tests = {(t.measure, t.one, t.other): t for t in summarised(comparison(tmp_path)[0]).tests if t.kind == "fog"}
    assert len(tests) == 6
    found = tests["psnr", "b", "a"]
    assert found.num == NUM and found.mean == pytest.approx(1.055) and found.low > 1
    assert found.p == pytest.approx(2 / 2**12)
    assert found.p_corrected == pytest.approx(6 * found.p)
    assert tests["haze", "b", "a"].p_corrected == 1


def test_by_hand_and_at_the_edges():
    assert signed_rank_p(np.array([1.0, 2, 3, -4, 5])) == pytest.approx(0.4375)  # W- = 4: 14 of 32 signs
    assert signed_rank_p(np.zeros(5)) == 1
    assert math.isnan(signed_rank_p(np.ones(1))) and math.isnan(interval(np.ones(1))[0])
    assert interval(np.array([1.0, 2, 3])) == interval(np.array([1.0, 2, 3]))


@pytest.mark.slow
def test_kid_sees_the_set_that_lies_apart(tmp_path):
    found = {k.method: k for k in summarised(comparison(tmp_path)[0]).kid if k.kind == "fog"}
    assert set(found) == {"original", "a", "b"}
    assert found["a"].low > 0 and found["a"].kid > found["b"].kid
    assert found["a"].low > found["b"].high > found["b"].kid > found["b"].low
    assert summarised(comparison(tmp_path, features=False)[0]).kid == ()


def test_the_text_says_means_intervals_and_differences(tmp_path):
    compared, _ = comparison(tmp_path)
    text = comparison_text(compared, summarised(compared))
    assert "### Truth: 12 held-out pictures under every family of fog" in text
    assert "| PSNR" not in text.partition("### Differences")[2].partition("###")[0]
    assert "| haze ↓ | +0.000 (p 1.000) |" in text
    assert "| b less a |" in text
