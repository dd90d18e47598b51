"""TensorRT 8.6 (JetPack 6.0), whose bindings are to be had nowhere: its code path against a fake of the 8.6 API.

What this cannot tell is whether NVIDIA's 8.6 does what it is asked; only a unit with JetPack 6.0 can.
"""

from types import SimpleNamespace

import pytest

from edge.engines.gpu.trt_versions import TrtApi, create_network, device_memory_bytes, hold_types


class Layer:
    def __init__(self, kind, *dtypes):
        self.type, self._dtypes = kind, dtypes
        self.num_outputs = len(dtypes)
        self.precision, self.held = None, {}

    def get_output(self, index):
        return SimpleNamespace(dtype=self._dtypes[index])

    def set_output_type(self, index, dtype):
        self.held[index] = dtype


@pytest.fixture
def api():
    trt = SimpleNamespace(
        __version__="8.6.2",
        float32="float32",
        float16="float16",
        NetworkDefinitionCreationFlag=SimpleNamespace(EXPLICIT_BATCH=0),
        BuilderFlag=SimpleNamespace(FP16="FP16", OBEY_PRECISION_CONSTRAINTS="OBEY"),
        LayerType=SimpleNamespace(CONSTANT="constant", SHAPE="shape", CAST="cast", IDENTITY="identity"),
    )
    return TrtApi("tensorrt", trt)


def test_each_layer_is_held_to_the_type_that_the_graph_gives_it(api):
    layers = [
        Layer("convolution", "float16"),
        Layer("normalization", "float32"),
        Layer("cast", "float32"),
        Layer("shuffle", "int32"),
        Layer("constant", "float32"),
    ]
    network = SimpleNamespace(num_layers=len(layers), get_layer=layers.__getitem__)
    flags = []
    assert hold_types(api, network, SimpleNamespace(set_flag=flags.append)) == 1
    assert flags == ["FP16", "OBEY"]
    assert [layer.precision for layer in layers] == ["float16", "float32", None, None, None]
    assert layers[1].held == {0: "float32"}


def test_network_is_made_with_explicit_batch_and_memory_read_by_its_old_name(api):
    made = []
    create_network(api, SimpleNamespace(create_network=made.append))
    assert made == [1]
    assert not api.is_strongly_typed
    assert api.newest_opset == 17
    assert device_memory_bytes(SimpleNamespace(device_memory_size=5)) == 5


def test_a_strongly_typed_release_is_left_alone(api):
    api.trt.NetworkDefinitionCreationFlag = SimpleNamespace(STRONGLY_TYPED=2)
    assert hold_types(api, None, None) == 0
    made = []
    create_network(api, SimpleNamespace(create_network=made.append))
    assert made == [4]
