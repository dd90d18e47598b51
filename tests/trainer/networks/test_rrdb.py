"""The super-resolution network: size, names, start, checkpointing, and what published weights give."""

import math

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from tests.paths import DATA
from trainer.networks.rrdb import DenseBlock, ResidualInResidualBlock, Rrdb, RrdbConfig

SMALL = RrdbConfig(num_feat=8, num_block=2, num_grow_ch=4)

WEIGHTS = DATA / "weights" / "rrdb_realsr_df2k_x4_fp16.safetensors"
SET5 = DATA / "sr_benchmark" / "Set5"
needs_weights = pytest.mark.skipif(
    not (WEIGHTS.is_file() and SET5.is_dir()),
    reason=f"no RRDB weights or no Set5 at {DATA}; set EDGE_DATA to the folder that holds weights",
)


def test_parameter_count_is_the_released_networks():
    assert sum(p.numel() for p in Rrdb().parameters()) == 16_697_987


def test_layers_have_basicsrs_names():
    convolutions = [f"body.{b}.rdb{r}.conv{c}" for b in range(2) for r in (1, 2, 3) for c in (1, 2, 3, 4, 5)]
    convolutions += ["conv_first", "conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    names = {f"{name}.{kind}" for name in convolutions for kind in ("weight", "bias")}
    assert set(Rrdb(SMALL).state_dict()) == names


@pytest.mark.parametrize("size", [(8, 12), (7, 5)], ids=str)
def test_four_times_the_size(size):
    network = Rrdb(SMALL)
    assert network(torch.rand(2, 3, *size)).shape == (2, 3, 4 * size[0], 4 * size[1])
    assert network.config == SMALL


def test_residuals_are_scaled():
    """With bias b on the last convolution and all weights 0 a dense block adds 0.2 b, three of them 0.6 b."""
    block = ResidualInResidualBlock(2, 1)
    for name, parameter in block.named_parameters():
        torch.nn.init.constant_(parameter, 5.0 if name.endswith("conv5.bias") else 0.0)
    x = torch.rand(1, 2, 3, 3)
    torch.testing.assert_close(block.rdb1(x), x + 0.2 * 5)
    torch.testing.assert_close(block(x), x + 0.2 * (x + 0.6 * 5))


def test_a_dense_block_sees_all_that_came_before():
    """One pixel, one channel, centre taps 1: each convolution gives the sum of all before it."""
    block = DenseBlock(1, 1)
    for name, parameter in block.named_parameters():
        torch.nn.init.zeros_(parameter)
        if name.endswith("weight"):
            parameter.data[:, :, 1, 1] = 1
    # x = 1: convolutions give 1, 2, 4, 8 and at last 16. x = -1: each multiplies the sum, -1 at first, by 1 + 0.2.
    assert block(torch.ones(1, 1, 1, 1)).item() == pytest.approx(1 + 0.2 * 16)
    assert block(-torch.ones(1, 1, 1, 1)).item() == pytest.approx(-1 - 0.2 * 1.2**4)


def test_dense_blocks_start_small():
    torch.manual_seed(0)
    for name, parameter in DenseBlock(64, 32).named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        else:
            fan_in = parameter[0].numel()
            assert parameter.std().item() == pytest.approx(0.1 * math.sqrt(2 / fan_in), rel=0.03)


def test_checkpointing_gives_the_same_gradients():
    torch.manual_seed(0)
    plain, frugal = Rrdb(SMALL), Rrdb(SMALL, checkpointed=True)
    frugal.load_state_dict(plain.state_dict())
    x = torch.rand(1, 3, 9, 7)
    for network in (plain, frugal):
        network(x).square().mean().backward()
    for one, other in zip(plain.parameters(), frugal.parameters(), strict=True):
        assert one.grad.abs().max() > 0
        assert torch.equal(one.grad, other.grad)


@pytest.mark.parametrize(("checkpointed", "num_calls"), [(False, 1), (True, 2)], ids=["kept", "computed again"])
def test_checkpointing_computes_blocks_again_on_the_way_back(checkpointed, num_calls):
    network = Rrdb(SMALL, checkpointed=checkpointed)
    calls = []
    network.body[0].rdb1.conv1.register_forward_hook(lambda *_: calls.append(1))
    network(torch.rand(1, 3, 8, 8)).sum().backward()
    assert len(calls) == num_calls
    with torch.no_grad():
        network(torch.rand(1, 3, 8, 8))
    assert len(calls) == num_calls + 1


def luma(rgb):
    """BT.601 luma of RGB in [0, 255], 16 to 235, as the yardsticks of super-resolution use."""
    return 16 + rgb.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


def psnr_y(out, truth, border_px=4):
    error = (luma(out) - luma(truth))[border_px:-border_px, border_px:-border_px]
    return 10 * math.log10(255**2 / np.mean(error**2))


def levels(x_1CHW):
    return (x_1CHW.clamp(0, 1) * 255).round()


def enlarged(path, network):
    """PSNR-Y of the network and of bicubic: sides cut to multiples of 4, bicubic 1/4 in whole levels, x4."""
    rgb = cv2.imread(str(path))[..., ::-1]
    height, width = (side // 4 * 4 for side in rgb.shape[:2])
    truth = np.ascontiguousarray(rgb[:height, :width])
    truth_1CHW = torch.from_numpy(truth).permute(2, 0, 1)[None].float() / 255
    lr = levels(F.interpolate(truth_1CHW, (height // 4, width // 4), mode="bicubic", antialias=True)) / 255
    with torch.no_grad():
        outs = (network(lr), F.interpolate(lr, scale_factor=4.0, mode="bicubic", antialias=True))
    return tuple(psnr_y(levels(out)[0].permute(1, 2, 0).numpy(), truth) for out in outs)


@pytest.fixture(scope="module")
def released():
    network = Rrdb().eval()
    network.load_state_dict(load_file(WEIGHTS))  # half precision is widened on the way
    return network


@pytest.mark.slow
@needs_weights
def test_published_weights_beat_bicubic_on_a_small_picture(released):
    network_db, bicubic_db = enlarged(SET5 / "butterfly.png", released)
    assert network_db == pytest.approx(27.43, abs=0.03)  # computed once with these weights
    assert network_db - bicubic_db > 5


@pytest.mark.slow
@needs_weights
def test_published_weights_reach_their_figure_on_set5(released):
    """30.43 dB is what the weights' description says; MATLAB's bicubic differs from torch's at the border."""
    found = np.mean([enlarged(path, released) for path in sorted(SET5.glob("*.png"))], axis=0)
    np.testing.assert_allclose(found, (30.43, 28.42), atol=0.03)
