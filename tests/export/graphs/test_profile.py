"""Export of the five profiles: valid graphs with the network's own pixels, and manifests that an engine accepts."""

import json
import re
import shutil
from collections import Counter
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from edge.basics.errors import ModelError, UsageError
from edge.engines.cpu import GraphCpuEngine, open_bicubic_engine, open_cpu_engine
from edge.engines.golden import check_golden
from edge.models.profile import load_profile, typed_graph_name
from edge.sources.demo.source import DemoSource
from export.cli import main
from export.graphs.from_checkpoints import built_from_checkpoints
from export.graphs.onnx_graph import OPSET, finished, multiply_accumulates, traced
from export.graphs.profile import add_precisions, export_profile
from export.recipes import RECIPES, recipe_for
from tests.doubles.training.checkpoint_cases import CASES, IDS
from trainer.networks.resnet_generator import ResnetGenerator
from trainer.networks.rrdb import Rrdb, RrdbConfig


@pytest.fixture(scope="module")
def frame():
    return DemoSource("demo:", paced=False).render(40).degraded


IN_THE_FAST_RUN = ("live", "live-isr", "miinet-guided")
"""One of each head; the others are slow."""
PIXEL_CASES = [
    pytest.param(case, id=name, marks=() if name in IN_THE_FAST_RUN else pytest.mark.slow)
    for case, name in zip(CASES, IDS, strict=True)
]


@pytest.mark.slow
@pytest.mark.parametrize("case", PIXEL_CASES)
def test_graph_gives_torchs_pixels_within_one_level(exported, frame, case):
    profile, checkpoint, isr = exported(case)
    _, recipe = recipe_for(case[0], case[3])
    pipeline = built_from_checkpoints(recipe, checkpoint, isr).pipeline.eval()
    with torch.no_grad():
        expected = pipeline(torch.from_numpy(frame[None]))[0].numpy()
    engine = GraphCpuEngine(profile, 2)
    found = engine.enhance(frame).image
    assert np.abs(found.astype(np.int16) - expected).max() <= 1
    assert np.abs(found.astype(np.int16) - frame).mean() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_graph_is_standard_static_folded_and_named(exported, case):
    profile, _, _ = exported(case)
    for path in (profile.graph, profile.graph_for("fp16")):
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert [(o.domain, o.version) for o in model.opset_import] == [("", OPSET)]
        ends = {
            v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
            for v in (*model.graph.input, *model.graph.output)
        }
        assert ends == {"frame": [1, 1080, 1920, 3], "enhanced": [1, 1080, 1920, 3]}
        assert not {"Shape", "Gather", "Constant", "Identity", "ConstantOfShape"} & {
            n.op_type for n in model.graph.node
        }
        used = {name for node in model.graph.node for name in node.input} | {"enhanced"}
        assert all(used & set(node.output) for node in model.graph.node)
        assert all(used & {weight.name} for weight in model.graph.initializer)


def attributes(model, op_type, *names):
    nodes = [node for node in model.graph.node if node.op_type == op_type]
    values = [{a.name: onnx.helper.get_attribute_value(a) for a in node.attribute} for node in nodes]
    return Counter(tuple(value.get(name) for name in names) for value in values)


RESIZE = ("mode", "coordinate_transformation_mode")
NEAREST, LINEAR, CUBIC = (b"nearest", b"asymmetric"), (b"linear", b"half_pixel"), (b"cubic", b"half_pixel")


@pytest.mark.parametrize(
    ("case", "resizes", "reflected", "norms", "transposed"),
    [
        (CASES[0], {NEAREST: 2, LINEAR: 3}, 1, 0, 0),
        (CASES[1], {NEAREST: 2, LINEAR: 1, CUBIC: 1}, 1, 0, 0),
        (CASES[2], {NEAREST: 2, LINEAR: 2}, 1, 0, 0),
        (CASES[3], {NEAREST: 2}, 5, 7, 2),
        (CASES[4], {LINEAR: 2}, 7, 7, 2),
    ],
    ids=IDS,
)
def test_operators_are_those_that_tensorrt_runs_as_layers_of_its_own(
    exported, case, resizes, reflected, norms, transposed
):
    """Resizes without antialiasing, reflecting pads that become slices, normalisation in one operator."""
    model = onnx.load(exported(case)[0].graph)
    counts = Counter(node.op_type for node in model.graph.node)
    assert attributes(model, "Resize", *RESIZE) == resizes
    assert attributes(model, "Pad", "mode")[b"reflect",] == reflected
    assert attributes(model, "Resize", "antialias") == {(None,): sum(resizes.values())}
    assert (counts["InstanceNormalization"], counts["ConvTranspose"]) == (norms, transposed)
    assert [node.op_type for node in model.graph.node if "frame" in node.input] == ["Cast"]
    assert [node.op_type for node in model.graph.node if "enhanced" in node.output] == ["Cast"]


