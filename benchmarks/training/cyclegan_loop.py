"""A yardstick: one training step of the image dehazing module the way the public CycleGAN loop goes about it.

Eager, float32, NCHW, torch's own instance normalisation; pictures are decoded, cut and scaled in the step; each network
is called once for each picture; every loss is read back. The equations and weights are those of `trainer.stages.idm`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.data.pictures import PictureStore
from trainer.data.unpaired import UnpairedDataset
from trainer.networks.instance_norm import InstanceNorm2d
from trainer.networks.patch_discriminator import PatchDiscriminator
from trainer.networks.resnet_generator import ResnetGenerator
from trainer.networks.vgg_features import VggFeatures
from trainer.stages.idm import IdmConfig
from trainer.stages.image_pool import ImagePool


class TorchInstanceNorm(nn.Module):
    def forward(self, x_BCHW: Tensor) -> Tensor:
        return F.instance_norm(x_BCHW)


def plain(network: nn.Module) -> nn.Module:
    """The same network with torch's own instance normalisation."""
    for name, child in network.named_children():
        setattr(network, name, TorchInstanceNorm() if isinstance(child, InstanceNorm2d) else plain(child))
    return network


def steps(config: IdmConfig, lq: list[Path], hq: list[Path], device: torch.device) -> Iterator[dict[str, float]]:
    """Endless steps; each gives its losses."""
    torch.manual_seed(config.loop.seed)
    g, f = (plain(ResnetGenerator(config.generator)).to(device) for _ in range(2))
    d_hq, d_lq = (plain(PatchDiscriminator(config.discriminator)).to(device) for _ in range(2))
    phi = VggFeatures(Path(config.vgg), "vgg16.pool2").to(device) if config.beta else None
    pools = {"lq": ImagePool(config.pool, 2 * config.loop.seed), "hq": ImagePool(config.pool, 2 * config.loop.seed + 1)}
    opt_g, opt_d = (
        torch.optim.Adam([*a.parameters(), *b.parameters()], config.learning_rate, (config.beta1, config.beta2))
        for a, b in ((g, f), (d_hq, d_lq))
    )
    pictures = UnpairedDataset(
        PictureStore(lq, 0), PictureStore(hq, 0), (config.width_px, config.height_px),
        variants=config.variants, smallest=config.smallest, enlarge=config.enlarge, seed=config.loop.seed,
    )  # fmt: skip

    def towards(score: Tensor, answer: float) -> Tensor:
        return F.mse_loss(score, torch.full_like(score, answer))

    number = 0
    while True:
        items = [pictures[number * config.batch + place] for place in range(config.batch)]
        x, y = (torch.stack(domain).to(device).float() / 127.5 - 1 for domain in zip(*items, strict=True))
        fake_y, fake_x = g(x), f(y)
        cycled_x, cycled_y = f(fake_y), g(fake_x)
        for judge in (d_hq, d_lq):
            judge.requires_grad_(False)
        losses = {"gen_hq": towards(d_hq(fake_y), 1), "gen_lq": towards(d_lq(fake_x), 1)}
        losses |= {"cycle_lq": F.l1_loss(cycled_x, x), "cycle_hq": F.l1_loss(cycled_y, y)}
        total = losses["gen_hq"] + losses["gen_lq"] + config.lambda_cycle * (losses["cycle_lq"] + losses["cycle_hq"])
        if phi is not None:
            for name, fake, real in (("perceptual_lq", fake_y, x), ("perceptual_hq", fake_x, y)):
                losses[name] = F.l1_loss(phi((fake + 1) / 2), phi((real + 1) / 2).detach())
                total = total + config.beta * losses[name]
        opt_g.zero_grad()
        total.backward()
        opt_g.step()
        for judge in (d_hq, d_lq):
            judge.requires_grad_(True)
        opt_d.zero_grad()
        for name, judge, real, fake in (("hq", d_hq, y, fake_y), ("lq", d_lq, x, fake_x)):
            old = pools[name].exchange(fake.detach(), number, slice(None))
            loss = config.discriminator_weight * (towards(judge(real), 1) + towards(judge(old), 0))
            loss.backward()
            losses[f"disc_{name}"] = loss
        opt_d.step()
        number += 1
        yield {"total": total.item(), **{name: loss.item() for name, loss in losses.items()}}
