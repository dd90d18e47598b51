"""Every name of TensorRT that the product uses exists in NVIDIA's real bindings, release by release.

The names are read from the product's own source, so that a new one cannot be forgotten here. TensorRT's libraries are
replaced by stubs: names, enums and methods are real, nothing can be built.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles.parts import part
from tests.doubles.tensorrt_parts import BINDINGS
from tests.paths import REPOSITORY

SOURCES = [
    *(
        REPOSITORY / "edge" / "engines" / "gpu" / f"{name}.py"
        for name in ("trt_versions", "trt_log", "open", "tensorrt")
    ),
    *(REPOSITORY / "export" / "on_unit" / f"{name}.py" for name in ("builder", "peak", "inspector")),
]
CLASSES = {
    "builder": "Builder", "network": "INetworkDefinition", "parser": "OnnxParser", "config": "IBuilderConfig",
    "engine": "ICudaEngine", "context": "IExecutionContext", "runtime": "Runtime", "layer": "ILayer",
    "inspector": "EngineInspector", "cache": "ITimingCache", "x": "ITensor", "product": "ITensor",
    "error": "ParserError",
}  # fmt: skip
ONLY_8_6 = {
    "NetworkDefinitionCreationFlag.EXPLICIT_BATCH", "BuilderFlag.FP16", "BuilderFlag.OBEY_PRECISION_CONSTRAINTS",
    "ILayer.precision", "ILayer.set_output_type", "ICudaEngine.device_memory_size",
}  # fmt: skip
"""Asked for where a release has no strongly typed networks, or no newer name; TensorRT 11 dropped them."""
ONLY_RTX = {"ComputeCapability", "IBuilderConfig.num_compute_capabilities", "IBuilderConfig.set_compute_capability"}


def chain(node: ast.expr) -> list[str]:
    """`a.b.c` as its parts; empty for anything else."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *parts[::-1]] if isinstance(node, ast.Name) else []


def used_names() -> set[str]:
    """Module names as `Enum.MEMBER`, methods as `Class.method`."""
    names = set()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute):
                continue
            parts = chain(node)
            if parts[:1] == ["self"]:
                parts = [parts[1].lstrip("_"), *parts[2:]]
            if parts[:2] == ["api", "trt"]:
                parts = parts[1:]
            if parts[:1] == ["trt"] and len(parts) > 1:
                names.add(".".join(parts[1:]))
            elif len(parts) == 2 and parts[0] in CLASSES:
                names.add(f"{CLASSES[parts[0]]}.{parts[1]}")
            elif len(parts) == 2 and parts[0] == "flags":
                names.add(f"NetworkDefinitionCreationFlag.{parts[1]}")
    engine_calls = {
        "set_tensor_address",
        "execute_async_v3",
    }  # on `context`, a local name of edge/engines/gpu/tensorrt.py
    return names | {f"IExecutionContext.{name}" for name in engine_calls} | {"ICudaEngine.device_memory_size_v2"}


ASK = """
import json, sys
import {module} as trt
asked = json.loads(sys.argv[1])
def has(name):
    found = trt
    for part in name.split("."):
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True
print(json.dumps([trt.__version__, [name for name in asked if not has(name)]]))
"""


def missing_in(paths: list[Path], module: str) -> tuple[str, set[str]]:
    env = {**os.environ, "PYTHONPATH": str(paths[0]), "LD_LIBRARY_PATH": str(paths[0])}
    asked = json.dumps(sorted(used_names() - {"__version__"}))
    command = [sys.executable, "-c", ASK.format(module=module), asked]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    version, missing = json.loads(done.stdout.splitlines()[-1])
    return version, set(missing)


def test_the_names_are_found_in_the_source():
    names = used_names()
    assert len(names) > 50
    assert {"BuilderFlag.TF32", "OnnxParser.parse_from_file", "IExecutionContext.execute_async_v3"} <= names
    assert {"ICudaEngine.create_engine_inspector", "IBuilderConfig.set_timing_cache", "ITimingCache.serialize"} <= names


@pytest.mark.parametrize("release", BINDINGS)
def test_names_exist_in_the_bindings_of(release):
    version, missing = missing_in([part(f"bindings-{release}")], "tensorrt_bindings")
    assert version == release
    assert missing <= ONLY_8_6 | ONLY_RTX
    if release.startswith("11"):
        assert "BuilderFlag.FP16" in missing, "what TensorRT 11 removed must be told apart"


def test_names_exist_in_tensorrt_rtx():
    _, missing = missing_in([part("rtx")], "tensorrt_rtx")
    assert missing <= ONLY_8_6


def test_the_fake_of_the_runtime_tests_has_no_name_that_the_real_one_lacks():
    from tests.doubles import fake_tensorrt

    classes = {"Runtime", "ICudaEngine", "IExecutionContext"}
    names = {f"{c}.{n}" for c in classes for n in vars(getattr(fake_tensorrt, c)) if not n.startswith("_")}
    env = {
        **os.environ,
        "PYTHONPATH": str(part("bindings-10.13.3.9")),
        "LD_LIBRARY_PATH": str(part("bindings-10.13.3.9")),
    }
    command = [sys.executable, "-c", ASK.format(module="tensorrt_bindings"), json.dumps(sorted(names))]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])[1] == []
