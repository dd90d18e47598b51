"""`edge-export inspect`: what is inside a plan, by its sidecar and by TensorRT's own engine inspector."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from edge.basics.errors import DeviceMissing, ModelError
from edge.engines.gpu.device import current_context, load_cuda
from edge.engines.gpu.plan import read_plan, rebuild_command
from edge.engines.gpu.trt_log import collecting_logger, last_error
from edge.engines.gpu.trt_versions import TrtApi, device_memory_bytes, load_trt

FACTS = ("profile", "precision", "runtime", "strongly_typed", "workspace_mib", "build_s", "made_at")


def inspected(plan: Path) -> Iterator[str]:
    """Lines about a plan; its layers need the GPU that it was built for, and one line says so where there is none.

    Raises:
        ModelError: the plan or its sidecar is cut, edited or foreign.
    """
    content, sidecar = read_plan(plan, rebuild_command(plan, plan.name.rsplit("-", 1)[0]))
    yield f"{plan}: {len(content) / 2**20:.1f} MiB"
    for name in FACTS:
        yield f"  {name:16} {sidecar.get(name)}"
    yield f"  {'gpu':16} {', '.join(str(fact) for fact in sidecar['gpu'].values())}"
    runtime = str(sidecar["runtime"]).split()[0]
    try:
        yield from _layers(load_trt(runtime), content, plan)
    except DeviceMissing as error:
        yield f"layers: not shown ({error})"


def _layers(api: TrtApi, content: bytes, plan: Path) -> Iterator[str]:
    cuda = load_cuda()
    with ExitStack() as stack:
        stack.enter_context(current_context(cuda))
        logger = collecting_logger(api)
        runtime = api.trt.Runtime(logger)
        engine = runtime.deserialize_cuda_engine(content)
        if engine is None:
            raise ModelError(f"{plan}: {api.label} does not take this plan ({last_error(logger)})")
        inspector = engine.create_engine_inspector()
        information = json.loads(inspector.get_engine_information(api.trt.LayerInformationFormat.JSON))
        lines = list(layer_lines(information.get("Layers", [])))
        memory = device_memory_bytes(engine)
        del inspector, engine, runtime
    yield f"  {'device memory':16} {memory / 2**20:.1f} MiB for one execution"
    yield from lines


def layer_lines(layers: list[Any]) -> Iterator[str]:
    """A line a layer, name, kind and output types, and a count of types at the end."""
    types: Counter[str] = Counter()
    for entry in layers:
        if isinstance(entry, str):  # a plan built without detail names its layers alone
            yield f"  {entry}"
            continue
        formats = [str(out.get("Format/Datatype", "?")) for out in entry.get("Outputs", [])]
        types.update(formats)
        yield f"  {entry.get('Name', '?')[:90]}  {entry.get('LayerType', '?')}  {'; '.join(formats)}"
    yield f"{len(layers)} layers; outputs: " + ", ".join(f"{count} {name}" for name, count in types.most_common())
