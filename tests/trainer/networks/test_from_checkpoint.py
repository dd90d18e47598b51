"""Networks from the files that training wrote."""

import pytest
import torch

from edge.basics.errors import ModelError
from trainer.networks.from_checkpoint import isr_from_checkpoint
from trainer.networks.rrdb import Rrdb, RrdbConfig
from trainer.training.checkpoint import described, save_whole

TINY = RrdbConfig(num_feat=8, num_block=1, num_grow_ch=4)


def test_a_product_tells_its_size(tmp_path):
    trained = Rrdb(TINY).state_dict()
    save_whole(trained, tmp_path / "isr.safetensors", described("rrdb", TINY))
    network, about = isr_from_checkpoint(tmp_path / "isr.safetensors")
    assert network.config == TINY
    assert all(torch.equal(tensor, trained[name]) for name, tensor in network.state_dict().items())
    assert "rrdb" in about


def test_a_checkpoint_of_another_network(tmp_path):
    save_whole({"weight": torch.zeros(3)}, tmp_path / "idm.safetensors", {"resnet_generator": "{}"})
    with pytest.raises(ModelError, match=r"not a rrdb's checkpoint, it holds resnet_generator"):
        isr_from_checkpoint(tmp_path / "idm.safetensors")
