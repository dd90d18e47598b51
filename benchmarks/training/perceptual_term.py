"""What the perceptual loss is worth: `python -m benchmarks.training.perceptual_term --vgg VGG16.safetensors`.

MIINet's claim (section 2.1): with eq. (4) the generator keeps the input's structure, colour and texture. For each seed
the image dehazing module is trained twice on the same unpaired pictures, with beta 1.5 and with beta 0, which is
CycleGAN. Every few steps the generator is judged on held-out pictures, and moments of the two runs at which its
adversarial loss is the same are set side by side: as convincing to its discriminator, which is nearer to its input?
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import cv2
import numpy as np
import torch
from tqdm import tqdm

from benchmarks.page import PAGE
from edge.basics.markdown import replace_section, table
from edge.pictures.files import read_picture
from firmware_bridge.command_line import Parser
from trainer.judging.metrics import ssim
from trainer.losses.distances import perceptual_loss
from trainer.networks.patch_discriminator import PatchDiscriminatorConfig
from trainer.networks.resnet_generator import ResnetGeneratorConfig
from trainer.networks.vgg_features import VggFeatures
from trainer.stages.idm import IdmConfig, IdmStage, prepare_idm
from trainer.training.loop import LoopConfig, batches
from trainer.training.parallel import Placement

CPU = Placement(torch.device("cpu"))


@dataclass(frozen=True)
class Moment:
    """A generator LQ -> HQ at one step.

    Attributes:
        adversarial: its loss against its own discriminator, mean over the steps since the last moment.
        distance: L1 between VGG16 pool2 features of output and input.
        likeness: SSIM of output and input.
    """

    step: int
    adversarial: float
    distance: float
    likeness: float


@dataclass(frozen=True)
class Judge:
    """Held-out LQ pictures (N, 3, H, W), uint8."""

    lq: torch.Tensor
    features: VggFeatures

    @torch.no_grad()
    def moment(self, stage: IdmStage, step: int, adversarial: list[float]) -> Moment:
        network = stage.learners["generators"].averages["gen_lq_to_hq"]
        x = self.lq.float() / 255
        out = (network(x * 2 - 1) + 1) / 2
        distance = perceptual_loss(self.features(out), self.features(x)).item()
        pictures = [(t.permute(0, 2, 3, 1).numpy() * 255).round().astype(np.uint8) for t in (out, x)]
        likeness = mean(float(ssim(a, b)) for a, b in zip(*pictures, strict=True))
        return Moment(step, mean(adversarial), distance, likeness)


def render(folder: Path, count: int) -> None:
    """Throats of the demo source, clean and fogged; another throat in each picture."""
    command = ["-m", "edge.sources.demo", "--kind", "pair", "--variety", "--every", "61", "--seed", "5"]
    subprocess.run([sys.executable, *command, "--count", str(count), "--output", str(folder)], check=True)


def whole(paths: list[Path], size: tuple[int, int]) -> torch.Tensor:
    """(N, 3, H, W) uint8."""
    shrunk = [cv2.resize(read_picture(path), size, interpolation=cv2.INTER_AREA) for path in paths]
    return torch.from_numpy(np.stack(shrunk)).permute(0, 3, 1, 2)


def trained(config: IdmConfig, lq: list[Path], hq: list[Path], judge: Judge, every: int) -> list[Moment]:
    stage, dataset = prepare_idm(config, (lq, hq), ([], []), CPU, {})
    moments: list[Moment] = []
    seen: list[float] = []
    name = f"seed {config.loop.seed}, beta {config.beta:g}"
    rows = batches(dataset, stage, config.loop, 0, CPU)
    for number, batch in enumerate(tqdm(rows, name, config.steps, mininterval=5)):
        seen.append(stage.step(batch, number)["gen_hq"].item())
        if (number + 1) % every == 0:
            moments.append(judge.moment(stage, number + 1, seen))
            seen = []
    return moments


def at_equal_loss(ours: list[Moment], theirs: list[Moment], tolerance: float) -> list[tuple[Moment, Moment]]:
    """Each moment of one run with that of the other whose adversarial loss is nearest, if it is near enough."""
    nearest = ((a, min(theirs, key=lambda b: abs(a.adversarial - b.adversarial))) for a in ours)
    return [(a, b) for a, b in nearest if abs(a.adversarial - b.adversarial) <= tolerance]


@dataclass(frozen=True)
class Pictures:
    """Held-out pairs to judge by, and training pictures of two domains that share no throat."""

    judge: Judge
    lq: list[Path]
    hq: list[Path]


def unpaired(folder: Path, config: IdmConfig) -> Pictures:
    """A fifth of the pairs is held out; of the rest, one half gives its fogged pictures, the other its clean ones."""
    lq, truth = (sorted(folder.glob(f"{kind}_*.png")) for kind in ("degraded", "truth"))
    kept = len(lq) // 5
    half = (len(lq) - kept) // 2
    size = (config.width_px, config.height_px)
    features = VggFeatures(Path(config.vgg), "vgg16.pool2")
    judge = Judge(whole(lq[:kept], size), features)
    return Pictures(judge, lq[kept : kept + half], truth[kept + half :])


def compared(
    config: IdmConfig, pictures: Pictures, seed: int, every: int, warmup: int, tolerance: float
) -> list[tuple[Moment, Moment]]:
    """Moments of beta 1.5 beside moments of beta 0 at which the adversarial loss is the same, from one seed."""
    loop = replace(config.loop, seed=seed)
    runs = [
        trained(replace(config, beta=beta, loop=loop), pictures.lq, pictures.hq, pictures.judge, every)
        for beta in (1.5, 0.0)
    ]
    late = [[moment for moment in run if moment.step > warmup] for run in runs]
    return at_equal_loss(late[0], late[1], tolerance)


def small(vgg: str, steps: int, rate: float) -> IdmConfig:
    """A size at which a CPU takes ten steps a second."""
    return IdmConfig(
        width_px=96, height_px=54, variants=0, steps=steps, learning_rate=rate, vgg=vgg,
        generator=ResnetGeneratorConfig(12, 3), discriminator=PatchDiscriminatorConfig(12),
        loop=LoopConfig(workers=0, ema_decay=0.0),
    )  # fmt: skip


def row(seed: int, pairs: list[tuple[Moment, Moment]]) -> list[object]:
    def both(name: str, form: str) -> str:
        return " / ".join(format(mean(getattr(pair[side], name) for pair in pairs), form) for side in (0, 1))

    cells = [both("adversarial", ".3f"), both("distance", ".3f"), both("likeness", ".3f")]
    return [seed, len(pairs), *cells]


def main() -> None:
    parser = Parser(prog="python -m benchmarks.training.perceptual_term", description=__doc__)
    parser.add_argument("--vgg", required=True, help="VGG16 weights under torchvision's names")
    parser.add_argument("--pictures", type=Path, help="folder with truth_*.png and degraded_*.png")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rate", type=float, default=1e-3, help="learning rate; so few steps need a higher one")
    parser.add_argument("--every", type=int, default=20, help="steps between moments")
    parser.add_argument("--warmup", type=int, default=100, help="steps that are not compared")
    parser.add_argument("--tolerance", type=float, default=0.01, help="largest difference of adversarial losses")
    parser.add_argument("--page", action="store_true", help="renew the section perceptual-term of docs/results.md")
    args = parser.parse_args()
    config = small(args.vgg, args.steps, args.rate)
    with tempfile.TemporaryDirectory() as name:
        folder = args.pictures or Path(name)
        if args.pictures is None:
            render(folder, 40)
        pictures = unpaired(folder, config)
        rows = [
            row(seed, compared(config, pictures, seed, args.every, args.warmup, args.tolerance))
            for seed in range(1, args.seeds + 1)
        ]
    head = ["seed", "moments", "adversarial loss", "VGG16 pool2 distance to the input", "SSIM to the input"]
    text = f"{args.steps} steps at 96x54, 12 channels, 3 blocks; beta 1.5 / beta 0.\n\n{table(head, rows)}"
    print(text)
    if args.page:
        replace_section(PAGE, "perceptual-term", text)


if __name__ == "__main__":
    main()
