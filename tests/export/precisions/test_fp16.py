"""Half precision in the graph: types, islands, the arithmetic that a CPU shows, and the gate that names a layer."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from edge.basics.errors import ModelError
from edge.models.profile import load_profile
from edge.pictures.geometry import FRAME_SHAPE
from export.graphs.from_checkpoints import built_from_checkpoints
from export.graphs.onnx_graph import whole_graph
from export.on_unit.accuracy import GATES, difference, pooled
from export.on_unit.samples import SampleFrames
from export.precisions.first_bad_layer import first_bad_layer
from export.precisions.fp16 import half_graph, half_nodes, islands
from export.precisions.graph_edit import FLOAT, HALF, element_types
from export.precisions.rounded import rounded_graph, run_on_cpu
from export.precisions.typed import typed_graph
from export.recipes import Recipe


@pytest.fixture(scope="module")
def shipped():
    return onnx.load(load_profile("live").graph)


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(2)
    smooth = np.kron(rng.integers(30, 220, (27, 48, 3)), np.ones((40, 40, 1))).astype(np.int16)
    return np.clip(smooth + rng.integers(-4, 5, FRAME_SHAPE), 0, 255).astype(np.uint8)


def small(*nodes, weights=(), ends=("frame", "enhanced")):
    """frame -> x (float, as the graphs here) -> nodes -> out -> enhanced, on a picture of 4x4 pixels."""
    shape = [1, 4, 4, 3]
    first = helper.make_node("Cast", ["frame"], ["x"], "/Cast", to=FLOAT)
    last = helper.make_node("Cast", ["out"], ["enhanced"], "/Cast_1", to=TensorProto.UINT8)
    values = [helper.make_tensor_value_info(name, TensorProto.UINT8, shape) for name in ends]
    tensors = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in weights]
    graph = helper.make_graph([first, *nodes, last], "g", values[:1], values[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(op, inputs, output, scope="/idm/", **attributes):
    return helper.make_node(op, inputs, [output], f"{scope}{op}_{output}", **attributes)


def test_every_tensor_of_the_networks_is_half_and_every_island_float(shipped):
    made = half_graph(shipped)
    onnx.checker.check_model(made, full_check=True)
    types = element_types(made)
    in_float = set(islands(made))
    for made_node in made.graph.node:
        if "/student/" in made_node.name and made_node.op_type != "Cast":
            is_island = made_node.op_type == "ReduceMean" or "/gate" in made_node.name
            assert types[made_node.output[0]] == (FLOAT if is_island else HALF), made_node.name
            assert (made_node.name in in_float) is is_island
    convolutions = [n for n in made.graph.node if n.op_type == "Conv" and "/gate" not in n.name]
    assert len(convolutions) == 16
    assert all(types[name] == HALF for conv in convolutions for name in conv.input)
    assert [end.type.tensor_type.elem_type for end in (*made.graph.input, *made.graph.output)] == [
        TensorProto.UINT8
    ] * 2


def test_guided_step_stays_in_float_but_for_its_two_maps_on_their_way_up(shipped):
    made = half_graph(shipped)
    types = element_types(made)
    outside = [
        n for n in made.graph.node if "/student/" not in n.name and types[n.output[0]] == HALF and n.op_type != "Cast"
    ]
    assert sorted(n.op_type for n in outside) == ["Resize", "Resize"]
    gate = [n for n in made.graph.node if n.op_type == "Reciprocal"]
    assert gate and all(types[n.output[0]] == FLOAT for n in gate)


def test_a_tensor_is_cast_once_however_many_read_it():
    model = small(
        node("Mul", ["x", "a"], "p"),
        node("Mul", ["x", "a"], "q"),
        node("Add", ["p", "q"], "out"),
        weights=[("a", 0.5)],
    )
    made = half_graph(model)
    assert sum(n.op_type == "Cast" for n in made.graph.node) == 2 + 2  # the ends' own, x to half, out to float
    assert [w.data_type for w in made.graph.initializer] == [HALF]


def test_scales_of_a_resize_stay_in_float(shipped):
    made = half_graph(shipped)
    types = element_types(made)
    resizes = [n for n in made.graph.node if n.op_type == "Resize"]
    assert len(resizes) == 7
    assert all(types[n.input[2]] == FLOAT and types[n.input[0]] == HALF for n in resizes)
    onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])


def test_a_weight_too_large_for_half_precision_is_named():
    model = small(node("Mul", ["x", "huge"], "out"), weights=[("huge", 1e5)])
    with pytest.raises(ModelError, match="weight huge: 100000 does not fit half precision"):
        half_graph(model)


def test_rounding_is_that_of_half_precision_after_every_operator():
    model = small(
        node("Mul", ["x", "third"], "p"),
        node("Add", ["p", "big"], "q"),
        node("Sub", ["q", "big"], "out"),
        weights=[("third", 1 / 3), ("big", 1024.0)],
    )
    shown = rounded_graph(half_graph(model))
    x = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    steps = (x.astype(np.float16) * np.float16(1 / 3)).astype(np.float16)
    expected = ((steps + np.float16(1024)).astype(np.float16) - np.float16(1024)).astype(np.uint8)
    found = run_on_cpu(shown, x)[0][0]
    assert np.array_equal(found, expected)
    assert not np.array_equal(found, run_on_cpu(model, x)[0][0])


def test_rounded_graph_agrees_with_torchs_own_half_arithmetic():
    """torch.half on the CPU is another implementation of float32 sums with rounded results."""
    torch.manual_seed(1)
    conv = torch.nn.Conv2d(3, 3, 3, padding=1)
    weights = [("w", conv.weight.detach().numpy()), ("b", conv.bias.detach().numpy())]
    model = small(
        node("Transpose", ["x"], "n", perm=[0, 3, 1, 2]),
        node("Conv", ["n", "w", "b"], "c", pads=[1, 1, 1, 1]),
        node("Mul", ["c", "c"], "s"),
        node("Transpose", ["s"], "out", perm=[0, 2, 3, 1]),
        weights=weights,
    )
    x = np.random.default_rng(0).integers(0, 40, (4, 4, 3), dtype=np.uint8)
    with torch.no_grad():
        half = conv.half()(torch.from_numpy(x).permute(2, 0, 1)[None].half())
        expected = (half * half)[0].permute(1, 2, 0).to(torch.uint8).numpy()
    found = run_on_cpu(rounded_graph(half_graph(model)), x)[0][0]
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_overflow_is_infinite_as_on_a_gpu_and_its_layer_is_named():
    model = small(
        node("Mul", ["x", "wide"], "p"),
        node("Mul", ["p", "p"], "squared"),
        node("Mul", ["squared", "narrow"], "q"),
        node("Mul", ["q", "gain"], "out"),
        weights=[("wide", 30.0), ("narrow", 1e-6), ("gain", 4.0)],
    )
    x = np.full((4, 4, 3), 200, np.uint8)
    shown = rounded_graph(half_graph(model))
    layer = first_bad_layer(model, shown, x)
    assert layer.node == "/idm/Mul_squared"
    assert np.isnan(layer.signal_to_error_db)
    assert "/idm/Mul_squared (Mul: gives infinity or no number)" in str(layer)


@pytest.mark.slow
def test_fog_before_a_normalisation_keeps_its_pixels_by_the_island_alone(checkpoints, frame):
    """Little contrast on a bright mean: rounded before the first normalisation, its error is lifted with it."""
    recipe = Recipe("idm", "bicubic")
    pipeline = built_from_checkpoints(recipe, checkpoints["idm"], None).pipeline
    model = onnx.load_model_from_string(whole_graph(pipeline))
    fog = np.clip(200 + (frame.astype(np.float32) - 128) * 0.02, 0, 255).astype(np.uint8)
    expected = run_on_cpu(model, fog)[0][0]
    halves = half_nodes(model)
    first = next(n for n in model.graph.node if n.op_type == "InstanceNormalization")
    conv = next(n for n in model.graph.node if n.output[0] == first.input[0])
    assert not {first.output[0], conv.output[0]} & halves
    unsafe = halves | {
        name for n in model.graph.node if "/idm/" in n.name and n.op_type in ("Pad", "Conv") for name in n.output
    }
    safe, lost = (run_on_cpu(rounded_graph(half_graph(model, chosen)), fog)[0][0] for chosen in (halves, unsafe))
    assert difference(expected, safe).psnr_db > difference(expected, lost).psnr_db + 6


def test_a_graph_that_misses_the_gate_is_refused_with_the_layer(frame, monkeypatch, shipped):
    model = onnx.ModelProto()
    model.CopyFrom(shipped)
    victim = next(n for n in model.graph.node if n.name.endswith("/body/body.0/Conv"))
    weight = next(w for w in model.graph.initializer if w.name == victim.input[1])
    after = next(n for n in model.graph.node if n.name.endswith("/body/body.2/Conv"))
    later = next(w for w in model.graph.initializer if w.name == after.input[1])
    for tensor, factor in ((weight, 4e4), (later, 1 / 4e4)):
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(factor), tensor.name))
    message = r"fp16 lies too far from float32: .*; expected at least 45 dB .*; the error begins at \S*/student/body/"
    with pytest.raises(ModelError, match=message) as caught:
        typed_graph(model.SerializeToString(), "fp16", SampleFrames([frame], {}))
    assert "\n" not in str(caught.value)


def test_halves_may_be_chosen_node_by_node(shipped):
    chosen = sorted(half_nodes(shipped))[:5]
    made = half_graph(shipped, chosen)
    types = element_types(made)
    assert all(types[name] == HALF for name in chosen)
    onnx.checker.check_model(made, full_check=True)


def test_difference_counts_every_pixel():
    a = np.zeros((2, 2, 3), np.uint8)
    b = a.copy()
    b[0, 0, 0] = 9
    found = difference(a, b)
    assert (found.max_levels, found.mean_levels) == (9, 9 / 12)
    assert found.psnr_db == pytest.approx(10 * np.log10(255**2 / (81 / 12)))
    assert difference(a, a).psnr_db == np.inf
    assert pooled([(a, a), (a, b)]).mean_levels == 9 / 24
    assert not GATES["fp16"].passes(found._replace(psnr_db=60))
    assert GATES["fp16"].passes(found._replace(psnr_db=45, max_levels=8))
