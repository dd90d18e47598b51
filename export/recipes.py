"""The six profiles: which networks each is made of and how its picture is enlarged."""

from __future__ import annotations

from dataclasses import dataclass
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
    """

    dehazer: Dehazer
    upscale: Upscale


RECIPES: dict[str, Recipe] = {
    "live": Recipe("student", "guided"),
    "live-fast": Recipe("student", "guided"),
    "live-isr": Recipe("student_isr", "isr"),
    "miinet": Recipe("idm", "isr"),
    "miinet-guided": Recipe("idm", "guided"),
    "cyclegan": Recipe("idm", "isr"),
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
    return f"{profile}-{upscale}", Recipe(recipe.dehazer, upscale)
