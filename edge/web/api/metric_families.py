"""The unit's figures as Prometheus has them: names with units, labels, one family a figure (docs/interfaces.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from edge.health.figures import Histogram
from edge.web.api.schemas import STATES

PART_STATES = ("off", "starting", "ok", "degraded", "failed")

Rows: TypeAlias = Iterable[tuple[tuple[str, ...], Any]]
"""Label values, and the figure; None where there is none at present."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is told.

    Attributes:
        health: the record of `/health`; state: that of `/api/state`, as far as it is nobody's own.
        latency: from capture to publishing.
        streams: transport -> open ones.
        audit: see `edge.access.audit.AuditLog.counts`.
    """

    health: Mapping[str, Any]
    state: Mapping[str, Any]
    latency: Histogram
    streams: Mapping[str, int]
    audit: Mapping[str, int]
    num_attempts: int
    version: str


def families(figures: Figures) -> Iterator[Metric]:
    """Every family; one without a figure at present has no sample."""
    yield InfoMetricFamily("edge_build", "This program.", {"version": figures.version})
    yield from _of_picture(figures.health, figures.latency)
    yield from _of_engine(figures.health)
    yield from _of_parts(figures.health, figures.num_attempts)
    yield from _of_viewers(figures)
    yield from _of_storage(figures.state)
    yield from _of_pacs(figures.health.get("pacs") or {})
    yield from _of_machine(figures.health.get("unit_state") or {})
    yield from _of_head(figures.health.get("bridge") or {})


def _of_picture(health: Mapping[str, Any], latency: Histogram) -> Iterator[Metric]:
    states = [((state,), state == health["state"]) for state in STATES]
    yield _gauge("edge_state", "What the banner says: 1 for the state that holds.", states, "state")
    yield _gauge("edge_uptime_seconds", "Since the program started.", [((), health["uptime_s"])])
    yield _counter("edge_frames", "Pictures that were published.", [((), health["frames"])])
    rates = [(("source",), health["fps_in"]), (("shown",), health["fps_out"])]
    yield _gauge("edge_frames_per_second", "Pictures a second over two seconds.", rates, "at")
    dropped = _rows(health["dropped_by"])
    yield _counter("edge_frames_dropped", "Pictures that gave way to newer ones, before each stage.", dropped, "stage")
    faults = _rows(health.get("frame_faults") or {})
    yield _counter("edge_frame_faults", "Pictures of the source with this fault.", faults, "kind")
    yield _gauge("edge_picture_age_seconds", "Age of the newest picture.", [((), _thousandth(health["age_ms"]))])
    told = HistogramMetricFamily("edge_latency_seconds", "From capture to publishing.")
    told.add_metric([], latency.cumulative(), latency.total)
    yield told
    stages = [
        ((stage, quantile), _thousandth(times[name]))
        for stage, times in health["stage_ms"].items()
        for name, quantile in (("p50", "0.5"), ("p95", "0.95"))
    ]
    yield _gauge("edge_stage_seconds", "Time of a stage, of the last 600 pictures.", stages, "stage", "quantile")
    yield _gauge("edge_enhanced", "1 where the newest picture is enhanced.", [((), health["mode"] == "enhanced")])
    yield _gauge("edge_strength_ratio", "Share of the enhancement that is shown.", [((), health.get("strength"))])
    yield _gauge("edge_frozen", "1 while a picture is held.", [((), health.get("frozen"))])


def _of_engine(health: Mapping[str, Any]) -> Iterator[Metric]:
    facts = {"profile": health["profile"], "model_sha256": health["model_sha256"], "device": health["device"]}
    yield InfoMetricFamily("edge_engine", "What enhances.", facts)
    ladder = health.get("ladder") or {}
    rungs = ladder.get("rungs", [])
    rung = [((), rungs.index(ladder["rung"]))] if ladder.get("rung") in rungs else []
    yield _gauge("edge_ladder_rung", "Rung of the ladder, 0 the best; the last is raw.", rung)
    yield _gauge("edge_ladder_rungs", "Rungs of the ladder, raw included.", [((), len(rungs))] if rungs else [])
    yield _counter(
        "edge_engine_restarts", "Engine's processes that were started again.", [((), ladder.get("restarts"))]
    )
    reload = health.get("reload") or {}
    yield _counter("edge_reloads", "Times that the configuration was read again.", [((), reload.get("count"))])
    yield _gauge("edge_reload_ok", "1 where the last one was taken.", [((), reload.get("ok"))])


def _of_parts(health: Mapping[str, Any], num_attempts: int) -> Iterator[Metric]:
    parts = health["parts"]
    states = [((part, state), one["state"] == state) for part, one in parts.items() for state in PART_STATES]
    yield _gauge("edge_part_state", "1 for the state that a part is in.", states, "part", "state")
    since = [((part,), one["since_s"]) for part, one in parts.items()]
    yield _gauge("edge_part_state_age_seconds", "How long it has been in it.", since, "part")
    yield _counter("edge_source_open_attempts", "Attempts to open a lost source.", [((), num_attempts)])


def _of_viewers(figures: Figures) -> Iterator[Metric]:
    yield _gauge("edge_viewers", "Who watch.", [((), figures.health.get("viewers"))])
    yield _gauge("edge_streams", "Answers without an end that are open.", _rows(figures.streams), "transport")
    notices = len((figures.health.get("access") or {}).get("notices", ()))
    yield _gauge("edge_access_notices", "What everybody who looks is told of access.", [((), notices)])
    audit = figures.audit
    yield _counter("edge_audit_lines", "Lines of the audit log.", [((), audit.get("written"))])
    yield _counter("edge_audit_lost", "Lines that it could not take.", [((), audit.get("lost"))])
    yield _gauge("edge_audit_failing", "1 where its file cannot be written.", [((), audit.get("failing"))])


def _of_storage(state: Mapping[str, Any]) -> Iterator[Metric]:
    storage, recording = state.get("storage") or {}, state.get("recording")
    for key, what in (("free", "Left on the disk."), ("used", "What the unit saved."), ("limit", "What it may save.")):
        yield _gauge(f"edge_storage_{key}_bytes", what, [((), storage.get(f"{key}_bytes"))])
    yield _gauge("edge_recording", "1 while it records.", [((), recording is not None)])
    yield _gauge("edge_recording_seconds", "Length of what it records.", [((), (recording or {}).get("seconds"))])


def _of_pacs(pacs: Mapping[str, Any]) -> Iterator[Metric]:
    states = [((state,), pacs.get(state)) for state in ("waiting", "sent", "committed", "failed")]
    yield _gauge(
        "edge_pacs_objects", "Objects for the PACS that the unit has, by what became of them.", states, "state"
    )
    oldest = [((), pacs.get("oldest_waiting_s"))]
    yield _gauge("edge_pacs_oldest_waiting_seconds", "Since the oldest of those that wait was queued.", oldest)


def _of_machine(machine: Mapping[str, Any]) -> Iterator[Metric]:
    zones = _rows(machine.get("temperatures_celsius") or {})
    yield _gauge("edge_temperature_celsius", "A thermal zone.", zones, "zone")
    yield _gauge("edge_heat_level", "0 cool, 1 less work, 2 raw.", [((), machine.get("level"))])
    clocks = [((name,), mhz * 1e6) for name, mhz in (machine.get("clocks_mhz") or {}).items()]
    yield _gauge("edge_clock_hertz", "A clock.", clocks, "clock")
    yield _gauge("edge_power_watts", "A rail.", _rows(machine.get("power_watts") or {}), "rail")
    events = _rows(machine.get("over_current_events") or {})
    yield _counter("edge_over_current_events", "Since the board was started.", events, "kind")


def _of_head(bridge: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge("edge_bridge_connected", "1 where the camera head answers.", _state_of(bridge))
    yield _counter("edge_bridge_reconnects", "Sessions opened anew.", [((), bridge.get("reconnects"))])
    light = [((str(channel),), level / 1000) for channel, level in enumerate(bridge.get("led_permille") or ())]
    yield _gauge("edge_bridge_light_ratio", "What a channel of the ring light gives.", light, "channel")
    for key in ("window_celsius", "dew_margin_celsius", "board_celsius"):
        yield _gauge(f"edge_bridge_{key}", "Of the camera head.", [((), bridge.get(key))])
    humidity = bridge.get("humidity_percent")
    yield _gauge("edge_bridge_humidity_ratio", "At the window.", [((), None if humidity is None else humidity / 100)])
    yield _gauge("edge_bridge_supply_volts", "Of the camera head.", [((), bridge.get("supply_v"))])
    yield _gauge(
        "edge_bridge_faults", "Faults that it tells.", [((), len(bridge["faults"]))] if "faults" in bridge else []
    )
    line = _rows(bridge.get("line") or {})
    yield _gauge("edge_bridge_line_events", "Of the open session.", line, "event")


def _state_of(bridge: Mapping[str, Any]) -> Rows:
    return [((), bridge["state"] == "connected")] if "state" in bridge else []


def _rows(figures: Mapping[str, Any]) -> Rows:
    return [((name,), figure) for name, figure in figures.items()]


def _thousandth(figure: float | None) -> float | None:
    return None if figure is None else figure / 1000


def _gauge(name: str, what: str, rows: Rows, *labels: str) -> Metric:
    return _filled(GaugeMetricFamily(name, what, labels=labels), rows)


def _counter(name: str, what: str, rows: Rows, *labels: str) -> Metric:
    return _filled(CounterMetricFamily(name, what, labels=labels), rows)


def _filled(family: Any, rows: Rows) -> Metric:
    for labels, figure in rows:
        if isinstance(figure, (int, float)):
            family.add_metric(labels, float(figure))
    filled: Metric = family
    return filled
