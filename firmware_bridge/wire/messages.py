"""The messages of protocol 1.0: one frozen dataclass each, its layout beside its fields.
Types below 0x20 are asked by the host and answered by the device under the same sequence number; 0x20 to 0x2F are
events of the device with sequence numbers of its own; 0x30 and above are short answers of either side.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import ClassVar

from firmware_bridge.errors import OutOfRange
from firmware_bridge.wire.frames import VERSION_MINOR, Frame
from firmware_bridge.wire.layout import Message, wired
from firmware_bridge.wire.limits import MAX_LEDS, MAX_SYNC_DELAY_US, PERMILLE
from firmware_bridge.wire.pairing_messages import GetNonce, Nonce, Pair, Signed


class Capability(IntFlag):
    """What a camera head has."""

    HEATER = 1
    BUTTON = 2
    FRAME_SYNC = 4
    HUMIDITY = 8
    PAIRING = 16
    """It can be given a key, and then acts only on what is signed. Older firmware cannot."""


class Fault(IntFlag):
    """What is wrong now, or was and is latched until a reset."""

    OVER_TEMPERATURE = 1
    """Latched: heater off and lights at most 10% until RESET."""
    SENSOR = 2
    SUPPLY_LOW = 4
    LED_DRIVER = 8
    HEATER_DRIVER = 16
    WATCHDOG = 32
    """The last restart was the watchdog's."""


class ResetCause(IntEnum):
    POWER_ON = 1
    COMMAND = 2
    WATCHDOG = 3
    BROWN_OUT = 4


class LightState(IntEnum):
    """What the device does with the light of its own accord."""

    NORMAL = 0
    DIMMED = 1
    """At most 10%: no heartbeat for 2 s, or over-temperature."""
    DARK = 2
    """Off: no heartbeat for 10 s, or none since the start."""


class ButtonAction(IntEnum):
    PRESS = 1
    RELEASE = 2
    LONG_PRESS = 3
    """Still held 800 ms after PRESS; RELEASE follows."""


class Param(IntEnum):
    SYNC_DELAY_US = 1
    """From the sensor's sync pulse to the light's, 0 to 20000."""
    LED_LIMIT_PERMILLE = 2
    """The most that SET_LED may ask for, 0 to 1000."""
    HEATER_LIMIT_PERMILLE = 3
    """The most that SET_HEATER may ask for, 0 to 1000."""


PARAM_MAX = {
    Param.SYNC_DELAY_US: MAX_SYNC_DELAY_US,
    Param.LED_LIMIT_PERMILLE: PERMILLE,
    Param.HEATER_LIMIT_PERMILLE: PERMILLE,
}
PARAM_DEFAULT = {Param.SYNC_DELAY_US: 0, Param.LED_LIMIT_PERMILLE: PERMILLE, Param.HEATER_LIMIT_PERMILLE: 800}


class NakReason(IntEnum):
    UNKNOWN_TYPE = 1
    BAD_LENGTH = 2
    OUT_OF_RANGE = 3
    NO_SUCH_CHANNEL = 4
    NO_SUCH_PARAM = 5
    OVER_LIMIT = 6
    NO_SESSION = 7
    """No HELLO since the device started."""
    OLD_SEQ = 8
    """An earlier command that is no longer remembered; it was not carried out again."""
    WRONG_VERSION = 9
    """Another major version; the NAK's own version byte says which the device speaks."""
    FAULT_LATCHED = 10
    BUSY = 11
    """Not now and not remembered: the same frame may be sent again."""
    NOT_SIGNED = 12
    """The head has a key, and this has no signature, a wrong or an old one."""
    NOT_CONFIRMED = 13
    """A key is taken only while the button is held."""


