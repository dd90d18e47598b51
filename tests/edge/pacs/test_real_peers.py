"""Mutual TLS, STOW-RS and dcmtk's storescp: real peers, and what is wrong with them in a line each."""

from __future__ import annotations

import io
import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import MPEG4HP41, VideoEndoscopicImageStorage

from edge.basics.errors import ConfigError
from edge.config import PacsConfig
from edge.pacs.check import tried_out
from edge.pacs.peers import PeerFailed
from tests.doubles.network_camera.certificates import OPENSSL, made_certificate
from tests.doubles.orthanc import Orthanc, needs_orthanc
from tests.doubles.pacs_store import add_pair, examination, pixels, session
from tests.doubles.ports import free_port
from tests.doubles.saved_items import saved_recording
from tests.doubles.waiting import wait_until

pytestmark = pytest.mark.slow
STORESCP = shutil.which("storescp")
needs_dcmtk = pytest.mark.skipif(STORESCP is None, reason="needs storescp: apt-get install dcmtk")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="needs openssl")


def tried(config: PacsConfig) -> dict[str, str]:
    return {f"{what}: {found}" if what in ("takes", "refuses") else what: found for what, found in tried_out(config)}


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, Path]:
    """PEM files, each with its key: of the PACS, of the unit, and of a stranger; of another host."""
    found = {}
    for owner, name in (("pacs", "own"), ("unit", "own"), ("stranger", "own"), ("elsewhere", "other")):
        folder = tmp_path / owner
        folder.mkdir()
        found[owner] = made_certificate(folder, name)
        found[owner].chmod(0o600)
    return found


@pytest.fixture
def secure_orthanc(tmp_path: Path, certificates: dict[str, Path], port: int) -> Iterator[Orthanc]:
    pacs = certificates["pacs"].parent
    settings = {
        "DicomTlsEnabled": True,
        "DicomTlsRemoteCertificateRequired": True,
        "DicomTlsCertificate": str(pacs / "certificate"),
        "DicomTlsPrivateKey": str(pacs / "key"),
        "DicomTlsTrustedCertificates": str(certificates["unit"].parent / "certificate"),
        "DicomModalities": {
            "unit": {
                "AET": "EDGE-ENHANCE", "Host": "127.0.0.1", "Port": port, "UseDicomTls": True,
                "AllowStorageCommitment": True,
            }
        },
    }  # fmt: skip
    with Orthanc(tmp_path / "orthanc", **settings) as running:
        yield running


@needs_orthanc
@needs_openssl
def test_by_mutual_tls_both_ways(
    unit_of: Callable[..., Any], secure_orthanc: Orthanc, certificates: dict[str, Path], port: int
) -> None:
    files = {"tls": True, "ca": str(certificates["pacs"]), "certificate": str(certificates["unit"])}
    unit = unit_of(port=secure_orthanc.dicom_port, listen=f"127.0.0.1:{port}", **files)
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2})
    assert len(secure_orthanc.instances()) == 2
    found = tried(unit.config)
    assert found["tls"].startswith("TLSv1.") and "days" in found["tls"]
    assert "answers as 'PACS'" in found["echo"] and found["keeps"] == "offers storage commitment"

    def failure(**other: Any) -> str:
        with pytest.raises((PeerFailed, ConfigError)) as failed:
            tried(replace(unit.config, **other))
        return str(failed.value)

    assert "its certificate is not accepted: self" in failure(ca=str(certificates["stranger"]))
    assert "wants a certificate of the unit that it trusts" in failure(certificate=str(certificates["stranger"]))
    assert "wants a certificate of the unit that it trusts" in failure(certificate="")
    assert "[pacs] tls = true" in failure(tls=False) or "does it speak DICOM there" in failure(tls=False)
    assert "pacs.ca = /nowhere" in failure(ca="/nowhere")
    certificates["unit"].chmod(0o644)
    assert "everybody may read it" in failure()


@needs_openssl
def test_a_certificate_of_another_host_is_not_accepted(
    pacs_of: Callable[..., Any], certificates: dict[str, Path]
) -> None:

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates["elsewhere"])
    pacs = pacs_of(ssl_context=context)
    config = PacsConfig(host="127.0.0.1", port=pacs.port, tls=True, ca=str(certificates["elsewhere"]))
    with pytest.raises(PeerFailed, match="IP address mismatch"):
        tried(config)


@pytest.fixture
def stow_orthanc(tmp_path: Path, port: int) -> Iterator[Orthanc]:
    with Orthanc(tmp_path / "orthanc", own=("EDGE-ENHANCE", port), plugins=("libOrthancDicomWeb.so",)) as running:
        yield running


