"""Every setting of the unit, a table of edge.toml a class, each with its default, its limits and what it is for."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from edge.basics.errors import ConfigError
from edge.basics.secrets import shown_uri
from edge.basics.settings import setting
from firmware_bridge.command_line import hint
from firmware_bridge.wire.limits import MAX_LEDS, MAX_SYNC_DELAY_US, PERMILLE

live_setting = partial(setting, live=True)
"""One that a reload takes on while the unit runs."""

LIVE, CHECK, PRINT_CONFIG, FILES = "--live", "--check", "--print-config", "files"
"""What edge-enhance may be asked to do, as messages name it."""
OF_UNIT = (LIVE, CHECK, PRINT_CONFIG)
"""The modes of an option that says something of the unit; pictures and clips from files are not the unit's."""


TRANSPORTS = ("websocket", "mjpeg")
"""Ways of the live picture to its viewers."""
SELF_MADE = "self-made"
"""`web.certificate` of a unit that makes its own."""


CAMERA_CONTROLS = (
    "auto_exposure", "exposure", "gain", "auto_white_balance", "white_balance_kelvin", "brightness", "contrast",
    "saturation", "gamma", "sharpness",
)  # fmt: skip
"""What [source] controls may set, in the order in which it is set: what a camera does by itself comes first."""


@dataclass(frozen=True)
class SourceConfig:
    """The table [source]: where the live picture comes from."""

    uri: str = live_setting(
        "demo:",
        "camera:/dev/video0, csi:0, gst:PIPELINE, demo:, rtsp://HOST/PATH, a clip, a picture or a folder",
        option="--source",
        metavar="URI",
        modes=OF_UNIT,
    )
    wait: bool = setting(
        False, "wait for a camera that is missing at the start, as the service does; otherwise exit 69"
    )
    fit: str = live_setting(
        "crop",
        "a camera that is not 16:9: crop cuts away what is too much of it, pad shows all of it with black beside it",
        choices=("crop", "pad"),
    )
    controls: tuple[str, ...] = live_setting(
        (),
        "the camera's settings, as its driver numbers them, set each time that it is opened: auto_exposure=1, "
        "exposure=120, gain=0, auto_white_balance=0, white_balance_kelvin=4600, ...",
    )
    password_file: str = live_setting(
        "",
        "file whose first line is the password of the user whom a network camera's address names; $VARIABLES are "
        "filled in, and only its owner and its group may read it",
    )
    ca: str = live_setting(
        "",
        "PEM file with the authorities that may have signed the certificate of an rtsps:// or https:// camera, or with "
        "that certificate; empty takes this system's authorities",
    )
    camera_clock: bool = live_setting(
        True,
        "where a network camera tells the time of day of its pictures, take their age from it; set both clocks by NTP",
    )

    def __post_init__(self) -> None:
        self.control_values()

    def control_values(self) -> dict[str, float]:
        """Name of a setting -> value, as `controls` has them.

        Raises:
            ConfigError: one is not of the form name=number, unknown, or there twice.
        """
        values: dict[str, float] = {}
        for text in self.controls:
            name, _, number = text.partition("=")
            try:
                value = float(number)
            except ValueError:
                value = math.nan
            if name not in CAMERA_CONTROLS or name in values or not math.isfinite(value):
                known = ", ".join(CAMERA_CONTROLS)
                told = "" if name in CAMERA_CONTROLS else hint(name, CAMERA_CONTROLS)
                raise ConfigError(f"source.controls = {text!r}: expected name=number, each once, of {known}{told}")
            values[name] = value
        return {name: values[name] for name in CAMERA_CONTROLS if name in values}


@dataclass(frozen=True)
class UnitConfig:
    """The table [unit]: which camera unit this is, and its calibration."""

    serial: str = live_setting(
        "",
        "serial number of this camera unit; a calibration must be of this one",
        option="--unit",
        metavar="SERIAL",
        modes=OF_UNIT,
    )
    calibration: str = live_setting(
        "",
        "the unit's unit.calib, made by edge-calib solve, applied before the network; empty: frames are not corrected",
        option="--calibration",
        metavar="FILE",
        modes=OF_UNIT,
    )