@dataclass(frozen=True, slots=True)
class Hello(Message):
    """Opens a session; the device answers with its own. The header carries each side's protocol version."""

    TYPE: ClassVar[int] = 0x01
    session: int = wired("u32", "number that the host draws at random; the answer repeats it")
    version_major: int = wired("u8", "the sender's own version, such as 1.4.2: major")
    version_minor: int = wired("u8", "minor")
    version_patch: int = wired("u8", "patch")
    num_leds: int = wired("u8", "light channels, 0 to 4; 0 from a host")
    capabilities: int = wired("u32", "bits of Capability; 0 from a host")
    serial: str = wired("text16", "serial number, ASCII, filled up with NUL; a host gives its program's name")


@dataclass(frozen=True, slots=True)
class Heartbeat(Message):
    """The host lives. Sent every 500 ms, answered with STATUS."""

    TYPE: ClassVar[int] = 0x02


@dataclass(frozen=True, slots=True)
class Status(Message):
    """The answer to HEARTBEAT: what the device measures and does, before that HEARTBEAT counts."""

    TYPE: ClassVar[int] = 0x03
    uptime_us: int = wired("u64", "the device's clock: microseconds since it started")
    led_ma: int = wired("u16", "current of all lights together, mA")
    led_permille: tuple[int, ...] = wired("u16", "what each channel gives now, after every limit, permille", count=4)
    heater_permille: int = wired("u16", "what the window heater gives now, permille")
    window_centi_celsius: int | None = wired("i16", "window temperature, 0.01 C", optional=True)
    board_centi_celsius: int | None = wired("i16", "board temperature, 0.01 C", optional=True)
    humidity_permille: int | None = wired("u16", "relative humidity at the window, permille", optional=True)
    dew_margin_centi_celsius: int | None = wired("i16", "window temperature less dew point, 0.01 C", optional=True)
    supply_mv: int = wired("u16", "supply voltage, mV")
    faults: int = wired("u16", "bits of Fault")
    reset_cause: int = wired("u8", "ResetCause of the last start")
    light_state: int = wired("u8", "LightState")


@dataclass(frozen=True, slots=True)
class SetLed(Message):
    """Set one channel of the ring light. Answered ACK."""

    TYPE: ClassVar[int] = 0x04
    channel: int = wired("u8", "0 to num_leds - 1", low=0, high=MAX_LEDS - 1)
    level_permille: int = wired("u16", "0 to 1000, at most LED_LIMIT_PERMILLE", low=0, high=PERMILLE)


@dataclass(frozen=True, slots=True)
class SetHeater(Message):
    """Set the window heater. Answered ACK."""

    TYPE: ClassVar[int] = 0x05
    level_permille: int = wired("u16", "0 to 1000, at most HEATER_LIMIT_PERMILLE", low=0, high=PERMILLE)


@dataclass(frozen=True, slots=True)
class GetParam(Message):
    """Answered PARAM."""

    TYPE: ClassVar[int] = 0x06
    param: int = wired("u8", "Param", low=0, high=255)


@dataclass(frozen=True, slots=True)
class SetParam(Message):
    """Holds until the device restarts. Answered ACK."""

    TYPE: ClassVar[int] = 0x07
    param: int = wired("u8", "Param", low=0, high=255)
    value: int = wired("u32", "new value, in the limits of its Param", low=0, high=0xFFFFFFFF)

    def check(self) -> None:
        Message.check(self)
        highest = PARAM_MAX.get(Param(self.param)) if self.param in tuple(Param) else None
        if highest is None:
            known = ", ".join(f"{param.value} {param.name}" for param in Param)
            raise OutOfRange(f"param = {self.param}: expected one of {known}")
        if self.value > highest:
            message = f"{Param(self.param).name} = {self.value}: expected a whole number from 0 to {highest}"
            raise OutOfRange(message)


@dataclass(frozen=True, slots=True)
class ParamValue(Message):
    """The answer to GET_PARAM."""

    TYPE: ClassVar[int] = 0x08
    param: int = wired("u8", "Param")
    value: int = wired("u32", "its value")


