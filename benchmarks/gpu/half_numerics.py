"""Half precision in torch, island by island: `python -m benchmarks.gpu.half_numerics live=STUDENT ...`.

Each profile's network runs in torch.half against float32, on demo frames and on the same under a heavy veil: with
nothing in float32, with the islands that the exported graph has, and with part of them. On a GPU these are a tensor
core's numbers; `--device cpu` shows the same code with the CPU's own half arithmetic, slowly, at `--scale` of the size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from edge.basics.markdown import table
from export.graphs.from_checkpoints import KINDS
from export.graphs.torch_form import recipe_of
from export.on_unit.accuracy import Difference, difference
from export.on_unit.samples import sample_frames, with_veiled
from firmware_bridge.command_line import Parser
from trainer.networks import instance_norm
from trainer.networks.from_checkpoint import READERS
from trainer.networks.student import GlobalGate


class InFloat(nn.Module):
    """A layer that works in float32 on whatever comes and gives halves."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer.float()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x.float()).half()
        return out


@contextmanager
def norms_in_half() -> Iterator[None]:
    """Instance normalisation with its statistics in half precision too."""
    kept = instance_norm.instance_norm
    instance_norm.instance_norm = lambda x: F.instance_norm(x, eps=instance_norm.EPSILON)
    try:
        yield
    finally:
        instance_norm.instance_norm = kept


def gates_in_float(network: nn.Module) -> None:
    for name, layer in list(network.named_children()):
        if isinstance(layer, GlobalGate):
            setattr(network, name, InFloat(layer))
        else:
            gates_in_float(layer)


def sums_and_stem_in_float(network: nn.Module) -> None:
    gates_in_float(network)
    if hasattr(network, "blocks"):  # the generator with normalisation
        network.stem = InFloat(network.stem)


def answer(network: nn.Module, dehazer: str, x: Tensor) -> Tensor:
    """What the network shows for a picture in levels, uint8 (H, W, C)."""
    dtype = next(network.parameters()).dtype
    with torch.no_grad():
        if dehazer == "idm":
            shown = (network((x / 127.5 - 1).to(dtype)).float() + 1) * 127.5
        elif dehazer == "student":
            gain, offset = network((x / 255).to(dtype))
            shown = gain.float() * x + offset.float() * 255
        else:
            shown = network((x / 255).to(dtype)).float() * 255
    return shown.nan_to_num(0).round().clamp(0, 255)[0].permute(1, 2, 0).to(torch.uint8).cpu()


def rows_of(profile: str, path: Path, device: str, scale: float) -> list[list[object]]:
    dehazer = recipe_of(profile).dehazer
    samples = with_veiled(sample_frames(None, 1))
    reference = READERS[KINDS[dehazer]](path)[0].to(device)
    variants: dict[str, tuple[Callable[[nn.Module], None], bool]] = {
        "all in half": (lambda network: None, True),
        "sums in float32": (gates_in_float, False),
        "sums and stem in float32": (sums_and_stem_in_float, False),
    }
    rows: list[list[object]] = []
    for name, (mend, is_norm_half) in variants.items():
        network = READERS[KINDS[dehazer]](path)[0].half().to(device)
        mend(network)
        network.to(device)
        found: list[Difference] = []
        for frame in samples.frames:
            x = torch.from_numpy(frame).to(device).permute(2, 0, 1)[None].float()
            x = F.interpolate(x, scale_factor=scale / 4, mode="area")
            expected = answer(reference, dehazer, x)
            if is_norm_half:
                with norms_in_half():
                    half = answer(network, dehazer, x)
            else:
                half = answer(network, dehazer, x)
            found.append(difference(expected.numpy(), half.numpy()))
        rows.append([profile, name, *(f"{one.psnr_db:.1f} dB, {one.max_levels}/255" for one in found)])
    return rows


def main() -> None:
    parser = Parser(prog="python -m benchmarks.gpu.half_numerics", description=__doc__)
    parser.add_argument("networks", nargs="+", metavar="PROFILE=CHECKPOINT")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--scale", type=float, default=1.0, help="of 480x270")
    args = parser.parse_args()
    rows = []
    for pair in args.networks:
        profile, _, path = pair.partition("=")
        rows += rows_of(profile, Path(path), args.device, args.scale)
    named = torch.cuda.get_device_name() if args.device == "cuda" else "CPU"
    print(f"{named}, torch {torch.__version__}\n")
    print(table(["profile", "half precision", "demo frame", "under a veil"], rows))


if __name__ == "__main__":
    main()
