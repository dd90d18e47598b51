"""What the start looks at and puts in order: the folder that the unit saves to, and no other."""

from dataclasses import replace

from edge.basics.whole_files import part_name
from edge.config import Config
from edge.program import put_in_order


def test_only_the_folder_that_is_saved_to_is_looked_at(tmp_path):
    config = Config()
    folders = {name: tmp_path / name for name in ("pictures", "calibration", "engines")}
    parts = {name: folder / part_name("a") for name, folder in folders.items()}
    parts["inner"] = folders["pictures"] / "mine" / part_name("a")
    for path in parts.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    unit = replace(config.unit, calibration=str(folders["calibration"] / "unit.calib"))
    save = replace(config.save, folder=str(folders["pictures"]))
    engine = replace(config.engine, engines=str(folders["engines"]))
    put_in_order(replace(config, unit=unit, save=save, engine=engine))
    assert [name for name, path in parts.items() if not path.exists()] == ["pictures"]
