# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks take besides the variables of the roles: names, types, defaults, texts, readers.

``tests/tools/generate_options`` makes the page of all variables from it. Texts are Ansible's markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SITE, ROLLBACK, ROTATE_KEY, VERIFY, CHECK_DRIFT, ADOPT = (
    "site",
    "rollback",
    "rotate_key",
    "verify",
    "check_drift",
    "adopt",
)
ALL = (SITE, ROLLBACK, ROTATE_KEY, VERIFY, CHECK_DRIFT, ADOPT)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable. ``default`` is what the playbooks assume; None says that there is none."""

    name: str
    kind: str
    playbooks: tuple[str, ...]
    text: tuple[str, ...]
    default: Any = None
    choices: tuple[str, ...] = ()
    elements: str = ""
    options: Mapping[str, Any] | None = None
    """What a dictionary, or each of a list, takes: an argument specification."""
    least: int | None = None

    def specification(self) -> dict[str, Any]:
        """The variable as an option of an argument specification."""
        found: dict[str, Any] = {"type": self.kind}
        if self.choices:
            found["choices"] = list(self.choices)
        if self.elements:
            found["elements"] = self.elements
        if self.options:
            found["options"] = self.options
        if self.default is not None:
            found["default"] = self.default
        return found


VARIABLES = (
    Variable(
        "ntp_multicast_hosts",
        "str",
        ALL,
        (
            "The hosts to work on, as a pattern or a list of patterns.",
            "It is read before the variables of hosts, so it has to come with C(-e).",
        ),
        "all",
    ),
    Variable(
        "ntp_multicast_hosts_max",
        "int",
        ALL,
        (
            "The most hosts that the pattern may name. A run that would look at more is refused. Empty, any number.",
            "A program that passes on a name from elsewhere sets 1: the name may be that of a group, or V(all).",
            "It is read before the variables of hosts, so it has to come with C(-e).",
        ),
        least=1,
    ),
    Variable(
        "ntp_multicast_allow_none",
        "bool",
        ALL,
        (
            "Whether the pattern may name nobody, or only hosts that nobody described.",
            "Otherwise that is an error, since green would mean that nobody looked.",
        ),
        False,
    ),
    Variable(
        "ntp_multicast_canary",
        "str",
        (SITE, ROTATE_KEY),
        ("The hosts that are changed before all others, as a pattern or a list of patterns. Empty, there are none.",),
        "",
    ),
    Variable(
        "ntp_multicast_batches",
        "raw",
        (SITE, ROTATE_KEY),
        (
            "How many hosts are changed at once: a list such as V([1, 10, 100%]).",
            "The last size goes for the rest. Without it, all servers are one batch, and all clients another.",
        ),
    ),
    Variable(
        "ntp_multicast_max_failed",
        "raw",
        (SITE,),
        (
            "How many hosts may fail before the run stops: a number, or a share such as V(5%).",
            "Without it there is no limit; with a canary, batches or a check it is V(0).",
        ),
    ),
    Variable(
        "ntp_multicast_check_between",
        "str",
        (SITE,),
        ("What is looked at before the next batch is begun.",),
        "none",
        ("none", "reachable", "synchronised"),
    ),
    Variable(
        "ntp_multicast_fleet_from",
        "int",
        (SITE, CHECK_DRIFT),
        (
            "The number of devices from which on one task works on all of them.",
            "Then only devices of which there is something to tell get a task of their own.",
        ),
        50,
        least=1,
    ),
    Variable(
        "ntp_multicast_sessions",
        "int",
        (SITE, CHECK_DRIFT),
        ("How many devices that one task logs in to at a time. Without it, Ansible's forks.",),
        least=1,
    ),
    Variable(
        "ntp_multicast_report_individually_max",
        "int",
        (SITE, CHECK_DRIFT),
        ("When more devices than these were changed, the one task reports them too.",),
        50,
        least=0,
    ),
    Variable(
        "ntp_multicast_drift_summary",
        "str",
        (CHECK_DRIFT,),
        ("A file on the controller for the summary as JSON. Without it, none is written.",),
    ),
    Variable(
        "ntp_multicast_require_compared_keys",
        "bool",
        (CHECK_DRIFT,),
        ("Whether a host fails when one of its keys could not be compared.",),
        False,
    ),
    Variable(
        "ntp_multicast_report_directory",
        "str",
        (CHECK_DRIFT, VERIFY),
        ("A folder on the controller for the reports. Without it, none is written.",),
    ),
    Variable(
        "ntp_multicast_report_formats",
        "list",
        (CHECK_DRIFT, VERIFY),
        ("The formats to write. Empty or left out, all of them.",),
        choices=("json", "junit", "sarif", "md", "html", "prom"),
        elements="str",
    ),
    Variable(
        "ntp_multicast_drift_allowed",
        "list",
        (CHECK_DRIFT,),
        (
            "Drift that is told and fails nothing: patterns of C(host) and of C(line), where C(*) is any text.",
            "Each entry needs to match both, and has to name one of them.",
        ),
        elements="dict",
        options={"host": {"type": "str", "default": "*"}, "line": {"type": "str", "default": "*"}},
    ),
    Variable(
        "ntp_multicast_adopt_directory",
        "str",
        (ADOPT,),
        ("The folder for C(host_vars) and C(group_vars). Without it, that of the inventory.",),
    ),
    Variable(
        "ntp_multicast_adopt_overwrite",
        "bool",
        (ADOPT,),
        ("Whether a file that says something else may be replaced. Otherwise nothing at all is written.",),
        False,
    ),
    Variable(
        "ntp_multicast_rollback_others",
        "bool",
        (ROLLBACK,),
        ("Whether to take back what others have changed since that run, too.",),
        False,
    ),
    Variable(
        "ntp_multicast_rotation",
        "dict",
        (ROTATE_KEY, SITE),
        (
            "The key to rotate: C(old) with its C(id), C(algorithm) and C(secret), and the id of the C(new) one.",
            "While it is set, the playbook site refuses to run.",
        ),
        options={
            "old": {
                "type": "dict",
                "options": {
                    "id": {"type": "int"},
                    "algorithm": {"type": "str", "choices": ["md5", "hmac-sha256", "aes-128-cmac", "aes-256-cmac"]},
                    "secret": {"type": "str", "no_log": True},
                    "trusted": {"type": "bool"},
                },
            },
            "new": {"type": "int"},
        },
    ),
    Variable(
        "ntp_multicast_rotate_unsynchronised",
        "bool",
        (ROTATE_KEY,),
        ("Whether a client that is not synchronised is left without proof. Otherwise the run is refused.",),
        False,
    ),
)

# The least that a number may be; of the role's variables those that a wait or a comparison takes.
LEAST: dict[str, int] = {
    **{variable.name: variable.least for variable in VARIABLES if variable.least is not None},
    "ntp_multicast_timeout": 0,
    "ntp_multicast_maximum_offset": 0,
}
