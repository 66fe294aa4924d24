# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures as data, and messages with the names that the user wrote."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.action.vrp_ntp_multicast import device_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.failure import (
    OUTCOMES,
    cut_short,
    failure,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.words import Words
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import NtpMulticastError, UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import DeviceError, RefusedError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.failure import told
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.outcome import Outcome


class TimeOver(BaseException):
    """What Ansible raises when the time of a task is over."""


def failed_with(error: NtpMulticastError, cause: BaseException | None = None) -> dict[str, Any]:
    """The result of a task that failed with an error, perhaps because of another one."""
    error.__cause__ = cause
    return failure(error, TimeOver, 5)


def test_a_refused_line_is_data() -> None:
    cause = RefusedError(
        "Refused.", line="ntp multicast-client", view="Vlanif1", caret="    ^", words="Error: Unrecognized command"
    )
    result = failed_with(told(cause, Outcome.CLEARED))
    assert result["refused"] == {
        "line": "ntp multicast-client",
        "view": "Vlanif1",
        "column": 5,
        "words": "Error: Unrecognized command",
    }
    assert (result["outcome"], result["changed"], result["failed"]) == ("cleared", False, True)
    assert "timedout" not in result


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_outcome_is_returned_with_its_truth(outcome: str) -> None:
    result = failed_with(told(DeviceError("Something."), Outcome(outcome)))
    assert (result["outcome"], result["changed"]) == (outcome, Outcome(outcome).changed)
    assert Outcome(outcome).sentence in result["msg"]


def test_what_was_refused_before_a_device_was_touched() -> None:
    result = failed_with(UserError("Wrong."))
    assert (result["outcome"], result["changed"]) == ("nothing_sent", False)
    assert "refused" not in result


def test_a_task_that_was_cut_short_says_what_is_known() -> None:
    assert (cut_short(5)["changed"], cut_short(5)["outcome"]) == (False, "nothing_sent")
    result = failed_with(told(DeviceError("The work was broken off."), Outcome.UNKNOWN), TimeOver())
    assert (result["changed"], result["outcome"], result["timedout"]) == (True, "unknown", {"period": 5})
    assert result["msg"].startswith("The task's timeout of 5 seconds was over")


@pytest.mark.parametrize(
    ("message", "variables", "options"),
    [
        ("Set allow_immediate to true.", "Set ntp_multicast_allow_immediate to true.", None),
        ("authentication.keys: key 4", "ntp_multicast_authentication.keys: key 4", "config.authentication.keys: key 4"),
        ("interfaces: the server", "ntp_multicast_interfaces: the server", "config.interfaces: the server"),
        ("Set update_secrets=always", "Set ntp_multicast_update_secrets=always", None),
        ("config.interfaces[0].ttl", "config.interfaces[0].ttl", None),
        ("ntp_multicast_server.listen[0]", "ntp_multicast_server.listen[0]", None),
        ("ntp authentication enable", "ntp authentication enable", None),
        ("the interfaces of the server", "the interfaces of the server", None),
        ("keyword lock, state of the commit", "keyword lock, state of the commit", None),
    ],
)
def test_names_are_those_that_the_user_wrote(message: str, variables: str, options: str | None) -> None:
    assert Words(variables=True).said(message) == variables
    assert Words(variables=False).said(message) == (options or message)


def test_the_device_of_a_delegated_task_is_the_other_host() -> None:
    class Task:
        delegate_to = "ce2"

    facts = {"ansible_delegated_vars": {"ce2": {"ansible_facts": {"a": 1}}}, "ansible_facts": {"b": 2}}
    variables = {"inventory_hostname": "ce1", **facts}
    assert device_of(Task, variables) == ("ce2", {"a": 1})
    Task.delegate_to = None  # type: ignore[assignment]
    assert device_of(Task, variables) == ("ce1", {"b": 2})
