"""What a run of the dehazing module begins with when it does not begin from nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from edge.basics.errors import ConfigError, ModelError
from trainer.networks.resnet_generator import ResnetGenerator, ResnetGeneratorConfig
from trainer.training.checkpoint import nested, read_whole

GENERATORS = ("gen_lq_to_hq", "gen_hq_to_lq")


def load_warm_start(
    path: Path, generators: tuple[ResnetGenerator, ResnetGenerator], config: ResnetGeneratorConfig
) -> dict[str, str]:
    """Fill both generators, LQ -> HQ first; gives what the product's metadata says of it.

    Raises:
        ConfigError: generators of another size.
        ModelError: missing, damaged, or not what `edge-train warm-start` writes.
    """
    tensors, metadata = read_whole(path, "edge-train warm-start")
    if "generators" not in metadata:
        raise ModelError(f"{path}: not a warm start; expected generators.safetensors of edge-train warm-start")
    found = json.loads(metadata["generators"])
    for name, size in asdict(config).items():
        if found.get(name) != size:
            has = f"{path} has {found.get(name)!r}"
            raise ConfigError(f"idm.generator.{name} = {size!r}: {has}; set it so, or begin anew")
    for name, generator in zip(GENERATORS, generators, strict=True):
        generator.load_state_dict(nested(name, tensors))
    kept = {key: value for key, value in metadata.items() if key != "generators"}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"warm_start_sha256": digest, "warm_start": json.dumps(kept, sort_keys=True)}
