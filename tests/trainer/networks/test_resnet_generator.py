"""The dehazing network: size, shapes, start, layouts, export."""

import io
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from trainer.networks.resnet_generator import ResnetGenerator, ResnetGeneratorConfig

SMALL = ResnetGeneratorConfig(num_feat=8, num_block=2)

STANDARD = {
    "Conv", "ConvTranspose", "InstanceNormalization", "Relu", "Add", "Tanh", "Pad", "Slice",
    "Constant", "Identity", "Cast", "Shape", "Gather", "Mod", "Sub", "Unsqueeze", "Concat", "ConstantOfShape",
    "Reshape", "Transpose",
}  # fmt: skip
"""The second row and the third work out how far to pad: constants, once shapes are fixed."""


def picture(height, width, batch=1):
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_parameter_count_is_the_released_networks():
    assert sum(p.numel() for p in ResnetGenerator().parameters()) == 11_378_179


def test_work_for_a_frame():
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        out = ResnetGenerator()(torch.empty(1, 3, 270, 480))
    assert out.shape == (1, 3, 270, 480)
    assert counter.get_total_flops() / 2 == 98_715_893_760


@pytest.mark.parametrize("size", [(270, 480), (272, 480), (31, 45), (5, 6)], ids=str)
def test_any_size_comes_back_in_range(size):
    network = ResnetGenerator(SMALL)
    out = network(picture(*size))
    assert out.shape == (1, 3, *size)
    assert out.abs().max() <= 1
    assert out.std() > 0
    assert network.config == SMALL


def test_padding_mirrors_the_bottom_and_the_right():
    network = ResnetGenerator(SMALL)
    x = picture(18, 27)
    mirrored = torch.cat((x, x[:, :, [16, 15]]), 2)
    mirrored = torch.cat((mirrored, mirrored[..., [25]]), 3)
    torch.testing.assert_close(network(x), network(mirrored)[..., :18, :27])


def test_weights_start_as_cyclegans():
    torch.manual_seed(0)
    convolutions = [m for m in ResnetGenerator().modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(convolutions) == 1 + 2 + 18 + 2 + 1
    for layer in convolutions:
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.03)
        assert layer.weight.mean().abs().item() < 0.001
        assert not layer.bias.any()


def test_both_memory_layouts_give_the_same_gradients():
    torch.manual_seed(0)
    network, x = ResnetGenerator(SMALL).double(), picture(18, 27).double()
    grads = []
    for layout in (torch.contiguous_format, torch.channels_last):
        network = network.to(memory_format=layout)
        network.zero_grad()
        network(x.contiguous(memory_format=layout)).square().mean().backward()
        grads.append([p.grad.clone() for p in network.parameters()])
    for one, other in zip(*grads, strict=True):
        torch.testing.assert_close(one, other)
    assert grads[0][0].abs().max() > 1e-6


@pytest.fixture(scope="module")
def exported():
    torch.manual_seed(0)
    network, buffer = ResnetGenerator(SMALL).eval(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (picture(30, 44),), buffer, input_names=["x"], output_names=["y"], opset_version=17, dynamo=False
        )
    return network, buffer.getvalue()


def test_export_has_standard_operators_and_whole_normalisations(exported):
    model = onnx.load_model_from_string(exported[1])
    kinds = [node.op_type for node in model.graph.node]
    assert {node.domain for node in model.graph.node} == {""}
    assert set(kinds) <= STANDARD
    assert kinds.count("InstanceNormalization") == 1 + 2 + 2 * SMALL.num_block + 2
    assert kinds.count("ConvTranspose") == 2


def test_export_gives_torchs_picture(exported):
    network, graph = exported
    x = picture(30, 44)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": x.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(found, network(x).numpy(), atol=1e-5)
