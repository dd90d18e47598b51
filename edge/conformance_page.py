"""`python -m edge.conformance_page`: the conformance statement (PS3.2) in docs/dicom.md, made of what the code does."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from pydicom.charset import python_encoding
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, VideoEndoscopicImageStorage, VLEndoscopicImageStorage

from edge.basics.markdown import replace_section, table
from edge.config import PacsConfig, WorklistConfig
from edge.dicom import performed
from edge.dicom.derived.deidentify import DESCRIPTORS, PROFILE
from edge.dicom.equipment import Equipment
from edge.dicom.examination import Examination, Patient
from edge.dicom.loss import loss_of_still
from edge.dicom.origin import BODY_PART, IMPLEMENTATION_NAME, IMPLEMENTATION_UID, MPPS, UTF_8, Origin
from edge.dicom.reading import classes
from edge.dicom.reading.kept import PATIENT, STUDY
from edge.dicom.recordings import MAX_PART_BYTES, add_stream
from edge.dicom.scheduled import keys_of_step, keys_wanted
from edge.dicom.stills import add_pixels
from edge.dicom.video.level import LEVELS
from edge.dicom.video.stream import Stream
from edge.pacs import worklist
from edge.pacs.peers import MAX_PDU_BYTES
from edge.pacs.tls import SUITES
from edge.pacs.ways import commitment
from edge.pacs.ways.forms import PROPOSED
from edge.pictures.image import Mode

PAGE = Path(__file__).parents[1] / "docs" / "dicom.md"
MADE_BY = "<!-- Made by `python -m edge.conformance_page`; do not edit. -->"

ATTRIBUTES: Final[Mapping[str, str]] = {
    "SpecificCharacterSet": f"{UTF_8} where a text has other letters than ASCII; else absent",
    "ImageType": "raw: ORIGINAL\\PRIMARY (DERIVED\\PRIMARY where a file was resized); enhanced: DERIVED\\SECONDARY",
    "InstanceCreationDate": "when it was saved",
    "InstanceCreationTime": "when it was saved",
    "SOPClassUID": "VL or Video Endoscopic Image Storage",
    "SOPInstanceUID": "2.25., kept in the queue: sent again, it is the same object, byte for byte",
    "StudyDate": "when the patient session began, else when it was taken; empty for a file that does not say",
    "StudyTime": "as the date",
    "ContentDate": "when it was taken, by the camera's clock; of a part of a recording, when the part begins",
    "ContentTime": "as the date",
    "AcquisitionDate": "when it was taken; absent for files, whose moment nobody knows",
    "AcquisitionTime": "as the date",
    "AcquisitionDateTime": "as the date, with the offset from UTC",
    "TimezoneOffsetFromUTC": "of the unit at that moment",
    "AccessionNumber": "of the worklist",
    "Modality": "ES",
    "Manufacturer": "of the unit",
    "ManufacturerModelName": "of the unit",
    "DeviceSerialNumber": "of the unit",
    "SoftwareVersions": "of the program that saved it",
    "StationName": "of the unit",
    "ReferringPhysicianName": "of the worklist",
    "StudyDescription": "the requested procedure's, of the worklist; Emergency",
    "SeriesDescription": "says whether pictures or recordings, raw or enhanced",
    "DerivationDescription": "what made it: profile, version, SHA-256 of the model, strength; first of all "
    "whether detail was synthesised; of a recording with the seconds from which each counts; of a raw picture that "
    "came as a file of another size, how it was resized",
    "DerivationCodeSequence": "CID 7203: 113053 and 113042 (DCM) where maps of slope and intercept were applied, "
    "113085 where a network drew the pixels anew or a file was resized. No code of it says removal of haze",
    "SourceImageSequence": "the raw object; purpose 121322 (DCM)",
    "AnatomicRegionSequence": "54066008 (SCT), Pharynx",
    "PatientName": "of the worklist, all groups; EMERGENCY^ with date and time",
    "PatientID": "of the worklist; EMERGENCY- with date and time",
    "IssuerOfPatientID": "of the worklist",
    "PatientBirthDate": "of the worklist, or empty",
    "PatientSex": "of the worklist, or empty",
    "PatientComments": "of an emergency: that the patient's data must be put right",
    "BodyPartExamined": BODY_PART,
    "ContributingEquipmentSequence": "109102 (DCM), Processing Equipment: the program, its version, the profile "
    "and its SHA-256",
    "StudyInstanceUID": "of the worklist, else of the unit's own",
    "SeriesInstanceUID": "of one patient session: raw and enhanced, pictures and recordings apart",
    "StudyID": "the requested procedure's id, else the end of the study's UID",
    "SeriesNumber": "1 pictures raw, 2 enhanced, 3 recordings raw, 4 enhanced",
    "InstanceNumber": "the frame's number since the unit started; of a recording its part",
    "PatientOrientation": "empty",
    "ImageComments": "of a part of a recording: which, and from which second on",
    "SamplesPerPixel": "3",
    "PhotometricInterpretation": "RGB; of a recording YBR_PARTIAL_420",
    "PlanarConfiguration": "0",
    "NumberOfFrames": "counted in the stream",
    "FrameIncrementPointer": "FrameTime",
    "Rows": "1080",
    "Columns": "1920",
    "BitsAllocated": "8",
    "BitsStored": "8",
    "HighBit": "7",
    "PixelRepresentation": "0",
    "BurnedInAnnotation": "NO: the unit draws neither patient nor date. An enhanced recording bears the word ENHANCED "
    "and its profile; what the camera itself draws into its picture, the unit does not know",
    "ICCProfile": "sRGB",
    "ColorSpace": "SRGB",
    "LossyImageCompression": "01: recordings, and pictures of a camera or file that is known to compress with loss; "
    "00: of a camera that is known not to; empty: not known",
    "LossyImageCompressionRatio": "of a recording, and of a JPEG file",
    "LossyImageCompressionMethod": "as far as it is known",
    "CineRate": "frames a second, rounded",
    "RecommendedDisplayFrameRate": "the same",
    "FrameTime": "mean of the recording in ms; each frame's own time is in the stream",
    "EffectiveDuration": "in seconds",
    "AcquisitionContextSequence": "empty",
    "RequestAttributesSequence": "ids and descriptions of procedure and step, accession number; of the worklist",
    "ReferencedPerformedProcedureStepSequence": "the patient session's step, with `worklist.mpps`",
    "PerformedProcedureStepID": "the patient session's id, with `worklist.mpps`",
    "PerformedProcedureStepStartDate": "when the session was opened, with `worklist.mpps`",
    "PerformedProcedureStepStartTime": "as the date",
    "PerformedProcedureStepDescription": "the scheduled step's, else the requested procedure's, with `worklist.mpps`",
    "PixelData": "as saved: not compressed; of a recording one MP4 as one fragment, the table of offsets empty",
}
"""Keyword -> where its value comes from. A test holds it to what objects have."""


def services() -> str:
    """What the unit speaks, and in which role."""
    storage = dict.fromkeys(sop_class for sop_class, _ in PROPOSED)
    rows = [
        *((_named(one), "storage", "SCU") for one in storage),
        (_named(commitment.PUSH_MODEL), "storage commitment", "SCU; SCP of its report, also on `pacs.listen`"),
        (_named(worklist.FIND), "worklist", "SCU"),
        (_named(MPPS), "begin and end of a patient session, with `worklist.mpps`", "SCU"),
        (_named(commitment.VERIFICATION), "`edge-enhance pacs test`", "SCU; SCP on `pacs.listen`"),
        ("STOW-RS (PS3.18 10.5)", "storage, with `pacs.stow`", "user agent"),
    ]
    return table(("SOP class or service", "for", "role"), rows)


def syntaxes() -> str:
    """In which transfer syntaxes objects are proposed, each in a presentation context of its own."""
    rows = [(UID(sop_class).name, _named(syntax)) for sop_class, syntax in PROPOSED]
    return table(("object", "transfer syntax"), rows)


def network() -> str:
    """Names, ports and TLS, as they are without any setting."""
    pacs, asked = PacsConfig(), WorklistConfig()
    rows = [
        ("AE title of the unit", f"`{pacs.own_ae_title}`", "`pacs.own_ae_title`, `worklist.own_ae_title`"),
        ("AE title of the archive; port", f"`{pacs.ae_title}`; {pacs.port}", "`pacs.ae_title`, `.port`"),
        ("AE title of the worklist; port", f"`{asked.ae_title}`; {asked.port}", "`worklist.ae_title`, `.port`"),
        ("silence after which the archive is given up", f"{pacs.timeout_s} s", "`pacs.timeout_s`"),
        ("silence after which the worklist is given up", f"{asked.timeout_s} s", "`worklist.timeout_s`"),
        ("AE title and address of the peer of MPPS", "none: nobody is told", "`worklist.mpps`"),
        ("TLS", "1.2 or newer (BCP 195, PS3.15 B.9), certificates and names checked", "`pacs.tls`, `worklist.tls`"),
        ("cipher suites of TLS 1.2; of 1.3 all", f"`{SUITES}`", ""),
        ("implementation class UID; version name", f"`{IMPLEMENTATION_UID}`; `{IMPLEMENTATION_NAME}`", ""),
        ("largest PDU that the unit takes", f"{MAX_PDU_BYTES} bytes", ""),
        ("size from which a recording is sent in parts", f"{MAX_PART_BYTES >> 20} MiB", ""),
        ("objects asked about in one request for commitment", f"{commitment.MOST}", ""),
        ("answers of the worklist that are read", f"{worklist.MAX_ANSWERS}", ""),
    ]  # fmt: skip
    return table(("what", "is", "setting"), rows)


def attributes() -> str:
    """What stands in the objects, and in which."""
    made = {name: sample(*name) for name in _SAMPLES}
    tags = sorted({element.tag for one in made.values() for element in one})
    rows = []
    for tag in tags:
        keyword = next(one[tag].keyword for one in made.values() if tag in one)
        there = [name for name, one in made.items() if tag in one]
        rows.append((f"({tag >> 16:04X},{tag & 0xFFFF:04X})", keyword, _where(there), ATTRIBUTES[keyword]))
    return table(("tag", "attribute", "in", "value"), rows)


def asked_of_worklist() -> str:
    """The keys of the query."""
    rows = [
        ("matched", "ScheduledProcedureStepStartDate (`worklist.days`), Modality, ScheduledStationAETitle"),
        ("returned", ", ".join(keys_wanted())),
        ("returned, of the one step", ", ".join(("ScheduledProcedureStepStartTime", *keys_of_step()))),
    ]
    return table(("keys", "attributes"), rows)


def steps() -> str:
    """What is told of a performed procedure step."""
    rows = [(keyword, *values) for keyword, values in performed.ATTRIBUTES.items()]
    return table(("attribute", "N-CREATE", "N-SET"), rows)


def character_sets() -> str:
    """In which letters are written and read."""
    known = ", ".join(f"`{name}`" for name in python_encoding if name.startswith(("ISO_IR", "GB")))
    rows = [
        ("objects made", f"ASCII without a declaration, or `{UTF_8}`"),
        ("the worklist's answers", f"{known}, and ISO 2022 extensions; undeclared: ASCII, or `worklist.character_set`"),
        ("objects read", "as they are: their bytes go on into what is made of them"),
    ]
    return table(("of", "character sets"), rows)


def objects_read() -> str:
    """What an archive run takes."""
    modalities = ", ".join(sorted(classes.CAMERA_MODALITIES))
    colours = (*classes.GREY, classes.PALETTE, *classes.COLOUR, *classes.VIDEO_COLOURS)
    rows = [
        *(("SOP class", name, uid) for uid, name in classes.CAMERA_CLASSES.items()),
        *((f"SOP class, of the modality {modalities}", name, uid) for uid, name in classes.BORROWED_CLASSES.items()),
        *(("transfer syntax of pictures", UID(uid).name, uid) for uid in _in_order(classes.PICTURE_SYNTAXES)),
        *(("transfer syntax of video", UID(uid).name, uid) for uid in _in_order(classes.VIDEO_SYNTAXES)),
        ("photometric interpretation", ", ".join(colours), ""),
    ]
    return table(("what", "is read", "UID"), rows)


def archive_run() -> str:
    """What becomes of an object that an archive run reads."""
    rows = [
        ("objects made", "VL Endoscopic, Photographic or Microscopic Image, a video's in H.264; new series and UIDs"),
        ("kept of the source's patient", ", ".join(PATIENT)),
        ("kept of its study", ", ".join(STUDY)),
        ("derivation", "as of an enhanced picture above; the source image is the object that was read, with its frame"),
        ("`--deidentify`", f"{PROFILE.meaning} {PROFILE.value} ({PROFILE.scheme}), "
                           f"{DESCRIPTORS.meaning} {DESCRIPTORS.value} (PS3.15 annex E)"),
    ]  # fmt: skip
    return table(("what", "is"), rows)


_SAMPLES: tuple[tuple[str, Mode], ...] = (
    ("picture", "raw"), ("picture", "enhanced"), ("recording", "raw"), ("recording", "enhanced"),
)  # fmt: skip
_WHERE = {
    frozenset(_SAMPLES): "all",
    frozenset(_SAMPLES[:2]): "pictures",
    frozenset(_SAMPLES[2:]): "recordings",
    frozenset(_SAMPLES[1::2]): "enhanced",
}


def sample(kind: str, view: Mode) -> Dataset:
    """An object with everything that one can have, of nobody."""
    patient = Patient("Ä", "1", "1", "19700101", "O")
    whose = Examination(patient, "2.25.1", "1", "1", "1", "1", "1", "1", "1", is_emergency=True)
    record: dict[str, Any] = {
        "program": "edge-enhance", "program_version": "1", "made_at": "2026-01-01T00:00:00+00:00",
        "model": {"profile": "live", "version": "1", "sha256": "0"},
        "source": {"uri": "demo:", "taken_at": "2026-01-01T00:00:00+00:00", "granted": "MJPG"},
        "session": {"id": "1", "examination": whose.record()},
        **({"kind": "recording"} if kind == "recording" else {}),
    }  # fmt: skip
    source = "2.25.2" if view == "enhanced" else ""
    unit = Equipment("1", "1", "1", "1", "1")
    origin = Origin(record, view, {view: "2.25.3"}, "2.25.4", source, unit, step="2.25.5")
    if kind == "picture":
        made = origin.dataset(VLEndoscopicImageStorage, ExplicitVRLittleEndian)
        add_pixels(made, np.zeros((2, 2, 3), np.uint8))
        loss_of_still(record).add_to(made)
        return made
    level = LEVELS[0]
    made = origin.of_part(2, 2).dataset(VideoEndoscopicImageStorage, level.transfer_syntax)
    stream = Stream(cast(io.BufferedRandom, io.BytesIO(b"00")), 2, 2, 1, 1.0, 2, level.transfer_syntax)
    add_stream(made, stream)
    return made


def _where(there: Sequence[tuple[str, Mode]]) -> str:
    return _WHERE.get(frozenset(there)) or ", ".join(f"{kind} {view}" for kind, view in there)


def _named(uid: str) -> str:
    return f"{UID(uid).name} `{uid}`"


def _in_order(uids: Iterable[str]) -> list[str]:
    return sorted(uids, key=lambda uid: [int(part) for part in uid.split(".")])


SECTIONS: Final[Mapping[str, Callable[[], str]]] = {
    "dicom-services": services,
    "dicom-syntaxes": syntaxes,
    "dicom-network": network,
    "dicom-attributes": attributes,
    "dicom-worklist": asked_of_worklist,
    "dicom-steps": steps,
    "dicom-character-sets": character_sets,
    "dicom-read": objects_read,
    "dicom-archive": archive_run,
}
"""Name of a section -> its table."""


def section(name: str) -> str:
    """As it stands in the page."""
    return f"{MADE_BY}\n\n{SECTIONS[name]()}"


def main() -> None:
    for name in SECTIONS:
        replace_section(PAGE, name, section(name))


if __name__ == "__main__":
    main()
