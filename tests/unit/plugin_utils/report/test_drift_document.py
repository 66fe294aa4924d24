# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the results of tasks in check mode to the findings of a host."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.allowed import Allowed
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.bounds import (
    CHARACTERS_MOST,
    FINDINGS_MOST,
    artifact,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.commits import commits_of_others
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.document import (
    ExitCode,
    FindingKind,
    Platform,
    State,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.domain import domain_of
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.drift import (
    About,
    Seen,
    drift_document,
    drifted_host,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.report.findings import paired, subject

ABOUT = About("2026-11-27T17:00:00Z", "drift-1")
VIEW = "interface 100GE1/0/1"
LINE = "ntp multicast-server 224.0.1.1 authentication-keyid 42"
KEY = "ntp authentication-keyid 42 authentication-mode aes-128-cmac cipher ********"


def device(before: str, after: str, **more: Any) -> dict[str, Any]:
    return {"changed": True, "diff": {"before": before, "after": after}, **more}


def found(*results: Any, platform: Platform = Platform.VRP, **more: Any) -> list[tuple[str, str]]:
    host = drifted_host(Seen("h", platform, list(results), **more))
    return [(finding.kind.value, finding.line) for finding in host.findings]


def of_engine(name: str, **result: Any) -> dict[str, Any]:
    return {"of": f"__ntp_multicast_engine_{name}", "result": {"changed": True, **result}}


@pytest.mark.parametrize(
    ("before", "after", "findings"),
    [
        ("", f"{VIEW}\n {LINE}\n", [("line_missing", f"{LINE} ({VIEW})")]),
        (f"{VIEW}\n {LINE}\n", "", [("line_extra", f"{LINE} ({VIEW})")]),
        (
            f"{VIEW}\n {LINE} ttl 8\n",
            f"{VIEW}\n {LINE} ttl 16\n",
            [("line_different", f"ntp multicast-server 224.0.1.1 ({VIEW})")],
        ),
        (
            f"{VIEW}\n {LINE}\n",
            f"interface 100GE1/0/2\n {LINE}\n",
            [("line_extra", f"{LINE} ({VIEW})"), ("line_missing", f"{LINE} (interface 100GE1/0/2)")],
        ),
        ("ntp refclock-master 3\n", "ntp refclock-master 2\n", [("line_different", "ntp refclock-master")]),
        ("ntp server disable\n", "undo ntp server disable\n", [("line_different", "ntp server disable")]),
        (f"#\n{KEY}\n", f"#\n{KEY} (to be written)\n", [("line_different", "ntp authentication-keyid 42")]),
    ],
)
def test_lines_are_missing_extra_or_different(before: str, after: str, findings: list[tuple[str, str]]) -> None:
    assert found(device(before, after)) == findings


def test_a_key_is_told_once_and_by_its_reason() -> None:
    before, after = f"{KEY}\nntp trusted authentication-keyid 42\n", f"{KEY} (to be written)\n"
    written = [{"id": 42, "reason": "changed_on_device"}]
    result = device(before, after, keys_written=written)
    assert found(result) == [("key_changed", "key 42"), ("line_extra", "ntp trusted authentication-keyid 42")]
    assert drifted_host(Seen("h", Platform.VRP, [result])).keys_changed == (42,)
    rotated = device("", f"{KEY}\n", keys_written=[{"id": 42, "reason": "created"}])
    assert found(rotated) == [("key_to_write", "key 42")]
    assert drifted_host(Seen("h", Platform.VRP, [rotated])).keys_changed == ()


@pytest.mark.parametrize(
    ("line", "about"),
    [
        ("ntp multicast-server ipv6 FF0E::101 ttl 8", "ntp multicast-server ipv6 FF0E::101"),
        ("ntp-service multicast-client 224.0.1.9", "ntp-service multicast-client 224.0.1.9"),
        ("ntp authentication enable", "ntp authentication enable"),
        ("undo ntp server disable", "ntp server disable"),
        ("ntp refclock-master 2", "ntp refclock-master"),
    ],
)
def test_what_a_line_is_about(line: str, about: str) -> None:
    assert subject(line) == about


def test_each_line_has_one_partner_at_most() -> None:
    first, second = ("", "ntp refclock-master 2"), ("", "ntp refclock-master 3")
    assert list(paired([first], [second, second])) == [(first, second), (None, second)]


def test_linux_is_told_by_what_was_registered() -> None:
    results = [
        of_engine("keys_written"),
        of_engine("described"),
        of_engine("installed"),
        of_engine("running", status={"ActiveState": "inactive"}),
        of_engine("restarted"),
        of_engine("nftables_rules", dest="/etc/nftables.d/ntp.nft"),
    ]
    assert found(results, platform=Platform.LINUX) == [
        ("key_file_changed", "/etc/ntp-multicast-engine/keys"),
        ("unit_changed", "/etc/systemd/system/ntp-multicast-engine.service"),
        ("engine_changed", "/usr/local/lib/ntp-multicast-engine"),
        ("service_not_running", "ntp-multicast-engine.service"),
        ("host_changed", "/etc/nftables.d/ntp.nft"),
    ]
    host = drifted_host(Seen("h", Platform.LINUX, results))
    assert "systemd says inactive" in host.findings[3].text


def test_no_change_goes_without_a_finding() -> None:
    assert found({"changed": True}) == [("host_changed", "")]
    assert found([of_engine("something_new")]) == [("host_changed", "something new")]


def test_keys_that_nobody_can_compare_are_findings_too() -> None:
    host = drifted_host(Seen("h", Platform.VRP, [{"changed": False, "keys_not_compared": [43]}]))
    assert (host.state, host.keys_not_compared) == (State.KEYS_NOT_COMPARED, (43,))
    assert host.reason == "Key 43 could not be compared."


@pytest.mark.parametrize(
    ("allowed", "code"),
    [
        ([], ExitCode.DRIFTED),
        ([{"line": "ntp refclock-master*"}], ExitCode.DRIFTED),
        ([{"line": "ntp refclock-master*"}, {"host": "c*", "line": "key 42"}], ExitCode.IN_SYNC),
        ([{"line": "ntp refclock-master*"}, {"host": "n*", "line": "key 42"}], ExitCode.DRIFTED),
        ([{"host": "ce1"}], ExitCode.IN_SYNC),
    ],
)
def test_what_is_allowed_is_told_and_fails_nothing(allowed: list[dict[str, str]], code: ExitCode) -> None:
    result = device("", "ntp refclock-master 2\n", keys_written=[{"id": 42, "reason": "rotated"}])
    seen = Seen("ce1", Platform.VRP, [result], allowed=tuple(map(Allowed.of, allowed)))
    document = drift_document([seen], ABOUT)
    assert (document.exit_code, document.counts["drifted"]) == (code, 1)
    assert document.allowed == (code is ExitCode.IN_SYNC)
    assert len(document.hosts[0].findings) == 2


@pytest.mark.parametrize(("keys_count", "code"), [(False, ExitCode.IN_SYNC), (True, ExitCode.DRIFTED)])
def test_a_key_that_does_not_count_fails_no_host_whose_drift_is_allowed(keys_count: bool, code: ExitCode) -> None:
    result = device(f"{VIEW}\n {LINE}\n", "", keys_not_compared=[43])
    seen = Seen("ce1", Platform.VRP, [result], allowed=(Allowed(line="ntp multicast-server*"),))
    document = drift_document([seen], ABOUT, keys_count=keys_count)
    assert (document.exit_code, document.hosts[0].state) == (code, State.DRIFTED)
    # Without anything that is allowed, nothing is.
    only_key = Seen("ce1", Platform.VRP, [{"changed": False, "keys_not_compared": [43]}])
    assert not drift_document([only_key], ABOUT).hosts[0].allowed


def test_nothing_allows_a_host_that_was_not_seen() -> None:
    gone = Seen("ce1", Platform.VRP, [{"unreachable": True, "msg": "no answer"}], allowed=(Allowed(),))
    document = drift_document([gone], ABOUT)
    assert (document.exit_code, document.allowed) == (ExitCode.UNREACHABLE, 0)


COMMIT = {"user": "anna", "time": "then", "type": "CLI", "label": None, "description": ""}
LISTED = [
    {**COMMIT, "id": "3"},
    {**COMMIT, "id": "2", "user": "robot", "label": None},
    {**COMMIT, "id": "1", "user": "robot", "label": "site-1"},
    {**COMMIT, "id": "0"},
]


def test_commits_of_others_are_those_since_the_last_site() -> None:
    commits = commits_of_others({"commits": LISTED}, "robot")
    assert commits is not None
    assert ([entry.id for entry in commits.entries], commits.since, commits.since_time) == (
        ["3", "2"],
        "site-1",
        "then",
    )


def test_a_run_with_a_name_of_its_own_is_known_by_its_account() -> None:
    named = [LISTED[0], {**LISTED[2], "label": "CHG-77"}, LISTED[3]]
    commits = commits_of_others({"commits": named}, "robot")
    assert commits is not None
    assert ([entry.id for entry in commits.entries], commits.since) == (["3"], "CHG-77")
    foreign = commits_of_others({"commits": named}, "somebody")
    assert foreign is not None
    assert (len(foreign.entries), foreign.since) == (3, None)


def test_commits_that_could_not_be_listed_say_so() -> None:
    refused = commits_of_others({"msg": "level 3 is needed", "failed": False}, "robot")
    assert refused is not None
    assert refused.problem == "level 3 is needed"
    assert commits_of_others({}, "robot") is None


def test_the_document_is_bounded_and_says_what_it_leaves_off() -> None:
    lines = "".join(f"ntp unicast-server 192.0.2.{number} {'x' * 2000}\n" for number in range(600))
    host = drifted_host(Seen("h", Platform.VRP, [device(lines, "")]))
    assert (len(host.findings), host.findings_left_off) == (FINDINGS_MOST, 500)
    assert (len(host.diff), host.diff_left_off) == (400, 203)
    assert max(map(len, host.diff)) <= CHARACTERS_MOST + 3


def test_what_looks_like_a_ciphertext_goes() -> None:
    stored = "%^%#abcdefghijklmnopqrstuvwxyz%^%#"
    host = drifted_host(Seen("h", Platform.VRP, [device("", f"ntp authentication-keyid 7 {stored}\n")]))
    assert stored not in repr(host)
    assert "********" in repr(host)


def test_the_artifact_is_small_and_has_those_that_fail() -> None:
    seen = [Seen("well", Platform.VRP, [{"changed": False}])]
    seen += [
        Seen(f"h{number}", Platform.VRP, [device("", f"ntp refclock-master {number}\n")], allowed=(Allowed(line="x"),))
        for number in range(2000)
    ]
    document = drift_document(seen, ABOUT)
    kept = artifact(document, 50000)
    assert len(repr(kept)) < 60000
    assert kept["hosts_left_off"] == 2000 - len(kept["hosts"]) > 0
    assert kept["counts"] == document.counts
    assert "well" not in [host["name"] for host in kept["hosts"]]


def test_the_domain_is_read_from_descriptions() -> None:
    domain = domain_of(
        {
            "ce1": [{"name": "Vlanif1", "servers": [{"key_id": "42", "ttl": 16}, {"afi": "ipv6"}]}],
            "web1": [{"name": "eth0", "clients": [{"address": "FF0E::0101"}, "wrong"]}],
            "odd": "text",
        }
    )
    assert [(sender.host, sender.group, sender.key_id, sender.ttl) for sender in domain.senders] == [
        ("ce1", "224.0.1.1", 42, 16),
        ("ce1", "ff0e::101", None, None),
    ]
    assert [(listener.host, listener.group) for listener in domain.listeners] == [("web1", "ff0e::101")]


def test_every_kind_of_finding_of_drift_can_come_out() -> None:
    document_kinds = {kind for kind in FindingKind if kind is not FindingKind.NOT_SYNCHRONISED}
    results = [
        device(
            "a 1\nntp refclock-master 1\n",
            "ntp refclock-master 2\nc 1\n",
            keys_written=[{"id": 1, "reason": "changed_on_device"}, {"id": 2}],
        ),
        {"changed": False, "keys_not_compared": [3]},
        [of_engine(name) for name in ("keys_written", "configured", "described", "installed", "running", "noted")],
    ]
    kinds = {FindingKind(kind) for kind, _line in found(*results)}
    kinds |= {FindingKind(kind) for result in ({"failed": True}, {"unreachable": True}) for kind, _l in found(result)}
    assert kinds == document_kinds
