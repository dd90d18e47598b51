"""A certificate for the camera, made by OpenSSL: of its own name or of another."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

OPENSSL = shutil.which("openssl")
_NAMES = {"own": "DNS:localhost,IP:127.0.0.1,IP:::1", "other": "DNS:camera.example"}


def made_certificate(folder: Path, name: str) -> Path:
    """Certificate and key in one PEM file.

    Args:
        name: "own" or "other" (of another host).
    """
    assert OPENSSL is not None, "openssl is not installed"
    path = folder / f"{name}.pem"
    command = [OPENSSL, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "30", "-subj", "/CN=camera", "-addext", f"subjectAltName={_NAMES.get(name, _NAMES['own'])}"]
    command += ["-keyout", str(folder / "key"), "-out", str(folder / "certificate")]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text((folder / "key").read_text() + (folder / "certificate").read_text())
    return path


def server_context(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
