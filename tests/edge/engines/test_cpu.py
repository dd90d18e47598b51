"""The CPU engines: two forms of one profile, the same pixels."""

import json
import shutil

import numpy as np
import pytest

from edge.basics.errors import EngineFailed, ModelError
from edge.basics.whole_files import file_sha256
from edge.engines.cpu import GraphCpuEngine, GuidedCpuEngine, open_cpu_engine
from edge.models.profile import SHIPPED, load_profile
from edge.sources.demo.source import DemoSource


@pytest.fixture(scope="module")
def frame():
    source = DemoSource("demo:", paced=False)
    return source.read().image


@pytest.mark.slow
def test_host_form_gives_the_graphs_pixels_within_one_level(frame):
    profile = load_profile("live")
    host, graph = open_cpu_engine(profile, 2), GraphCpuEngine(profile, 2)
    before = frame.copy()
    ours, reference = host.enhance(frame), graph.enhance(frame)
    assert isinstance(host, GuidedCpuEngine)
    assert ours.image.shape == frame.shape
    assert ours.image.dtype == np.uint8
    difference = np.abs(ours.image.astype(np.int16) - reference.image)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3
    assert not np.array_equal(ours.image, frame)
    assert np.array_equal(frame, before)
    assert set(ours.stage_ms) == {"shrink", "dehaze", "guided"}
    host.close()
    graph.close()


def test_an_earlier_result_is_not_written_again(frame):
    engine = open_cpu_engine(load_profile("live"), 1)
    first = engine.enhance(frame).image
    kept = first.copy()
    engine.enhance(255 - frame)
    assert np.array_equal(first, kept)
    engine.close()


def test_a_profile_without_a_dehazer_runs_its_whole_graph(tmp_path):
    shutil.copytree(SHIPPED / "live", tmp_path / "whole")
    path = tmp_path / "whole" / "model.json"
    manifest = json.loads(path.read_text())
    del manifest["dehaze_sha256"]
    path.write_text(json.dumps(manifest))
    assert isinstance(open_cpu_engine(load_profile("whole", (tmp_path,)), 1), GraphCpuEngine)


@pytest.mark.parametrize("graph", ["garbage", "other interface"])
def test_a_graph_that_is_no_profile_is_refused_in_one_line(tmp_path, graph):
    shutil.copytree(SHIPPED / "live", tmp_path / "live")
    folder = tmp_path / "live"
    if graph == "garbage":
        (folder / "model.onnx").write_bytes(b"not a graph")
    else:
        shutil.copy(folder / "dehaze.onnx", folder / "model.onnx")
    manifest = json.loads((folder / "model.json").read_text())
    manifest["sha256"] = file_sha256(folder / "model.onnx")
    del manifest["dehaze_sha256"]
    (folder / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError) as caught:
        open_cpu_engine(load_profile("live", (tmp_path,)), 1)
    assert "\n" not in str(caught.value)


def test_a_dehazer_of_another_interface_is_refused_with_what_to_do(tmp_path):
    shutil.copytree(SHIPPED / "live", tmp_path / "live")
    folder = tmp_path / "live"
    shutil.copy(folder / "model.onnx", folder / "dehaze.onnx")
    manifest = json.loads((folder / "model.json").read_text())
    manifest["dehaze_sha256"] = file_sha256(folder / "dehaze.onnx")
    (folder / "model.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match=r"dehaze\.onnx: its inputs and outputs are .* edge-export onnx") as caught:
        open_cpu_engine(load_profile("live", (tmp_path,)), 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("place", [(0, 0, 0), (269, 479, 2), (100, 301, 1)])
def test_one_number_of_the_maps_that_is_none_fails_the_frame(frame, value, which, place):
    engine = open_cpu_engine(load_profile("live"), 1)
    dehazer = engine._dehazer
    run = dehazer.run

    def spoiled(*given):
        maps = run(*given)
        maps[which][place] = value
        return maps

    dehazer.run = spoiled
    with pytest.raises(EngineFailed, match="NaN or infinity"):
        engine.enhance(frame)
    engine.close()


@pytest.mark.parametrize("in_one_piece", [True, False])
def test_the_whole_graph_writes_where_it_is_told(frame, in_one_piece):
    engine = GraphCpuEngine(load_profile("live"), 2)
    room = np.zeros((1080, 1920 + 8, 3), np.uint8)
    out = np.zeros_like(frame) if in_one_piece else room[:, :1920]
    assert engine.enhance(frame, out).image is out
    np.testing.assert_array_equal(out, engine.enhance(frame).image)
    assert not room[:, 1920:].any()
    engine.close()
