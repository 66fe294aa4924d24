# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTP multicast in the language of VRP: text to model, and model to lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..ntp.changes import Change
from ..ntp.interface_names import interface_name
from ..ntp.model import Configuration
from .dialect import Dialect
from .lines import ConfigurationLine, typed_lines

__all__ = [
    "DeviceConfiguration",
    "InterfaceFacts",
    "configuration_text",
    "interface_name",
    "parse_configuration",
    "render_changes",
    "render_configuration",
    "typed_lines",
]


@dataclass(frozen=True, slots=True)
class InterfaceFacts:
    layer2: bool | None
    ipv6_enabled: bool
    ipv4_addresses: tuple[str, ...]
    ipv6_addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceConfiguration:
    configuration: Configuration
    dialect: Dialect | None
    automatic: tuple[str, ...]
    interfaces: Mapping[str, InterfaceFacts]
    unknown: tuple[str, ...]


def parse_configuration(text: str, dialect: Dialect | None = None) -> DeviceConfiguration:
    raise NotImplementedError


def render_changes(changes: Iterable[Change], dialect: Dialect) -> tuple[ConfigurationLine, ...]:
    raise NotImplementedError


def render_configuration(configuration: Configuration, dialect: Dialect) -> tuple[ConfigurationLine, ...]:
    raise NotImplementedError


def configuration_text(configuration: Configuration, dialect: Dialect) -> str:
    raise NotImplementedError
