# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ntp_multicast_report
short_description: Reports of drift and of synchronisation, from one document
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Judges what the tasks of a play have registered for many hosts, and writes it as reports on the controller.
  - The playbooks C(timecast.ntp_multicast.check_drift) and C(timecast.ntp_multicast.verify) use it.
  - All reports come from one document, whose JSON Schema is published with the collection.
extends_documentation_fragment:
  - timecast.ntp_multicast.attributes
attributes:
  check_mode:
    support: full
    details:
      - Reports are written in check mode too, since they change no host.
  diff_mode:
    support: N/A
    details:
      - No host is changed.
  idempotent:
    support: full
    details:
      - Each run writes the reports again.
  platform:
    support: full
    platforms: The controller
options:
  kind:
    description:
      - V(drift) for results of tasks that ran in check mode.
      - V(verify) for what M(timecast.ntp_multicast.vrp_ntp_multicast_info) and
        M(timecast.ntp_multicast.ntp_multicast_engine_info) returned, registered as C(ntp_multicast_status).
    type: str
    required: true
    choices: [drift, verify]
  hosts:
    description: Names of the hosts to report of.
    type: list
    elements: str
    required: true
  found:
    description: What P(timecast.ntp_multicast.host_preflight#filter) returned.
    type: dict
    default: {}
  results:
    description: Names of the variables in which the hosts have results, or lists of results.
    type: list
    elements: str
    default: [ntp_multicast_result]
  fleet:
    description: The registered result of M(timecast.ntp_multicast.vrp_ntp_multicast_fleet).
    type: dict
    default: {}
  require_compared_keys:
    description: Whether a key that can't be compared fails its host.
    type: bool
    default: false
  maximum_offset:
    description: Seconds that the clock of a host may be off from its source, either way.
    type: float
    default: 0.128
  run_id:
    description: Id of the run. Omitted, the kind and the time.
    type: str
  directory:
    description:
      - Folder for the reports. It is made where it is missing. A relative path is one of the folder in which Ansible
        was called.
      - Omitted, nothing is written.
    type: str
  formats:
    description: Which reports to write. Omitted, all.
    type: list
    elements: str
    choices: [json, junit, sarif, md, html, prom]
"""

EXAMPLES = r"""
- name: Report what the comparison found
  timecast.ntp_multicast.ntp_multicast_report:
    kind: drift
    hosts: "{{ ansible_play_hosts_all }}"
    directory: reports
    formats: [json, junit]
  register: reported
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
report:
  description:
    - As P(timecast.ntp_multicast.drift_report#filter) or P(timecast.ntp_multicast.synchronisation_report#filter).
  returned: success
  type: dict
exit_code:
  description:
    - V(0) when all hosts are as described.
    - V(2) when a host has drifted or is not synchronised, V(3) when one can't be reached, V(4) when one could not be
      checked. V(5) when a key can't be compared.
    - Where several hold, the first of V(4), V(3), V(2) and V(5).
  returned: success
  type: int
artifact:
  description: The document without the hosts of which there is nothing to tell, and not larger than 256 KiB.
  returned: success
  type: dict
written:
  description: Paths of the files that were written.
  returned: success
  type: list
  elements: str
problems:
  description: A sentence for each file that could not be written.
  returned: success
  type: list
  elements: str
"""
