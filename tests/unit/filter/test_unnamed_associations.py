# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What deleting an engine would take away without having been asked to."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.filter.unnamed_associations import unnamed_associations

ENGINE: dict[str, Any] = {
    "version": 1,
    "servers": [{"interface": "eth0", "group": "224.0.1.1", "key_id": 42}],
    "clients": [{"interface": "eth0", "group": "ff0e::101"}, {"interface": "eth1", "group": "224.0.1.1"}],
}
ALL = ["server of 224.0.1.1 on eth0", "client of ff0e::101 on eth0", "client of 224.0.1.1 on eth1"]


@pytest.mark.parametrize(
    ("config", "left"),
    [
        ({}, []),
        ({"authentication": {"keys": [{"id": 42}]}}, ALL),
        ({"interfaces": []}, ALL),
        ({"interfaces": [{"name": "eth0"}, {"name": "eth1"}]}, []),
        ({"interfaces": [{"name": "eth0"}]}, ALL[2:]),
        ({"interfaces": [{"name": "eth0", "servers": [{}]}]}, ALL[1:]),
        ({"interfaces": [{"name": "eth0", "servers": [], "clients": [{"address": "FF0E::0101"}]}]}, [ALL[0], ALL[2]]),
        ({"interfaces": [{"name": "eth0", "clients": [{"afi": "ipv6"}]}]}, [ALL[0], ALL[2]]),
        ({"interfaces": [{"name": "eth1", "clients": [{"address": "224.0.1.99"}]}]}, ALL),
    ],
)
def test_what_is_left(config: dict[str, Any], left: list[str]) -> None:
    assert unnamed_associations(ENGINE, config) == left


def test_an_engine_without_associations_leaves_nothing() -> None:
    assert unnamed_associations({"version": 1}, {"interfaces": []}) == []
