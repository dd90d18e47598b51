"""What was saved in a patient session reaches a real PACS, once, and stays until the PACS says that it keeps it."""

import io

import numpy as np
import pydicom
import pytest

from edge.config import PacsConfig
from edge.health.news import Board, SessionChanged
from edge.pacs.sender import Sender
from tests.doubles.orthanc import Orthanc, free_port, needs_orthanc
from tests.doubles.pacs_store import add_pair, pixels, session, store_of
from tests.doubles.waiting import wait_until

pytestmark = needs_orthanc


class Unit:
    """A store and what sends from it."""

    def __init__(self, folder, **config):
        self.folder, self.board, self.open_session = folder / "pictures", Board(), ""
        self.config = PacsConfig(host="127.0.0.1", folder=str(folder / "pacs"), timeout_s=5, **config)
        self.store = store_of(self.folder, self.board)
        self.told = []
        self.sender = Sender(
            self.config, "S1", self.store, self.board, lambda: self.open_session, lambda *one: self.told.append(one)
        )

    def close_session(self):
        self.open_session = ""
        self.board.post(SessionChanged(""))

    def states(self):
        return {name: count for name, count in self.sender.record().items() if name in ("waiting", "sent", "committed")}


@pytest.fixture
def unit_of(tmp_path):
    made = []

    def make(**config):
        made.append(Unit(tmp_path, **config))
        return made[-1]

    yield make
    for unit in made:
        unit.sender.close()


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def orthanc(tmp_path, port):
    with Orthanc(tmp_path / "orthanc", own=("EDGE-ENHANCE", port)) as running:
        yield running


def test_pixels_and_patient_arrive_and_are_kept(unit_of, orthanc, port):
    unit = unit_of(port=orthanc.dicom_port, listen=f"127.0.0.1:{port}")
    item = add_pair(unit.folder, 1, session())
    alone = add_pair(unit.folder, 2, session(), enhanced=False)
    add_pair(unit.folder, 3)  # of nobody
    assert unit.sender.held().keys() == {item, alone}
    unit.sender.start()
    wait_until(lambda: unit.states() == {"waiting": 0, "sent": 0, "committed": 3})
    assert unit.sender.held() == {}
    found = {}
    for uid in orthanc.instances():
        dataset = pydicom.dcmread(io.BytesIO(orthanc.file(uid)))
        found[dataset.ImageType[0]] = dataset
        assert (dataset.PatientID, dataset.StudyInstanceUID) == ("ID-0", "1.2.826.0.1.1")
    assert np.array_equal(found["DERIVED"].pixel_array, pixels(unit.folder, item, "enhanced"))
    assert len(orthanc.instances()) == 3
