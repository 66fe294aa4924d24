# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: rotation_proof
short_description: Whether the clients take the packets that are signed with a new key
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Compares two looks at each client. A Linux host tells with which key a server signed its last packet. A VRP device
    does not, so there packets that were processed in between, no failure of authentication and no lost source have to
    do.
  - The playbook C(timecast.ntp_multicast.rotate_key) uses it after each round of looks.
positional: _input, run, hosts
options:
  _input:
    description:
      - The variables of the hosts, that is C(hostvars), with the newest look at them in C(ntp_multicast_status).
    type: dict
    required: true
  run:
    description: What P(timecast.ntp_multicast.rotation_plan#filter) returned.
    type: dict
    required: true
  hosts:
    description: Names of the clients.
    type: list
    elements: str
    required: true
  before:
    description: What this filter returned as RV(_value.state) after the round before.
    type: dict
  intervals:
    description: How many intervals of its servers a client has to be watched.
    type: int
    default: 2
  step:
    description: The step in which they are watched, or after which.
    type: str
    choices: [clients, old_key]
    default: clients
  now:
    description: Seconds of the controller's clock.
    type: float
    required: true
  timeout:
    description: Seconds to wait for proofs beyond these intervals.
    type: float
    default: 300
"""

EXAMPLES = r"""
- name: Judge
  ansible.builtin.set_fact:
    judged: "{{ hostvars | timecast.ntp_multicast.rotation_proof(rotation, clients, now=now().timestamp()) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: What is known.
  type: dict
  contains:
    run:
      description: As of P(timecast.ntp_multicast.rotation_plan#filter), with the kind of proof of each client.
      type: dict
    state:
      description: What the next round takes, with C(pause), the seconds until it, and 0 when there is none.
      type: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.command_line import goes_on
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.platform import platform_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.rotating import STATUS, look_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.rotation_run import prove
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.proof import Look
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.rotation import Step


def look_at(variables: Mapping[str, Any], groups: Sequence[str]) -> Look | str:
    """What a client has shown, or why it has shown nothing."""
    try:
        return look_of(variables.get(STATUS) or {}, platform_of(variables), groups)
    except UserError as error:
        return str(error)


def rotation_proof(
    value: Mapping[str, Any],
    run: Mapping[str, Any],
    hosts: Sequence[str],
    before: Mapping[str, Any] | None = None,
    intervals: int = 2,
    now: float = 0.0,
    timeout: float = 300.0,
    step: str = "clients",
) -> dict[str, Any]:
    looks = {host: look_at(value[host], run["groups"]) for host in hosts}
    after, state = prove(
        run,
        before or None,
        looks,
        intervals=int(intervals),
        now=float(now),
        timeout=float(timeout),
        again=goes_on(),
        step=Step(step),
    )
    return {"run": vars(after), "state": state}


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"rotation_proof": rotation_proof}