@dataclass(frozen=True)
class EngineConfig:
    """The table [engine]: what enhances the picture."""

    profile: str = live_setting(
        "live",
        "name of a profile, shipped or in engine.models",
        option="--profile",
        metavar="NAME",
        modes=(*OF_UNIT, FILES),
    )
    threads: int = live_setting(0, "threads of a CPU engine; 0: every core", low=0, high=256)
    models: str = live_setting(
        "",
        "folder of the unit's own profiles; they win over shipped ones of the same name",
        option="--models",
        metavar="DIR",
        modes=(FILES, PRINT_CONFIG),
    )
    keys: str = live_setting(
        "/etc/edge-enhance/keys",
        "folder of the public keys by which a profile in engine.models must be signed; empty: none need be, as on a "
        "machine where models are made",
    )
    backend: str = live_setting(
        "auto",
        "auto: a GPU where there is one with an engine for it, else the CPU; a name insists",
        choices=("auto", "cpu", "tensorrt", "tensorrt-rtx"),
    )
    engines: str = live_setting("/var/lib/edge-enhance/engines", "folder of the engines that edge-export engine built")
    precision: str = live_setting("fp16", "precision of the engine", choices=("fp16", "fp32", "int8"))


@dataclass(frozen=True)
class EnhanceConfig:
    """The table [enhance]: how much of the enhancement is shown."""

    strength: float = live_setting(
        1.0,
        "share of the enhancement that is shown: 0 none of it, 1 all of it; the page can change it until the "
        "program ends",
        low=0.0,
        high=1.0,
    )


@dataclass(frozen=True)
class WebConfig:
    """The table [web]: the page."""

    listen: str = setting(
        "127.0.0.1:8080",
        "addresses and ports of the page, and unix:/PATH for a proxy; port 0 takes a free one",
        option="--listen",
        metavar="HOST:PORT",
        modes=OF_UNIT,
        joins=True,
    )
    users: str = setting(
        "",
        "users file, made by edge-enhance user; empty: whoever reaches the page may do everything",
        option="--users",
        metavar="FILE",
        modes=OF_UNIT,
    )
    certificate: str = setting(
        "",
        "TLS for addresses beyond this machine: a PEM file, its chain included, or self-made",
        option="--certificate",
        metavar="FILE",
        modes=OF_UNIT,
    )
    key: str = setting("", "PEM file of the certificate's key; empty: it is in web.certificate, or self-made")
    insecure: bool = setting(
        False,
        "listen beyond this machine without users or without TLS; the page says so",
        option="--insecure",
        modes=OF_UNIT,
    )
    idle_minutes: int = setting(30, "a login ends when its page was closed for so long", low=1, high=1440)
    session_hours: int = setting(12, "a login ends after so long whatever it does", low=1, high=168)
    transports: tuple[str, ...] = setting(
        TRANSPORTS, "ways of the live picture that are on: websocket for the page, mjpeg for others", choices=TRANSPORTS
    )
    jpeg_quality: int = live_setting(85, "quality of the streamed JPEGs", low=30, high=100)
    names: tuple[str, ...] = setting(
        (),
        "more names that the unit is called by, such as a proxy's; a request for any other is refused (421). Its own "
        "name, its addresses and localhost need not be said",
    )
    proxies: tuple[str, ...] = setting(
        (), "addresses of reverse proxies; whose viewers are told apart by X-Forwarded-For"
    )
    streams: int = setting(32, "streams at a time; more are refused (503)", low=1, high=256)
    streams_per_address: int = setting(8, "of these to one address", low=1, high=256)


@dataclass(frozen=True)
class DisplayConfig:
    """The table [display]: a screen at the unit itself."""

    on: bool = setting(
        False, "show the picture full screen at the unit, as --live --output display does; needs GStreamer"
    )
    sink: str = setting(
        "auto",
        "by which element of GStreamer; auto takes the first that works",
        choices=("auto", "waylandsink", "nv3dsink", "ximagesink", "nvdrmvideosink", "kmssink"),
    )


