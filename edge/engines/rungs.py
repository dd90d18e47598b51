"""The rungs of the ladder: the profile on the GPU, on the CPU, a smaller profile, the dehazer with bicubic x4.

Below them is raw.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from edge.basics.errors import ModelError
from edge.models.profile import Profile

SMALLER = {
    "miinet": "miinet-guided",
    "cyclegan": "miinet-guided",
    "miinet-guided": "live",
    "live-isr": "live",
    "live": "live-fast",
}
"""Profile -> the next one that costs less: fewer multiplications, the same interface."""

Upscale = Literal["own", "bicubic"]


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to enhance.

    Attributes:
        profile: name of a profile.
        backend: as in `[engine] backend`.
        upscale: the profile's own, or bicubic after its dehazer.
    """

    profile: str
    backend: str
    upscale: Upscale = "own"

    @property
    def title(self) -> str:
        """As a person reads it."""
        if self.upscale == "bicubic":
            return f"{self.profile}, bicubic"
        return f"{self.profile} on the CPU" if self.backend == "cpu" else self.profile

    @property
    def runtime(self) -> str:
        """TensorRT's, by which a GPU runs it; empty on the CPU. `auto` means TensorRT."""
        return {"cpu": "", "auto": "tensorrt"}.get(self.backend, self.backend)

    def is_less_work(self, other: Rung) -> bool:
        """Whether it computes less than another, wherever either runs."""
        return (self.profile, self.upscale) != (other.profile, other.upscale)


def best_allowed(rungs: Sequence[Rung], level: int) -> int:
    """The best rung that heat allows, by number; raw is the number of rungs.

    Args:
        level: 0 allows all, 1 only what is less work than the first, 2 none.
    """
    if level == 0:
        return 0
    less = [number for number, rung in enumerate(rungs) if rung.is_less_work(rungs[0])]
    return less[0] if less and level == 1 else len(rungs)


def own_rungs(profile: str, backend: str) -> tuple[Rung, ...]:
    """Where one profile may run, best first, for who can wait: on the CPU too, however long it takes there."""
    first = Rung(profile, backend)
    return (first, Rung(profile, "cpu")) if backend == "auto" else (first,)


def rungs_below(profile: str, backend: str, find: Callable[[str], Profile]) -> tuple[Rung, ...]:
    """The ladder of a configuration, best first. Raw, which needs no engine, is not in it.

    A backend that is insisted on has no CPU rungs. A profile without a host form of its own is not tried on the CPU as
    a way out: it would be too late there.

    Args:
        find: loads a profile; raises ModelError.

    Raises:
        ModelError: the configured profile cannot be loaded; a smaller one that cannot is left out.
    """
    rungs: list[Rung] = []
    has_host_form = False
    name = ""
    for name, found in _found(profile, find):
        has_host_form = found.dehazer is not None
        rungs.append(Rung(name, backend))
        if backend == "auto" and has_host_form:
            rungs.append(Rung(name, "cpu"))
    if has_host_form and backend in ("auto", "cpu"):
        rungs.append(Rung(name, "cpu", "bicubic"))
    return tuple(rungs)


def _found(profile: str, find: Callable[[str], Profile]) -> Iterator[tuple[str, Profile]]:
    """The profile and those smaller ones that there are."""
    yield profile, find(profile)
    name = profile
    while name := SMALLER.get(name, ""):
        with contextlib.suppress(ModelError):
            yield name, find(name)
