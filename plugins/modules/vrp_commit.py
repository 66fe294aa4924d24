# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vrp_commit
short_description: Commits of Huawei VRP devices
version_added: 0.9.0
author:
  - Timecast developers (@timecast)
description:
  - Lists the commits of a device, with who made them, when, and what each changed.
  - Confirms or aborts a trial commit, also one that an earlier run left behind.
  - Rolls the device back to a commit, to a label, to before a label, or by a number of commits. A rollback takes back
    everything since then, NTP or not.
  - A result is told only when it was seen. A rollback counts as done when the device says so and lists a new commit.
extends_documentation_fragment:
  - timecast.ntp_multicast.attributes
  - timecast.ntp_multicast.attributes.actiongroup_vrp
attributes:
  check_mode:
    support: full
    details:
      - Reads only, and returns which commits would be taken back.
  diff_mode:
    support: full
    details:
      - A rollback shows what it changes, as the device prints it, with secrets masked.
  idempotent:
    support: partial
    details:
      - O(last) counts from the newest commit, so a second run takes back more. O(commit_id), O(label) and
        O(before_label) do not. Where nothing is left to take back, the device is not touched.
  platform:
    support: full
    platforms: Huawei VRP8, Huawei YunShan
options:
  state:
    description:
      - V(listed) lists the commits and the trial.
      - V(confirmed) makes a running trial permanent, and does nothing where none runs. Without a persist id only the
        login that began a trial can confirm it.
      - V(aborted) rolls a running trial back at once, and does nothing where none runs.
      - V(rolled_back) takes commits back.
    type: str
    choices: [listed, confirmed, aborted, rolled_back]
    default: listed
  changes:
    description: Whether to return what each commit changed, with O(state=listed).
    type: bool
    default: false
  commit_id:
    description: Go back to the state after this commit. Ten digits.
    type: str
  label:
    description: Go back to the state after the newest commit with this label.
    type: str
  before_label:
    description: Go back to the state before the oldest commit with this label, such as one run of the playbook
      C(timecast.ntp_multicast.site).
    type: str
  last:
    description:
      - How many of the newest commits to take back with O(state=rolled_back), 1 or more.
      - How many to return with O(state=listed); all where it is omitted.
    type: int
  rollback_others:
    description:
      - Whether a rollback may take back commits of other users as well. With O(before_label), commits without that
        label count as those of others.
      - If not, the task fails and names them.
    type: bool
    default: false
  session_id:
    description: Session whose trial to abort, as C(display configuration sessions) lists it.
    type: int
seealso:
  - module: timecast.ntp_multicast.vrp_ntp_multicast
  - module: timecast.ntp_multicast.vrp_config
"""

EXAMPLES = r"""
- name: See who changed what
  timecast.ntp_multicast.vrp_commit:
    state: listed
    changes: true
    last: 5
  register: device

- name: Go back to before a run of site
  timecast.ntp_multicast.vrp_commit:
    state: rolled_back
    before_label: site-20261127T131500Z

- name: Abort a trial that an earlier run left
  timecast.ntp_multicast.vrp_commit:
    state: aborted
"""

RETURN = r"""
commits:
  description: The commits that the device lists, or those that a rollback takes back. The newest comes first.
  returned: with O(state=listed) and O(state=rolled_back)
  type: list
  elements: dict
  contains:
    id:
      description: Commit id, ten digits.
      type: str
      sample: "1000000123"
    label:
      description: Label, null for a commit without one.
      type: str
    user:
      description: Who committed.
      type: str
    type:
      description: By what it was made, V(CLI), V(SNMP), V(NETCONF), V(ROLLBACK), V(RESTORE) or V(SYSTEM).
      type: str
    time:
      description: When, as the device prints it.
      type: str
    description:
      description: Description, empty for a commit without one.
      type: str
    changes:
      description: Its lines with C(+), C(-) or a blank in front, secrets masked. Null where the device shows none.
      returned: with O(changes=true)
      type: list
      elements: str
trial:
  description: The trial that runs on the device, null when none does.
  returned: with O(state=listed), O(state=confirmed) and O(state=aborted)
  type: dict
  contains:
    seconds_left:
      description: Seconds until the device goes back by itself.
      type: int
    persist_id:
      description: With which any login can confirm it, null where only the login that began it can.
      type: str
commit:
  description: The commit that a rollback made.
  returned: when the device was rolled back
  type: dict
  contains:
    id:
      description: Commit id.
      type: str
outcome:
  description: What became of the device, V(unchanged), V(no_trial), V(confirmed), V(aborted) or V(rolled_back).
  returned: success, but for O(state=listed)
  type: str
"""
