"""The unit's self-made certificate: for its own names and addresses, its key kept when it is renewed."""

from __future__ import annotations

import contextlib
import fcntl
import ipaddress
import os
import re
import socket
import stat
import struct
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.basics.errors import InputOutputError
from edge.basics.whole_files import make_folder, write_whole

VALID_FOR = timedelta(days=397)
"""Browsers take no longer one."""
RENEW_BEFORE = timedelta(days=30)
EARLIEST = datetime(2026, 1, 1, tzinfo=timezone.utc)
"""No unit runs this program before; a clock that says so is wrong."""
CERTIFICATE, KEY = "certificate.pem", "key.pem"
_SIOCGIFADDR = 0x8915
_DNS = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9-]{1,63})*")


def tls_folder() -> Path:
    """Where it is kept: `tls` in $STATE_DIRECTORY, or in the working folder."""
    return Path(os.environ.get("STATE_DIRECTORY", ".")) / "tls"


def ensure_self_made(folder: Path, names: Sequence[str], now: datetime | None = None) -> bool:
    """Have a certificate in the folder that is good for these names for some time yet; whether it was made now.

    Raises:
        InputOutputError: the folder cannot be written.
    """
    now = now or datetime.now(timezone.utc)
    try:
        make_folder(folder)
        folder.chmod(0o700)
        key = _key_in(folder / KEY)
        if key is not None and not why_renew(folder / CERTIFICATE, key, names, now):
            return False
        if key is None:
            key = ec.generate_private_key(ec.SECP256R1())
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            write_whole(folder / KEY, pem, mode=0o600)
        write_whole(folder / CERTIFICATE, _signed(key, names, now).public_bytes(Encoding.PEM), mode=0o600)
    except OSError as error:
        raise InputOutputError(f"{folder}: the self-made certificate cannot be kept ({error.strerror})") from error
    return True


def why_renew(path: Path, key: ec.EllipticCurvePrivateKey, names: Sequence[str], now: datetime) -> str:
    """Why the certificate in a file will not do any longer; empty where it will."""
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return "there is none"
    if found.public_key() != key.public_key():
        return "it belongs to another key"
    if not found.not_valid_before_utc <= max(now, EARLIEST) < found.not_valid_after_utc - RENEW_BEFORE:
        return "its time is over, or soon will be"
    return "" if {*_alternatives(names)} <= {*alternatives} else "the machine has another name or address"


def machine_names() -> tuple[str, ...]:
    """Names and addresses by which others find this machine, this machine's own first."""
    host = socket.gethostname()
    found = ["localhost", host, f"{host}.local" if "." not in host else host, "127.0.0.1", "::1"]
    found += [*_ipv4_addresses(), *_ipv6_addresses()]
    return tuple(dict.fromkeys(found))


def _key_in(path: Path) -> ec.EllipticCurvePrivateKey | None:
    """The key that was made before; None where there is none, or one that others may have read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) or mode & (stat.S_IRWXG | stat.S_IRWXO):
                return None
            key = load_pem_private_key(file.read(1 << 16), None)
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _signed(key: ec.EllipticCurvePrivateKey, names: Sequence[str], now: datetime) -> x509.Certificate:
    """From the earliest moment on, so that clients whose clock is a little behind take it; to 397 days from now."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"throat camera {socket.gethostname()}"[:64])])
    begin = max(EARLIEST, now - timedelta(days=1))
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([*_alternatives(names)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _alternatives(names: Sequence[str]) -> Iterator[x509.GeneralName]:
    for name in names:
        try:
            yield x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            if _DNS.fullmatch(name):
                yield x509.DNSName(name)


def _ipv4_addresses() -> Iterator[str]:
    """Asked without netlink, as `socket.if_nameindex` would: the service may not open such a socket."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for interface in sorted(Path("/sys/class/net").iterdir()):
            with contextlib.suppress(OSError):  # an interface without one
                answer = fcntl.ioctl(asking, _SIOCGIFADDR, struct.pack("256s", interface.name.encode()[:15]))
                yield socket.inet_ntoa(answer[20:24])


def _ipv6_addresses() -> Iterator[str]:
    """Those that others can use: of global scope."""
    with contextlib.suppress(OSError), Path("/proc/net/if_inet6").open(encoding="ascii") as file:
        for line in file:
            digits, _, _, scope, *_ = line.split()
            if scope == "00":
                yield str(ipaddress.IPv6Address(int(digits, 16)))
