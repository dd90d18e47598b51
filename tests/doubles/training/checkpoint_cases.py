"""The profiles that tests export, and what each is made of."""

from __future__ import annotations

Case = tuple[str, str, bool, "str | None"]
CASES: list[Case] = [
    ("live", "student", False, None),
    ("live", "student", False, "bicubic"),
    ("live-isr", "student_isr", False, None),
    ("miinet", "idm", True, None),
    ("miinet-guided", "idm", False, None),
]
"""Profile, its dehazer's checkpoint, whether a separate network enlarges, and the upscale if it is not the
profile's."""
IDS = [profile if upscale is None else f"{profile} {upscale}" for profile, _, _, upscale in CASES]
