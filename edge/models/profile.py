"""A profile on disk: its graphs and the manifest without which no engine takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.basics.errors import ModelError
from edge.basics.whole_files import file_sha256
from edge.models.manifest import REBUILD, read_manifest
from edge.models.shared_weights import place_of, shared_in
from firmware_bridge.command_line import hint

SHIPPED = Path(__file__).parent
MAX_BYTES = 1 << 30
"""Of a graph: what is larger is not looked at."""
MAX_NAME = 200
"""Characters of a name that are looked at, where there is no such profile."""
GRAPH_NAME, DEHAZER_NAME, MANIFEST_NAME = "model.onnx", "dehaze.onnx", "model.json"


def typed_graph_name(precision: str) -> str:
    return f"model.{precision}.onnx"


@dataclass(frozen=True)
class Profile:
    """A checked profile.

    Attributes:
        folder: where it lies.
        manifest: `model.json`, all required keys present.
        dehazer: the dehazer alone, where a guided profile ships one for CPU engines.
        found: where it was looked up; an installed profile is a link there. None where it was read in place.
        shared: checked files with weights that its graphs take from there (`edge.models.shared_weights`).
    """

    name: str
    folder: Path
    manifest: Mapping[str, Any]
    graph: Path
    dehazer: Path | None
    found: Path | None = None
    shared: tuple[Path, ...] = ()

    def whole(self, graph: Path) -> Path | bytes:
        """One of its graphs as a reader of ONNX takes it: the file, or its bytes with those of the shared weights.

        Raises:
            ModelError: one of several files cannot be read any more.
        """
        return self.content(graph) if self.shared else graph

    def content(self, graph: Path) -> bytes:
        """One of its graphs whole; raises ModelError where a file cannot be read any more."""
        try:
            return b"".join(path.read_bytes() for path in (graph, *self.shared))
        except OSError as error:
            raise ModelError(f"{error.filename}: {error.strerror}; {REBUILD}") from error

    @property
    def argument(self) -> str:
        """As edge-export takes it: a shipped one by name, another by the folder that it was looked up in."""
        is_shipped = self.folder == (SHIPPED / self.name).resolve()
        return self.name if is_shipped else str(self.found or self.folder)

    def graph_for(self, precision: str) -> Path:
        """The graph of a precision, checked: `model.onnx` for fp32, `model.fp16.onnx`, `model.int8.onnx`.

        Raises:
            ModelError: the profile was exported without this precision, or the file is not what the manifest says.
        """
        if precision == "fp32":
            return self.graph
        path = self.folder / typed_graph_name(precision)
        recorded = self.manifest.get("precisions", {}).get(precision)
        if recorded is None:
            raise ModelError(
                f"{self.folder}: the profile has no {precision} graph; add one: edge-export onnx {self.folder} "
                f"--precision {precision}"
            )
        _check_hash(path, recorded["sha256"])
        return path

    @property
    def sha256(self) -> str:
        """Hash of the whole graph: the model's identity in /health, sidecars and engine keys."""
        return str(self.manifest["sha256"])


def profile_names(roots: tuple[Path, ...] = (SHIPPED,)) -> list[str]:
    """Names of the profiles found under the roots."""
    return sorted({path.parent.name for root in roots for path in root.glob(f"*/{MANIFEST_NAME}")})


def profile_roots(own: str) -> tuple[Path, ...]:
    """Where profiles are looked for: the unit's own folder, where it has one, wins over the shipped ones."""
    return (Path(own), SHIPPED) if own else (SHIPPED,)


def load_profile(name: str, roots: tuple[Path, ...] = (SHIPPED,)) -> Profile:
    """Find a profile under the first root that has it, and check every hash.

    Args:
        roots: folders of profiles, the unit's own before the shipped ones.

    Raises:
        ModelError: no such profile, no manifest, or a file that is not what its manifest says.
    """
    for root in roots:
        folder = root / name
        try:
            is_there = folder.is_dir()
        except OSError:  # a name that no file system takes
            is_there = False
        if is_there:
            return profile_in(folder.resolve(), name, folder)  # a link may be swapped while its files are read
    raise ModelError(not_found(name, profile_names(roots)))


def not_found(name: str, known: Sequence[str]) -> str:
    """Why there is no such profile, and which one may be meant."""
    name = name[:MAX_NAME]
    return f"profile {name!r}: not found; known profiles: {', '.join(known) or 'none'}{hint(name, known)}"


def profile_in(folder: Path, name: str, found: Path | None = None) -> Profile:
    """The profile in a folder of any name; raises ModelError as `load_profile`.

    Args:
        found: where it was looked up, or will be.
    """
    manifest = read_manifest(folder / MANIFEST_NAME)
    graph = folder / GRAPH_NAME
    _check_hash(graph, manifest["sha256"])
    dehazer = None
    if "dehaze_sha256" in manifest:
        dehazer = folder / DEHAZER_NAME
        _check_hash(dehazer, manifest["dehaze_sha256"])
    shared = []
    for weights in shared_in(manifest, folder / MANIFEST_NAME):
        shared.append(place_of(weights.name, folder))
        _check_hash(shared[-1], weights.sha256)
    return Profile(name, folder, manifest, graph, dehazer, found, tuple(shared))


def _check_hash(path: Path, expected: object) -> None:
    try:
        found = file_sha256(path, MAX_BYTES)
    except OSError as error:
        raise ModelError(f"{path}: missing or unreadable ({error.strerror}); {REBUILD}") from error
    if found != expected:
        raise ModelError(f"{path}: sha256 is {found[:12]}…, its manifest says {str(expected)[:12]}…; {REBUILD}")
