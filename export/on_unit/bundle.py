"""`edge-export bundle`: a profile's folder as the one file that `edge-enhance model install` takes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from edge.basics.errors import InputOutputError, ModelError
from edge.basics.whole_files import file_sha256, whole_file
from edge.engines.golden import refuse_without_answer
from edge.engines.gpu.plan import read_plan, rebuild_command, sidecar_path
from edge.models.bundle import BUNDLE_NAME, ENGINES_NAME, SIGNATURE_NAME, BundledFile, contents_bytes, read_contents
from edge.models.bundle_file import write_sum
from edge.models.profile import DEHAZER_NAME, GRAPH_NAME, MANIFEST_NAME, Profile, typed_graph_name
from edge.models.signature import signature_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def write_bundle(
    profile: Profile, output: Path, plans: Sequence[Path] = (), private: Ed25519PrivateKey | None = None
) -> None:
    """Write `output` and `output.sha256`; the same files make the same bytes.

    Args:
        plans: engines of this profile, each with its sidecar beside it.
        private: signs it; None: nobody does.

    Raises:
        ModelError: a file of the profile or a plan is not what its manifest says, or no golden frame is stored.
        InputOutputError: the output cannot be written.
    """
    refuse_without_answer(profile)
    paths = _files_of(profile) | _engines(profile, plans)
    bundled = {name: BundledFile(path.stat().st_size, file_sha256(path)) for name, path in paths.items()}
    version = str(profile.manifest["version"])
    contents = contents_bytes(profile.name, version, profile.sha256, bundled)
    read_contents(contents, output)  # what no unit would take is not written
    try:
        with whole_file(output) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            _add(tar, BUNDLE_NAME, len(contents), io.BytesIO(contents))
            if private is not None:
                signature = signature_bytes(contents, private)
                _add(tar, SIGNATURE_NAME, len(signature), io.BytesIO(signature))
            for name in sorted(paths):
                with paths[name].open("rb") as member:
                    _add(tar, name, bundled[name].num_bytes, member)
        write_sum(output)
    except OSError as error:
        raise InputOutputError(f"{output}: cannot be written ({error.strerror}); name another -o") from error


def _files_of(profile: Profile) -> dict[str, Path]:
    paths = {GRAPH_NAME: profile.graph, MANIFEST_NAME: profile.folder / MANIFEST_NAME}
    if profile.dehazer is not None:
        paths[DEHAZER_NAME] = profile.dehazer
    paths |= {path.name: path for path in profile.shared}
    return paths | {typed_graph_name(p): profile.graph_for(p) for p in profile.manifest.get("precisions", {})}


def _engines(profile: Profile, plans: Sequence[Path]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for plan in plans:
        sidecar = read_plan(plan, rebuild_command(plan, profile.argument))[1]
        if sidecar.get("model_sha256") != profile.sha256:
            raise ModelError(f"{plan}: is of another model than {profile.folder}; build it from this one")
        for path in (plan, sidecar_path(plan)):
            paths[f"{ENGINES_NAME}/{path.name}"] = path
    return paths


def _add(tar: tarfile.TarFile, name: str, num_bytes: int, file: BinaryIO) -> None:
    member = tarfile.TarInfo(name)  # no time, owner or mode of this machine
    member.size = num_bytes
    tar.addfile(member, file)
