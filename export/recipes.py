"""The six profiles: which networks each is made of and how its picture is enlarged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from edge.basics.errors import UsageError

Dehazer = Literal["student", "student_isr", "idm"]
Upscale = Literal["guided", "isr", "bicubic"]

UPSCALES: tuple[Upscale, ...] = ("guided", "isr", "bicubic")


@dataclass(frozen=True)
class Recipe:
    """What a profile is made of.

    Attributes:
        dehazer: the network at 480x270; `student_isr` enlarges too.
        upscale: how the dehazed picture becomes 1920x1080.
        has_texture_term: whether its IDM was trained with eq. (4), idm.beta above 0; None where it has no IDM.
    """

    dehazer: Dehazer
    upscale: Upscale
    has_texture_term: bool | None = None

    @property
    def has_separate_isr(self) -> bool:
        """Whether a network of `edge-train isr` enlarges."""
        return self.upscale == "isr" and self.dehazer != "student_isr"


RECIPES: dict[str, Recipe] = {
    "live": Recipe("student", "guided"),
    "live-fast": Recipe("student", "guided"),
    "live-isr": Recipe("student_isr", "isr"),
    "miinet": Recipe("idm", "isr", has_texture_term=True),
    "miinet-guided": Recipe("idm", "guided", has_texture_term=True),
    "cyclegan": Recipe("idm", "isr", has_texture_term=False),
}


def recipe_for(profile: str, upscale: Upscale | None) -> tuple[str, Recipe]:
    """A profile's recipe, or a variant of it with another way to enlarge, and the name that it goes by.

    `miinet` with `guided` is `miinet-guided`; `live` with `bicubic` is a profile of its own, `live-bicubic`.

    Raises:
        UsageError: no such profile, or one that has no such variant.
    """
    if profile not in RECIPES:
        raise UsageError(f"--profile {profile}: expected one of {', '.join(RECIPES)}")
    recipe = RECIPES[profile]
    if upscale is None or upscale == recipe.upscale:
        return profile, recipe
    if recipe.dehazer == "student_isr":
        raise UsageError(f"--upscale {upscale}: {profile} is one network that enlarges itself; leave --upscale out")
    return f"{profile}-{upscale}", replace(recipe, upscale=upscale)


def check_isr(recipe: Recipe, isr: Path | None) -> None:
    """Raises UsageError where `--isr` is missing or of no use."""
    if recipe.has_separate_isr and isr is None:
        raise UsageError("--isr CHECKPOINT is missing: this profile enlarges with a network that edge-train isr makes")
    if isr is not None and not recipe.has_separate_isr:
        raise UsageError(f"--isr {isr}: this profile has no separate network that enlarges; leave it out")


def check_beta(profile: str, recipe: Recipe, checkpoint: Path, beta: object) -> None:
    """Hold an IDM to what its profile is called after.

    Args:
        beta: the weight of eq. (4) in its training, as its file says; None where it does not.

    Raises:
        UsageError: MIINet's IDM for `cyclegan`, or CycleGAN's for one of `miinet`.
    """
    if recipe.has_texture_term is None or not isinstance(beta, (int, float)) or (beta > 0) is recipe.has_texture_term:
        return
    expected = "above 0" if recipe.has_texture_term else "0"
    other = "cyclegan" if recipe.has_texture_term else "miinet"
    raise UsageError(
        f"--profile {profile}: {checkpoint} was trained with idm.beta = {beta}, and {profile} wants {expected}; export "
        f"it as {other}, or train one with edge-train idm --beta {'1.5' if recipe.has_texture_term else '0'}"
    )
