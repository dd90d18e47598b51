"""Exposures matched to frames by time."""

from __future__ import annotations

import random

import pytest

from edge.camera_head.frame_sync import FrameSyncMatcher

MS = 1_000_000
FRAME_MS = 33


def test_offset_and_jitter_of_a_camera_that_captures_late_by_a_known_time():
    matcher, draw = FrameSyncMatcher(), random.Random(1)
    for number in range(200):
        exposed_ns = number * FRAME_MS * MS
        matcher.exposed(exposed_ns)
        matcher.captured(exposed_ns + 12 * MS + draw.randint(-MS, MS))
    report = matcher.report()
    assert report["matched"] == 200
    assert report["offset_ms"] == pytest.approx(12.0, abs=0.2)
    assert report["jitter_ms"] == pytest.approx(1.8, abs=0.2)  # 90% of a uniform spread of 2 ms


def test_lost_exposures_leave_frames_unmatched_and_spoil_nothing():
    matcher = FrameSyncMatcher()
    for number in range(100):
        if number % 4:
            matcher.exposed(number * FRAME_MS * MS)
        matcher.captured((number * FRAME_MS + 5) * MS)
    report = matcher.report()
    assert report["matched"] == 75
    assert report["offset_ms"] == 5.0
    assert report["jitter_ms"] == 0.0


def test_lost_frames_leave_exposures_unmatched_and_spoil_nothing():
    matcher = FrameSyncMatcher()
    for number in range(100):
        matcher.exposed(number * FRAME_MS * MS)
        if number % 3 == 0:
            matcher.captured((number * FRAME_MS + 5) * MS)
    assert matcher.report() == {"matched": 34, "unmatched": 0, "offset_ms": 5.0, "jitter_ms": 0.0}


def test_exposures_of_long_ago_match_nothing():
    matcher = FrameSyncMatcher()
    matcher.exposed(0)
    matcher.captured(10**9)
    assert matcher.report() == {"matched": 0, "unmatched": 1, "offset_ms": None, "jitter_ms": None}


def test_without_a_head_nothing_is_counted():
    matcher = FrameSyncMatcher()
    matcher.captured(10**9)
    assert matcher.report()["unmatched"] == 0


def test_a_restarted_head_begins_anew():
    matcher = FrameSyncMatcher()
    matcher.exposed(5)
    matcher.restart()
    matcher.captured(6)
    assert matcher.report()["matched"] == 0
