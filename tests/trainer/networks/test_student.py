"""The student's network and its files."""

import json
from dataclasses import asdict

import pytest
import torch

from edge.basics.errors import ModelError
from tests.paths import REPOSITORY
from trainer.config import read_config
from trainer.data.fogs.catalogue import TAUGHT
from trainer.networks.from_checkpoint import student_from_checkpoint
from trainer.networks.guided import GAIN_MAX, GAIN_MIN
from trainer.networks.student import GlobalGate, Student, StudentConfig, dehazed
from trainer.training.checkpoint import described, save_whole
from trainer.training.stage import flat_settings

SMALL = StudentConfig((8, 8, 8), (1, 1, 1))
SHIPPED = REPOSITORY / "trainer" / "checkpoints"


def test_a_new_student_is_the_identity():
    x = torch.rand(1, 3, 270, 480)
    gain, offset = Student()(x)
    assert torch.equal(gain, torch.ones_like(x))
    assert torch.equal(offset, torch.zeros_like(x))


def test_parameter_count():
    assert sum(p.numel() for p in Student().parameters()) == 323_686


@pytest.mark.parametrize("size", [(270, 480), (272, 480), (72, 128), (73, 131)])
def test_any_size_comes_back(size):
    gain, offset = Student(SMALL)(torch.rand(1, 3, *size))
    assert gain.shape == offset.shape == (1, 3, *size)


def test_the_maps_are_smooth_so_nothing_can_be_drawn():
    """Between two nodes of its grid the student's maps are straight lines, whatever the weights and the picture."""
    network = Student(SMALL)
    torch.nn.init.normal_(network.head.weight, std=0.3)
    _, offset = network(torch.rand(1, 3, 64, 96))
    inside = offset[..., 2:-2]
    bend = inside[..., 2:] - 2 * inside[..., 1:-1] + inside[..., :-2]
    columns = bend.abs().amax((0, 1, 2)).reshape(-1)
    straight = [columns[start + 1] for start in range(0, len(columns) - 2, 4)]
    assert offset.std() > 0.01
    assert max(straight) < 1e-5 < columns.max()


def test_gain_is_bounded():
    network = Student(SMALL)
    torch.nn.init.constant_(network.head.bias, 50.0)
    assert network(torch.rand(1, 3, 32, 32))[0].max() == GAIN_MAX
    torch.nn.init.constant_(network.head.bias, -50.0)
    assert network(torch.rand(1, 3, 32, 32))[0].min() == GAIN_MIN


def test_the_maps_stay_float32_under_autocast():
    network = Student(SMALL)
    torch.nn.init.normal_(network.head.weight, std=0.3)
    x = torch.rand(1, 3, 64, 96)
    with torch.autocast("cpu", torch.bfloat16):
        _, offset = network(x)
    assert offset.dtype == torch.float32
    assert len(offset.unique()) > 0.9 * offset.numel()


@pytest.mark.parametrize("name", ["live", "live-fast"])
def test_the_shipped_checkpoints_are_what_their_config_makes(name):
    network, of = student_from_checkpoint(SHIPPED / f"{name}.safetensors")
    assert network.config == read_config(name).student.network
    assert of["recipe"] == name
    made_with = json.loads(of["settings"])
    config = flat_settings(asdict(read_config(name).student), "student")
    assert {key: made_with[key] for key in config if key in made_with} == json.loads(json.dumps(config))
    assert set(of["fogs"].split(",")) == set(TAUGHT)


@pytest.mark.parametrize("name", ["live", "live-fast"])
def test_the_shipped_networks_lift_a_veil_and_leave_a_grey_card_alone(name, tissue):
    network, _ = student_from_checkpoint(SHIPPED / f"{name}.safetensors")
    clear = torch.from_numpy(tissue(270, 480, 3).transpose(2, 0, 1)[None] / 255).float() * 0.7
    foggy = (0.5 * clear**2.2 + 0.5 * 0.4) ** (1 / 2.2)
    with torch.no_grad():
        lifted = dehazed(network, foggy)
        card = dehazed(network, torch.full((1, 3, 270, 480), 0.6))
    assert (lifted - clear).square().mean() < 0.4 * (foggy - clear).square().mean()
    assert (card - 0.6).abs().mean() < 12 / 255


@pytest.mark.parametrize(
    "content, message",
    [
        pytest.param(None, "not a readable checkpoint", id="missing"),
        pytest.param(b"abc", "not a readable checkpoint", id="truncated"),
    ],
)
def test_bad_checkpoints(tmp_path, content, message):
    path = tmp_path / "student.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=message):
        student_from_checkpoint(path)


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({}, id="says nothing"),
        pytest.param({"resnet_generator": "{}"}, id="another kind"),
        pytest.param(described("student", SMALL), id="other weights"),
    ],
)
def test_a_checkpoint_of_another_network(tmp_path, metadata):
    path = tmp_path / "other.safetensors"
    save_whole({"weight": torch.zeros(3)}, path, metadata)
    with pytest.raises(ModelError, match="not a student's checkpoint"):
        student_from_checkpoint(path)