@needs_orthanc
def test_by_stow_and_kept_by_dicom(unit_of: Callable[..., Any], stow_orthanc: Orthanc, port: int) -> None:
    url = f"http://127.0.0.1:{stow_orthanc.http_port}/dicom-web"
    unit = unit_of(stow=url, port=stow_orthanc.dicom_port, listen=f"127.0.0.1:{port}")
    item = add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2})
    found = [pydicom.dcmread(io.BytesIO(stow_orthanc.file(uid))) for uid in stow_orthanc.instances()]
    raw = next(one for one in found if one.ImageType[0] == "ORIGINAL")
    assert np.array_equal(raw.pixel_array, pixels(unit.folder, item, "raw"))
    assert len(found) == 2
    assert "answers (HTTP 200)" in tried(unit.config)["stow"]
    with unit.sender._queue._database.transaction() as connection:  # as after a power cut before it was noted
        connection.execute("UPDATE views SET state = 'waiting'")
        connection.execute("DELETE FROM objects")
    wait_until(lambda: unit.sender._queue.counts()["committed"] == 2)
    assert len(stow_orthanc.instances()) == 2


@needs_orthanc
def test_a_service_that_is_not_one(unit_of: Callable[..., Any], stow_orthanc: Orthanc) -> None:
    unit = unit_of(stow=f"http://127.0.0.1:{stow_orthanc.http_port}/elsewhere", host="")
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: "no STOW-RS there" in unit.told[-1][1])
    assert unit.counts() == {"waiting": 2}


@needs_orthanc
def test_recordings_arrive(unit_of: Callable[..., Any], orthanc: Orthanc, port: int) -> None:
    unit = unit_of(port=orthanc.dicom_port, listen=f"127.0.0.1:{port}")
    unit.folder.mkdir()
    saved = saved_recording(unit.folder, examination())
    (unit.folder / "throat-20260504T030201.678Z-recording.json").write_text(json.dumps(saved.record))
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 2})
    for uid in orthanc.instances():
        found = pydicom.dcmread(io.BytesIO(orthanc.file(uid)))
        assert (found.SOPClassUID, found.NumberOfFrames) == (VideoEndoscopicImageStorage, 25)
        assert found.file_meta.TransferSyntaxUID == MPEG4HP41
    assert not [path for path in unit.config.path.iterdir() if path.name.startswith(".sending")]


class Storescp:
    """dcmtk's receiver, with its options."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.port = folder, free_port()
        assert STORESCP is not None
        words = [STORESCP, "--output-directory", str(folder), *options, str(self.port)]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self._listens)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def files(self) -> list[Path]:
        return [path for path in self.folder.iterdir() if path.is_file()]

    def _listens(self) -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def storescp_of(tmp_path: Path) -> Iterator[Callable[..., Storescp]]:
    made: list[Storescp] = []

    def make(*options: str) -> Storescp:
        made.append(Storescp(tmp_path / "stored", *options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@needs_dcmtk
@pytest.mark.parametrize("option", ["+xi", "+xe"], ids=["implicit alone", "explicit"])
def test_storescp_gets_what_it_takes(
    unit_of: Callable[..., Any], storescp_of: Callable[..., Storescp], option: str
) -> None:
    peer = storescp_of(option)
    unit = unit_of(port=peer.port, commitment=False)
    item = add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.counts() == {"sent": 2})
    found = {one.ImageType[0]: one for one in map(pydicom.dcmread, peer.files())}
    assert np.array_equal(found["ORIGINAL"].pixel_array, pixels(unit.folder, item, "raw"))
    assert np.array_equal(found["DERIVED"].pixel_array, pixels(unit.folder, item, "enhanced"))


@needs_dcmtk
@pytest.mark.parametrize("option", ["--refuse", "--abort-during", "--abort-after"])
def test_storescp_that_breaks_off_gets_it_when_it_does_no_more(
    unit_of: Callable[..., Any], storescp_of: Callable[..., Storescp], option: str
) -> None:
    peer = storescp_of(option)
    unit = unit_of(port=peer.port, commitment=False)
    add_pair(unit.folder, 1, session())
    unit.start()
    wait_until(lambda: unit.told[-1][0] == "degraded" and unit.sender.record()["reason"])
    assert unit.counts().get("waiting")
    peer.stop()
    again = storescp_of()
    unit.end()
    other = unit_of(port=again.port, commitment=False)
    other.start()
    wait_until(lambda: other.counts() == {"sent": 2})
    assert len({pydicom.dcmread(path).SOPInstanceUID for path in again.files()}) == 2


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["silent", "another protocol"])
def test_who_is_no_dicom_peer(says: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        config = PacsConfig(host="127.0.0.1", port=server.getsockname()[1], timeout_s=2)
        held = []

        def answer() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                    held[-1].sendall(says)
                    if says:
                        held[-1].close()
                except OSError:
                    return

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(PeerFailed, match=r"DICOM there|said nothing within"):
            tried(config)
