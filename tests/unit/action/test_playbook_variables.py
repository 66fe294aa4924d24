# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the playbooks. The generator reads their module alone: what that repeats agrees with its source."""

from __future__ import annotations

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.playbook_variables import VARIABLES
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import Algorithm
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.formats import FORMATS

SPECIFICATIONS = {variable.name: variable.specification() for variable in VARIABLES}


def test_the_formats_are_those_that_there_are() -> None:
    assert SPECIFICATIONS["ntp_multicast_report_formats"]["choices"] == list(FORMATS)


def test_the_algorithms_are_those_of_the_model() -> None:
    old = SPECIFICATIONS["ntp_multicast_rotation"]["options"]["old"]
    assert old["options"]["algorithm"]["choices"] == [algorithm.value for algorithm in Algorithm]