def taught(config, seed=1):
    """A student whose maps are not the identity."""
    torch.manual_seed(seed)
    network = Student(config).eval()
    torch.nn.init.normal_(network.head.weight, std=0.05)
    return network


def test_a_student_that_shrinks_gives_the_maps_of_the_shrunk_picture_at_full_size():
    network = taught(StudentConfig((8, 8, 8), (1, 1, 1), shrink=3))
    x = torch.rand(1, 3, 96, 192)
    gain, offset = network(x)
    small_gain, _ = network.maps(torch.nn.functional.avg_pool2d(x, 3))
    assert gain.shape == offset.shape == x.shape
    torch.testing.assert_close(
        torch.nn.functional.avg_pool2d(gain, 3)[..., 2:-2, 2:-2], small_gain[..., 2:-2, 2:-2], atol=2e-3, rtol=0
    )
    assert (gain - 1).abs().max() > 0.01


@pytest.mark.parametrize("size", [(270, 480), (271, 343), (96, 98)], ids=str)
def test_a_student_that_shrinks_takes_any_size(size):
    gain, offset = taught(StudentConfig((8, 8, 8), (1, 1, 1), shrink=3))(torch.rand(1, 3, *size))
    assert gain.shape == offset.shape == (1, 3, *size)


def test_where_confidence_is_0_the_picture_is_left_alone_and_where_it_is_1_the_maps_are_whole():
    network = taught(StudentConfig((8, 8, 8), (1, 1, 1), confidence=True))
    x = torch.rand(1, 3, 64, 96)
    plain = Student(StudentConfig((8, 8, 8), (1, 1, 1))).eval()
    weights = network.state_dict()
    plain.load_state_dict({**weights, "head.weight": weights["head.weight"][:6], "head.bias": weights["head.bias"][:6]})
    for trust, expected in ((-30.0, (torch.ones_like(x), torch.zeros_like(x))), (30.0, plain(x))):
        network.head.weight.data[6] = 0
        network.head.bias.data[6] = trust
        for map_, wanted in zip(network(x), expected, strict=True):
            torch.testing.assert_close(map_, wanted, atol=1e-5, rtol=1e-5)


WHOLE = StudentConfig((8, 8, 8), (1, 1, 1), shrink=3, extremes=True, pivot=True, early_gate=True)


def test_a_new_student_with_every_option_is_the_identity():
    x = torch.rand(1, 3, 96, 192)
    gain, offset = Student(WHOLE)(x)
    assert torch.equal(gain, torch.ones_like(x))
    assert torch.equal(offset, torch.zeros_like(x))


def test_a_gain_about_the_pivot_keeps_the_mean_colour_of_the_frame():
    network = Student(StudentConfig((8, 8, 8), (1, 1, 1), pivot=True)).eval()
    network.head.bias.data[:3] = torch.tensor([0.4, 0.2, -0.1])
    x = torch.rand(1, 3, 64, 96) * torch.tensor([0.9, 0.5, 0.3]).view(1, 3, 1, 1)
    out = dehazed(network, x)
    torch.testing.assert_close(out.mean((2, 3)), x.mean((2, 3)))
    torch.testing.assert_close(out.std((2, 3)) / x.std((2, 3)), torch.exp(torch.tensor([[0.4, 0.2, -0.1]])))


@pytest.mark.parametrize("extremes", [False, True])
def test_a_gate_with_extremes_answers_to_one_bright_place_and_one_without_hardly(extremes):
    gate = GlobalGate(4, extremes)
    torch.manual_seed(1)
    for layer in (gate.squeeze, gate.shift):
        torch.nn.init.uniform_(layer.weight, 0.1, 0.5)
    x = torch.zeros(1, 4, 20, 20)
    spot = x.clone()
    spot[..., 3, 3] = 1.0
    far_corner = (gate(spot) - gate(x))[..., 15, 15].abs().max()
    assert (far_corner > 0.1) == extremes


def test_less_smoothing_lets_the_maps_change_faster():
    steps = []
    for smoothing in (3, 7):
        gain, _ = taught(StudentConfig((8, 8, 8), (1, 1, 1), smoothing=smoothing))(
            torch.rand(1, 3, 128, 192, generator=torch.Generator().manual_seed(1))
        )
        steps.append(float((gain[..., 1:] - gain[..., :-1]).abs().mean().detach()))
    assert steps[0] > 1.3 * steps[1]