@dataclass(frozen=True)
class VideoConfig:
    """The table [video]: coded video, which WebRTC and RTSP send; one encoder a view for all who look."""

    webrtc: bool = setting(
        True, "offer WebRTC to pages, where GStreamer is there; it sends by UDP from the address that the page has"
    )
    webrtc_ports: tuple[int, ...] = setting(
        (), "lowest and highest UDP port of WebRTC, one a viewer; empty: any", low=1024, high=65535, most=2
    )
    rtsp: str = setting(
        "",
        "address and port of RTSP for recorders, such as 127.0.0.1:8554 or 0.0.0.0:8554; empty: none. Beyond this "
        "machine it wants what the page wants: web.users, whose tokens are its passwords, and web.certificate",
    )
    encoder: str = setting("auto", "GStreamer's encoder; auto: hardware where it is there, else software", choices=(
        "auto", "nvv4l2h264enc", "nvh264enc", "x264enc", "openh264enc",
    ))  # fmt: skip
    kbits: int = live_setting(8000, "thousand bits a second of a view, at most", low=500, high=50_000)
    width: int = live_setting(
        1920, "pictures are made no wider than this; each of a pair two thirds of it", low=480, high=1920
    )

    def __post_init__(self) -> None:
        ports = self.webrtc_ports
        if ports and (len(ports) != 2 or ports[0] > ports[1]):
            raise ConfigError(
                f"video.webrtc_ports = {list(ports)}: expected the lowest and the highest port, as [50000, 50031]"
            )


@dataclass(frozen=True)
class AuditConfig:
    """The table [audit]: the record of who did what."""

    file: str = setting("", "file of JSON lines; empty: audit/audit.jsonl in $STATE_DIRECTORY, without that none")
    size_mib: int = setting(16, "most that it may take, older files included; the oldest lines go", low=1, high=1024)

    @property
    def path(self) -> Path | None:
        state = os.environ.get("STATE_DIRECTORY", "")
        return Path(self.file) if self.file else Path(state) / "audit" / "audit.jsonl" if state else None


@dataclass(frozen=True)
class SaveConfig:
    """The table [save]: pictures that are kept."""

    folder: str = live_setting(
        "", "where the unit itself saves; empty: pictures/ in $STATE_DIRECTORY, or in the working folder"
    )
    limit_gib: float = live_setting(
        0.0,
        "what pictures and recordings may take together; above it the oldest recordings are removed, pictures never; "
        "0: no limit but the disk",
        low=0.0,
        high=65536.0,
    )

    @property
    def path(self) -> Path:
        return Path(self.folder) if self.folder else Path(os.environ.get("STATE_DIRECTORY", ".")) / "pictures"


@dataclass(frozen=True)
class UsageConfig:
    """The table [usage]: what the unit meets with, as numbers of which no picture can be made."""

    keep: bool = live_setting(
        False, "count haze, sharpness, correction and what enhanced, by the day, for edge-enhance stats"
    )
    file: str = live_setting(
        "", "where that is kept; empty: usage/usage.json in $STATE_DIRECTORY, without that nothing is"
    )

    @property
    def path(self) -> Path | None:
        state = os.environ.get("STATE_DIRECTORY", "")
        where = Path(self.file) if self.file else Path(state) / "usage" / "usage.json" if state else None
        return where if self.keep else None


