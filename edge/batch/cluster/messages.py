"""What goes between this program and its process that speaks with Ray: orders there, reports back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from edge.batch.piece import BatchEngine, Made, Piece
from edge.config import EngineConfig
from edge.models.profile import Profile

EngineMaker = Callable[[Profile, EngineConfig], BatchEngine]
"""Opens an engine on a node; a class or function of a module, so that it can be named there."""


class Node(NamedTuple):
    """A machine of the cluster that does pieces.

    Attributes:
        node: Ray's number of it.
        name: for a person.
    """

    node: str
    name: str
    num_cpus: int
    num_gpus: int


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is employed for.

    Attributes:
        profile: its name.
        sha256: of the model.
    """

    profile: str
    sha256: str
    engine: EngineConfig
    make_engine: EngineMaker


class Failed(NamedTuple):
    """Why a piece came to nothing.

    Attributes:
        exit_code: of the error.
        is_of_node: it says nothing of the piece, which another node may do.
        is_full: the node had no room for it, which may be of either.
    """

    told: str
    exit_code: int
    is_of_node: bool = False
    is_full: bool = False


# ---- orders


class Ask(NamedTuple):
    """Have a node tell its versions."""

    node: str
    distributions: tuple[str, ...]


class WriteInto(NamedTuple):
    """Where results go as they come: a folder of this machine, for scratch files."""

    folder: Path


class KeepModel(NamedTuple):
    """The model's files, for all workers that are employed from now on."""

    files: Mapping[str, bytes]


class Employ(NamedTuple):
    """Start a worker on a node.

    Attributes:
        worker: the number that it gets.
    """

    worker: int
    node: str
    num_cpus: int
    num_gpus: int
    task: Task


class KeepContent(NamedTuple):
    """Of an original, for the pieces that are given from now on."""

    content: bytes


class Do(NamedTuple):
    """Have a worker do a piece of the original that was given last."""

    worker: int
    number: int
    piece: Piece


class Dismiss(NamedTuple):
    """End a worker at once."""

    worker: int


Order = Ask | WriteInto | KeepModel | Employ | KeepContent | Do | Dismiss

# ---- reports


class Joined(NamedTuple):
    """The cluster took this program in.

    Attributes:
        asks_for_token: whether it takes in nobody without its token.
    """

    asks_for_token: bool


class Refused(NamedTuple):
    """It did not."""

    told: str


class Nodes(NamedTuple):
    """All that are there now; comes when that has changed."""

    nodes: tuple[Node, ...]


class Versions(NamedTuple):
    """What a node answered."""

    node: str
    versions: Mapping[str, str]


class Silent(NamedTuple):
    """It did not answer."""

    node: str
    told: str


class NoModel(NamedTuple):
    """The cluster does not take the model."""

    told: str


class Ready(NamedTuple):
    """A worker has checked its model and takes pieces."""

    worker: int


class Done(NamedTuple):
    """What became of a piece; what was made lies in the folder for results, whole by its hashes."""

    worker: int
    number: int
    made: Made | Failed


class Full(NamedTuple):
    """The folder for results takes nothing more."""

    told: str


class Lost(NamedTuple):
    """A worker is there no more, and with it the piece, where it had one."""

    worker: int
    number: int | None
    told: str


Report = Joined | Refused | Nodes | Versions | Silent | NoModel | Ready | Done | Full | Lost


class Line(Protocol):
    """To the cluster; see `edge.batch.cluster.link.Link`."""

    address: str

    def send(self, order: Order) -> None: ...
    def receive(self, timeout_s: float) -> Report | None: ...
    def close(self) -> None: ...
