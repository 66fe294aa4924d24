# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts a playbook of the collection is asked to look at, and whether it would look at these and no others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError

_NAMESPACE = "timecast.ntp_multicast."
_PLAYBOOKS = Path(__file__).resolve().parents[3] / "playbooks"
# What a task without a tag answers to.
_UNTAGGED = {"all", "untagged"}


def pattern_of(given: Any) -> str:
    """A pattern as Ansible takes it. As with `hosts` of a play, it may be a list."""
    return ",".join(map(str, given)) if isinstance(given, (list, tuple)) else str(given)


def refuse_left_out(arguments: Mapping[str, Any]) -> None:
    """Raise AnsibleError when the command line leaves out tasks of our playbooks, so that green would mean nothing.

    Whoever imports a playbook of ours in his own may tag it as he likes.

    Args:
        arguments: of the command line, by the names that Ansible has for them.
    """
    if not any(map(_is_ours, arguments.get("args") or ())):
        return
    if arguments.get("start_at_task"):
        raise AnsibleError(
            "--start-at-task leaves out the look at all hosts with which this playbook begins, and without it nothing "
            "is done. Run it from its beginning: hosts that are as described are left alone."
        )
    tags, skipped = (list(arguments.get(name) or ()) for name in ("tags", "skip_tags"))
    without = [("--tags", tags)] if tags and not _UNTAGGED.intersection(tags) else []
    without += [("--skip-tags", skipped)] if _UNTAGGED.intersection(skipped) else []
    for option, words in without:
        raise AnsibleError(
            f"{option} {','.join(map(str, words))} leaves out every task of this playbook, since they have no tags, "
            "and nothing would be looked at. Run it without, and choose hosts with --limit or ntp_multicast_hosts."
        )


def refuse_names(hosts: Iterable[str], groups: Mapping[str, Sequence[str]]) -> None:
    """Raise AnsibleError when a host has the name of a group: Ansible takes the group's hosts where plays name it."""
    wrong = [host for host in hosts if host in groups and list(groups[host]) != [host]]
    if wrong:
        raise AnsibleError(
            f"{', '.join(wrong)}: the inventory has a host and a group of this name, and Ansible would work on the "
            "hosts of the group in place of the host. Rename one of them."
        )


def refuse_too_many(hosts: Sequence[str], most: Any, pattern: str) -> None:
    """Raise AnsibleError when there are more hosts than the user allows, or when what he allows is no number."""
    if most is None or str(most).strip() == "":
        return
    number = str(most).strip()
    if not number.isdecimal() or int(number) < 1:
        raise AnsibleError(f"ntp_multicast_hosts_max: {most!r} has to be a number of hosts from 1.")
    if len(hosts) > int(number):
        raise AnsibleError(
            f"The pattern '{pattern}' names {len(hosts)} hosts, and ntp_multicast_hosts_max allows {number}. Nothing "
            "was looked at. Name fewer hosts, or allow more."
        )


def _is_ours(playbook: Any) -> bool:
    return str(playbook).startswith(_NAMESPACE) or Path(str(playbook)).resolve().parent == _PLAYBOOKS
