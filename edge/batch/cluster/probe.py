"""What is sent to a node first, whole, as it may have no such program: it needs the standard library alone."""

from __future__ import annotations


def versions_here(distributions: tuple[str, ...]) -> dict[str, str]:
    """Name -> version, empty where it is not installed; and what else decides pixels, as this node's program tells."""
    import importlib
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str] = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    try:
        programs: dict[str, str] = importlib.import_module("edge.batch.cluster.versions").programs()
    except (ImportError, AttributeError):  # another version of this program, which is told
        return found
    return {**found, **programs}
