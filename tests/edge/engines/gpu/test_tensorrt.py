"""The TensorRT engine: real pycuda on a libcuda of host memory whose streams run as late as they may."""

import json

import numpy as np
import pytest

from edge.basics.errors import EngineFailed, EngineLost, ModelError
from edge.basics.whole_files import file_sha256
from edge.engines.gpu.open import NUM_FRAMES, open_tensorrt_engine
from edge.engines.gpu.plan import ANY_NAME, Gpu
from edge.engines.gpu.tensorrt import MAX_FRAMES
from edge.models.bundle_file import opened_bundle
from edge.models.profile import load_profile
from edge.pictures.geometry import FRAME_SHAPE
from edge.sources.demo.source import DemoSource
from edge.updates.store import ModelStore
from export.on_unit.bundle import write_bundle
from tests.doubles.gpu_unit import graph, of_before, onnxruntime_answer


def opened(unit):
    return open_tensorrt_engine(unit.profile, unit.engines)


@pytest.fixture(params=["discrete", "integrated"])
def memory(request, monkeypatch):
    monkeypatch.setenv("HOST_CUDA_INTEGRATED", str(int(request.param == "integrated")))
    return request.param


@pytest.mark.slow
def test_pixels_are_those_of_the_graph_for_every_frame(gpu, unit, memory):
    unit.put_plan()
    engine = opened(unit)
    frames = [np.roll(unit.frame, shift, 1) for shift in range(6)]
    answers = [engine.enhance(frame) for frame in frames]
    for frame, answer in zip(frames, answers, strict=True):
        assert np.array_equal(answer.image, 255 - frame)
        assert set(answer.stage_ms) == {"gpu", "copy", "submit"}
    engine.close()


@pytest.mark.slow
def test_shipped_profile_is_bit_equal_to_onnxruntime(gpu, unit):
    shipped = load_profile("live")
    content = shipped.graph.read_bytes()
    frame = DemoSource("demo:", paced=False).render(40).degraded
    unit.put_plan(content)
    engine = opened(unit)
    assert np.array_equal(engine.enhance(frame).image, onnxruntime_answer(content, frame))
    engine.close()


def test_three_frames_are_on_their_way_and_come_back_in_order(gpu, unit, memory):
    unit.put_plan()
    engine = opened(unit)
    frames = [np.full(FRAME_SHAPE, level, np.uint8) for level in (10, 20, 30, 40, 50, 60, 70)]
    levels = []
    for number, frame in enumerate(frames):
        engine.submit(frame)
        if number >= 2:
            levels.append(int(engine.collect().image[0, 0, 0]))
    levels += [int(engine.collect().image[0, 0, 0]) for _ in range(2)]
    assert levels == [245, 235, 225, 215, 205, 195, 185]
    for frame in frames[:3]:
        engine.submit(frame)
    with pytest.raises(ValueError, match="collect one first"):
        engine.submit(frames[3])
    engine.close()


@pytest.mark.parametrize("first", ["_run", "_copy_out", "_copy_in"])
def test_no_frame_touches_anothers_buffers_whichever_stream_gets_ahead(gpu, unit, first):
    """The double runs a stream when it is waited for: here one of the three is pushed ahead of the others."""
    unit.put_plan()
    engine = opened(unit)
    frames = [np.full(FRAME_SHAPE, level, np.uint8) for level in (10, 20, 30)]
    for frame in frames:
        engine.submit(frame)
    getattr(engine, first).synchronize()
    assert [int(engine.collect().image[0, 0, 0]) for _ in frames] == [245, 235, 225]
    engine.close()


def test_capture_writes_where_the_engine_reads_and_results_outlive_it(gpu, unit, memory):
    unit.put_plan()
    engine = opened(unit)
    lent = engine.lend()
    lent[:] = unit.frame
    address = lent.__array_interface__["data"][0]
    result = engine.enhance(lent).image
    assert engine.lend().__array_interface__["data"][0] != address
    engine.close()
    assert engine.lend() is None
    assert np.array_equal(result, 255 - unit.frame)


