"""Export of a guided profile: valid graphs whose manifest an engine accepts."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from edge.artifact import load_artifact
from edge.errors import ModelError
from export.onnx_graph import OPSET, multiply_accumulates
from export.pipeline import GuidedPipeline
from export.profile import export_guided_profile
from trainer.checkpoint import save_whole
from trainer.networks.student import Student, StudentConfig


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    torch.manual_seed(0)
    network = Student(StudentConfig((8, 8, 8), (1, 1, 1)))
    torch.nn.init.normal_(network.head.weight, std=0.05)
    described = {"student": '{"num_feat": [8, 8, 8], "num_conv": [1, 1, 1], "fold": 4}', "recipe": "test"}
    save_whole(dict(network.state_dict()), folder / "student.safetensors", described)
    root = folder / "models"
    export_guided_profile(folder / "student.safetensors", "live", root, version="7", licence="test only")
    return network, load_artifact("live", (root,))


def test_manifest_says_what_it_is(exported):
    network, artifact = exported
    manifest = artifact.manifest
    assert manifest["networks"][0]["parameters"] == sum(p.numel() for p in network.parameters())
    assert manifest["networks"][0]["macs"] == multiply_accumulates(artifact.dehazer) > 1e6
    assert (manifest["version"], manifest["licence"]) == ("7", "test only")
    assert manifest["training"]["recipe"] == "test"


def test_graph_is_standard_static_and_folded(exported):
    model = onnx.load(exported[1].graph)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", OPSET)]
    shapes = [[d.dim_value for d in v.type.tensor_type.shape.dim] for v in (*model.graph.input, *model.graph.output)]
    assert shapes == [[1, 1080, 1920, 3]] * 2
    assert not {"Shape", "Gather", "Constant", "Identity"} & {node.op_type for node in model.graph.node}


def test_whole_graph_gives_torchs_pixels_within_one_level(exported):
    network, artifact = exported
    frame = np.random.default_rng(1).integers(0, 256, (1, 1080, 1920, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(artifact.graph, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"frame": frame})
    with torch.no_grad():
        expected = GuidedPipeline(network)(torch.from_numpy(frame)).numpy()
    assert np.abs(found.astype(np.int16) - expected).max() <= 1


def test_a_wrong_checkpoint_writes_nothing(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match=r"x\.safetensors"):
        export_guided_profile(tmp_path / "x.safetensors", "live", tmp_path / "out", version="1", licence="-")
    assert not (tmp_path / "out").exists()
