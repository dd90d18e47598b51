"""`edge-export engine` with NVIDIA's real TensorRT-RTX: parser, type checks and compiler need no GPU; running does."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.basics.errors import DeviceMissing, ModelError, UsageError
from edge.basics.whole_files import file_sha256
from edge.engines.gpu.plan import FORMAT, read_plan, rebuild_command
from edge.engines.gpu.trt_versions import load_trt
from edge.models.profile import SHIPPED, load_profile, profile_names
from export.cli import main
from export.on_unit.build import EngineOptions, build_engine, find_model, precision_of
from export.on_unit.builder import BuildOptions, check_graph, plan_from_onnx
from tests.doubles.gpu_unit import of_before
from tests.doubles.parts import part
from tests.doubles.training.checkpoint_cases import CASES, IDS

RTX = EngineOptions(runtime="tensorrt-rtx", compute_capability=(8, 6))


@pytest.fixture
def live(tmp_path):
    """A copy of the shipped profile that a test may damage."""
    shutil.copytree(SHIPPED / "live", tmp_path / "live")
    return tmp_path / "live"


def resealed(folder, **changes):
    """The manifest after a change of its files, hashes made to fit."""
    path = folder / "model.json"
    manifest = json.loads(path.read_text()) | changes
    manifest["sha256"] = file_sha256(folder / "model.onnx")
    manifest["precisions"]["fp16"]["sha256"] = file_sha256(folder / "model.fp16.onnx")
    path.write_text(json.dumps(manifest))


SHIPPED_FORMS = [
    pytest.param(name, "fp16", marks=[] if name.startswith("live") else pytest.mark.slow) for name in profile_names()
] + [("live", "fp32"), ("live-fast", "fp32")]
"""In fp32 the enlarger wants more memory than the stand-in for a GPU has."""


@pytest.mark.parametrize(("name", "precision"), SHIPPED_FORMS)
def test_every_shipped_profile_builds_strongly_typed(trt_rtx, tmp_path, name, precision):
    api = load_trt("tensorrt-rtx")
    assert api.is_strongly_typed
    profile = load_profile(name)
    graph = profile.graph_for(precision)
    built = plan_from_onnx(api, graph, BuildOptions(compute_capability=(8, 6)), profile.whole(graph))
    assert len(built.content) > 1e5
    assert built.num_held == 0


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_every_kind_of_profile_builds_strongly_typed(trt_rtx, exported, case):
    graph = exported(case)[0].graph_for("fp16")
    check_graph(graph)
    built = plan_from_onnx(load_trt("tensorrt-rtx"), graph, BuildOptions(compute_capability=(8, 6)))
    assert len(built.content) > 1e5


def test_plan_has_a_small_sidecar_and_a_second_call_does_nothing(trt_rtx, live, tmp_path):
    path, is_new = build_engine(find_model(str(live)), tmp_path / "engines", RTX)
    content, sidecar = read_plan(path, "")
    assert (is_new, path.name) == (True, f"live-{sidecar['key'][:16]}.plan")
    assert sidecar["gpu"] == {"name": "any", "compute_capability": "8.6", "num_sm": 0}
    assert sidecar["runtime"] == f"tensorrt-rtx {trt_rtx.__version__}"
    assert sidecar["format"] == FORMAT
    assert path.with_suffix(".json").stat().st_size < 2000, "what proves a plan lies in the manifest"
    before = path.stat().st_mtime_ns
    assert build_engine(find_model(str(live / "model.onnx")), tmp_path / "engines", RTX) == (path, False)
    assert path.stat().st_mtime_ns == before
    path.write_bytes(content[:1000])
    assert build_engine(find_model(str(live)), tmp_path / "engines", RTX) == (path, True)
    assert read_plan(path, "")[0]


def test_a_plan_of_the_version_before_is_built_anew_without_force(trt_rtx, live, tmp_path, capsys):
    """The command that the refusal names, word for word."""
    profile = find_model(str(live))
    path, _ = build_engine(profile, tmp_path / "engines", RTX)
    of_before(path)
    with pytest.raises(ModelError, match=r"format none, expected 2\); run: edge-export ") as caught:
        read_plan(path, rebuild_command(path, profile.argument))
    command = str(caught.value).partition("; run: edge-export ")[2].split()
    assert main(command) == 0
    assert capsys.readouterr().out.strip() == str(path)
    assert "golden" not in read_plan(path, "")[1]
    of_before(path)
    assert main(["inspect", str(path)]) == ModelError.exit_code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].endswith(
        f"run: edge-export engine live -o {path.parent} --runtime tensorrt-rtx --compute-capability 8.6"
    )


def test_a_profile_without_an_answer_to_the_golden_frame_gets_no_engine(trt_rtx, live, tmp_path):
    manifest = json.loads((live / "model.json").read_text())
    del manifest["golden"]
    (live / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=r"stores no answer to the golden frame; add it: edge-export onnx"):
        build_engine(find_model(str(live)), tmp_path / "engines", RTX)
    assert not (tmp_path / "engines").exists()


def test_another_precision_or_target_is_another_plan(trt_rtx, live, tmp_path):
    from dataclasses import replace

    profile = find_model(str(live))
    options = [RTX, replace(RTX, precision="fp32"), replace(RTX, compute_capability=(8, 9))]
    paths = {build_engine(profile, tmp_path, option)[0] for option in options}
    assert len(paths) == 3
    with pytest.raises(UsageError, match=r"SM99: tensorrt-rtx .* builds for SM120"):
        build_engine(profile, tmp_path, replace(RTX, compute_capability=(9, 9)))
    with pytest.raises(ModelError, match=r"no int8 graph; add one: edge-export onnx"):
        build_engine(profile, tmp_path, replace(RTX, precision="int8"))


def test_best_takes_the_lowest_precision_that_was_exported():
    profile = load_profile("live")
    assert precision_of(profile, "best") == "fp16"
    assert precision_of(profile, "fp32") == "fp32"


def retyped(folder, change):
    for name in ("model.onnx", "model.fp16.onnx"):
        model = onnx.load(folder / name)
        change(model)
        onnx.save(model, folder / name)


def rename_input(model):
    model.graph.input[0].name = "picture"
    for node in model.graph.node:
        node.input[:] = ["picture" if name == "frame" else name for name in node.input]


def external(model):
    weight = max(model.graph.initializer, key=lambda w: len(w.raw_data))
    onnx.external_data_helper.set_external_data(weight, "weights.bin")
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL


def cut(model):
    del model.graph.node[40:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rename_input, r"inputs and outputs are \[\('picture'"),
        (external, "weights.bin"),
        (cut, "not a graph that can be run"),
    ],
    ids=["other names", "external data missing", "cut"],
)
def test_a_graph_that_is_no_profile_is_refused_before_the_build(trt_rtx, live, tmp_path, change, message):
    retyped(live, change)
    resealed(live)
    with pytest.raises(ModelError, match=message) as caught:
        build_engine(find_model(str(live)), tmp_path / "engines", RTX)
    assert "\n" not in str(caught.value)
    assert "export the profile again" in str(caught.value)
    assert not list(tmp_path.glob("engines/*"))


def test_a_newer_opset_and_an_altered_file_are_refused(trt_rtx, live, tmp_path):
    resealed(live, opset=99)
    with pytest.raises(ModelError, match="opset 99 is newer than tensorrt-rtx"):
        build_engine(find_model(str(live)), tmp_path / "engines", RTX)
    (live / "model.onnx").write_bytes(b"x")
    with pytest.raises(ModelError, match="its manifest says"):
        find_model(str(live))


def graph_file(folder, nodes, *, weights=()):
    ends = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, [1, 1080, 1920, 3]) for name in ("frame", "enhanced")
    ]
    first = helper.make_node("Cast", ["frame"], ["x"], to=TensorProto.FLOAT)
    last = helper.make_node("Cast", ["out"], ["enhanced"], to=TensorProto.UINT8)
    graph = helper.make_graph([first, *nodes, last], "g", ends[:1], ends[1:], list(weights))
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def mixed_types():
    half = numpy_helper.from_array(np.float16(0.5), "half")
    return [helper.make_node("Mul", ["x", "half"], ["out"])], [half]


def computing_in_uint8():
    return [
        helper.make_node("Transpose", ["frame"], ["t"], perm=[0, 1, 2, 3]),
        helper.make_node("Cast", ["t"], ["out"], to=1),
    ], []


def unknown_operator():
    return [helper.make_node("Det", ["x"], ["out"])], []


@pytest.mark.parametrize("case", [mixed_types, computing_in_uint8, unknown_operator])
def test_what_the_real_parser_refuses_is_one_line(trt_rtx, tmp_path, case):
    nodes, weights = case()
    path = graph_file(tmp_path, nodes, weights=weights)
    with pytest.raises(ModelError, match=r"tensorrt-rtx .* (does not read the graph|builds no engine)") as caught:
        plan_from_onnx(load_trt("tensorrt-rtx"), path, BuildOptions(compute_capability=(8, 6)))
    assert "\n" not in str(caught.value)


def test_a_real_plan_is_not_deserialised_without_a_gpu(trt_rtx):
    from edge.engines.gpu.trt_log import collecting_logger, last_error

    api = load_trt("tensorrt-rtx")
    profile = load_profile("live")
    built = plan_from_onnx(api, profile.graph_for("fp16"), BuildOptions(compute_capability=(8, 6)))
    logger = collecting_logger(api)
    if api.trt.Runtime(logger).deserialize_cuda_engine(built.content) is not None:
        pytest.skip("this machine has a GPU; tests/edge/engines/gpu/test_on_device.py runs the engine")
    assert "\n" not in last_error(logger)


def test_ctrl_c_during_a_build_leaves_nothing(live, tmp_path):
    """A real process, a real build, a real signal at its first step."""
    env = {**os.environ, "PYTHONPATH": str(part("rtx"))}
    script = (
        "import sys, os, signal, export.on_unit.builder as b, export.cli as c\n"
        "real = b._progress\n"
        "def hooked(api, title, interrupted):\n"
        "    monitor = real(api, title, interrupted)\n"
        "    class Hit(type(monitor)):\n"
        "        def step_complete(self, phase, step):\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "            return super().step_complete(phase, step)\n"
        "    return Hit()\n"
        "b._progress = hooked\n"
        "sys.exit(c.main(sys.argv[1:]))\n"
    )
    options = ["--runtime", "tensorrt-rtx", "--compute-capability", "8.6"]
    command = [sys.executable, "-c", script, "engine", str(live), "-o", str(tmp_path / "engines"), *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert [path.name for path in (tmp_path / "engines").iterdir()] == []


def test_without_tensorrt_or_a_gpu_the_command_says_what_is_missing(live, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert main(["engine", str(live), "-o", str(tmp_path / "engines")]) == DeviceMissing.exit_code
    assert "tensorrt is not installed" in capsys.readouterr().err
    assert not (tmp_path / "engines").exists()


def test_command_tells_what_it_did(trt_rtx, live, tmp_path, capsys):
    command = ["engine", str(live), "-o", str(tmp_path), "--runtime", "tensorrt-rtx", "--compute-capability", "8.6"]
    assert main(command) == 0
    path = Path(capsys.readouterr().out.strip())
    assert path.is_file()
    begin = time.monotonic()
    assert main(command) == 0
    assert capsys.readouterr().out == f"{path}: up to date, nothing done; --force builds it again\n"
    assert time.monotonic() >= begin
    assert main([*command, "--force"]) == 0
    assert capsys.readouterr().out == f"{path}\n"
    check_graph(live / "model.fp16.onnx")
