"""The unit, as the objects name it."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from edge.dicom.examination import LONG, SHORT


@dataclass(frozen=True, slots=True)
class Equipment:
    """As its owner names it (PS3.3 C.7.5.1). What nobody said is "" and left out.

    Attributes:
        software_version: of this program.
        station_name: at most 16 characters.
    """

    manufacturer: str = ""
    model_name: str = ""
    serial_number: str = ""
    software_version: str = ""
    station_name: str = ""

    def add_to(self, made: Dataset) -> None:
        made.Manufacturer = clipped(self.manufacturer)
        named = {
            "ManufacturerModelName": clipped(self.model_name),
            "DeviceSerialNumber": clipped(self.serial_number),
            "SoftwareVersions": clipped(self.software_version),
            "StationName": clipped(self.station_name, SHORT),
        }
        for keyword, value in named.items():
            if value:
                setattr(made, keyword, value)


def clipped(text: str, length: int = LONG) -> str:
    """At most so many characters of it, printable, without the mark between two values."""
    return "".join(one if one.isprintable() and one != "\\" else " " for one in text)[:length].strip()
