# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The data model as an Ansible argument specification: written here once, used by module, roles and surveys."""

from __future__ import annotations

from typing import Any

AUTHENTICATION_OPTIONS: dict[str, Any] = {
    "enabled": {"type": "bool"},
    "keys": {
        "type": "list",
        "elements": "dict",
        "no_log": False,
        "options": {
            "id": {"type": "int", "required": True},
            "algorithm": {"type": "str", "choices": ["md5", "hmac-sha256", "aes-128-cmac", "aes-256-cmac"]},
            "secret": {"type": "str", "no_log": True},
            "trusted": {"type": "bool"},
        },
    },
}

SERVER_OPTIONS: dict[str, Any] = {
    "enabled": {"type": "bool"},
    "listen": {"type": "list", "elements": "str"},
    "reference_stratum": {"type": "int"},
}

INTERFACE_OPTIONS: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "servers": {
        "type": "list",
        "elements": "dict",
        "options": {
            "afi": {"type": "str", "choices": ["ipv4", "ipv6"]},
            "address": {"type": "str"},
            "key_id": {"type": "int", "no_log": False},
            "ttl": {"type": "int"},
            "version": {"type": "int"},
            "port": {"type": "int"},
        },
    },
    "clients": {
        "type": "list",
        "elements": "dict",
        "options": {
            "afi": {"type": "str", "choices": ["ipv4", "ipv6"]},
            "address": {"type": "str"},
        },
    },
}

CONFIG_OPTIONS: dict[str, Any] = {
    "authentication": {"type": "dict", "options": AUTHENTICATION_OPTIONS},
    "server": {"type": "dict", "options": SERVER_OPTIONS},
    "interfaces": {"type": "list", "elements": "dict", "options": INTERFACE_OPTIONS},
}
"""The ``options`` of the module option ``config``; its three sections are also the role's variables."""