@pytest.mark.slow
def test_frames_come_back_when_nothing_refers_to_them_and_more_are_made_while_viewers_hold_some(gpu, unit):
    unit.put_plan()
    engine = opened(unit)
    for _ in range(3 * NUM_FRAMES):
        row = engine.enhance(unit.frame).image[5]
    assert len(engine._pool) == NUM_FRAMES
    held = [engine.enhance(unit.frame).image for _ in range(MAX_FRAMES - 2)]
    with pytest.raises(EngineFailed, match="in use"):
        engine.enhance(unit.frame)
    del held
    assert np.array_equal(row, 255 - unit.frame[5])
    assert np.array_equal(engine.enhance(unit.frame).image, 255 - unit.frame)
    engine.close()


@pytest.mark.parametrize("refused", [False, True], ids=["recorded", "refused"])
def test_cuda_graph_gives_the_same_pixels(gpu, unit, memory, monkeypatch, refused):
    monkeypatch.setattr("edge.engines.gpu.tensorrt.GRAPH_PAYS_BELOW", 1e9)
    monkeypatch.setenv("HOST_CUDA_NO_GRAPH", str(int(refused)))
    unit.put_plan()
    engine = opened(unit)
    assert engine.uses_cuda_graph is not refused
    assert ("CUDA graph" in engine.device) is not refused
    for shift in range(4):
        frame = np.roll(unit.frame, shift, 0)
        assert np.array_equal(engine.enhance(frame).image, 255 - frame)
    engine.close()


def test_black_picture_is_refused_and_a_black_scene_is_not(gpu, unit):
    unit.put_plan(graph("bright"))
    engine = opened(unit)
    with pytest.raises(EngineFailed, match="black"):
        engine.enhance(np.full(FRAME_SHAPE, 100, np.uint8))
    assert not engine.enhance(np.zeros(FRAME_SHAPE, np.uint8)).image.any()
    engine.close()


@pytest.mark.slow
def test_a_fault_of_the_gpu_says_that_the_engine_must_be_opened_again(gpu, unit, monkeypatch):
    unit.put_plan()
    engine = opened(unit)
    engine.enhance(unit.frame)
    monkeypatch.setenv("HOST_CUDA_FAIL_AT", "1")
    gpu.host_cuda_fail_next()
    with pytest.raises(EngineLost, match="the GPU failed"):
        engine.enhance(unit.frame)
    engine.close()
    monkeypatch.delenv("HOST_CUDA_FAIL_AT")
    engine = opened(unit)
    assert np.array_equal(engine.enhance(unit.frame).image, 255 - unit.frame)
    engine.close()


def test_too_little_memory_is_told_before_and_after_the_engine_is_there(gpu, unit, monkeypatch):
    path = unit.put_plan()
    monkeypatch.setenv("HOST_CUDA_MIB", "0")
    with pytest.raises(EngineLost, match=rf"{path}: needs 1 MiB of GPU memory, 0 MiB are free"):
        opened(unit)
    monkeypatch.setenv("HOST_CUDA_MIB", "10")
    with pytest.raises(EngineLost, match="close other programs"):
        opened(unit)


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def edit_sidecar(path):
    sidecar = path.with_suffix(".json")
    facts = json.loads(sidecar.read_text())
    facts["precision"] = "fp32"
    sidecar.write_text(json.dumps(facts))


def foreign(path):
    from edge.engines.gpu.plan import read_sidecar, write_plan

    sidecar = read_sidecar(path, "")
    write_plan(path, b"another program's plan", {k: v for k, v in sidecar.items() if k != "sidecar_sha256"})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "bytes that are not what its sidecar says"),
        (edit_sidecar, "edited after the build"),
        (lambda path: path.with_suffix(".json").unlink(), "no readable sidecar"),
        (lambda path: path.unlink(), "no engine for profile live"),
        (foreign, "magic tag does not match"),
        (of_before, r"\.json: written by another version of this program \(format none, expected 2\)"),
    ],
    ids=["cut in half", "sidecar edited", "no sidecar", "no plan", "foreign", "of the version before"],
)
def test_a_wrong_plan_is_one_line_with_the_command_to_run(gpu, unit, damage, message):
    damage(unit.put_plan())
    with pytest.raises(ModelError, match=message) as caught:
        opened(unit)
    assert str(caught.value).endswith(f"; run: edge-export engine {unit.models}/live -o {unit.engines}")
    assert "\n" not in str(caught.value)


