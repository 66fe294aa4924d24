# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at the clock has to show before a trial commit is confirmed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import configuration_from_options
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.confirmation import (
    Sight,
    synchronised_to_description,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.display import ClockStatus, SourceSession

CLIENT = {"interfaces": [{"name": "Vlanif1", "clients": [{}]}]}
SERVER = {"interfaces": [{"name": "Vlanif1", "servers": [{}]}]}
UPSTREAM = {"server": {"upstream": [{"address": "192.0.2.1"}]}}
SINCE_CHANGE = 60.0


def sight(synchronised: bool = True, **source: Any) -> Sight:
    status = ClockStatus(synchronised, 3, "192.0.2.1")
    return Sight(status, (SourceSession("192.0.2.1", **source),) if source else (), SINCE_CHANGE)


@pytest.mark.parametrize(
    ("source", "fresh"),
    [
        ({"reach": 1, "now": 5}, True),
        ({"reach": 255, "now": 300}, False),  # the last packet came before the change
        ({"reach": 255, "now": 60}, False),  # perhaps it did: a device tells whole seconds
        ({"reach": 0, "now": 5}, False),
        ({"reach": 1, "poll": 16}, True),
        ({"reach": 1, "poll": 64}, False),  # the register has not moved since the change
        ({"reach": 254, "poll": 16}, False),
        ({"reach": 1}, False),
    ],
)
def test_a_source_counts_only_with_a_packet_after_the_change(source: dict[str, int], fresh: bool) -> None:
    look = sight(status=("master",), **source)
    assert look.fresh(look.sources[0]) is fresh
    assert synchronised_to_description(configuration_from_options(CLIENT), look) is fresh


@pytest.mark.parametrize("described", [CLIENT, SERVER, UPSTREAM, {"server": {"reference_stratum": 2}}])
def test_a_clock_that_is_not_synchronised_confirms_nothing(described: dict[str, Any]) -> None:
    look = sight(synchronised=False, reach=1, now=5, status=("master",))
    assert not synchronised_to_description(configuration_from_options(described), look)


def test_a_client_follows_the_source_that_it_selected() -> None:
    client = configuration_from_options(CLIENT)
    assert not synchronised_to_description(client, sight())
    assert not synchronised_to_description(client, sight(reach=1, now=5))
    own_clock = configuration_from_options({**CLIENT, "server": {"reference_stratum": 2}})
    assert synchronised_to_description(own_clock, sight(reach=1, now=5))
    # A unicast server is asked every 17 minutes at worst, so that what a client hears has to be fresh, and no more.
    both = configuration_from_options({**CLIENT, **UPSTREAM})
    assert synchronised_to_description(both, sight(reach=1, now=5))
    assert not synchronised_to_description(both, sight(reach=1, now=300))
    assert synchronised_to_description(configuration_from_options(UPSTREAM), sight(reach=1, now=300))
