"""`edge-enhance --check`: one line a part, for the person who installs the unit."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from edge.access.check import access_line
from edge.basics.command import say
from edge.basics.errors import ConfigError, DeviceMissing, EdgeError, InputOutputError
from edge.basics.owner import become_owner_of
from edge.basics.progress import told_if_long
from edge.basics.texts import age_text
from edge.camera_head.head import check_head
from edge.config import Config, HeatConfig, PrivacyConfig
from edge.guard.confined import Confined
from edge.guard.opening import opened_once, opener
from edge.guard.sandbox import confinement
from edge.health.disk import disk_state, nearest
from edge.health.heat import believed
from edge.health.machine import Sysfs
from edge.models.profile import Profile
from edge.models.trust import vouched
from edge.pacs.worklist import scheduled_line
from edge.saving.at_rest import at_rest_of
from edge.saving.check import recording_line
from edge.service.files import STATE_FOLDER
from edge.updates.running_unit import RunningUnit

TOLD_BY_UNIT = {
    "engine": "engine",
    "camera": "source",
    "bridge": "bridge",
    "disk": "storage",
    "heat": "heat",
    "pacs": "pacs",
}
"""Line of the check -> part of a running unit's health record."""
EARLIEST_YEAR = 2026
LOADED_LATE = (
    "concurrent.futures.thread",
    "numpy.random",
    "edge.calibration.of_unit",
    "edge.sources.camera",
    "edge.sources.clip",
    "edge.sources.demo.source",
    "edge.gstreamer.program",
    "edge.sources.gstreamer.open",
    "edge.sources.open",
    "edge.sources.network.open",
)


def check_unit(config: Config, find_profile: Callable[[Config], Profile]) -> int:
    """Print the state of every part; the answer is the exit code, 0 when all is well and 1 otherwise.

    Where a unit runs on the configured address it is asked, since it holds the camera and the engine: then this says
    what its `/health` says.

    Args:
        find_profile: how the configured profile is looked up.
    """
    with opener() as confined:
        _become_service(config)
        return _check_parts(config, find_profile, confined)


def _check_parts(config: Config, find_profile: Callable[[Config], Profile], confined: Confined) -> int:
    def model() -> str:
        profile = find_profile(config)
        who = vouched(profile, config.engine.keys)
        return f"{profile.name} {profile.manifest['version']}, sha256 {profile.sha256[:12]}, {who}"

    def engine() -> str:
        return opened_once(confined, find_profile(config), config.engine)

    def camera() -> str:
        from edge.calibration.of_unit import not_as_calibrated, refuse_other_mode, unit_correction
        from edge.frames.stages import about
        from edge.sources.open import open_wished, wish_of

        source = open_wished(wish_of(config.source))
        try:
            if source.read() is None:
                raise InputOutputError(f"{config.source.uri}: the source gave no picture")
            manifest = find_profile(config).manifest
            correction = unit_correction(config.unit.calibration, config.unit.serial, manifest)
            found = about(source)
            if correction is not None:
                refuse_other_mode(correction, source)
                found["not_as_calibrated"] = not_as_calibrated(correction, found.get("controls", {}))
            told = f"{config.source.uri} gives pictures, {source.fps:g} frames/s nominal"
            return "; ".join([told, *_of_camera(found), *_run_by(config.source.uri)])
        finally:
            source.close()

    running = RunningUnit(config.web.listen).health()
    parts: dict[str, Callable[[], str]] = {
        "config": lambda: "read; --print-config shows every value",
        "unit": lambda: _unit(running),
        "model": model,
        "engine": engine,
        "guard": confinement,
        "camera": camera,
        "bridge": lambda: check_head(config.bridge),
        "screen": lambda: _screen(config, running),
        "calib": lambda: _calibration(config, find_profile(config)),
        "clock": _clock,
        "access": lambda: access_line(config.web, running),
        "disk": lambda: _disk(config.save.path),
        "record": lambda: recording_line(config.recording, config.save),
        "privacy": lambda: _privacy(config.privacy),
        "heat": lambda: _heat(config.heat),
        "pacs": lambda: _pacs(config),
        "worklist": lambda: scheduled_line(config.worklist),
    }
    if running is not None:
        parts |= {name: partial(_part_of, running, part) for name, part in TOLD_BY_UNIT.items()}
    results = [_line(name, part) for name, part in parts.items()]
    return 0 if all(results) else 1


def _become_service(config: Config) -> None:
    """Look at it as the service's user does, where root asks: engines are code, and that user may write them."""
    if os.geteuid() != 0:
        return
    for module in LOADED_LATE:  # the interpreter's own folder may be closed to that user
        import_module(module)
    if config.pacs.is_on or config.worklist.host:
        import_module("edge.pacs.check")
    for folder in (config.engine.models, config.engine.engines):
        if folder and become_owner_of(Path(folder)):
            if STATE_FOLDER.is_dir():
                os.environ.setdefault("STATE_DIRECTORY", str(STATE_FOLDER))  # where the service saves, not here
            return


def _line(name: str, part: Callable[[], str]) -> bool:
    try:
        with told_if_long(f"{name:8} is tried"):
            mark, result = "ok", part()
    except EdgeError as error:
        mark, result = "FAILED", str(error)
    say(f"{name:8} {mark:7} {result}")
    return mark == "ok"


