"""The paper's networks at their full size, once. Weights are random: the graph does not depend on them."""

import onnx
import pytest
import torch

from edge.engines.gpu.trt_versions import load_trt
from edge.models.profile import load_profile
from export.graphs.profile import export_profile
from export.on_unit.builder import BuildOptions, plan_from_onnx
from trainer.networks.resnet_generator import ResnetGenerator
from trainer.networks.rrdb import Rrdb
from trainer.training.checkpoint import described, save_whole


@pytest.mark.slow
def test_miinet_is_exported_gated_and_built_at_full_size(trt_rtx, tmp_path):
    torch.manual_seed(0)
    for name, kind, network in (("idm", "resnet_generator", ResnetGenerator()), ("isr", "rrdb", Rrdb())):
        save_whole(network.state_dict(), tmp_path / f"{name}.safetensors", described(kind, network.config))
    idm, isr = (tmp_path / f"{name}.safetensors" for name in ("idm", "isr"))
    export_profile(idm, "miinet", tmp_path, version="1", licence="test only", isr=isr)
    profile = load_profile("miinet", (tmp_path,))
    assert [network["parameters"] for network in profile.manifest["networks"]] == [11_378_179, 16_697_987]
    assert [round(network["macs"] / 1e9) for network in profile.manifest["networks"]] == [99, 2323]
    half = onnx.load(profile.graph_for("fp16"))
    assert half.ByteSize() < 60e6
    built = plan_from_onnx(load_trt("tensorrt-rtx"), profile.graph_for("fp16"), BuildOptions(compute_capability=(8, 6)))
    assert len(built.content) > 30e6
