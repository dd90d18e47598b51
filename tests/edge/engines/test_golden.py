"""The golden frame: the same everywhere, and no broken engine gets past it."""

import dataclasses
import math

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edge.basics.errors import EngineFailed, EngineLost, ModelError
from edge.engines.cpu import GuidedCpuEngine, open_bicubic_engine, open_cpu_engine
from edge.engines.engine import Enhanced
from edge.engines.golden import check_golden, frame_sha256, golden_frame, golden_record
from edge.models.profile import load_profile
from edge.pictures.packed import packed_picture
from export.precisions.rounded import run_on_cpu, shown_on_cpu

FRAME_SHA256 = "a562930a5b3a49d499115efd93d35e62716a7bc09ca2b3181ca9f7ebe30bb2ac"
"""Of the frame as first drawn; another one takes the stored answers of all profiles their meaning."""


@pytest.fixture(scope="module")
def profile():
    return load_profile("live")


@pytest.fixture(scope="module")
def answer(profile):
    """What the shipped profile's CPU engine makes of the frame."""
    engine = open_cpu_engine(profile)
    try:
        return engine.enhance(golden_frame()).image
    finally:
        engine.close()


class Answering:
    """Implements `Engine`: gives this picture, or raises."""

    profile, model_sha256, device = "live", "", "test"

    def __init__(self, answer):
        self.answer = answer

    def enhance(self, image, out=None):
        if isinstance(self.answer, Exception):
            raise self.answer
        made = self.answer(image) if callable(self.answer) else self.answer
        if out is not None:
            out[:] = made
        return Enhanced(made if out is None else out, {})

    def close(self): ...


def without_golden(profile):
    return dataclasses.replace(profile, manifest={k: v for k, v in profile.manifest.items() if k != "golden"})


def with_golden(profile, **changes):
    golden = {**profile.manifest["golden"], **changes}
    return dataclasses.replace(profile, manifest={**profile.manifest, "golden": golden})


def test_the_frame_is_the_same_on_every_machine():
    frame = golden_frame()
    assert (frame.shape, frame.dtype) == ((1080, 1920, 3), np.uint8)
    assert frame_sha256() == FRAME_SHA256


@pytest.mark.parametrize(
    "opener, softer, margin_db",
    [
        pytest.param(open_cpu_engine, False, 30, id="guided on the CPU"),
        pytest.param(open_bicubic_engine, True, 14, id="bicubic"),
    ],
)
def test_the_shipped_profile_passes_with_margin(profile, opener, softer, margin_db):
    engine = opener(profile)
    try:
        psnr_db = check_golden(engine, profile, softer=softer)
    finally:
        engine.close()
    limit_db = profile.manifest["golden"]["min_softer_psnr_db" if softer else "min_psnr_db"]
    assert psnr_db >= limit_db + margin_db


def test_half_precision_passes_with_margin(profile):
    graph = shown_on_cpu(profile.graph_for("fp16").read_bytes(), "fp16")
    engine = Answering(lambda frame: np.asarray(run_on_cpu(graph, frame)[0][0], np.uint8))
    assert check_golden(engine, profile) >= 55


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda right: np.zeros_like(right), id="black"),
        pytest.param(lambda right: np.full_like(right, 127), id="flat"),
        pytest.param(lambda right: golden_frame(), id="raw"),
        pytest.param(lambda right: np.ascontiguousarray(right[..., ::-1]), id="swapped channels"),
        pytest.param(lambda right: 255 - right, id="negative"),
        pytest.param(lambda right: right[::-1], id="upside down"),
        pytest.param(lambda right: np.roll(right, 4, axis=1), id="moved by four pixels"),
        pytest.param(lambda right: np.where(np.arange(1080)[:, None, None] < 900, right, 0).astype(np.uint8), id="cut"),
    ],
)
@pytest.mark.parametrize("softer", [False, True], ids=["own upscale", "bicubic"])
def test_a_broken_answer_is_refused_in_one_line(profile, answer, broken, softer):
    with pytest.raises(ModelError, match=r"golden frame.* dB, expected") as caught:
        check_golden(Answering(broken(answer)), profile, softer=softer)
    assert "\n" not in str(caught.value)


