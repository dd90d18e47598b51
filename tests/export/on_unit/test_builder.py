"""What a build is told: read back from a real builder's configuration, and the timing cache's way with a fake one."""

from types import SimpleNamespace

import pytest

from edge.engines.gpu.trt_log import collecting_logger
from edge.engines.gpu.trt_versions import TrtApi, load_trt
from export.on_unit.builder import BuildOptions, _configure, _timing_cache


def test_configuration_is_what_the_documentation_promises(trt_rtx):
    api = load_trt("tensorrt-rtx")
    trt = api.trt
    builder = trt.Builder(collecting_logger(api))
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.TF32)
    _configure(api, config, BuildOptions(workspace_mib=300, compute_capability=(8, 9)))
    assert config.get_memory_pool_limit(trt.MemoryPoolType.WORKSPACE) == 300 << 20
    assert not config.get_flag(trt.BuilderFlag.TF32), "fp32 means fp32"
    assert not config.get_flag(trt.BuilderFlag.GPU_FALLBACK)
    assert config.default_device_type == trt.DeviceType.GPU, "DLA never silently"
    assert config.hardware_compatibility_level == trt.HardwareCompatibilityLevel.NONE
    assert config.get_compute_capability(0) == trt.ComputeCapability.SM89


class Config:
    """A builder's configuration that takes caches of its own release alone."""

    def __init__(self):
        self.begun_with = None

    def create_timing_cache(self, content):
        if content.startswith(b"other"):
            return None
        self.begun_with = content
        return SimpleNamespace(serialize=lambda: content + b"+")

    def set_timing_cache(self, cache, ignore_mismatch):
        return not ignore_mismatch


@pytest.mark.parametrize(
    ("stored", "begun_with", "kept"),
    [(None, b"", b"+"), (b"mine", b"mine", b"mine+"), (b"other release", b"", b"+")],
    ids=["first build", "again", "of another release"],
)
def test_timing_cache_is_taken_up_and_handed_back(tmp_path, stored, begun_with, kept):
    path = tmp_path / "timing.cache"
    if stored is not None:
        path.write_bytes(stored)
    config = Config()
    after = _timing_cache(TrtApi("tensorrt", None), config, path)
    assert config.begun_with == begun_with
    assert after() == kept


def test_tensorrt_rtx_keeps_no_timing_cache(tmp_path):
    config = Config()
    assert _timing_cache(TrtApi("tensorrt-rtx", None), config, tmp_path / "timing.cache")() == b""
    assert config.begun_with is None
