# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What vrp_config says of lines on which the device remarked."""

from __future__ import annotations

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.action.vrp_config import reported
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate import CommitSettings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.free_transaction import FreeReport

TOLD = {
    "info": "vlan batch 2: Info: This VLAN is reserved.",
    "failed": "vlan batch 3: Failed to create the VLAN.",
    "warning": "vlan batch 4: Warning: The VLAN is in use.",
}


@pytest.mark.parametrize(("changed", "told"), [(False, ["info", "failed", "warning"]), (True, ["failed", "warning"])])
def test_the_words_of_the_device_are_told(changed: bool, told: list[str]) -> None:
    report = FreeReport("#\nreturn", changed=changed, notices=tuple(TOLD.values()))
    warnings = reported(report, CommitSettings(), "CE1")["warnings"]
    assert warnings == [f"The device said to {TOLD[name]}" for name in told]
