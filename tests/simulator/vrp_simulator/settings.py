# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device file says: devices, users, interfaces, faults, and the NTP process."""

from __future__ import annotations

import collections
import ipaddress
import pathlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from .errors import SettingsError

SSH_METHODS = ("password", "keyboard-interactive")
HOST_KEY_TYPES = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521")


@dataclass(frozen=True, slots=True)
class User:
    name: str
    password: str
    level: int = 3
    public_key: str = ""  # one line in the form of authorized_keys

    def __repr__(self) -> str:
        return f"User({self.name!r}, level={self.level})"


@dataclass(frozen=True, slots=True)
class InterfaceSettings:
    """A port of the device. ``host_interface`` is where its packets really go."""

    name: str
    layer2: bool | None = None  # None = as the release has it, but layer 3 when there is an address
    ipv4: tuple[str, ...] = ()
    ipv6: tuple[str, ...] = ()
    host_interface: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question of a round. ``answer``: the right one; left out = the login password, ``*`` = any."""

    text: str = "Password:"
    hidden: bool = True
    answer: str | None = None

    def __repr__(self) -> str:
        return f"Prompt({self.text!r})"


@dataclass(frozen=True, slots=True)
class Round:
    """What keyboard-interactive asks at a time."""

    prompts: tuple[Prompt, ...] = (Prompt(),)
    instruction: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class SshSettings:
    """The SSH server of a device; what is left out is as all devices have it (facts 3.7, 9.10)."""

    methods: tuple[str, ...] = ()  # password, keyboard-interactive; empty = as `behaviour.keyboard_interactive` says
    rounds: tuple[Round, ...] = (Round(),)
    lockout_after: int = 0  # wrong answers in a row after which a user gets in no more; 0 = never
    host_keys: tuple[str, ...] = ("ssh-ed25519",)  # types, see host_keys.py
    flawed_signatures: bool = False  # of the ECDSA host keys
    key_exchanges: tuple[str, ...] = ()
    ciphers: tuple[str, ...] = ()
    macs: tuple[str, ...] = ()
    identification: str = "SSH-2.0--"  # fact 3.7: nearly empty


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    name: str
    release: str = "ce-v300r023"
    address: str = "127.0.0.1"
    port: int = 0
    users: tuple[User, ...] = (User("netops", "Simulator-Login-1"),)
    interfaces: tuple[InterfaceSettings, ...] = (
        InterfaceSettings("100GE1/0/1", layer2=False, ipv4=("10.0.0.1/24",), ipv6=("fd00::1/64",)),
        InterfaceSettings("100GE1/0/2"),
    )
    sysname: str = ""  # default: the name
    startup_configuration: str = ""  # text; a block of it replaces what `interfaces` says about that interface
    behaviour: Mapping[str, object] = field(default_factory=dict)
    wording_variant: int = 0
    wordings: Mapping[str, str] = field(default_factory=dict)
    weak_algorithms: bool = False  # WEAKEA is installed (fact 1.7)
    master_key: str = ""  # default: one of its own for each device (fact 2.3)
    faults: Mapping[str, object] = field(default_factory=dict)
    ssh: SshSettings = SshSettings()
    transcript: str = ""  # a file of the connection plugin's option transcript_file: the device replays it


@dataclass(frozen=True, slots=True)
class NtpSettings:
    """How the NTP process of each device is started."""

    command: tuple[str, ...]
    directory: str
    environment: Mapping[str, str] = field(default_factory=dict)
    poll: int = 3  # log2 of seconds
    server_port: int = 123


@dataclass(frozen=True, slots=True)
class WireSettings:
    """The way to the devices. With these settings, even empty ones, the traffic is counted."""

    round_trip_time: float = 0.0  # seconds


@dataclass(frozen=True, slots=True)
class Settings:
    devices: tuple[DeviceSettings, ...]
    ntp: NtpSettings | None = None
    wire: WireSettings | None = None


def settings_from(data: object, base: pathlib.Path) -> Settings:
    """Check the content of a device file; relative paths are taken from ``base``."""
    whole = _mapping(data, "the file", {"devices", "ntp", "wire"})
    devices = whole.get("devices")
    if not isinstance(devices, Sequence) or isinstance(devices, str) or not devices:
        raise SettingsError("devices: a list with at least one device is needed")
    read = tuple(device_from(item, f"devices[{index}]", base) for index, item in enumerate(devices))
    names = [device.name for device in read]
    for name, count in collections.Counter(names).items():
        if count > 1:
            raise SettingsError(f"devices: the name {name!r} is used twice")
    ntp = _ntp(whole["ntp"], base) if whole.get("ntp") else None
    return Settings(read, ntp, _wire(whole["wire"]) if whole.get("wire") is not None else None)


def device_from(data: object, where: str, base: pathlib.Path) -> DeviceSettings:
    """Check one device of a file."""
    known = {item.name for item in fields(DeviceSettings)}
    values = dict(_mapping(data, where, known))
    if not isinstance(values.get("name"), str) or not values["name"]:
        raise SettingsError(f"{where}.name: a name is needed")
    if "users" in values:
        values["users"] = tuple(_record(User, item, f"{where}.users") for item in values["users"])
    if "interfaces" in values:
        values["interfaces"] = tuple(
            _interface(item, f"{where}.interfaces[{index}]") for index, item in enumerate(values["interfaces"])
        )
    if "ssh" in values:
        values["ssh"] = _ssh(values["ssh"], f"{where}.ssh")
    text = values.get("startup_configuration", "")
    if isinstance(text, str) and text and "\n" not in text and (base / text).is_file():
        values["startup_configuration"] = (base / text).read_text(encoding="utf-8")
    if values.get("transcript"):
        values["transcript"] = str(base / str(values["transcript"]))
    return _record(DeviceSettings, values, where)


def _interface(data: object, where: str) -> InterfaceSettings:
    values = dict(_mapping(data, where, {item.name for item in fields(InterfaceSettings)}))
    for afi, kind in (("ipv4", ipaddress.IPv4Interface), ("ipv6", ipaddress.IPv6Interface)):
        given = values.get(afi, ())
        addresses = (given,) if isinstance(given, str) else tuple(given)
        for address in addresses:
            try:
                kind(address)
            except ValueError as error:
                raise SettingsError(f"{where}.{afi}: {error}") from None
        values[afi] = addresses
    return _record(InterfaceSettings, values, where)


def _ssh(data: object, where: str) -> SshSettings:
    values = dict(_mapping(data, where, {item.name for item in fields(SshSettings)}))
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
    if "rounds" in values:
        values["rounds"] = tuple(
            _round(item, f"{where}.rounds[{number}]") for number, item in enumerate(values["rounds"])
        )
    ssh = _record(SshSettings, values, where)
    for name, known in (("methods", SSH_METHODS), ("host_keys", HOST_KEY_TYPES)):
        for item in getattr(ssh, name):
            if item not in known:
                raise SettingsError(f"{where}.{name}: {item!r} is none of {', '.join(known)}")
    return ssh


def _round(data: object, where: str) -> Round:
    values = dict(_mapping(data, where, {item.name for item in fields(Round)}))
    if "prompts" in values:
        values["prompts"] = tuple(_record(Prompt, item, f"{where}.prompts") for item in values["prompts"])
    return _record(Round, values, where)


def _wire(data: object) -> WireSettings:
    wire = _record(WireSettings, data, "wire")
    time = wire.round_trip_time
    if isinstance(time, bool) or not isinstance(time, (int, float)) or not 0 <= time <= 60:
        raise SettingsError(f"wire.round_trip_time: {time!r} is no number of seconds from 0 to 60")
    return wire


def _ntp(data: object, base: pathlib.Path) -> NtpSettings:
    values = dict(_mapping(data, "ntp", {item.name for item in fields(NtpSettings)}))
    command = values.get("command")
    if not isinstance(command, Sequence) or isinstance(command, str) or not command:
        raise SettingsError("ntp.command: a list of words is needed")
    values["command"] = tuple(str(word) for word in command)
    values["directory"] = str(base / str(values.get("directory", "ntp")))
    values["environment"] = {str(k): str(v) for k, v in dict(values.get("environment") or {}).items()}
    return _record(NtpSettings, values, "ntp")


def _mapping(data: object, where: str, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise SettingsError(f"{where}: a mapping is needed, not {type(data).__name__}")
    for key in data:
        if key not in known:
            raise SettingsError(f"{where}.{key}: no such option; known are {', '.join(sorted(known))}")
    return data


_Kind = TypeVar("_Kind")


def _record(kind: type[_Kind], data: object, where: str) -> _Kind:
    values = _mapping(data, where, {item.name for item in fields(kind)})  # type: ignore[arg-type]
    try:
        return kind(**values)
    except TypeError as error:
        raise SettingsError(f"{where}: {error}") from None
