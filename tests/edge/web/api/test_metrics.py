"""`/metrics` read by Prometheus' own parsers, and the dashboard that shows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

from edge.health.figures import Histogram
from edge.web.api.metric_families import Figures, families
from tests.doubles.guarded import Guest
from tests.doubles.http_viewer import wait_for_frames
from tests.doubles.studio import Studio
from tests.paths import REPOSITORY

DASHBOARD = REPOSITORY / "docs" / "grafana" / "edge-enhance.json"
OF_THE_PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str, parse: Any = plain_text) -> Samples:
    return {
        (one.name, tuple(sorted(one.labels.items()))): one.value for family in parse(text) for one in family.samples
    }


def asked(studio: Studio, accept: str = "") -> tuple[str, str]:
    status, headers, body = Guest(studio.url).ask("GET", "/metrics", headers={"Accept": accept} if accept else {})
    assert status == 200
    return headers["content-type"], body.decode()


def full_health() -> dict[str, Any]:
    """Of a unit that has everything, with names that must be escaped."""
    return {
        "state": "degraded", "mode": "raw", "uptime_s": 12.5, "frames": 7, "fps_in": 30.0, "fps_out": 29.5,
        "dropped_by": {"inference": 3}, "age_ms": 50.0, "stage_ms": {"engine": {"p50": 20.0, "p95": 25.0, "max": 30.0}},
        "profile": "live", "model_sha256": "ab", "device": 'cpu "2 threads"\\', "viewers": 2, "frozen": True,
        "strength": 0.5, "frame_faults": {"damaged": 4}, "reload": {"count": 2, "ok": False},
        "parts": {"source": {"state": "failed", "reason": "x", "since_s": 3.0}},
        "ladder": {"rung": "live on the CPU", "rungs": ["live", "live on the CPU", "raw"], "restarts": 5},
        "access": {"notices": ["NOT SECURED"]},
        "pacs": {"waiting": 3, "sent": None, "committed": 5, "failed": 0, "oldest_waiting_s": 7.5},
        "unit_state": {"temperatures_celsius": {"CPU\nzone": 51.5}, "level": 1, "clocks_mhz": {"cpu0": 1510.0},
                       "power_watts": {"VDD_IN": 7.5}, "over_current_events": {"oc1": 0}},
        "bridge": {"state": "connected", "reconnects": 1, "led_permille": [500, 250], "window_celsius": 36.5,
                   "dew_margin_celsius": None, "board_celsius": 40.0, "humidity_percent": 55.0, "supply_v": 5.0,
                   "faults": ["OVER_TEMPERATURE"], "line": {"requests": 9}},
    }  # fmt: skip


@pytest.fixture
def full() -> Samples:
    from prometheus_client import CollectorRegistry
    from prometheus_client.openmetrics.exposition import generate_latest

    latency = Histogram((0.1, 0.2))
    for value in (0.05, 0.1, 0.15, 3.0):
        latency.add(value)
    storage = {"free_bytes": 10, "used_bytes": 3, "limit_bytes": None}
    state = {"storage": storage, "recording": {"seconds": 4.5}}
    audit = {"written": 8, "lost": 0, "failing": 0}
    figures = Figures(full_health(), state, latency, {"mjpeg": 1}, audit, 6, "1.2.3")

    class Unit:
        def collect(self) -> Iterator[Any]:
            return families(figures)

    registry = CollectorRegistry()
    registry.register(Unit())
    return samples(generate_latest(registry).decode(), open_metrics)


def test_each_figure_has_its_unit_and_labels(full: Samples) -> None:
    expected = {
        ("edge_build_info", (("version", "1.2.3"),)): 1,
        ("edge_state", (("state", "degraded"),)): 1,
        ("edge_state", (("state", "live"),)): 0,
        ("edge_frames_total", ()): 7,
        ("edge_frames_per_second", (("at", "source"),)): 30,
        ("edge_frames_dropped_total", (("stage", "inference"),)): 3,
        ("edge_frame_faults_total", (("kind", "damaged"),)): 4,
        ("edge_picture_age_seconds", ()): 0.05,
        ("edge_stage_seconds", (("quantile", "0.95"), ("stage", "engine"))): 0.025,
        ("edge_enhanced", ()): 0,
        ("edge_frozen", ()): 1,
        ("edge_engine_info", (("device", 'cpu "2 threads"\\'), ("model_sha256", "ab"), ("profile", "live"))): 1,
        ("edge_ladder_rung", ()): 1,
        ("edge_engine_restarts_total", ()): 5,
        ("edge_reload_ok", ()): 0,
        ("edge_part_state", (("part", "source"), ("state", "failed"))): 1,
        ("edge_source_open_attempts_total", ()): 6,
        ("edge_streams", (("transport", "mjpeg"),)): 1,
        ("edge_audit_lines_total", ()): 8,
        ("edge_storage_free_bytes", ()): 10,
        ("edge_pacs_objects", (("state", "waiting"),)): 3,
        ("edge_pacs_objects", (("state", "sent"),)): None,
        ("edge_pacs_oldest_waiting_seconds", ()): 7.5,
        ("edge_recording", ()): 1,
        ("edge_recording_seconds", ()): 4.5,
        ("edge_temperature_celsius", (("zone", "CPU\nzone"),)): 51.5,
        ("edge_clock_hertz", (("clock", "cpu0"),)): 1.51e9,
        ("edge_bridge_light_ratio", (("channel", "1"),)): 0.25,
        ("edge_bridge_humidity_ratio", ()): 0.55,
        ("edge_bridge_faults", ()): 1,
    }
    assert {key: full.get(key) for key in expected} == expected


def test_what_is_not_known_has_no_sample(full: Samples) -> None:
    assert ("edge_storage_limit_bytes", ()) not in full
    assert ("edge_bridge_dew_margin_celsius", ()) not in full


def test_the_latency_is_a_histogram(full: Samples) -> None:
    buckets = {dict(labels)["le"]: value for (name, labels), value in full.items() if name.endswith("_bucket")}
    assert buckets == {"0.1": 2, "0.2": 3, "+Inf": 4}
    assert full["edge_latency_seconds_sum", ()] == pytest.approx(3.3)
    assert full["edge_latency_seconds_count", ()] == 4


@pytest.mark.parametrize(
    ("accept", "kind", "parse"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8", plain_text),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8", plain_text),
        ("application/openmetrics-text;version=1.0.0,*/*;q=0.1", "application/openmetrics-text", open_metrics),
    ],
)
def test_a_running_unit_is_read_in_both_formats(studio: Studio, accept: str, kind: str, parse: Any) -> None:
    studio.roll()
    wait_for_frames(studio.url, 5)
    content_type, text = asked(studio, accept)
    assert content_type.startswith(kind)
    found = samples(text, parse)
    assert found["edge_frames_total", ()] >= 5
    assert found["edge_latency_seconds_count", ()] >= 5
    assert found["process_resident_memory_bytes", ()] > 10**6
    assert found["edge_state", (("state", "live"),)] + found["edge_state", (("state", "stale"),)] == 1


def test_every_sample_says_its_unit(full: Samples) -> None:
    units = "seconds|bytes|celsius|hertz|watts|volts|ratio|total|info|bucket|sum|count"
    bare = "state|enhanced|frozen|level|rungs?|ok|viewers|streams|objects|notices|failing|recording|connected|faults"
    bare += "|events"
    for name, _ in full:
        assert re.fullmatch(rf"edge_\w*?(?:{units}|{bare}|per_second)", name), name


# ---- the dashboard


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def test_every_expression_names_figures_that_there_are(dashboard: dict[str, Any], full: Samples) -> None:
    names = {name for name, _ in full} | OF_THE_PROCESS | {"edge_bridge_dew_margin_celsius"}
    labels = {key for _, labels in full for key, _ in labels} | {"instance", "le"}
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    expressions += [dashboard["templating"]["list"][1]["query"]["query"]]
    for expression in expressions:
        used = set(re.findall(r"\b(?:edge|process)_\w+", expression))
        assert used and used <= names, expression
        assert set(re.findall(r"(\w+)\s*=~?", expression.replace("==", ""))) <= labels, expression


def test_what_becomes_of_pictures_for_the_pacs_is_seen(dashboard: dict[str, Any], full: Samples) -> None:
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    there_are = {name for name, _ in full if name.startswith("edge_pacs_")}
    assert there_are, "the unit has an archive here"
    for name in there_are:
        assert any(name in expression for expression in expressions), f"no panel shows {name}"
    states = {dict(labels)["state"] for name, labels in full if name == "edge_pacs_objects"}
    picked = {state for one in expressions if "pacs" in one for state in re.findall(r'state="(\w+)"', one)}
    assert picked == {"failed"} and picked < states


def test_it_is_a_dashboard_that_grafana_takes(dashboard: dict[str, Any]) -> None:
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time"} <= dashboard.keys()
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another panel"
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["type"] in ("stat", "timeseries", "state-timeline", "table")
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
    variables = {one["name"] for one in dashboard["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(panels))) - {"__all"} <= variables
