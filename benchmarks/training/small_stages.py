"""Each stage of training in CPU minutes: `python -m benchmarks.training.small_stages --throats M --weights FOLDER`.

Not a measure of the method, but of the trainer: every loss must fall and every stage must improve pictures that it
has never seen. Real throats of a manifest (`benchmarks/training/README.md` makes the project's); LQ is simulated by the
training recipe, on other throats than the HQ's, so that the dehazing module never sees a pair. The held-out throats
are veiled by a fog that training never draws.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean

import cv2
import numpy as np
import torch

from benchmarks.page import PAGE
from edge.basics.markdown import replace_section, table
from edge.pictures.files import read_picture
from edge.pictures.image import Image
from firmware_bridge.command_line import Parser
from trainer.data.degrade import degraded
from trainer.data.recipes import HELD_OUT_STRENGTHS, held_out_fog
from trainer.data.sr_pairs import low_resolution
from trainer.data.student_items import DataConfig
from trainer.judging.isr_scores import enlarge, isr_scores
from trainer.judging.judged import dehaze, tensor_from_picture
from trainer.judging.metrics import psnr, ssim
from trainer.losses.distances import feature_loss
from trainer.networks.from_checkpoint import idm_from_checkpoint, isr_from_checkpoint, student_from_checkpoint
from trainer.networks.patch_discriminator import PatchDiscriminatorConfig
from trainer.networks.resnet_generator import ResnetGeneratorConfig
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.networks.vgg_features import VggFeatures
from trainer.prepare.manifest import Manifest, verified_manifest
from trainer.stages.idm import IdmConfig, prepare_idm
from trainer.stages.isr import IsrConfig, prepare_isr
from trainer.stages.student import prepare_student
from trainer.stages.student_config import StudentInputs, StudentTraining
from trainer.training.loop import LoopConfig, fit
from trainer.training.parallel import Placement
from trainer.training.stage import Stage

POOL2, WHOLE = "vgg16_features_to_pool2.safetensors", "vgg16_features_fp16.safetensors"
"""VGG16's weights under torchvision's names: to the second pooling layer, and all of them."""
CPU = Placement(torch.device("cpu"))
SIZE = (128, 72)
NUM_ENLARGED = 12
STRENGTH = HELD_OUT_STRENGTHS["heavy"]
LOOP = LoopConfig(workers=0, threads=1, ema_decay=0.99, log_every=50, checkpoint_every=1000, sample_every=500)


def at_size(picture: Image) -> Image:
    return np.asarray(cv2.resize(picture, SIZE, interpolation=cv2.INTER_AREA), np.uint8)


class Bench:
    """Pictures in a folder of their own, the runs beside them, and a row of results for each."""

    def __init__(self, throats: Manifest, vgg: str, folder: Path, share: float) -> None:
        self.vgg, self.folder, self.share = vgg, folder, share
        train = throats.pictures("hq", "train")
        self.hq, others = train[::2], train[1::2]
        (folder / "lq").mkdir(exist_ok=True)
        for path in others:
            self._write(folder / "lq" / f"{path.stem}.png", degraded(read_picture(path), path.name, 1))
        self.lq = sorted((folder / "lq").iterdir())
        self.truths = [read_picture(path) for path in throats.pictures("hq", "held_out")]
        self.inputs = [held_out_fog(t, STRENGTH, np.random.default_rng(n)) for n, t in enumerate(self.truths)]
        self.rows: list[list[object]] = []

    @staticmethod
    def _write(path: Path, picture: Image) -> None:
        cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))

    def steps(self, whole: int) -> int:
        return max(20, round(whole * self.share))

    def run(self, name: str, prepared: tuple[Stage, object], loop: LoopConfig, term: str) -> Path:
        """Train, and note how the named term went."""
        fit(*prepared, loop, self.folder / name, CPU, {})  # type: ignore[arg-type]
        with (self.folder / name / "losses.csv").open() as file:
            values = [float(row[term]) for row in csv.DictReader(file)]
        tenth = max(1, len(values) // 10)
        change = f"{mean(values[:tenth]):.3f} -> {mean(values[-tenth:]):.3f}"
        self.rows.append([name, len(values), f"{term}: {change}"])
        return self.folder / name

    def improved(self, network: object) -> str:
        """PSNR and SSIM of held-out pictures before and after."""
        before, truths = ([at_size(p) for p in pictures] for pictures in (self.inputs, self.truths))
        after = [dehaze(network, picture) for picture in before]  # type: ignore[arg-type]
        changes = []
        for metric, form in ((psnr, ".2f"), (ssim, ".3f")):
            pairs = ((mean(float(metric(a, t)) for a, t in zip(of, truths, strict=True))) for of in (before, after))
            changes.append(" -> ".join(format(value, form) for value in pairs))
        return f"PSNR {changes[0]} dB, SSIM {changes[1]}"

    def idm(self, name: str, beta: float) -> None:
        config = IdmConfig(
            width_px=SIZE[0], height_px=SIZE[1], variants=0, smallest=0.9, enlarge=True, steps=self.steps(600),
            learning_rate=1e-3, vgg=self.vgg, beta=beta, generator=ResnetGeneratorConfig(16, 3),
            discriminator=PatchDiscriminatorConfig(16), loop=LOOP,
        )  # fmt: skip
        run = self.run(name, prepare_idm(config, (self.lq, self.hq), ([], []), CPU, {}), LOOP, "cycle_lq")
        self.rows[-1].append(self.improved(idm_from_checkpoint(run / "idm.safetensors")[0]))

    def student(self, name: str, teacher: Path | None) -> None:
        config = StudentTraining(
            steps=self.steps(300), batch=8, width_px=SIZE[0], height_px=SIZE[1], distill_weight=0.2 if teacher else 0.0,
            temporal_weight=2.0, data=DataConfig(hq_share=1.0), loop=replace(LOOP, compile=False),
        )  # fmt: skip
        inputs = StudentInputs({"hq": self.hq}, teacher=teacher)
        run = self.run(name, prepare_student(config, inputs, CPU, {}), config.loop, "pair")
        self.rows[-1].append(self.improved(student_from_checkpoint(run / "student.safetensors")[0]))

    def isr(self, name: str, phase: str, init: Path | None, vgg: str) -> None:
        config = IsrConfig(
            phase=phase, crop_px=64, blur_share=0.0, steps=self.steps(3000 if phase == "l1" else 300), batch=4,
            l1_rate=1e-3, gan_rate=3e-4, generator=RrdbConfig(24, 1, 12), disc_num_feat=16, vgg=vgg,
            vgg_layer="vgg16.conv5_3", loop=LOOP,
        )  # fmt: skip
        pictures = [path for path in self.hq if min(read_picture(path).shape[:2]) >= config.crop_px]
        term = "total" if phase == "l1" else "perceptual"
        run = self.run(name, prepare_isr(config, pictures, [], CPU, {}, init), LOOP, term)
        networks = {"ours": isr_from_checkpoint(run / "isr.safetensors")[0]}
        if init is not None:
            networks["before"] = isr_from_checkpoint(init)[0]
        scores = isr_scores({"throats": self.truths[:NUM_ENLARGED]}, networks)["throats"]
        ours, bicubic = scores["ours"], scores["bicubic"]
        result = (
            f"PSNR-Y {bicubic.psnr_y:.2f} (bicubic) -> {ours.psnr_y:.2f} dB, SSIM {bicubic.ssim:.3f} -> {ours.ssim:.3f}"
        )
        if init is not None:
            features = VggFeatures(Path(vgg), "vgg16.conv5_3")
            distances = [self.distance(networks[name], features) for name in ("before", "ours")]
            result = f"VGG16 conv5_3 distance {distances[0]:.3f} (phase l1) -> {distances[1]:.3f}; " + result
        self.rows[-1].append(result)

    @torch.no_grad()
    def distance(self, network: Rrdb, features: VggFeatures) -> float:
        """L1 between features of held-out pictures enlarged and true: what phase gan is for, where PSNR falls."""
        found = []
        for truth in self.truths[:NUM_ENLARGED]:
            hr = np.ascontiguousarray(truth[: truth.shape[0] // 4 * 4, : truth.shape[1] // 4 * 4])
            pair = [enlarge(network, low_resolution(hr)), hr]
            seen = [features(tensor_from_picture(picture) / 255) for picture in pair]
            found.append(feature_loss(*seen).item())
        return mean(found)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = Parser(prog="python -m benchmarks.training.small_stages", description=__doc__)
    parser.add_argument("--throats", type=Path, required=True, metavar="MANIFEST", help="what edge-train prepare made")
    parser.add_argument("--weights", type=Path, required=True, metavar="FOLDER", help="has the VGG16 files")
    parser.add_argument("--share", type=float, default=1.0, help="share of the usual steps")
    parser.add_argument("--only", nargs="*", help="some of idm, student, isr")
    parser.add_argument("--keep", type=Path, help="folder for the runs, to look at their samples")
    parser.add_argument("--page", action="store_true", help="renew the section small-stages of docs/results.md")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = args.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(verified_manifest(args.throats), str(args.weights / POOL2), folder, args.share)
        wanted = args.only or ["idm", "student", "isr"]
        if "idm" in wanted:
            bench.idm("idm, beta 1.5", 1.5)
            bench.idm("idm, beta 0", 0.0)
        if "student" in wanted:
            bench.student("student", None)
        if "isr" in wanted:
            bench.isr("isr, phase l1", "l1", None, "")
            init = folder / "isr, phase l1" / "isr.safetensors"
            bench.isr("isr, phase gan", "gan", init, str(args.weights / WHOLE))
    text = table(["stage", "steps", "loss, first and last tenth", "held-out pictures, before and after"], bench.rows)
    print(text)
    if args.page:
        replace_section(PAGE, "small-stages", text)


if __name__ == "__main__":
    main()