def test_a_plan_of_another_tensorrt_says_which(gpu, unit):
    unit.put_plan(runtime="tensorrt 10.13.3.9")
    with pytest.raises(ModelError, match=r"was built for tensorrt 10\.13\.3\.9, wanted tensorrt 10\.3\.0; run: edge-e"):
        opened(unit)


def test_a_plan_that_gives_a_black_golden_frame_names_the_command(gpu, unit):
    path = unit.put_plan(graph("black"))
    with pytest.raises(ModelError, match=rf"{path}: .* black picture for the golden frame; run: .* --force"):
        opened(unit)


def installed(unit, folder, plan):
    """The profile and a plan of it, by way of a bundle."""
    bundle, models = folder / "live.bundle", folder / "installed"
    write_bundle(unit.profile, bundle, [plan])
    store = ModelStore(models)
    with store.locked(), opened_bundle(bundle) as contents:
        name, _ = store.take(contents, file_sha256(bundle), lambda _: None)
        store.use("live", name)
    return load_profile("live", (models,))


def test_a_plan_that_was_installed_with_its_profile_is_taken(gpu, unit, tmp_path):
    plan = unit.put_plan()
    profile = installed(unit, tmp_path, plan)
    plan.unlink()
    engine = open_tensorrt_engine(profile, unit.engines)
    assert np.array_equal(engine.enhance(unit.frame).image, 255 - unit.frame)
    engine.close()


def test_an_installed_plan_of_the_version_before_names_a_command_that_helps(gpu, unit, tmp_path):
    plan = unit.put_plan()
    profile = installed(unit, tmp_path, plan)
    of_before(profile.folder / "engines" / plan.name)
    built, sidecar = plan.read_bytes(), plan.with_suffix(".json").read_bytes()
    plan.unlink()
    with pytest.raises(ModelError, match="written by another version") as caught:
        open_tensorrt_engine(profile, unit.engines)
    assert str(caught.value).endswith(f"; run: edge-export engine {tmp_path}/installed/live -o {unit.engines}")
    plan.write_bytes(built)  # what the command would put there
    plan.with_suffix(".json").write_bytes(sidecar)
    open_tensorrt_engine(profile, unit.engines).close()
    of_before(plan)
    with pytest.raises(ModelError, match="written by another version"):
        open_tensorrt_engine(profile, unit.engines)


def test_a_bad_plan_in_one_place_does_not_hide_a_whole_one_in_the_other(gpu, unit, tmp_path):
    plan = unit.put_plan()
    profile = installed(unit, tmp_path, plan)
    of_before(plan)
    open_tensorrt_engine(profile, unit.engines).close()


def test_a_plan_of_the_version_before_does_not_go_into_the_bundle(gpu, unit, tmp_path):
    plan = unit.put_plan(precision="int8", runtime="tensorrt-rtx 1.7", gpu=Gpu(ANY_NAME, (8, 6), 0).facts())
    of_before(plan)
    with pytest.raises(ModelError, match=r"format none, expected 2\); run: edge-export engine ") as caught:
        write_bundle(unit.profile, tmp_path / "live.bundle", [plan])
    options = "--precision int8 --runtime tensorrt-rtx --compute-capability 8.6"
    assert str(caught.value).endswith(f" {unit.models}/live -o {unit.engines} {options}")


def test_a_plan_of_another_model_does_not_go_into_the_bundle(gpu, unit, tmp_path):
    plan = unit.put_plan(model_sha256="0" * 64)
    with pytest.raises(ModelError, match="of another model"):
        write_bundle(unit.profile, tmp_path / "live.bundle", [plan])
