"""Weights kept once for several profiles, and graphs that are whole only with them."""

import json
import shutil
import threading
from contextlib import closing

import numpy as np
import onnx
import pytest

from edge.basics.errors import ModelError
from edge.basics.folders import open_folder
from edge.config import EngineConfig
from edge.engines.cpu import GraphCpuEngine, open_cpu_engine
from edge.engines.golden import check_golden
from edge.guard.files import FilesEngine
from edge.models.bundle_file import opened_bundle
from edge.models.profile import load_profile
from edge.sources.demo.source import DemoSource
from export.graphs import shared_weights
from export.graphs.profile import export_profile
from export.on_unit.bundle import write_bundle


@pytest.fixture(scope="module")
def models(checkpoints, made_once):
    """Three profiles that share their weights; exported once for all workers, as it takes 15 s of processor time."""

    def make(root):
        kept, shared_weights.FEWEST = shared_weights.FEWEST, 16  # the small networks have no large tensors
        try:
            for profile, isr in (("miinet", "isr"), ("cyclegan", "isr"), ("miinet-guided", None)):
                options = {"version": "1", "licence": "test only", "num_frames": 1, "shares": True}
                export_profile(checkpoints["idm"], profile, root, isr=checkpoints[isr] if isr else None, **options)
        finally:
            shared_weights.FEWEST = kept

    return made_once("profiles-that-share", make)


@pytest.mark.slow
def test_profiles_of_the_same_networks_have_their_weights_once(models):
    names = sorted(path.name.rpartition("-")[0] for path in (models / "shared").iterdir())
    assert names == ["resnet-generator", "rrdb"]
    whole = load_profile("miinet", (models,))
    assert len(whole.shared) == 2
    assert len(load_profile("miinet-guided", (models,)).shared) == 1
    assert whole.graph.stat().st_size < len(whole.content(whole.graph))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["miinet", "miinet-guided"])
def test_graph_and_weights_together_are_the_graph_with_the_rounded_weights(models, checkpoints, tmp_path, name):
    profile = load_profile(name, (models,))
    model = onnx.load_model_from_string(profile.content(profile.graph))
    onnx.checker.check_model(model, full_check=True)
    check_golden(GraphCpuEngine(profile, 1), profile)
    frame = DemoSource("demo:", paced=False).render(40).degraded
    alone = tmp_path / "alone"
    isr = checkpoints["isr"] if name == "miinet" else None
    export_profile(checkpoints["idm"], name, alone, isr=isr, version="1", licence="test only", precisions=())
    images = [open_cpu_engine(load_profile(name, (root,))).enhance(frame).image.astype(int) for root in (models, alone)]
    assert np.abs(images[0] - images[1]).max() <= 1


@pytest.mark.slow
@pytest.mark.parametrize("form", ["model.onnx", "model.fp16.onnx"])
def test_no_weight_of_a_network_stays_behind_in_a_graph(models, form):
    graph = onnx.load(models / "miinet" / form, load_external_data=False).graph
    of_convolutions = {node.input[1] for node in graph.node if node.op_type == "Conv"}
    assert len(of_convolutions) > 20
    assert not of_convolutions & {weight.name for weight in graph.initializer}


def test_half_graphs_take_the_same_weights(models):
    profile = load_profile("miinet", (models,))
    half = profile.graph_for("fp16")
    onnx.checker.check_model(onnx.load_model_from_string(profile.content(half)), full_check=True)
    assert half.stat().st_size < len(profile.content(half))


def test_a_graph_names_its_weights_so_that_its_hash_stands_for_them_too(models):
    profile = load_profile("miinet", (models,))
    (entry,) = onnx.load(profile.graph, load_external_data=False).metadata_props
    assert entry.value.split(" ") == [weights["sha256"] for weights in profile.manifest["shared"]]


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_missing_or_changed_weights_are_refused_in_one_line(models, tmp_path, harm):
    root = tmp_path / "models"
    shutil.copytree(models, root)
    (weights,) = (root / "shared").glob("rrdb-*")
    if harm == "missing":
        weights.unlink()
    else:
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
    with pytest.raises(ModelError, match=weights.name) as refused:
        load_profile("miinet", (root,))
    assert "\n" not in str(refused.value)
    load_profile("miinet-guided", (root,))  # which does not enlarge with them


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        ([{"name": "../../secret-0123456789abcdef.weights", "sha256": "0" * 64}], r"shared\[0\].name"),
        ([{"name": "rrdb-0123456789abcdef.weights", "sha256": "x"}], r"shared\[0\].sha256"),
        ("rrdb", "expected a list"),
    ],
)
def test_a_manifest_names_weights_in_one_way_only(models, tmp_path, shared, message):
    root = tmp_path / "models"
    shutil.copytree(models, root)
    path = root / "miinet" / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"shared": shared}))
    with pytest.raises(ModelError, match=message):
        load_profile("miinet", (root,))


def test_weights_that_no_profile_names_any_more_are_removed(models, tmp_path):
    root = tmp_path / "models"
    shutil.copytree(models, root)
    shutil.rmtree(root / "miinet")
    shutil.rmtree(root / "cyclegan")
    shared_weights.remove_unused(root)
    assert [path.name.rpartition("-")[0] for path in (root / "shared").iterdir()] == ["resnet-generator"]


def test_a_bundle_carries_the_weights_and_needs_none_beside_it(models, tmp_path):
    write_bundle(load_profile("miinet", (models,)), tmp_path / "miinet.bundle")
    place = tmp_path / "unit" / "miinet"
    place.mkdir(parents=True)
    with opened_bundle(tmp_path / "miinet.bundle") as bundle, open_folder(place) as folder:
        bundle.unpack(folder, None)
    installed = load_profile("miinet", (place.parent,))
    assert [path.parent for path in installed.shared] == [place.resolve()] * 2
    check_golden(GraphCpuEngine(installed, 1), installed)


@pytest.mark.slow
def test_the_confined_engine_reads_the_weights(models):
    """Of a unit's own folder, where the interpreter's packages do not happen to lie."""
    config = EngineConfig(models=str(models), keys="", backend="cpu", profile="miinet")
    with closing(FilesEngine(load_profile("miinet", (models,)), config)) as engine:
        engine.open(threading.Event())
        frame = DemoSource("demo:", paced=False).render(40).degraded
        assert np.abs(engine.enhance(frame).image.astype(int) - frame).mean() > 0.5
