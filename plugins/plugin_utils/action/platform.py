# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts are VRP devices, by their variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NETWORK_OS = "timecast.ntp_multicast.vrp"
# What an inventory says that was made for the collection community.network: the same devices.
OTHER_NAMES = ("community.network.ce", "ce")
VRP, LINUX, UNKNOWN = "vrp", "linux", "unknown"
PLATFORMS = (VRP, LINUX)


def platform_of(variables: Mapping[str, Any]) -> str:
    """vrp, linux or unknown; the role's variable ``__ntp_multicast_platform`` says the same (a test compares them)."""
    forced = str(variables.get("ntp_multicast_platform") or "auto")
    if forced != "auto":
        return forced if forced in PLATFORMS else UNKNOWN
    network_os = variables.get("ansible_network_os") or ""
    if not network_os:
        return LINUX
    return VRP if network_os in (NETWORK_OS, *OTHER_NAMES) else UNKNOWN


def warnings_about_network_os(variables: Mapping[str, Any]) -> list[str]:
    """The right value, where another name of it is understood."""
    network_os = variables.get("ansible_network_os")
    if network_os not in OTHER_NAMES:
        return []
    return [
        f"ansible_network_os: {network_os} is taken for a VRP device. The value of this collection is {NETWORK_OS}."
    ]
