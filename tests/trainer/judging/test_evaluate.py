"""Judging: the scores say what was done to the pictures."""

import cv2
import numpy as np
import pytest

from trainer.judging import evaluate as judge
from trainer.judging.held_out import HeldOut
from trainer.judging.judged import Judged
from trainer.networks.resnet_generator import ResnetGenerator, ResnetGeneratorConfig
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.networks.student import Student, StudentConfig


@pytest.fixture(scope="module")
def truths(tissue):
    return [tissue(136, 240, seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def identity():
    return Student(StudentConfig((8, 8, 8), (1, 1, 1))).eval()


def test_an_identity_student_scores_as_its_input(truths, identity):
    methods = {"input": lambda lq: lq, "student": lambda lq: judge.dehaze(identity, lq)}
    scores = judge.dehazing_scores(truths, methods)
    for fog in ("mild", "middle", "heavy"):
        assert scores[fog]["student"] == scores[fog]["input"]
    assert scores["mild"]["input"].psnr > scores["heavy"]["input"].psnr
    assert "input" not in scores["clean"]
    assert "+0.00" in judge.dehazing_table(scores)


def test_guided_is_above_bicubic_with_a_perfect_dehazer(truths):
    rows = judge.guided_table(truths, {}).splitlines()[2:]
    gains = [float(row.split("|")[4]) for row in rows]
    assert len(gains) == 5
    assert min(gains) > 3


@pytest.mark.slow
def test_panned_frames_move_as_their_motion_says():
    picture = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 256, (90, 160, 3), dtype=np.uint8), (0, 0), 2)
    frames, motions = judge.panned(picture, 3)
    assert judge.flicker(frames, motions) < 0.01
    assert judge.flicker(frames, [0 * motion for motion in motions]) > 0.1
    assert judge.flicker(judge.fogged_video(frames), motions) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize(
    "kinds, tables, measured",
    [
        pytest.param(("own",), ["2 held-out own"], {"own_mild_psnr_db"}, id="one manifest"),
        pytest.param(
            ("throats", "larynx"),
            ["2 held-out throats", "2 held-out larynx"],
            {"throats_mild_psnr_db", "larynx_clean_psnr_db"},
            id="two",
        ),
    ],
)
def test_each_set_of_pictures_has_its_table(tmp_path, truths, kinds, tables, measured):
    for number, truth in enumerate(truths):
        cv2.imwrite(str(tmp_path / f"{number}.png"), truth[..., ::-1])
    judged = Judged()
    judged.add("idm", ResnetGenerator(ResnetGeneratorConfig(4, 1)).eval())
    judged.add("isr", Rrdb(RrdbConfig(4, 1, 2)).eval())
    pictures = HeldOut({kind: sorted(tmp_path.iterdir()) for kind in kinds})
    found = judge.evaluate(pictures, None, judged)
    headings = [line for line in found.text.splitlines() if line.startswith("### Dehazing")]
    assert headings == [f"### Dehazing, {table}, 480x270" for table in tables]
    assert measured <= found.metrics["idm"].keys()
    assert set(found.metrics["isr"]) == {f"{kind}_psnr_y_db" for kind in kinds}
