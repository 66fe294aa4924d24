# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the action plugins, as Ansible argument specifications (plain data; the documentation is compared
with them)."""

from __future__ import annotations

from typing import Any

from ..ntp.options import CONFIG_OPTIONS
from ..report.document import Kind
from ..report.formats import FORMATS

VRP_NTP_MULTICAST: dict[str, Any] = {
    "argument_spec": {
        "config": {"type": "dict", "options": CONFIG_OPTIONS},
        "state": {
            "type": "str",
            "default": "merged",
            "choices": ["merged", "replaced", "overridden", "deleted", "gathered", "rendered", "parsed"],
        },
        "from_variables": {"type": "bool", "default": False},
        "results_from": {"type": "str"},
        "running_config": {"type": "str"},
        "dialect": {"type": "str", "choices": ["ntp", "ntp-service"]},
        "update_secrets": {
            "type": "str",
            "default": "on_create",
            "choices": ["on_create", "always", "never"],
            "no_log": False,
        },
        "show_secrets": {"type": "bool", "default": False, "no_log": False},
        "save": {"type": "str", "default": "never", "choices": ["never", "changed", "always"]},
        "lock": {"type": "bool", "default": False},
        "commit": {
            "type": "dict",
            "options": {
                "trial": {"type": "int"},
                "label": {"type": "str"},
                "description": {"type": "str"},
                "confirm": {"type": "str", "choices": ["login", "synchronised", "none"]},
            },
        },
        "run_id": {"type": "str"},
        "allow_immediate": {"type": "bool", "default": False},
        "key_memory_file": {"type": "path", "no_log": False},
    },
    "required_if": [
        ("state", "merged", ("config",)),
        ("state", "replaced", ("config",)),
        ("state", "overridden", ("config",)),
        ("state", "rendered", ("config",)),
        ("state", "parsed", ("running_config",)),
    ],
}

# What a task for many devices takes for all of them: each without its default, since the variables of a device follow.
FLEET_SETTINGS = (
    "state",
    "dialect",
    "update_secrets",
    "save",
    "lock",
    "commit",
    "run_id",
    "allow_immediate",
    "key_memory_file",
)

VRP_NTP_MULTICAST_FLEET: dict[str, Any] = {
    "argument_spec": {
        "hosts": {"type": "list", "elements": "str", "required": True},
        "sessions": {"type": "int"},
        "processes": {"type": "int"},
        "report_individually_max": {"type": "int", "default": 50},
        **{
            name: {key: value for key, value in VRP_NTP_MULTICAST["argument_spec"][name].items() if key != "default"}
            for name in FLEET_SETTINGS
        },
    },
}
# Without a device there is nothing to spread.
VRP_NTP_MULTICAST_FLEET["argument_spec"]["state"]["choices"] = ["merged", "replaced", "overridden", "deleted"]

VRP_NTP_MULTICAST_INFO: dict[str, Any] = {
    "argument_spec": {
        "dialect": {"type": "str", "choices": ["ntp", "ntp-service"]},
        "wait_until_synchronised": {"type": "bool", "default": False},
        "heard_afresh": {"type": "bool", "default": False},
        "timeout": {"type": "int", "default": 60},
        "packets": {"type": "bool", "default": False},
    },
}

VRP_COMMIT: dict[str, Any] = {
    "argument_spec": {
        "state": {
            "type": "str",
            "default": "listed",
            "choices": ["listed", "confirmed", "aborted", "rolled_back"],
        },
        "changes": {"type": "bool", "default": False},
        "commit_id": {"type": "str"},
        "label": {"type": "str"},
        "before_label": {"type": "str"},
        "last": {"type": "int"},
        "rollback_others": {"type": "bool", "default": False},
        "session_id": {"type": "int"},
    },
    "mutually_exclusive": [("commit_id", "label", "before_label", "last")],
    "required_if": [("state", "rolled_back", ("commit_id", "label", "before_label", "last"), True)],
}

VRP_COMMAND: dict[str, Any] = {
    "argument_spec": {
        "commands": {
            "type": "list",
            "elements": "dict",
            "required": True,
            "options": {
                "command": {"type": "str", "required": True},
                "answers": {
                    "type": "list",
                    "elements": "dict",
                    "options": {
                        "question": {"type": "str", "required": True},
                        "answer": {"type": "str", "required": True},
                    },
                },
            },
        },
        "read_only": {"type": "bool", "default": True},
        "wait_for": {
            "type": "list",
            "elements": "dict",
            "options": {
                "command": {"type": "int", "default": 1},
                "contains": {"type": "str"},
                "lacks": {"type": "str"},
                "matches": {"type": "str"},
            },
        },
        "timeout": {"type": "int", "default": 60},
        "interval": {"type": "int", "default": 2},
    },
}

VRP_CONFIG: dict[str, Any] = {
    "argument_spec": {
        "lines": {"type": "list", "elements": "str"},
        "parents": {"type": "list", "elements": "str", "default": []},
        "before": {"type": "list", "elements": "str", "default": []},
        "after": {"type": "list", "elements": "str", "default": []},
        "src": {"type": "str"},
        "backup": {"type": "bool", "default": False},
        "backup_directory": {"type": "path", "default": "backup"},
        "save": {"type": "str", "default": "never", "choices": ["never", "changed", "always"]},
        "lock": {"type": "bool", "default": False},
        "commit": {
            "type": "dict",
            "options": {
                "trial": {"type": "int"},
                "label": {"type": "str"},
                "description": {"type": "str"},
                "confirm": {"type": "str", "choices": ["login", "synchronised", "none"]},
            },
        },
        "allow_immediate": {"type": "bool", "default": False},
    },
    "mutually_exclusive": [("lines", "src"), ("parents", "src")],
    "required_one_of": [("lines", "src", "backup")],
}

VRP_FACTS: dict[str, Any] = {"argument_spec": {}}

NTP_MULTICAST_REPORT: dict[str, Any] = {
    "argument_spec": {
        "kind": {"type": "str", "required": True, "choices": [kind.value for kind in Kind]},
        "hosts": {"type": "list", "elements": "str", "required": True},
        "found": {"type": "dict", "default": {}},
        "results": {"type": "list", "elements": "str", "default": ["ntp_multicast_result"]},
        "fleet": {"type": "dict", "default": {}},
        "require_compared_keys": {"type": "bool", "default": False, "no_log": False},
        "maximum_offset": {"type": "float", "default": 0.128},
        "run_id": {"type": "str"},
        "directory": {"type": "str"},
        "formats": {"type": "list", "elements": "str", "choices": list(FORMATS)},
    },
}
