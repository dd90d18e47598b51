"""How fast the device multiplies half-precision matrices at best: a measured yardstick in place of a data sheet's."""

from __future__ import annotations

from statistics import median
from typing import Any

import numpy as np

from edge.basics.errors import EngineLost
from edge.engines.gpu.device import current_context, gpu_of, load_cuda
from edge.engines.gpu.trt_log import collecting_logger, last_error
from edge.engines.gpu.trt_versions import TrtApi, create_network, hold_types, load_trt, set_target

SIDE = 4096
NUM_PRODUCTS = 4
NUM_RUNS = 20


def measured_peak_flops(runtime: str) -> float:
    """FLOP/s of a chain of 4096x4096 products in fp16, built and run by TensorRT; the median of 20 runs.

    Raises:
        DeviceMissing: no TensorRT or no GPU.
        EngineLost: the yardstick cannot be built or run.
    """
    api, cuda = load_trt(runtime), load_cuda()
    with current_context(cuda):
        content = yardstick_plan(api, gpu_of(cuda).compute_capability)
        seconds = _timed(api.trt.Runtime(collecting_logger(api)), content, cuda)
    return 2 * SIDE**3 * NUM_PRODUCTS / seconds


def yardstick_plan(api: TrtApi, compute_capability: tuple[int, int]) -> bytes:
    """The chain of products as a plan, `x` -> `y`, both fp16 (4096, 4096).

    Raises:
        EngineLost: the builder refuses.
    """
    trt, logger = api.trt, collecting_logger(api)
    builder = trt.Builder(logger)
    network = create_network(api, builder)
    x = network.add_input("x", trt.float16, (SIDE, SIDE))
    weight = np.full((SIDE, SIDE), 1 / SIDE, np.float16)
    plain = trt.MatrixOperation.NONE
    product = x
    for _ in range(NUM_PRODUCTS):
        constant = network.add_constant((SIDE, SIDE), trt.Weights(weight)).get_output(0)
        product = network.add_matrix_multiply(product, plain, constant, plain).get_output(0)
    product.name = "y"
    network.mark_output(product)
    config = builder.create_builder_config()
    set_target(api, config, compute_capability)
    hold_types(api, network, config)
    content = builder.build_serialized_network(network, config)
    if content is None:
        raise EngineLost(f"the yardstick cannot be built: {last_error(logger)}")
    return bytes(content)


def _timed(runtime: Any, content: Any, cuda: Any) -> float:
    engine = runtime.deserialize_cuda_engine(content)
    context = engine.create_execution_context()
    stream = cuda.Stream()
    memory = {name: cuda.mem_alloc(2 * SIDE * SIDE) for name in ("x", "y")}
    noise = np.random.default_rng(0).standard_normal((SIDE, SIDE)).astype(np.float16)  # zeros would draw less power
    cuda.memcpy_htod(memory["x"], noise)
    for name, allocation in memory.items():
        context.set_tensor_address(name, int(allocation))
    samples = []
    for _ in range(NUM_RUNS):
        begin, end = cuda.Event(), cuda.Event()
        begin.record(stream)
        context.execute_async_v3(stream.handle)
        end.record(stream)
        end.synchronize()
        samples.append(float(end.time_since(begin)) / 1e3)
    return median(samples[NUM_RUNS // 4 :])
