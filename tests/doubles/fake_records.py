"""What a unit tells of itself, as docs/reference.md has it: for `tests.doubles.fake_unit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

ROUTES: Mapping[str, tuple[str, ...]] = {
    "/api/state": ("get",),
    "/api/freeze": ("post",),
    "/api/live": ("post",),
    "/api/profile": ("post",),
    "/api/light": ("get", "post"),
    "/api/camera-controls": ("get", "post"),
    "/api/recording": ("get",),
    "/api/recording/start": ("post",),
    "/api/recording/stop": ("post",),
    "/api/recording/keep": ("post",),
    "/api/saved": ("get",),
    "/api/saved/{name}": ("get", "delete"),
    "/api/session": ("get", "post", "delete"),
    "/api/worklist": ("get",),
    "/api/reference": ("get", "post", "delete"),
    "/api/reference/show": ("post",),
    "/api/profiles/{name}/card": ("get",),
}
CONTROLS = {
    "exposure": {"low": 1, "high": 500, "step": 1, "default": 120, "now": 120, "active": True},
    "gain": {"low": 0, "high": 16, "step": 0.5, "default": 4, "now": 4, "active": True},
}
ADVICE = "comparison only: not good enough to help"


def card(name: str) -> dict[str, Any]:
    """A profile's, as a unit tells it."""
    figures = [
        {"name": "fog PSNR", "value": 21.654, "low": 20.9, "high": 22.31, "unit": "dB"},
        {"name": "share made worse", "value": 0.083, "low": None, "high": None, "unit": ""},
    ]
    texts = {"profile": name, "title": f"edge-enhance {name}", "version": "3", "sha256": "ab" * 32, "data": "mouths"}
    texts |= {
        "purpose": f"what {name} is for",
        "advice": ADVICE if name == "miinet" else "",
        "draws": "",
        "use": "live",
    }
    texts |= {"licence": "CC BY 4.0", "made_at": "2026-11-29T18:14:53+00:00", "golden": "stored"}
    lists = {"data_sha256": [], "training": ["16000 steps of live"], "networks": [], "precisions": ["fp32"]}
    return {**texts, **lists, "never_shown": ["real fog", "dew"], "figures": figures}


def always(path: str) -> tuple[str, ...]:
    """Methods of what every unit answers, however old."""
    return ("post",) if path in ("/api/live", "/api/save", "/api/strength", "/api/logout") else ()


def first_state() -> dict[str, Any]:
    """A unit that has everything, and is well."""
    return {
        "state": "live",
        "reason": "",
        "mode": "enhanced",
        "profile": "live",
        "profiles": [
            {"name": "live", "title": "For every day", "is_live": True, "synthesises": False, "advice": ""},
            {"name": "live-isr", "title": "Finer", "is_live": True, "synthesises": True, "advice": ""},
            {"name": "miinet", "title": "The paper's", "is_live": False, "synthesises": True, "advice": ADVICE},
        ],
        "strength": 1.0,
        "frozen": None,
        "view": "enhanced",
        "age_ms": 30.0,
        "fps_in": 30.0,
        "fps_out": 25.0,
        "latency_ms": 31.0,
        "notices": [],
        "role": "operator",
        "name": "otto",
        "expires_in_s": None,
        "insecure": False,
        "viewers": 1,
        "can": {
            "profile": True,
            "light": True,
            "camera_controls": True,
            "recording": True,
            "before_roll": True,
            "reference": ["miinet", "cyclegan"],
            "webrtc": False,
            "worklist": False,
        },
        "recording": None,
        "session": None,
        "reference": None,
        "light_percent": 70,
        "storage": {"free_bytes": 21_000_000_000, "used_bytes": 3_000_000_000, "limit_bytes": 24_000_000_000},
    }


def scheduled(name: str, **told: str) -> dict[str, str]:
    """As `/api/worklist` tells of an answer."""
    texts = ("key", "id", "birth_date", "sex", "accession_number", "description", "starts", "reason", "remark")
    return {**dict.fromkeys(texts, ""), "name": name, **told}


def session_of(body: Mapping[str, Any], answers: Sequence[Mapping[str, str]], number: int) -> dict[str, Any]:
    """As `/api/session` tells of the one that a body opens."""
    patient: dict[str, Any] | None = None
    label = str(body.get("label", ""))
    if "worklist" in body:
        (chosen,) = (one for one in answers if one["key"] == body["worklist"])
        label, patient = chosen["name"], {key: chosen[key] for key in ("id", "birth_date", "sex")}
    elif "emergency" in body:
        label, patient = "EMERGENCY, 20261130 091500 4A1F", {"id": "EMERGENCY-1", "birth_date": "", "sex": ""}
    if patient is not None:
        patient["is_emergency"] = "emergency" in body
    return {"id": f"s{number}", "label": label, "since": "", "patient": patient}


def item(
    name: str, kind: str, files: Mapping[str, str], session: Mapping[str, Any] | None, taken_at: str, num_bytes: int
) -> dict[str, Any]:
    """As `/api/saved` tells of it."""
    return {
        "name": name,
        "kind": kind,
        "taken_at": taken_at or "2026-11-29T12:03:11.250+00:00",
        "duration_s": 2.0 if kind == "recording" else None,
        "views": ["raw", "enhanced"],
        "bytes": num_bytes,
        "profile": "live",
        "synthesised": False,
        "session": session,
        "files": {**files, "record": f"{name}.json"},
    }
