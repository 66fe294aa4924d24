# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rotation_plan
short_description: What is left of the rotation of a key, and what is wrong with it
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Finds the steps of a rotation that are still to be done from what the hosts have, and from what their variables
    say. Nothing is remembered between two runs.
  - Unless there is nothing to do, or O(dry=true), it takes the lock of this controller for the Ansible that runs.
    Another run is refused as long as this one goes on.
  - The playbook C(timecast.ntp_multicast.rotate_key) uses it before it touches a host, and again before each step that
    could take a key from a client.
positional: _input, found
options:
  _input:
    description: The variables of the hosts, that is C(hostvars), with what the look at them has registered.
    type: dict
    required: true
  found:
    description: What P(timecast.ntp_multicast.host_preflight#filter) found.
    type: dict
    required: true
  groups:
    description: The groups of the inventory with the names of their hosts, that is C(groups).
    type: dict
    default: {}
  canary:
    description: A pattern of the hosts that go first in a step, or a list of such. Empty, there are none.
    type: raw
    default: ''
  batches:
    description: How many hosts a batch of a step has, as in P(timecast.ntp_multicast.wave_plan#filter).
    type: raw
  unsynchronised:
    description: Whether a client that is not synchronised does not refuse the run. It is left without proof then.
    type: bool
    default: false
  dry:
    description: Whether nothing is to be done, so that the steps are only told.
    type: bool
    default: false
  before:
    description: What this filter returned before. With it, O(done) and O(coming) the run is judged once more.
    type: dict
  done:
    description: The steps that have to be done on every host by now.
    type: list
    elements: str
    choices: [new_key, servers, clients, old_key]
    default: []
  coming:
    description: The step that comes next.
    type: str
    choices: [new_key, servers, clients, old_key]
    default: old_key
"""

EXAMPLES = r"""
- name: Plan the rotation
  ansible.builtin.set_fact:
    rotation: "{{ hostvars | timecast.ntp_multicast.rotation_plan(found, groups, dry=ansible_check_mode) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The plan. There is no secret in it.
  type: dict
  contains:
    old:
      description: Id of the key that goes.
      type: int
    new:
      description: Id of the key that comes.
      type: int
    todo:
      description: For each step the hosts that still have to do with it, and how many at once.
      type: dict
    problems:
      description: What is wrong. Empty when there is nothing.
      type: list
      elements: str
    lines:
      description: What to say.
      type: list
      elements: str
    finished:
      description: Whether nothing is left to do.
      type: bool
    stop:
      description: Whether the run stops here.
      type: bool
    groups:
      description: The groups to which the servers send that are rotated.
      type: list
      elements: str
    exempt:
      description: Clients that are left without proof.
      type: list
      elements: str
    ends:
      description: How each host of which there is something to tell ends, as JSON.
      type: dict
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible import constants, context
from ansible.utils.display import Display

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.chosen_hosts import pattern_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.command_line import goes_on
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.private import hosts_of_pattern
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.rotating import (
    STATUS,
    Described,
    described,
    rotation_of,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.rotation_lock import (
    DEFAULT_NAME,
    other_holder,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.rotation_run import Sight, begin, seen_again
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.waves import Settings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.rotation import Step
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.synchronisation import lost_source, why_not

# What becomes of the clock is the discipline's business.
ANY_OFFSET = float("inf")


def descriptions(hostvars: Mapping[str, Any], names: Sequence[str]) -> dict[str, Described]:
    """The variables of hosts; those that cannot be read are told by the preflight."""
    found = {}
    for name in names:
        try:
            found[name] = described(hostvars[name])
        except Exception:
            continue
    return found


def silent(hostvars: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """The hosts that are not synchronised, each with the reason."""
    reasons = {}
    for name in names:
        status = hostvars[name].get(STATUS) or {}
        ntp = status.get("ntp")
        if not isinstance(ntp, Mapping):
            reason = " ".join(str(status.get("msg") or "it gave no state").split())
        elif not ntp.get("synchronised"):
            reason = why_not(status, ntp, {}, ANY_OFFSET)
        else:
            reason = lost_source(ntp, {})
        if reason:
            reasons[name] = reason
    return reasons


def rotation_plan(
    value: Mapping[str, Any],
    found: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]] | None = None,
    canary: Any = "",
    batches: Any = None,
    unsynchronised: bool = False,
    dry: bool = False,
    before: Mapping[str, Any] | None = None,
    done: Sequence[str] = (),
    coming: str = "old_key",
) -> dict[str, Any]:
    names = [*found["vrp"], *found["linux"]]
    own = descriptions(value, names)
    if before:
        steps = [Step(name) for name in done]
        return vars(seen_again(before, rotation_of(own), Sight.of(value, own, names), steps, Step(coming), goes_on()))
    skipped = frozenset(found["skipped"])  # Ansible's lists resolve all their templates at each look for a member
    others = descriptions(value, [name for name in value if name not in own and name not in skipped])
    limit = context.CLIARGS.get("subset")
    named = hosts_of_pattern(groups or {}, pattern_of(canary), limit) if canary else None
    run = begin(
        own,
        others,
        lambda: Sight.of(value, own, names),
        silent(value, names),
        Settings(named, batches),
        allow_silent=bool(unsynchronised),
        dry=bool(dry),
    )
    other = already_rotating() if run.todo else ""
    if other:
        run.todo, run.problems = {}, [other]
    return vars(run)


def already_rotating() -> str:
    """A sentence when another run on this controller rotates; otherwise this run has the lock from now on."""
    path = Path(constants.config.get_config_value("ANSIBLE_HOME")).expanduser() / DEFAULT_NAME
    try:
        # A filter runs in a worker, and the run is the Ansible that has forked it.
        holder = other_holder(path, os.getppid())
    except OSError as error:
        Display().warning(f"Whether another run rotates a key on this controller is not known: {error}.")
        return ""
    if holder is None:
        return ""
    return f"Another run of rotate_key goes on here (process {holder.pid}). Wait until it has ended."


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rotation_plan": rotation_plan}
