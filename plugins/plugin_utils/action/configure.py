# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring one device to what the validated options ask for, and report it in the words of network resource modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ..ntp.comparison import Comparison
from ..ntp.key_memory import DeviceMemory, KeyMemory, facts_from_memory
from ..ntp.key_policy import KeyPolicy, keys_not_compared
from ..ntp.model import Configuration, Interface, MulticastServer
from ..ntp.options_codec import options_from_configuration
from ..ntp.plan import State
from ..ntp.target import kept_for_other_lines
from ..vrp.candidate import CommitSettings
from ..vrp.dialect import Dialect
from ..vrp.grammar import configuration_text, typed_lines
from ..vrp.transaction import Logins, Report, Request, converge
from .vrp_request import request_from_options

# What is new of the keys, for the action that keeps it; it is in no result of a task.
NEW_MEMORY = "_new_key_memory"
NO_LABEL = (
    "The device knows no labels for commits, so its commit does not carry the id of this run, and the playbook "
    "rollback will not find it there. vrp_commit can take it back by its id."
)
# The keys of a result that may show a secret, because the user asked for it or because a mask would spoil them.
UNMASKED_RESULTS = frozenset({"ansible_facts", "_ansible_facts_cacheable", "rendered", NEW_MEMORY})


def configure(
    logins: Logins,
    options: Mapping[str, Any],
    memory: Mapping[int, KeyMemory],
    *,
    check: bool,
    host: str,
) -> dict[str, Any]:
    """Converge, or with `check` tell what would be done.

    Args:
        logins: the connection to the device.
        options: of the module vrp_ntp_multicast, validated.
        memory: what is remembered of the device's keys.
        check: whether nothing may be written.
        host: the name for the header of the difference.

    Raises:
        NtpMulticastError: the description or the device does not allow it.
    """
    request = request_from_options(options, memory, check=check, retry=logins.retry)
    return reported(converge(logins, request), request, host)


def reported(report: Report, request: Request, host: str) -> dict[str, Any]:
    """A report as the result of a task."""
    dialect = report.dialect or Dialect.NTP
    commit = request.commit.without_label if report.label_left_out else request.commit
    predicted = shown_alike(report.before, report.predicted, known_defaults(report, request))
    result: dict[str, Any] = {
        "changed": report.changed,
        "before": options_from_configuration(report.before),
        "after": options_from_configuration(report.after),
        "commands": lines_to_type(report, commit),
        "dialect": report.dialect.value if report.dialect else None,
        "automatic": list(report.automatic),
        "saved": report.saved,
        "diff": {
            "before_header": f"{host} (before)",
            "after_header": f"{host} (after)",
            "before": configuration_text(report.before, dialect),
            "after": configuration_text(predicted, dialect),
        },
        "keys_written": [{"id": key, "reason": reason.name.lower()} for key, reason in sorted(report.keys.items())],
        "keys_not_compared": uncompared(report, request),
        "kept": list(kept_for_other_lines(report.before, request.wanted, request.state)),
    }
    result["warnings"] = [
        *unknown_lines(report.unknown),
        *(notice for notice in report.notices if "Warning:" in notice),
        *(warning_about_key(key_id) for key_id in result["keys_not_compared"]),
        *warnings_about_kept(result["kept"]),
        *([NO_LABEL] if report.label_left_out else []),
    ]
    if report.changed:
        result["commit"] = {"id": report.commit_id, **told_commit_settings(commit)}
    if report.memory is not None:
        result[NEW_MEMORY] = facts_from_memory(report.memory)
    return result


def known_defaults(report: Report, request: Request) -> Comparison:
    """What is known of the device's own defaults, after a commit or from an earlier one."""
    memory = request.memory if report.memory is None else report.memory
    return Comparison(memory.default_ttl if isinstance(memory, DeviceMemory) else None)


def shown_alike(before: Configuration, after: Configuration, comparison: Comparison) -> Configuration:
    """What is predicted, without those defaults of an entry that the device does not print for it before.

    They would stand in the difference as new, though only another option of the entry changes.
    """
    shown = {(interface.name, entry.address): entry for interface, entry in _servers(before)}
    interfaces = tuple(
        replace(
            interface,
            servers=tuple(
                _as_before(shown.get((interface.name, entry.address)), entry, comparison)
                for entry in interface.servers or ()
            ),
        )
        for interface in after.interfaces or ()
    )
    return replace(after, interfaces=interfaces)


def _servers(configuration: Configuration) -> Iterator[tuple[Interface, MulticastServer]]:
    return ((interface, entry) for interface in configuration.interfaces or () for entry in interface.servers or ())


def _as_before(before: MulticastServer | None, entry: MulticastServer, comparison: Comparison) -> MulticastServer:
    if before is None:
        return entry
    for option in ("ttl", "version", "port"):
        bare = replace(entry, **{option: None})  # type: ignore[arg-type]
        if getattr(before, option) is None and comparison.same(bare, entry):
            entry = bare
    return entry


def lines_to_type(report: Report, commit: CommitSettings) -> list[str]:
    """Every line from `system-view` to the commit; a trial is begun by one commit and confirmed by another."""
    lines = typed_lines(report.lines, masked=True)
    if not lines or lines[-1] != "commit":
        return lines
    confirming = ["commit"] if commit.trial is not None and not commit.stays_on_trial else []
    return [*lines[:-1], commit.command, *confirming]


def told_commit_settings(commit: CommitSettings) -> dict[str, Any]:
    """What a commit carried, and what confirmed it."""
    confirm = None if commit.trial is None else commit.confirm.value
    return {"label": commit.label, "trial": commit.trial, "confirm": confirm}


def uncompared(report: Report, request: Request) -> list[int]:
    """The ids of the keys that stay as they are although nobody knows whether they are as described."""
    if request.state is State.DELETED:
        return []
    policy = KeyPolicy(request.update_secrets, request.memory)
    return list(keys_not_compared(report.before, request.wanted, policy))


def warning_about_key(key_id: int) -> str:
    """What it means that a key could not be compared, and what to do."""
    return (
        f"Key {key_id} is on the device, but whether it has the secret that is described could not be compared, since "
        "nothing is remembered of it. A run with update_secrets=always sends it and remembers it from then on."
    )


def warnings_about_kept(options: list[str]) -> list[str]:
    """Why something stays on the device that the state takes away."""
    if not options:
        return []
    return [
        f"These stay, because NTP lines stand on the device that are not managed here (a unicast server, say): "
        f"{', '.join(options)}. To take them away all the same, name them."
    ]


def unknown_lines(lines: tuple[str, ...]) -> list[str]:
    """A warning for each NTP line that the collection does not understand and leaves alone."""
    return [f"NTP line that is not understood and left alone: {line}" for line in lines]
