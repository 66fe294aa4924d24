# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vrp_command
short_description: Commands on Huawei VRP devices
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Sends commands in the user view and returns what the device shows. Can wait until it shows something.
  - Sends only commands that read, unless O(read_only=false).
  - Answers a question only with an answer that the task gives for it. Any other question is declined, and the task
    fails with the words of the device.
  - Stored secrets in what the device shows are masked.
  - For configuration use M(timecast.ntp_multicast.vrp_config).
extends_documentation_fragment:
  - timecast.ntp_multicast.attributes
  - timecast.ntp_multicast.attributes.actiongroup_vrp
attributes:
  check_mode:
    support: partial
    details:
      - Commands that read are sent. The task is skipped where one of its commands may change the device.
  diff_mode:
    support: N/A
    details:
      - What a command changes is not known.
  idempotent:
    support: N/A
    details:
      - What a command changes is not known.
  platform:
    support: full
    platforms: Huawei VRP8, Huawei YunShan
options:
  commands:
    description: The commands, sent in this order.
    type: list
    elements: dict
    required: true
    suboptions:
      command:
        description: The line.
        type: str
        required: true
      answers:
        description: Answers to the questions that the line may raise.
        type: list
        elements: dict
        suboptions:
          question:
            description: Text that the question contains.
            type: str
            required: true
          answer:
            description: What is typed in answer to it.
            type: str
            required: true
  read_only:
    description:
      - Whether to refuse commands that may change the device. A command that reads begins with C(display), C(dir),
        C(ping) or C(tracert), written out.
      - Behind a C(|) it has a filter such as C(include), and nothing else. It has no C(>), which writes to a file of
        the device.
    type: bool
    default: true
  wait_for:
    description: What the answers have to show. The commands are sent again until all of it holds.
    type: list
    elements: dict
    suboptions:
      command:
        description: Number of the command in O(commands), from 1.
        type: int
        default: 1
      contains:
        description: Text that its answer has to contain.
        type: str
      lacks:
        description: Text that its answer must not contain.
        type: str
      matches:
        description: Regular expression that has to be found in its answer.
        type: str
  timeout:
    description: Seconds to wait for what O(wait_for) asks for. The task fails when it is not shown in time.
    type: int
    default: 60
  interval:
    description: Seconds between two looks.
    type: int
    default: 2
seealso:
  - module: timecast.ntp_multicast.vrp_config
  - module: timecast.ntp_multicast.vrp_facts
"""

EXAMPLES = r"""
- name: Wait until PIM has a neighbour
  timecast.ntp_multicast.vrp_command:
    commands:
      - command: display pim neighbor
    wait_for:
      - contains: 10.1.1.2
    timeout: 120

- name: Reset the counters of NTP
  timecast.ntp_multicast.vrp_command:
    commands:
      - command: reset ntp statistics packet
    read_only: false
"""

RETURN = r"""
stdout:
  description: What the device showed, by command, with stored secrets masked.
  returned: when the commands were sent
  type: list
  elements: str
stdout_lines:
  description: The same, divided into lines.
  returned: when the commands were sent
  type: list
  elements: list
unmet:
  description: What did not hold when the time was over.
  returned: when waiting was in vain
  type: list
  elements: str
"""
