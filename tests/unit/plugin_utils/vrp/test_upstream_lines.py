# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of unicast servers (fact 1.8), read and written."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.changes import RemoveUpstream, SetUpstream
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import (
    configuration_from_options,
    options_from_configuration,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import (
    configuration_text,
    parse_configuration,
    render_changes,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.present import refuse_unfit_interfaces

EVERYTHING = {
    "address": "10.0.0.1",
    "key_id": 42,
    "version": 4,
    "preferred": True,
    "vpn_instance": "MEth0/0/0",
    "source_interface": "Vlanif100",
    "minpoll": 3,
    "maxpoll": 17,
}


def servers(text: str, dialect: Dialect | None = None) -> list[dict[str, Any]]:
    found = parse_configuration(text, dialect)
    assert found.unknown == ()
    return list(options_from_configuration(found.configuration).get("server", {}).get("upstream", ()))


def lines(*entries: dict[str, Any], dialect: Dialect = Dialect.NTP, undo: bool = False) -> list[str]:
    wanted = configuration_from_options({"server": {"upstream": list(entries)}}).server
    assert wanted is not None
    change = RemoveUpstream if undo else SetUpstream
    return [line.text for line in render_changes([change(entry) for entry in wanted.upstream or ()], dialect)]


@pytest.mark.parametrize(
    ("dialect", "word", "preferred"),
    [(Dialect.NTP, "ntp", "preferred"), (Dialect.NTP_SERVICE, "ntp-service", "preference")],
)
def test_lines_of_both_dialects(dialect: Dialect, word: str, preferred: str) -> None:
    assert lines(EVERYTHING, {"address": "fd00::7", "preferred": True}, dialect=dialect) == [
        f"{word} unicast-server 10.0.0.1 version 4 authentication-keyid 42 source-interface Vlanif100 "
        f"vpn-instance MEth0/0/0 {preferred} maxpoll 17 minpoll 3",
        f"{word} unicast-server ipv6 FD00::7 {preferred}",
    ]
    assert lines(EVERYTHING, {"address": "fd00::7", "key_id": 42}, dialect=dialect, undo=True) == [
        f"undo {word} unicast-server 10.0.0.1 vpn-instance MEth0/0/0",
        f"undo {word} unicast-server ipv6 FD00::7",
    ]
    assert servers("\n".join(lines(EVERYTHING, dialect=dialect))) == [EVERYTHING]


@pytest.mark.parametrize(
    ("line", "server"),
    [
        # Examples of the command reference.
        ("ntp unicast-server 10.10.1.1 version 3", {"address": "10.10.1.1"}),
        ("ntp unicast-server 10.10.1.1 vpn-instance abc", {"address": "10.10.1.1", "vpn_instance": "abc"}),
        ("ntp unicast-server 10.10.1.1 version 3 port 5000", {"address": "10.10.1.1"}),
        (
            "ntp unicast-server 1.1.1.1 burst iburst maxpoll 11 minpoll 4 preempt",
            {"address": "1.1.1.1", "minpoll": 4, "maxpoll": 11},
        ),
        ("ntp unicast-server ipv6 2001:db8::1", {"address": "2001:db8::1"}),
        # Any order, both words, a name of two words.
        (
            "ntp-service unicast-server 10.0.0.1 preferred source-interface gigabitethernet 0/1/0 version 4",
            {"address": "10.0.0.1", "preferred": True, "source_interface": "GigabitEthernet0/1/0", "version": 4},
        ),
        (
            "ntp unicast-server ipv6 FD00::7 source-interface Vlanif100 preference",
            {"address": "fd00::7", "preferred": True, "source_interface": "Vlanif100"},
        ),
    ],
)
def test_lines_are_read(line: str, server: dict[str, Any]) -> None:
    assert servers(f"#\n{line}\n#\nreturn\n") == [server]


@pytest.mark.parametrize(
    ("words", "others"),
    [
        ("port 5000 preempt", ("port 5000", "preempt")),
        ("iburst version 4 burst", ("burst", "iburst")),
        ("port 123", ()),
    ],
)
def test_words_that_no_option_describes_are_told_and_written_back(words: str, others: tuple[str, ...]) -> None:
    line = f"ntp unicast-server 10.0.0.1 {words}"
    found = parse_configuration(f"#\n{line}\n#\nreturn\n")
    assert found.outside == ((line,) if others else ())
    assert found.configuration.server is not None
    (server,) = found.configuration.server.upstream or ()
    assert server.others == others
    (again,) = render_changes([SetUpstream(server)], Dialect.NTP)
    assert parse_configuration(f"#\n{again.text}\n#\nreturn\n").configuration == found.configuration


@pytest.mark.parametrize(
    "line",
    [
        "ntp unicast-server domain time.example.com",
        'ntp unicast-server 10.0.0.1 vpn-instance "a b"',
        "ntp unicast-server 10.0.0.1 maxpoll 6",
        "ntp unicast-server 10.0.0.1 autokey",
        "ntp unicast-server 224.0.1.1",
        "ntp unicast-server ipv6 10.0.0.1",
        "ntp unicast-server 10.0.0.1 version 4 version 4",
        "ntp ipv6 unicast-server FD00::7",
        "ntp unicast-peer 10.0.0.1",
    ],
)
def test_what_the_model_can_not_say_stays_outside(line: str) -> None:
    found = parse_configuration(f"#\n{line}\n#\nreturn\n")
    assert found.unknown == ()
    assert found.outside == (line,)
    assert found.configuration.foreign_lines and found.configuration.server_users == (line,)
    assert servers(f"#\n{line}\n#\nreturn\n") == []


def test_lines_as_a_person_types_them() -> None:
    text = """system-view
ntp unicast-server 10.0.0.1
ntp unicast-server 10.0.0.1 vpn-instance red
ntp unicast-server ipv6 FD00::7
undo ntp unicast-server 10.0.0.1
undo ntp unicast-server ipv6 fd00::7
commit
"""
    assert servers(text) == [{"address": "10.0.0.1", "vpn_instance": "red"}]


def test_a_difference_shows_the_line_where_a_device_prints_it() -> None:
    wanted = configuration_from_options({"server": {"upstream": [{"address": "10.0.0.1"}], "reference_stratum": 4}})
    assert configuration_text(wanted, Dialect.NTP) == "#\nntp unicast-server 10.0.0.1\nntp refclock-master 4\n"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            {"address": "10.0.0.1", "source_interface": "Vlanif9"},
            "Vlanif9, which shall be the source .* does not exist",
        ),
        ({"address": "fd00::7", "source_interface": "vlanif 8"}, "Vlanif8 has no IPv6"),
    ],
)
def test_a_source_interface_that_the_device_would_refuse(entry: dict[str, Any], words: str) -> None:
    shown = parse_configuration("#\ninterface Vlanif8\n ip address 10.0.0.9 255.255.255.0\n#\nreturn\n")
    wanted = configuration_from_options({"server": {"upstream": [entry]}}).server
    assert wanted is not None and wanted.upstream
    with pytest.raises(UserError, match=words):
        refuse_unfit_interfaces((SetUpstream(wanted.upstream[0]),), shown)
    four = configuration_from_options({"server": {"upstream": [{**entry, "source_interface": "Vlanif8"}]}}).server
    assert four is not None and four.upstream
    if "." in entry["address"]:
        refuse_unfit_interfaces((SetUpstream(four.upstream[0]),), shown)
