"""What was installed before models were signed stays in use: the first installation with keys accepts it by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edge.basics.errors import EdgeError
from edge.basics.folders import open_folder
from edge.config_file import load_config
from edge.models.bundle import check_unpacked
from edge.models.trust import accept
from edge.models.versions import VERSIONS, previous_in, version_named_by
from edge.service.files import CONFIG_PATH, KEYS_PATH
from edge.service.install import Installation


def accept_installed(installation: Installation, tell: Callable[[str], None]) -> None:
    """Accept the versions in use and those before them, and tell each."""
    try:
        models = load_config(installation.at(CONFIG_PATH), {}).config.engine.models
    except EdgeError as error:
        tell(f"no models   {error}")
        return
    if not models.startswith("/"):
        return
    folder = installation.at(Path(models))
    try:
        _accept_in(folder, installation.at(KEYS_PATH), tell)
    except FileNotFoundError:
        return
    except (EdgeError, OSError) as error:
        tell(f"not accepted {folder}: {error}")


def _accept_in(models: Path, keys: Path, tell: Callable[[str], None]) -> None:
    with open_folder(models) as root, root.folder(VERSIONS) as versions:
        in_use = {name for link in root.names() if (name := version_named_by(root, link))}
        for name in sorted(in_use | {previous_in(versions, name) for name in in_use} - {""}):
            with versions.folder(name) as folder:
                accept(check_unpacked(folder), keys)
            tell(f"accepted   {name}: installed before models were signed; sudo edge-enhance model list says all")