@dataclass(frozen=True)
class RecordingConfig:
    """The table [recording]: clips of the live picture."""

    views: tuple[str, ...] = live_setting(
        ("raw", "enhanced"), "what is recorded where nobody asks for less: raw, enhanced or both"
    )
    fps: float = live_setting(30.0, "frames a second at most; fewer cost less of the processor", low=1.0, high=60.0)
    minutes: int = live_setting(120, "a recording that nobody stops ends after so long", low=1, high=1440)
    before_s: int = live_setting(
        0,
        "seconds that are kept in memory, to be saved after they were seen; 0: none. It encodes all the time: about "
        "half a core for each view at 30 frames/s",
        low=0,
        high=120,
    )
    before_mib: int = live_setting(96, "memory that these seconds may take; they are fewer then", low=8, high=4096)

    def __post_init__(self) -> None:
        if not self.views or len({*self.views}) < len(self.views) or not {*self.views} <= {"raw", "enhanced"}:
            raise ConfigError(f"recording.views = {list(self.views)}: expected raw, enhanced or both, each once")


@dataclass(frozen=True)
class SessionConfig:
    """The table [session]: the patient session that pictures and recordings belong to."""

    idle_hours: int = live_setting(
        12, "a patient session in which nothing is saved for so long is closed; 0: never", low=0, high=168
    )


@dataclass(frozen=True)
class PrivacyConfig:
    """The table [privacy]: how what is kept of patients is protected, and for how long it is kept."""

    key: str = setting(
        "",
        "file with the key by which pictures, recordings and their records are encrypted on the disk, made by "
        "edge-enhance privacy make-key; $VARIABLES are filled in, and only its owner and its group may read it; empty: "
        "they are kept plain",
    )
    old_keys: tuple[str, ...] = setting(
        (), "files with keys by which older ones were encrypted: they are read with these"
    )
    retention_days: int = live_setting(
        0,
        "pictures and recordings are removed after so long, whoever they are of; 0: they are kept until somebody "
        "removes them",
        low=0,
        high=36_500,
    )


@dataclass(frozen=True)
class BridgeConfig:
    """The table [bridge]: the camera head."""

    port: str = setting("", "auto, a path such as /dev/edge-camera-head, or a name in /dev/serial/by-id; empty: none")
    baud: int = setting(115_200, "speed of a UART; USB does not care", low=115_200, high=1_000_000)
    keys: str = setting(
        "/var/lib/edge-enhance/head-keys", "folder of the keys of paired camera heads, which edge-bridge pair makes"
    )
    led_permille: tuple[int, ...] = setting(
        (),
        "light of each channel, set when the head connects; empty leaves it alone",
        low=0,
        high=PERMILLE,
        most=MAX_LEDS,
    )
    led_limit_permille: int = setting(PERMILLE, "the most that any channel may give", low=0, high=PERMILLE)
    heater: str = setting("auto", "auto follows the dew point; off", choices=("auto", "off"))
    dew_margin_celsius: float = setting(2.0, "how much warmer than the dew point the window is kept", low=0.5, high=6.0)
    sync_delay_us: int = setting(0, "from the sensor's sync pulse to the light's", low=0, high=MAX_SYNC_DELAY_US)


@dataclass(frozen=True)
class HeatConfig:
    """The table [heat]: how hot the unit may get."""

    warm_celsius: float = live_setting(85.0, "from here on the unit does less work", low=30.0, high=120.0)
    hot_celsius: float = live_setting(
        95.0, "from here on it shows the raw picture; at least heat.warm_celsius", low=30.0, high=120.0
    )
    ignore_zones: tuple[str, ...] = live_setting(
        ("PMIC-Die", "thermal-fan-est", "iwlwifi_1"), "thermal zones that tell nothing of the processor's heat"
    )

    def __post_init__(self) -> None:
        if self.hot_celsius < self.warm_celsius:
            raise ConfigError(
                f"heat.hot_celsius = {self.hot_celsius}: expected at least heat.warm_celsius ({self.warm_celsius})"
            )