def test_export_is_reproducible_byte_for_byte(exported, checkpoints, tmp_path):
    profile, checkpoint, _ = exported(CASES[0])
    again = export_profile(checkpoint, "live", tmp_path, version="7", licence="test only", num_frames=1)
    for name in ("model.onnx", "dehaze.onnx", "model.fp16.onnx"):
        assert (again / name).read_bytes() == (profile.folder / name).read_bytes()


def test_manifest_says_what_it_is(exported):
    manifest = exported(CASES[3])[0].manifest
    kinds = [network["kind"] for network in manifest["networks"]]
    assert kinds == ["resnet_generator", "rrdb"]
    assert all(network["macs"] > 1e6 and network["parameters"] > 1000 for network in manifest["networks"])
    whole = multiply_accumulates(exported(CASES[3])[0].graph)
    assert sum(network["macs"] for network in manifest["networks"]) == whole
    assert (manifest["version"], manifest["licence"], manifest["upscale"]) == ("7", "test only", {"kind": "isr"})
    assert manifest["training"]["idm"]["recipe"] == manifest["training"]["isr"]["recipe"] == "test"
    found = manifest["precisions"]["fp16"]["against_fp32"]
    assert found["psnr_db"] >= 45
    assert found["frames"] == {"kind": "demo throat, synthetic", "count": 1, "veiled_too": True}


def macs_per_pixel(network):
    return multiply_accumulates(finished(traced(network, (torch.zeros(1, 3, 32, 32),), (["x"], ["y"])))) / 32**2


@pytest.mark.slow
def test_paper_sized_networks_have_the_papers_arithmetic():
    """Expected values: worked out by hand from the layers' shapes, for 480x272 and 480x270."""
    assert macs_per_pixel(ResnetGenerator()) * 480 * 272 / 1e9 == pytest.approx(98.7, rel=0.005)
    one, two = (macs_per_pixel(Rrdb(RrdbConfig(num_block=number))) for number in (1, 2))
    assert (one + 22 * (two - one)) * 480 * 270 / 1e9 == pytest.approx(2323, rel=0.005)


@pytest.mark.parametrize("case", [CASES[0], CASES[4]], ids=["live", "miinet-guided"])
def test_a_guided_profile_runs_its_dehazer_alone_on_a_cpu_with_the_same_pixels(exported, frame, case):
    profile = exported(case)[0]
    host = open_cpu_engine(profile, 2)
    difference = np.abs(host.enhance(frame).image.astype(np.int16) - GraphCpuEngine(profile, 2).enhance(frame).image)
    assert difference.max() <= 1
    host.close()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_every_profile_stores_what_its_graph_makes_of_the_golden_frame(exported, case):
    profile = exported(case)[0]
    engine = GraphCpuEngine(profile, 2)
    assert check_golden(engine, profile) >= 60
    engine.close()
    if profile.dehazer is not None:
        for opener, softer in ((open_cpu_engine, False), (open_bicubic_engine, True)):
            engine = opener(profile, 2)
            check_golden(engine, profile, softer=softer)
            engine.close()


def test_the_golden_answer_alone_is_stored_where_no_precision_is_named(exported, tmp_path):
    folder = tmp_path / "live"
    shutil.copytree(exported(CASES[0])[0].folder, folder)
    manifest = json.loads((folder / "model.json").read_text())
    golden = manifest.pop("golden")
    (folder / "model.json").write_text(json.dumps(manifest))
    add_precisions(folder, [])
    assert json.loads((folder / "model.json").read_text()) == {**manifest, "golden": golden}
    assert golden["min_psnr_db"] == 45.0