@dataclass(frozen=True, slots=True)
class Ping(Message):
    """Answered PING with the same token; works without a session."""

    TYPE: ClassVar[int] = 0x09
    token: int = wired("u32", "any number")


@dataclass(frozen=True, slots=True)
class Reset(Message):
    """Answered ACK; then the device restarts, with lights and heater off and no session."""

    TYPE: ClassVar[int] = 0x0A


@dataclass(frozen=True, slots=True)
class Button(Message):
    """The trigger button. The host answers ACK; until then the device repeats it, every 100 ms, ten times at most."""

    TYPE: ClassVar[int] = 0x20
    action: int = wired("u8", "ButtonAction")
    time_us: int = wired("u64", "device clock when it happened")


@dataclass(frozen=True, slots=True)
class FrameSync(Message):
    """An exposure began. Sent once, never answered."""

    TYPE: ClassVar[int] = 0x21
    counter: int = wired("u32", "frames since the device started")
    exposure_start_us: int = wired("u64", "device clock when the exposure began")
    time_us: int = wired("u64", "device clock when this was sent")


@dataclass(frozen=True, slots=True)
class FaultEvent(Message):
    """The fault bits changed. Answered and repeated like BUTTON."""

    TYPE: ClassVar[int] = 0x22
    faults: int = wired("u16", "bits of Fault that are set now")
    changed: int = wired("u16", "bits that have changed")
    time_us: int = wired("u64", "device clock when it happened")


@dataclass(frozen=True, slots=True)
class Ack(Message):
    """Done. Never answered."""

    TYPE: ClassVar[int] = 0x30
    acked_type: int = wired("u8", "type of the message that this answers")


@dataclass(frozen=True, slots=True)
class Nak(Message):
    """Not done, and why. Never answered."""

    TYPE: ClassVar[int] = 0x31
    refused_type: int = wired("u8", "type of the message that this answers")
    reason: int = wired("u8", "NakReason")


MESSAGES: tuple[type[Message], ...] = (
    *(Hello, Heartbeat, Status, SetLed, SetHeater, GetParam, SetParam, ParamValue, Ping, Reset),
    *(GetNonce, Nonce, Pair, Signed),
    *(Button, FrameSync, FaultEvent),
    *(Ack, Nak),
)
BY_TYPE: dict[int, type[Message]] = {message.TYPE: message for message in MESSAGES}
REQUESTS = (Hello, Heartbeat, SetLed, SetHeater, GetParam, SetParam, Ping, Reset, GetNonce, Pair, Signed)
EVENTS = (Button, FrameSync, FaultEvent)


def wire_name(message: type[Message]) -> str:
    """`SetLed` -> `SET_LED`; as the page and the C header name it."""
    special = {"ParamValue": "PARAM", "FaultEvent": "FAULT"}
    name = message.__name__
    return special.get(name) or "".join(f"_{c}" if c.isupper() and at else c for at, c in enumerate(name)).upper()


def frame_from_message(message: Message, seq: int) -> Frame:
    """Raises `OutOfRange` as `Message.payload` does."""
    return Frame(message.TYPE, seq, message.payload())


def message_from_frame(frame: Frame) -> Message | None:
    """The message in a frame of our major version; None for a type that is not known.

    Raises:
        BadPayload: the payload does not have the layout of its type.
    """
    kind = BY_TYPE.get(frame.type)
    if kind is None:
        return None
    return kind.from_payload(frame.payload, longer=frame.version_minor > VERSION_MINOR)


def bits_text(bits: int, kind: type[IntFlag]) -> str:
    """`OVER_TEMPERATURE` -> `over temperature`; several joined by commas, bits of newer versions by number."""
    names = [str(flag.name).lower().replace("_", " ") for flag in kind if bits & flag]
    rest = bits & ~sum(kind)
    return ", ".join([*names, *([f"unknown bits {rest:#x}"] if rest else [])])