def test_a_picture_without_its_detail_is_refused_unless_it_may_be_softer(profile):
    engine = open_bicubic_engine(profile)
    with pytest.raises(ModelError, match="detail comes out at"):
        check_golden(engine, profile)
    engine.close()


@pytest.mark.parametrize("layer", [0, 6, 10, 18])
def test_one_shuffled_layer_is_refused(profile, tmp_path, layer):
    model = onnx.load(str(profile.dehazer))
    weight = [w for w in model.graph.initializer if len(w.dims) == 4][layer]
    values = numpy_helper.to_array(weight)
    shuffled = values[np.random.default_rng(0).permutation(len(values))]
    weight.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(shuffled), weight.name))
    onnx.save(model, str(tmp_path / "dehaze.onnx"))
    engine = GuidedCpuEngine(profile, tmp_path / "dehaze.onnx", 2)
    with pytest.raises(ModelError, match="golden frame"):
        check_golden(engine, profile)
    engine.close()


def test_an_engine_without_an_answer_is_a_wrong_model_and_a_lost_device_is_not(profile):
    with pytest.raises(ModelError, match="the network gave NaN"):
        check_golden(Answering(EngineFailed("the network gave NaN")), profile)
    with pytest.raises(EngineLost):
        check_golden(Answering(EngineLost("gone")), profile)


@pytest.mark.parametrize(
    "is_good, answer",
    [
        pytest.param(True, lambda frame: 255 - frame // 2, id="follows the frame"),
        pytest.param(False, lambda frame: frame * 0, id="black"),
        pytest.param(False, lambda frame: frame * 0 + 200, id="flat"),
        pytest.param(False, lambda frame: np.random.default_rng(1).integers(0, 255, frame.shape, np.uint8), id="noise"),
    ],
)
@pytest.mark.parametrize("is_old", [False, True], ids=["none stored", "of another version's frame"])
def test_without_a_stored_answer_the_picture_must_follow_the_frame(profile, is_good, answer, is_old):
    bare = with_golden(profile, frame_sha256="0" * 64) if is_old else without_golden(profile)
    if is_good:
        assert math.isnan(check_golden(Answering(answer), bare))
    else:
        with pytest.raises(ModelError, match="does not follow the frame"):
            check_golden(Answering(answer), bare)


@pytest.mark.parametrize(
    "changes, message",
    [
        pytest.param({"enhanced": "no base64!"}, "golden.enhanced: is no picture of 240x135", id="no base64"),
        pytest.param({"enhanced": "é"}, "golden.enhanced: is no picture of 240x135", id="not ASCII"),
        pytest.param({"enhanced": None}, "golden.enhanced: is no picture of 240x135", id="no picture"),
        pytest.param({"detail": packed_picture(np.zeros((9, 9, 3), np.uint8))}, "but of 9x9", id="another size"),
        pytest.param({"min_psnr_db": "45"}, "golden.min_psnr_db: is '45'", id="limit as text"),
        pytest.param({"min_psnr_db": math.nan}, "golden.min_psnr_db: is nan", id="limit NaN"),
        pytest.param({"min_psnr_db": True}, "golden.min_psnr_db: is True", id="limit true"),
    ],
)
def test_a_damaged_record_is_told_by_its_key(profile, answer, changes, message):
    with pytest.raises(ModelError) as caught:
        check_golden(Answering(answer), with_golden(profile, **changes))
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_record_that_is_no_table_is_refused(profile, answer):
    damaged = dataclasses.replace(profile, manifest={**profile.manifest, "golden": [1]})
    with pytest.raises(ModelError, match="expected a table"):
        check_golden(Answering(answer), damaged)


def test_the_shipped_record_is_the_shipped_graphs(profile, answer):
    """By the CPU's form; export made it from the whole graph, which may round a pixel otherwise."""
    stored, made = profile.manifest["golden"], golden_record(answer, 45.0)
    assert {k: v for k, v in stored.items() if "psnr" in k} == {k: v for k, v in made.items() if "psnr" in k}
    assert stored["frame_sha256"] == made["frame_sha256"]