def test_an_altered_graph_of_lower_precision_is_refused(exported, tmp_path):
    profile, checkpoint, _ = exported(CASES[0])
    folder = export_profile(checkpoint, "live", tmp_path, version="1", licence="-", precisions=())
    with pytest.raises(ModelError, match=r"has no fp16 graph; add one: edge-export onnx .* --precision fp16"):
        load_profile("live", (tmp_path,)).graph_for("fp16")
    add_precisions(folder, ["fp16"], num_frames=1)
    path = load_profile("live", (tmp_path,)).graph_for("fp16")
    assert path.read_bytes() == profile.graph_for("fp16").read_bytes()
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ModelError, match="its manifest says"):
        load_profile("live", (tmp_path,)).graph_for("fp16")


@pytest.mark.slow
def test_a_new_export_removes_what_belonged_to_the_old_weights(checkpoints, tmp_path):
    options = {"version": "1", "licence": "-"}
    export_profile(checkpoints["student"], "live", tmp_path, num_frames=1, **options)
    folder = export_profile(checkpoints["student"], "live", tmp_path, precisions=(), **options)
    assert sorted(path.name for path in folder.iterdir()) == ["dehaze.onnx", "model.json", "model.onnx"]
    assert not (folder / typed_graph_name("fp16")).exists()


@pytest.mark.parametrize(
    ("profile", "dehazer", "isr", "upscale", "error", "message"),
    [
        ("miinet", "idm", None, None, UsageError, "--isr CHECKPOINT is missing"),
        ("live", "student", "isr", None, UsageError, "no separate network that enlarges"),
        ("live-isr", "student_isr", None, "bicubic", UsageError, "leave --upscale out"),
        ("miinet", "student", "isr", None, ModelError, "not a resnet_generator's checkpoint, it holds student"),
        ("miinet", "idm", "idm", None, ModelError, "not a rrdb's checkpoint, it holds resnet_generator"),
    ],
)
def test_wrong_ingredients_are_named_and_nothing_is_written(
    checkpoints, tmp_path, profile, dehazer, isr, upscale, error, message
):
    with pytest.raises(error, match=message):
        export_profile(
            checkpoints[dehazer], profile, tmp_path / "out", version="1", licence="-",
            isr=isr and checkpoints[isr], upscale=upscale,
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_a_damaged_checkpoint_writes_nothing(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"x\.safetensors"):
        export_profile(tmp_path / "x.safetensors", "live", tmp_path / "out", version="1", licence="-")
    assert not (tmp_path / "out").exists()


def test_cyclegan_is_made_as_miinet_is_from_other_weights():
    assert replace(RECIPES["cyclegan"], has_texture_term=True) == RECIPES["miinet"]


def test_variants_are_named_after_profile_and_upscale():
    assert recipe_for("miinet", "guided") == ("miinet-guided", RECIPES["miinet-guided"])
    assert recipe_for("live", "bicubic")[0] == "live-bicubic"
    assert recipe_for("live", None) == ("live", RECIPES["live"])


def test_command_writes_a_profile_and_tells_where(checkpoints, tmp_path, capsys):
    command = ["onnx", str(checkpoints["student"]), "--profile", "live", "--frames", "1", "-o", str(tmp_path)]
    assert main(command) == 2
    assert "--licence is missing" in capsys.readouterr().err
    assert main([*command, "--licence", "test only"]) == 0
    gate, done = capsys.readouterr().out.splitlines()
    assert re.match(
        r"fp16 against fp32 on 1 x demo throat.*: \d+\.\d+ dB, at most \d/255 off; the gate wants at l", gate
    )
    assert done == f"{tmp_path / 'live'}: version 1"
    assert json.loads((tmp_path / "live" / "model.json").read_text())["profile"] == "live"
    session = onnxruntime.InferenceSession(tmp_path / "live" / "model.fp16.onnx", providers=["CPUExecutionProvider"])
    assert [end.name for end in (*session.get_inputs(), *session.get_outputs())] == ["frame", "enhanced"]
