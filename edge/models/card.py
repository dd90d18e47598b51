"""A profile's card in short: what it is for, what it was made from, how good it is, and what it draws itself.

It is read from the manifest alone (docs/model-card.md has the long form). What a manifest does not tell is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge.models.kinds import drawing, is_for_stills
from edge.models.manifest import MAX_WORDS

MOST_FIGURES = 40
SHORT = 12
"""Digits of a hash where the whole is not needed."""
_UNITS = {"db": "dB", "ms": "ms", "px": "px", "percent": "%", "levels": "levels", "degrees": "degrees"}
_CAPITALS = {one.lower(): one for one in ("PSNR", "SSIM", "LPIPS", "KID", "NIQE", "PIQE", "dE00")}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of an evaluation.

    Attributes:
        low, high: its interval; None where the manifest has none.
        unit: empty for a number without one.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    unit: str

    @property
    def text(self) -> str:
        """The figure as it is read: `21.65 dB`, `21.65 (20.9 to 22.3) dB`."""
        interval = "" if self.low is None or self.high is None else f" ({_digits(self.low)} to {_digits(self.high)})"
        return f"{_digits(self.value)}{interval}{' ' if self.unit else ''}{self.unit}"


@dataclass(frozen=True, slots=True)
class Card:
    """What a person should know before choosing a profile. Texts are empty where the manifest does not tell.

    Attributes:
        advice: why it is not meant to help at the camera; empty for one that is.
        draws: what in its pictures the camera did not see.
        data_sha256: of the manifests of the pictures that it was trained on.
        training: how long each of its networks was trained.
        golden: whether its answer to the golden frame is stored, and how near an engine must come.
    """

    profile: str
    title: str
    version: str
    sha256: str
    purpose: str
    advice: str
    draws: str
    use: str
    never_shown: tuple[str, ...]
    data: str
    data_sha256: tuple[str, ...]
    training: tuple[str, ...]
    networks: tuple[str, ...]
    figures: tuple[Figure, ...]
    licence: str
    made_at: str
    golden: str
    precisions: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """The card as JSON."""
        told = {name: getattr(self, name) for name in self.__slots__ if name != "figures"}
        figures = [
            {"name": one.name, "value": one.value, "low": one.low, "high": one.high, "unit": one.unit}
            for one in self.figures
        ]
        return {key: list(value) if isinstance(value, tuple) else value for key, value in told.items()} | {
            "figures": figures
        }

    def facts(self) -> Iterator[tuple[str, str]]:
        """The card in words, a name and a line each; the advice first, since it is what must not be missed."""
        rows = (
            ("advice", self.advice),
            ("for", self.purpose),
            ("detail", self.draws),
            ("use", self.use),
            ("never shown", ", ".join(self.never_shown)),
            ("trained on", self.data),
            ("data", ", ".join(f"sha256 {one[:SHORT]} of its manifest" for one in self.data_sha256)),
            *(("training", one) for one in self.training),
            *(("network", one) for one in self.networks),
            *((one.name, one.text) for one in self.figures),
            ("licence", self.licence),
            ("made at", self.made_at),
            ("precisions", ", ".join(self.precisions)),
            ("golden frame", self.golden),
        )
        return ((name, text) for name, text in rows if text)


def card_of(manifest: Mapping[str, Any]) -> Card:
    """The card of a checked manifest."""
    parts = _parts(manifest["training"])
    return Card(
        profile=str(manifest["profile"]),
        title=str(manifest["name"]),
        version=str(manifest["version"]),
        sha256=str(manifest["sha256"]),
        purpose=_words(manifest.get("purpose")),
        advice=_words(manifest.get("advice")),
        draws=drawing(manifest),
        use="a held or saved picture: too much work for a live one on most units"
        if is_for_stills(manifest)
        else "live",
        never_shown=tuple(_words(one) for one in manifest.get("never_shown", ())),
        data=_words(manifest.get("data")),
        data_sha256=tuple(
            dict.fromkeys(_words(part["data_manifest_sha256"]) for _, part in parts if "data_manifest_sha256" in part)
        ),
        training=tuple(_training(name, part) for name, part in parts),
        networks=tuple(_networks(manifest["networks"])),
        figures=tuple(_figures(manifest["metrics"]))[:MOST_FIGURES],
        licence=_words(manifest["licence"]),
        made_at=_words(manifest["made_at"]),
        golden=_golden(manifest.get("golden")),
        precisions=("fp32", *manifest.get("precisions", {})),
    )


def _words(value: object) -> str:
    """A text from a manifest, bounded: it is shown on a page of people who did not write it."""
    return value[:MAX_WORDS] if isinstance(value, str) else ""


def _parts(training: object) -> list[tuple[str, Mapping[str, Any]]]:
    """What is told of the making of each network: one without a name, or several by name."""
    if not isinstance(training, Mapping):
        return []
    named = [(str(name), part) for name, part in training.items() if isinstance(part, Mapping) and _tells(part)]
    return [("", training)] if _tells(training) or not named else named


def _tells(part: Mapping[str, Any]) -> bool:
    return any(key in part for key in ("steps", "recipe", "weights"))


def _training(name: str, part: Mapping[str, Any]) -> str:
    """Such as `idm: 1500 steps of cpu-night, after a warm start of 2500 steps; taught airlight, dew`."""
    steps, recipe, weights = (_words(str(part.get(key, ""))) for key in ("steps", "recipe", "weights"))
    told = f"{steps} steps" if steps else f"the weights of {weights}" if weights else "not told"
    told += f" of {recipe}" if recipe else ""
    for key, words in (("warm_start", "a warm start"), ("init", "an earlier run")):
        before = part.get(key)
        if isinstance(before, Mapping) and "steps" in before:
            told += f", after {words} of {_words(str(before['steps']))} steps"
    fogs = _words(part.get("fogs")).replace("_", " ").replace(",", ", ")
    return f"{f'{name}: ' if name else ''}{told}{f'; taught {fogs}' if fogs else ''}"


def _networks(networks: object) -> Iterator[str]:
    for network in networks if isinstance(networks, list) else ():
        if not isinstance(network, Mapping):
            continue
        parameters, macs = (network.get(key) for key in ("parameters", "macs"))
        told = [_words(network.get("kind")).replace("_", " ")]
        told += [f"{parameters / 1e6:.2f} M parameters"] if isinstance(parameters, int) else []
        told += [f"{macs / 1e9:.3g} GMAC a picture"] if isinstance(macs, int) else []
        yield ", ".join(part for part in told if part)


def _figures(metrics: object) -> Iterator[Figure]:
    """Numbers, and tables `{"mean": 21.6, "low": 20.9, "high": 22.3}`; what is neither is left out."""
    for key, told in metrics.items() if isinstance(metrics, Mapping) else ():
        table = told if isinstance(told, Mapping) else {"mean": told}
        mean, low, high = (_number(table.get(part)) for part in ("mean", "low", "high"))
        if mean is None:
            continue
        *words, last = str(key)[:MAX_WORDS].split("_")
        name = words if words and last in _UNITS else [*words, last]
        yield Figure(
            " ".join(_CAPITALS.get(word, word) for word in name), mean, low, high, _UNITS.get(last, "") if words else ""
        )


def _number(value: object) -> float | None:
    is_one = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_one and isinstance(value, (int, float)) else None


def _digits(value: float) -> str:
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def _golden(golden: object) -> str:
    if not isinstance(golden, Mapping):
        return "not stored"
    least = _number(golden.get("min_psnr_db"))
    return "stored" if least is None else f"stored; every engine is held to it, {least:g} dB at least"