@dataclass(frozen=True)
class PacsConfig:
    """The table [pacs]: the hospital's archive, to which pictures of patient sessions with an examination are sent."""

    host: str = live_setting("", "the PACS: a name or an address; empty, and `pacs.stow` too: nothing is sent")
    port: int = live_setting(11112, "its DICOM port", low=1, high=65535)
    ae_title: str = live_setting("PACS", "its AE title: at most 16 characters")
    own_ae_title: str = live_setting("EDGE-ENHANCE", "the unit's AE title, as the PACS knows it: at most 16 characters")
    tls: bool = live_setting(False, "speak TLS (1.2 or newer, as DICOM's BCP 195 profile asks) with the PACS")
    ca: str = live_setting(
        "",
        "PEM file with the authorities that may have signed the certificate of the PACS, or with that certificate; "
        "empty takes this system's authorities",
    )
    certificate: str = live_setting("", "PEM file of the unit's own certificate, where the PACS asks for one")
    key: str = live_setting(
        "", "PEM file of its key, which others must not be able to read; empty: it is in pacs.certificate"
    )
    timeout_s: int = live_setting(30, "seconds after which a PACS that says nothing is given up", low=2, high=600)
    commitment: bool = live_setting(
        True,
        "ask the PACS to say that it has stored for good what was sent (storage commitment); until then it stays on "
        "the unit. Off: what was sent counts as there",
    )
    listen: str = live_setting(
        "",
        "address and port at which the PACS may say so later, such as 10.0.0.7:11112; empty: only on the connection "
        "on which it was asked",
    )
    stow: str = live_setting(
        "",
        "address of a DICOMweb service, as https://HOST/dicom-web: what is sent goes there by STOW-RS, and pacs.host "
        "is only asked whether it is stored",
    )
    user: str = live_setting("", "user of the DICOMweb service")
    password_file: str = live_setting(
        "",
        "file whose first line is this user's password; $VARIABLES are filled in, and only its owner and its group may "
        "read it",
    )
    token_file: str = live_setting("", "the same with a token (Bearer), in place of user and password")
    folder: str = live_setting(
        "", "where the queue of what is to be sent is kept; empty: pacs/ in $STATE_DIRECTORY, or in the working folder"
    )

    def __post_init__(self) -> None:
        for key, title in (("ae_title", self.ae_title), ("own_ae_title", self.own_ae_title)):
            if not 0 < len(title.strip()) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
                raise ConfigError(f"pacs.{key} = {title!r}: expected 1 to 16 ASCII characters, no \\")
        if self.stow and not self.stow.startswith(("https://", "http://")):
            raise ConfigError(f"pacs.stow = {shown_uri(self.stow)!r}: expected https://HOST/PATH")
        if self.listen:
            address_from_listen(self.listen, "pacs.listen")
        if self.token_file and (self.user or self.password_file):
            raise ConfigError("pacs.token_file: expected it alone, or pacs.user and pacs.password_file")
        if bool(self.user) != bool(self.password_file):
            raise ConfigError("pacs.user: expected it together with pacs.password_file")

    @property
    def is_on(self) -> bool:
        return bool(self.host or self.stow)

    @property
    def path(self) -> Path:
        return Path(self.folder) if self.folder else Path(os.environ.get("STATE_DIRECTORY", ".")) / "pacs"


