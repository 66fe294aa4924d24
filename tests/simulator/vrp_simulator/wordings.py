# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that no public source gives (fact 8): several variants of each, chosen by device settings.

Nothing may depend on one of them. A text that starts with ``^`` is a caret error of that kind (fact 3.6), pointing at
the value concerned; an empty text means that the device says nothing and takes the line.
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import CaretRefusal, Refusal, SettingsError

VARIANTS: dict[str, tuple[str, ...]] = {
    # 8.1: refusals at entry
    "key-missing": (
        "Error: The authentication key does not exist.",
        "Error: Authentication key {key_id} is not configured.",
        "Error[1401]: Failed to find the key.",
    ),
    "trust-of-missing-key": (
        "Error: The authentication key does not exist.",
        "Error: The key ID is not configured.",
        "^wrong",
    ),
    "key-length": (
        "Error: The length of the password is invalid.",
        "^wrong",
        "Error: The password must contain {length} characters.",
    ),
    "complexity": (
        "Error: The password does not meet the complexity requirements.",
        "Error: The password must contain at least 12 characters of at least four types.",
        "Error: Invalid password. The password is too simple!",
    ),
    "cipher-invalid": (
        "Error: The password is invalid.",
        "^wrong",
        "Error: Failed to decrypt the password.",
    ),
    "layer2-port": (
        "Error: The interface is a Layer 2 interface. Run the undo portswitch command first.",
        "^unrecognized",
        "Error: This operation is not supported on a Layer 2 port.",
    ),
    "group-not-multicast": (
        "^wrong",
        "Error: The IP address is not a multicast address.",
        "Error: Invalid multicast address.",
    ),
    "key-id-with-version-4": (
        "Error: The key ID must be in the range from 1 to 65535 when the version is 4.",
        "^wrong",
        "Error: Invalid key ID for NTP version 4.",
    ),
    "not-a-host": (
        "^wrong",
        "Error: The IP address is invalid.",
        "Error: Invalid host address.",
    ),
    "vpn-missing": (
        "Error: The VPN instance does not exist.",
        "^wrong",
        "Error: The specified VPN instance is not configured.",
    ),
    "source-in-another-vpn": (
        "Error: The source interface is not bound to the VPN instance.",
        "Error: The VPN instance of the interface is inconsistent.",
    ),
    "ipv6-not-enabled": (
        "Error: IPv6 is not enabled on the interface.",
        "Error: Please enable IPv6 in the interface view first.",
        "^unrecognized",
    ),
    # 8.2
    "nothing-to-commit": ("", "Info: No configuration to be committed.", "Warning: No uncommitted configuration."),
    "busy": (
        "Error: The system is busy. Please try again later.",
        "Error: Another commit operation is in progress.",
        "Error: Service processing is busy, please commit again after a while.",
        "Error: The system is busy in building configuration. Please wait for a moment...",  # fact 9.6
        "Info: The system is busy. Please try again later.",
    ),
    # fact 9.6: printed for lines and displays as for commits; the others are ours
    "busy-line": (
        "Error: The system is busy in building configuration. Please wait for a moment...",
        "Info: The configuration service is busy. Please try again later.",
        "Error: System is busy. Please try again later.",
    ),
    "stage-2": (
        "Error: Failed to deliver the configuration to the service.",
        "Error[102]: The operation failed.",
        "Error: The NTP service did not answer.",
    ),
    "stale": (
        "Error: The candidate configuration is out of date. Run the refresh configuration candidate command.",
        "Error: The running configuration has been changed by another user.",
    ),
    # 8.3 and 8.4
    "key-in-use": (
        "Error: The authentication key is being used.",
        "Error: The key {key_id} is referenced by other configurations.",
    ),
    "undo-trust-absent": ("", "Info: The key is not trusted.", "Error: The trusted key does not exist."),
    "undo-key-absent": ("", "Info: The key does not exist.", "Error: The authentication key does not exist."),
    "undo-association-absent": (
        "",
        "Info: The specified configuration does not exist.",
        "Error: The multicast session does not exist.",
    ),
    # 8.11
    "server-disable-question": (
        "Warning: The NTP server function will be disabled. Continue? [Y/N]:",
        "Warning: The current operation will disable the NTP server. Continue?[Y/N]",
    ),
    # others that the facts call unknown or leave open
    "trial-of-other-user": (
        "Error: The system is in the trial configuration mode started by another user.",
        "Error: The trial configuration of another session is not confirmed.",
    ),
    "vty-full": ("", "Error: The number of VTY users has reached the maximum."),
    "limit": ("Error: The number of configurations has reached the maximum.",),
    "interface-missing": ("^wrong", "Error: The interface does not exist."),
}


class Wordings:
    """The choice of one device: a number for all texts, and single texts by name."""

    def __init__(self, variant: int = 0, texts: Mapping[str, str] | None = None) -> None:
        for name in texts or {}:
            if name not in VARIANTS:
                raise SettingsError(f"wordings.{name}: no such text; known are {', '.join(sorted(VARIANTS))}")
        self._variant = variant
        self._texts = dict(texts or {})

    def text(self, name: str, **values: object) -> str:
        """Return the chosen text with its values filled in."""
        variants = VARIANTS[name]
        chosen = self._texts.get(name, variants[self._variant % len(variants)])
        return chosen.format(**values) if values else chosen

    def refuse(self, name: str, position: int, **values: object) -> None:
        """Raise the refusal; a text that is no refusal at all leaves the line accepted."""
        text = self.text(name, **values)
        if text.startswith("^"):
            raise CaretRefusal(text[1:], position)
        if text.startswith("Error"):
            raise Refusal(text)
