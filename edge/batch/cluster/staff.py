"""How many workers a node has, and what each gets of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edge.batch.cluster.messages import Node


def num_workers(node: Node) -> int:
    """One a GPU, else one a core: reading and writing a picture take longer than enhancing it, and use one."""
    return node.num_gpus or node.num_cpus


def one_each_first(nodes: Iterable[Node]) -> Iterator[Node]:
    """Each node as often as it has workers, none twice before each has been there once."""
    left = {node: num_workers(node) for node in nodes}
    while left:
        for node in list(left):
            yield node
            left[node] -= 1
            if not left[node]:
                del left[node]


def share_of(node: Node) -> tuple[int, int]:
    """Cores and GPUs of one worker."""
    num_cpus = max(1, node.num_cpus // num_workers(node)) if node.num_cpus else 0
    return num_cpus, 1 if node.num_gpus else 0
