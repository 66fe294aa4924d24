# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a transaction as the result of a task."""

from __future__ import annotations

from typing import Any

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.configure import reported
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.key_memory import DeviceMemory
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import (
    Algorithm,
    Authentication,
    Configuration,
    Key,
    Secret,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import configuration_from_options
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.plan import State, UpdateSecrets
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate import CommitSettings
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.lines import ConfigurationLine
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import Report, Request

LINE = (ConfigurationLine("ntp authentication enable"),)
SECRET = Secret("Sixteen-Octets-1")


def served(**options: Any) -> Configuration:
    return configuration_from_options({"interfaces": [{"name": "Vlanif1", "servers": [options]}]})


def keyed(*keys: Key) -> Configuration:
    return Configuration(authentication=Authentication(True, keys))


def result(before: Configuration, after: Configuration, **request: Any) -> dict[str, Any]:
    report = Report(before=before, after=after, predicted=after, dialect=None, lines=LINE)
    return reported(report, Request(**{"wanted": after, "state": State.MERGED, **request}), "ce1")


def test_a_changed_key_id_shows_no_other_option_as_new() -> None:
    before = served(key_id=42)
    after = served(key_id=43, ttl=16, version=3, port=123)
    diff = result(before, after, memory=DeviceMemory({}, 16))["diff"]
    assert diff["after"] == diff["before"].replace("42", "43")
    assert "ttl 16" in result(before, after)["diff"]["after"], "the device's own is not known"
    assert "ttl 16" in result(Configuration(), after, memory=DeviceMemory({}, 16))["diff"]["after"]
    assert "ttl 17" in result(before, served(key_id=43, ttl=17))["diff"]["after"]


def test_the_commands_show_the_trial() -> None:
    settings = CommitSettings(trial=60, label="night")
    assert result(Configuration(), Configuration(), commit=settings)["commands"] == [
        "system-view",
        "ntp authentication enable",
        "commit trial 60 label night",
        "commit",
    ]
    assert result(Configuration(), Configuration())["commands"][-1] == "commit"


def test_keys_that_cannot_be_compared_are_named() -> None:
    shown = keyed(
        Key(1, Algorithm.MD5, None, Secret("shown"), True),
        Key(2, Algorithm.MD5, None, Secret("shown"), True),
        Key(3, Algorithm.MD5, None, None, True),
    )
    wanted = keyed(
        Key(1, Algorithm.MD5, SECRET, None, True),
        Key(2, Algorithm.HMAC_SHA256, SECRET, None, True),  # is written, for its algorithm
        Key(3, Algorithm.MD5, SECRET, None, True),
        Key(4, Algorithm.MD5, SECRET, None, True),  # is written, since it is not there
    )
    found = result(shown, shown, wanted=wanted)
    assert found["keys_not_compared"] == [1, 3]
    assert [warning.split(" is ")[0] for warning in found["warnings"]] == ["Key 1", "Key 3"]
    assert result(shown, shown, wanted=wanted, state=State.DELETED)["keys_not_compared"] == []
    assert result(shown, shown, wanted=wanted, update_secrets=UpdateSecrets.ALWAYS)["keys_not_compared"] == []