def _unit(running: Mapping[str, Any] | None) -> str:
    if running is None:
        return "not running; each part is tried here"
    if running["state"] != "live":
        raise DeviceMissing(f"running, {running['state']}: {running['reason']}")
    hours = running["uptime_s"] / 3600
    return f"running for {hours:.1f} h as process {running['pid']}, live, {running['mode']}; it tells of its own parts"


def _of_camera(about: Mapping[str, Any]) -> list[str]:
    """What a camera granted, how its picture was made 16:9.

    Raises:
        DeviceMissing: its settings are not as they were calibrated.
    """
    if differing := about.get("not_as_calibrated"):
        raise DeviceMissing(f"not as calibrated: {'; '.join(differing)}; set it with [source] controls")
    asked, granted, picture = about.get("asked", ""), about.get("granted", ""), about.get("picture") or {}
    if not asked:
        grant = f"gives {granted}, age by {about.get('clock', 'arrival')}"
    else:
        grant = (
            f"granted what was asked for: {granted}" if asked == granted else f"asked for {asked}, granted {granted}"
        )
    return [words for words in (grant if granted else "", picture.get("told", "")) if words]


def _run_by(uri: str) -> list[str]:
    """Which Python runs GStreamer, where the source needs it."""
    from edge.gstreamer.program import gstreamer_words

    return [gstreamer_words()] if uri.startswith(("csi:", "gst:")) else []


def _part_of(running: Mapping[str, Any], part: str) -> str:
    """What the running unit says of a part."""
    record = running["parts"][part]
    since = f"for {age_text(record['since_s'] * 1e3)}"
    if record["state"] in ("degraded", "failed"):
        raise DeviceMissing(f"{record['state']} {since}: {record['reason']}")
    if record["state"] == "off":
        return record["reason"] or "not configured"
    what = {"engine": f"{running['profile']} on {running['device']}, ", "source": f"{running['source']}, "}.get(
        part, ""
    )
    state = "" if record["state"] == "ok" and not what else f"{record['state']} "
    told = f"{what}{state}{since}{': ' if record['reason'] else ''}{record['reason']}"
    return "; ".join([told, *(_of_camera(running.get("camera") or {}) if part == "source" else [])])


def _heat(config: HeatConfig) -> str:
    zones = believed(Sysfs().temperatures_celsius(), config.ignore_zones)
    if not zones:
        return "no temperature sensor"
    name, celsius = max(zones.items(), key=lambda zone: zone[1])
    if celsius >= config.warm_celsius:
        raise DeviceMissing(f"{name} at {celsius:.0f} C, expected below {config.warm_celsius:g}; let the unit cool")
    return f"{name} at {celsius:.0f} C is the hottest of {len(zones)}"


def _screen(config: Config, running: Mapping[str, Any] | None) -> str:
    """What would show the picture at the unit; the screen itself is not touched."""
    from edge.gstreamer.program import gstreamer_words

    if not config.display.on:
        return "not configured"
    told = {} if running is None else running.get("display") or {}
    if told.get("reason"):
        raise DeviceMissing(told["reason"])
    return f"{told.get('sink') or config.display.sink}, by {gstreamer_words()}"


def _calibration(config: Config, profile: Profile) -> str:
    from edge.calibration.of_unit import unit_correction

    correction = unit_correction(config.unit.calibration, config.unit.serial, profile.manifest)
    if correction is None:
        return "none; the picture is not corrected for this unit"
    if correction.on_host is None:
        made_at, where = datetime.fromisoformat(profile.manifest["calibration"]["made_at"]), "in the profile's graph"
    else:
        made_at, where = correction.on_host.made_at, ", ".join(correction.on_host.parts)
    age = (datetime.now(timezone.utc) - made_at).days
    return f"unit {correction.unit}, {age} days old, {where}, for {correction.camera_mode}"


def _privacy(config: PrivacyConfig) -> str:
    """Whether the unit would have its keys; those of systemd's credentials are there in the service alone."""
    if not config.key and not config.old_keys:
        return "not encrypted"
    if any("$" in one for one in (config.key, *config.old_keys)) and "CREDENTIALS_DIRECTORY" not in os.environ:
        return "by a key that the service alone can read"
    return "encrypted" if at_rest_of(config).is_encrypting else "not encrypted; older files can be read"


def _pacs(config: Config) -> str:
    if not config.pacs.is_on:
        return "not configured"
    from edge.pacs.check import answers

    return answers(config.pacs)


def _clock() -> str:
    now = time.localtime()
    if now.tm_year < EARLIEST_YEAR:
        raise ConfigError(f"the clock says {time.strftime('%Y-%m-%d', now)}; set it, saved pictures carry its time")
    return time.strftime("%Y-%m-%d %H:%M:%S %Z", now)


def _disk(folder: Path) -> str:
    """The folder that pictures are saved to, or where it will be made."""
    state, _, reason = disk_state(folder)
    if state != "ok":
        raise InputOutputError(reason)
    there = nearest(folder)
    return f"{shutil.disk_usage(there).free / 2**30:.1f} GiB free in {there}, for {folder}"
