"""What `edge-enhance --check` says of who may come in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.access.listening import addresses_of, is_open_to_others
from edge.access.opening import refuse_open
from edge.access.people import read_people
from edge.basics.errors import ConfigError
from edge.config import SELF_MADE, WebConfig


def access_line(config: WebConfig, running: Mapping[str, Any] | None = None) -> str:
    """Where the page listens, how many may come in, and the certificate's fingerprint.

    Args:
        running: health record of a unit that runs with this configuration: it knows what it serves.

    Raises:
        ConfigError: the unit would not start so, or something about it must be told.
    """
    addresses = addresses_of(config.listen)
    open_ones = [one for one in addresses if is_open_to_others(one)]
    people = read_people(Path(config.users)) if config.users else None
    told = [f"on {config.listen}", "no users" if people is None else f"users: {len(people.users)}"]
    if people is not None and people.tokens:
        told.append(f"tokens: {len(people.tokens)}")
    if open_ones and not config.insecure:
        refuse_open(open_ones[0].text, people is not None, bool(config.certificate))
    if open_ones and (people is None or not config.certificate):
        raise ConfigError(f"{', '.join(told)}: NOT SECURED, as --insecure says; the network is open to it")
    served = ((running or {}).get("access") or {}).get("certificate_sha256")
    is_own = config.certificate == SELF_MADE  # kept where this command may not look
    if served and is_own:
        return ", ".join([*told, f"certificate SHA-256 {served}"])
    return ", ".join([*told, *_of_certificate(config, bool(open_ones))])


def _of_certificate(config: WebConfig, is_open: bool) -> list[str]:
    if not config.certificate:
        return []
    from edge.access.certificate import certificate_files, fingerprint_of, read_certificate, trouble_of

    path, _ = certificate_files(config)
    if config.certificate == SELF_MADE and not path.exists():
        return ["a certificate is made at the start"]
    found = read_certificate(path)
    if config.certificate != SELF_MADE and (trouble := trouble_of(found)):
        raise ConfigError(f"{path}: {trouble}")
    use = "certificate" if is_open else "certificate (no address uses it)"
    return [f"{use} SHA-256 {fingerprint_of(found)}"]
