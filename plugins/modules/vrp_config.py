# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vrp_config
short_description: Configuration lines on Huawei VRP devices
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Sends lines of any kind under the views that the task names, in one transaction, with the candidate, the commit, the
    questions and the difference of M(timecast.ntp_multicast.vrp_ntp_multicast).
  - Compares text with text. A line that the device shows in the same spelling is not sent.
  - A line that begins with C(undo) is sent unless the device shows that very line. Where neither it nor its opposite is
    shown, the candidate tells whether it changes anything, and nothing is committed where it does not.
  - Whatever follows a word that names a key, a password or a secret is masked in results and messages.
extends_documentation_fragment:
  - timecast.ntp_multicast.attributes
  - timecast.ntp_multicast.attributes.actiongroup_vrp
attributes:
  check_mode:
    support: partial
    details:
      - Reads only, and returns the lines that would be sent. Without the candidate, an C(undo) line of something that
        the device does not show counts as a change.
  diff_mode:
    support: full
    details:
      - Shows the lines that are sent.
  idempotent:
    support: partial
    details:
      - For lines in the spelling in which the device shows them.
  platform:
    support: full
    platforms: Huawei VRP8, Huawei YunShan
options:
  lines:
    description:
      - The lines, in the order in which they are sent.
      - A line that commits, clears, saves, leaves its view or runs a command of the user view is refused, before
        anything is sent.
    type: list
    elements: str
  parents:
    description: The lines that lead from the system view to the view of O(lines), such as C(interface Vlanif100).
    type: list
    elements: str
    default: []
  before:
    description: Lines that are sent first when any of O(lines) is sent.
    type: list
    elements: str
    default: []
  after:
    description: Lines that are sent last when any of O(lines) is sent.
    type: list
    elements: str
    default: []
  src:
    description:
      - File with lines in the form of a device's configuration, where indented lines stand under the line above them.
      - It is looked for like a template, and its Jinja is filled in.
    type: str
  backup:
    description:
      - Whether to keep the configuration as it was, in a file of the controller that only its owner can read.
      - The file holds the stored secrets of the device, as the device prints them.
    type: bool
    default: false
  backup_directory:
    description: Folder of the backup. A relative path begins where the playbook is.
    type: path
    default: backup
  save:
    description: When to write the running configuration to the startup file, O(save=changed) when this task changed it.
    type: str
    choices: [never, changed, always]
    default: never
  lock:
    description: Whether to lock the configuration against other users while the task works.
    type: bool
    default: false
  commit:
    description: What the commit carries.
    type: dict
    suboptions:
      trial:
        description: Seconds after which the device goes back by itself, unless a second login confirms the commit. From
          60 to 65535.
        type: int
      label:
        description: Label of the commit.
        type: str
      description:
        description: Description of the commit.
        type: str
      confirm:
        description:
          - What confirms a commit on trial, as in the option
            O(timecast.ntp_multicast.vrp_ntp_multicast#module:commit.confirm). Needs O(commit.trial). Without it,
            V(login).
        type: str
        choices: [login, synchronised, none]
  allow_immediate:
    description: Whether to configure a device without a candidate, where each line takes effect at once.
    type: bool
    default: false
seealso:
  - module: timecast.ntp_multicast.vrp_ntp_multicast
  - module: timecast.ntp_multicast.vrp_commit
"""

EXAMPLES = r"""
- name: Make the port a layer 3 one, with PIM
  timecast.ntp_multicast.vrp_config:
    parents:
      - interface 100GE1/0/1
    lines:
      - undo portswitch
      - ip address 10.0.1.1 255.255.255.0
      - pim sm
    commit:
      trial: 120

- name: Send the lines of a file, and keep what was there
  timecast.ntp_multicast.vrp_config:
    src: igmp.cfg.j2
    backup: true
"""

RETURN = r"""
commands:
  description: The lines that were sent, or would be in check mode, each behind its views. Secrets are masked.
  returned: success
  type: list
  elements: str
  sample: [interface 100GE1/0/1 / pim sm]
commit:
  description: The commit.
  returned: when something was changed
  type: dict
  contains:
    id:
      description: Commit id, null where the account may not list commits.
      type: str
    label:
      description: Label.
      type: str
    trial:
      description: Seconds of the trial.
      type: int
    confirm:
      description: What confirmed the trial. With V(none) it still runs. Null without a trial.
      type: str
saved:
  description: Whether the device said that the running configuration was written to the startup file.
  returned: success
  type: bool
backup_path:
  description: File with the configuration as it was.
  returned: with O(backup=true)
  type: str
"""
