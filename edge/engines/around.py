"""What an engine that stands around another one hands on of it."""

from __future__ import annotations

from edge.engines.engine import Engine


class EngineAround:
    """Speaks for the engine inside, and closes it; what `enhance` does is for who inherits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def profile(self) -> str:
        return self._engine.profile

    @property
    def model_sha256(self) -> str:
        return self._engine.model_sha256

    @property
    def device(self) -> str:
        return self._engine.device

    def close(self) -> None:
        self._engine.close()