@dataclass(frozen=True)
class WorklistConfig:
    """The table [worklist]: where the page finds who is to be examined, so that nobody types a name."""

    host: str = live_setting("", "the worklist (DICOM Modality Worklist): a name or an address; empty: none")
    port: int = live_setting(11112, "its DICOM port", low=1, high=65535)
    ae_title: str = live_setting("WORKLIST", "its AE title: at most 16 characters")
    own_ae_title: str = live_setting(
        "EDGE-ENHANCE", "the unit's AE title, as the worklist knows it: at most 16 characters"
    )
    tls: bool = live_setting(False, "speak TLS with the worklist, as pacs.tls")
    ca: str = live_setting(
        "", "PEM file with who may have signed its certificate; empty takes this system's authorities"
    )
    certificate: str = live_setting("", "PEM file of the unit's own certificate, where the worklist asks for one")
    key: str = live_setting("", "PEM file of its key; empty: it is in worklist.certificate")
    timeout_s: int = live_setting(
        10, "seconds after which a worklist that has not answered is given up", low=2, high=60
    )
    station: str = live_setting("", "only what is scheduled for this AE title; empty: for any")
    modality: str = live_setting("ES", "only what is scheduled for this modality, such as ES (endoscopy); empty: any")
    days: int = live_setting(0, "so many days before and after today are asked for too", low=0, high=31)
    mpps: str = live_setting(
        "",
        "AE_TITLE@HOST:PORT of who is told that a patient session begins and ends (Modality Performed Procedure Step), "
        "by worklist.own_ae_title and with the TLS of this table; it takes [pacs] too; empty: nobody",
    )
    character_set: str = live_setting(
        "",
        "the letters of answers that do not say which they are written in; empty: such an answer can be chosen only if "
        "it is all ASCII",
        choices=("", "ISO_IR 192", "ISO_IR 100", "ISO_IR 101", "ISO_IR 109", "ISO_IR 110", "ISO_IR 126", "ISO_IR 127",
                 "ISO_IR 138", "ISO_IR 144", "ISO_IR 148", "ISO_IR 166", "ISO_IR 13", "GB18030", "GBK")
    )  # fmt: skip

    def __post_init__(self) -> None:
        for key, title in (("ae_title", self.ae_title), ("own_ae_title", self.own_ae_title)):
            refuse_ae_title(f"worklist.{key}", title)
        if self.station:
            refuse_ae_title("worklist.station", self.station)
        if self.modality and not (self.modality.isascii() and self.modality.isalnum() and self.modality.isupper()):
            raise ConfigError(f"worklist.modality = {self.modality!r}: expected capitals, such as ES")
        if self.mpps:
            title, _, address = self.mpps.rpartition("@")
            refuse_ae_title("worklist.mpps", title)
            address_from_listen(address, "worklist.mpps")

    def mpps_address(self) -> tuple[str, str, int]:
        """AE title, host and port of `mpps`."""
        title, _, address = self.mpps.rpartition("@")
        return title.strip(), *address_from_listen(address, "worklist.mpps")


def refuse_ae_title(path: str, title: str) -> None:
    """Raises ConfigError where no application entity can be called so (PS3.5, AE)."""
    if not 0 < len(title.strip()) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise ConfigError(f"{path} = {title!r}: expected 1 to 16 ASCII characters, no \\")


@dataclass(frozen=True)
class Config:
    """All of edge.toml. An empty file is a complete configuration."""

    source: SourceConfig = field(default_factory=SourceConfig)
    unit: UnitConfig = field(default_factory=UnitConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    enhance: EnhanceConfig = field(default_factory=EnhanceConfig)
    web: WebConfig = field(default_factory=WebConfig)
    display: DisplayConfig = field(default_factory=DisplayConfig)
    video: VideoConfig = field(default_factory=VideoConfig)
    audit: AuditConfig = field(default_factory=AuditConfig)
    save: SaveConfig = field(default_factory=SaveConfig)
    recording: RecordingConfig = field(default_factory=RecordingConfig)
    session: SessionConfig = field(default_factory=SessionConfig)
    privacy: PrivacyConfig = field(default_factory=PrivacyConfig)
    pacs: PacsConfig = field(default_factory=PacsConfig)
    worklist: WorklistConfig = field(default_factory=WorklistConfig)
    usage: UsageConfig = field(default_factory=UsageConfig)
    bridge: BridgeConfig = field(default_factory=BridgeConfig)
    heat: HeatConfig = field(default_factory=HeatConfig)

    def __post_init__(self) -> None:
        if self.worklist.mpps and not self.pacs.is_on:
            raise ConfigError(
                "worklist.mpps: expected [pacs] host or stow beside it: a step that is done names pictures of the PACS"
            )


def address_from_listen(listen: str, key: str = "web.listen") -> tuple[str, int]:
    """Split `HOST:PORT`, with an IPv6 host in brackets.

    Raises:
        ConfigError: it is not of this form.
    """
    host, colon, port = listen.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    fits = bool(colon and bare) and port.isascii() and port.isdigit() and int(port) <= 65535
    if not fits or (":" in bare and bare == host):
        raise ConfigError(f"{key} = {listen!r}: expected HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    return bare, int(port)
