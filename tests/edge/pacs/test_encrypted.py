"""What is encrypted in the store reaches the PACS as it was, and lies nowhere plain afterwards."""

import json

import numpy as np
from pydicom.uid import MPEG4HP41, VideoEndoscopicImageStorage

from edge.saving.at_rest import AtRest
from edge.saving.sealing.keys import make_key
from tests.doubles.pacs_store import add_pair, examination, pixels, session
from tests.doubles.played_pacs import STILLS
from tests.doubles.saved_items import saved_recording
from tests.doubles.waiting import wait_until


def test_it_arrives(unit_of, pacs_of, tmp_path):
    pacs = pacs_of(kinds=[*STILLS, (VideoEndoscopicImageStorage, MPEG4HP41)])
    unit = unit_of(port=pacs.port)
    item = add_pair(unit.folder, 1, session())
    expected = pixels(unit.folder, item, "raw")
    saved = saved_recording(unit.folder, examination(), views=("raw",))
    (unit.folder / "throat-20260504T030201.678Z-recording.json").write_text(json.dumps(saved.record))
    at_rest = AtRest(make_key(tmp_path / "key"))
    for path in unit.folder.iterdir():
        path.write_bytes(at_rest.content(path.name, path.read_bytes()))
    unit.store.listing.at_rest = at_rest
    unit.start()
    wait_until(lambda: unit.counts() == {"committed": 3})
    kinds = {one.ImageType[0] for one in pacs.stored.values()}
    assert kinds == {"ORIGINAL", "DERIVED"}
    (raw,) = [one for one in pacs.stored.values() if one.ImageType[0] == "ORIGINAL" and "NumberOfFrames" not in one]
    assert np.array_equal(raw.pixel_array, expected)
    assert not [path for path in unit.config.path.iterdir() if path.name.startswith(".sending")]
