# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures as data, and messages with the names that the user wrote."""

from __future__ import annotations

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.action.vrp_ntp_multicast import device_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.failure import (
    OUTCOMES,
    UNCHANGED,
    cut_short,
    failure,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.action.words import Words
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import NtpMulticastError, UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.candidate import Outcome
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import DeviceError, RefusedError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.lines import ConfigurationLine
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.progress import Progress


class Candidate:
    """How far a transaction is."""

    def __init__(self, outcome: Outcome, applied: int = 0) -> None:
        self.outcome = outcome
        self.applied = [None] * applied


def progress(outcome: Outcome, applied: int = 0) -> Progress:
    lines = (ConfigurationLine("ntp authentication enable"), ConfigurationLine("ntp multicast-client", "Vlanif1"))
    return Progress(Candidate(outcome, applied), lines)  # type: ignore[arg-type]


def told(cause: NtpMulticastError, *sentences: str) -> NtpMulticastError:
    """What a transaction makes of an error: another one with what became of the device."""
    try:
        raise DeviceError("\n".join([str(cause), *sentences])) from cause
    except DeviceError as error:
        return error


def test_a_refused_line_is_data() -> None:
    cause = RefusedError("Refused.", line="ntp multicast-client", caret="    ^", words="Error: Unrecognized command")
    error = told(cause, Outcome.CLEARED.value)
    result = failure(error, str(error), progress(Outcome.CLEARED, applied=1))
    assert result["refused"] == {
        "line": "ntp multicast-client",
        "view": "Vlanif1",
        "column": 5,
        "words": "Error: Unrecognized command",
    }
    assert (result["outcome"], result["changed"], result["failed"]) == ("cleared", False, True)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.PENDING])
def test_each_outcome_that_is_told_is_found(outcome: Outcome) -> None:
    error = told(DeviceError("Something."), "The session was lost.", outcome.value)
    error.changed = True
    found = failure(error, str(error), progress(Outcome.UNKNOWN))["outcome"]
    assert found == outcome.name.lower()
    assert found in OUTCOMES


def test_what_only_a_look_tells_is_found_too() -> None:
    error = told(DeviceError("Lost."), "A new login shows that nothing was changed.")
    assert failure(error, str(error), progress(Outcome.UNKNOWN))["outcome"] == UNCHANGED
    assert failure(UserError("Wrong."), "Wrong.", Progress())["outcome"] == "nothing_sent"
    assert "refused" not in failure(UserError("Wrong."), "Wrong.", Progress())


def test_a_task_that_was_cut_short_says_what_is_known() -> None:
    assert (cut_short(Progress(), 5)["changed"], cut_short(Progress(), 5)["outcome"]) == (False, "nothing_sent")
    unknown = cut_short(progress(Outcome.UNKNOWN), 5)
    assert (unknown["changed"], unknown["outcome"]) == (True, "unknown")
    assert "may or may not have taken effect" in unknown["msg"]
    known = cut_short(progress(Outcome.UNKNOWN), 5, as_described=True)
    assert (known["changed"], known["outcome"]) == (True, "committed")
    assert cut_short(progress(Outcome.CLEARED), 5)["changed"] is False


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
