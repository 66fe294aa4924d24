# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrp_simulator.commands.grammar import grammar_of
from vrp_simulator.commands.table import View
from vrp_simulator.errors import CaretRefusal
from vrp_simulator.interfaces import Family, InterfaceNames
from vrp_simulator.releases import RELEASES
from vrp_simulator.syntax import Table, parse_syntax

NAMES = InterfaceNames((Family("100GE"), Family("GigabitEthernet"), Family("Vlanif", physical=False)))
SERVER = (
    "ntp multicast-server [ <group:ipv4> ] [ authentication-keyid <key_id:1..4294967295> | ttl <ttl:1..255> | "
    "version <version:1..4> | port <port:123,1025..65535> ] *"
)


def table(*syntaxes: str) -> Table[str]:
    return Table((parse_syntax(syntax, NAMES), syntax) for syntax in syntaxes)


def test_options_in_any_order_each_once() -> None:
    _unused, match = table(SERVER).match(
        "ntp multicast-server 224.5.5.5 port 1025 version 4 ttl 255 authentication-keyid 7"
    )
    assert match.values == {
        "group": ipaddress.IPv4Address("224.5.5.5"),
        "port": 1025,
        "version": 4,
        "ttl": 255,
        "key_id": 7,
    }
    with pytest.raises(CaretRefusal) as refused:
        table(SERVER).match("ntp multicast-server ttl 3 ttl 4")
    assert refused.value.position == len("ntp multicast-server ttl 3 ")


@pytest.mark.parametrize(
    ("line", "kind", "under"),
    [
        ("foo", "unrecognized", "foo"),
        ("ntp multicast-server ttl 256", "wrong", "256"),
        ("ntp multicast-server ttl 0", "wrong", "0"),
        ("ntp multicast-server port 124", "wrong", "124"),
        ("ntp multicast-server port 1024", "wrong", "1024"),
        ("ntp multicast-server version 5", "wrong", "5"),
        ("ntp multicast-server authentication-keyid 4294967296", "wrong", "4294967296"),
        ("ntp multicast-server ttl", "incomplete", ""),
        ("ntp", "incomplete", ""),
        ("ntp multicast-client now", "too-many", "now"),
        ("ntp multicast", "ambiguous", "multicast"),
    ],
)
def test_the_caret_stands_under_the_mistake(line: str, kind: str, under: str) -> None:
    with pytest.raises(CaretRefusal) as refused:
        table(SERVER, "ntp multicast-client").match(line)
    assert refused.value.kind == kind
    assert line[refused.value.position :].startswith(under)
    if not under:
        assert refused.value.position == len(line)


def test_keywords_ignore_case_and_may_be_shortened() -> None:
    _unused, match = table(SERVER).match("NTP Multicast-S ttl 3")
    assert match.words == ("ntp", "multicast-server", "ttl")


@pytest.mark.parametrize("typed", ["100ge1/0/1", "100GE 1/0/1", "100Ge 1/0/1"])
def test_interface_names_are_normalised(typed: str) -> None:
    _unused, match = table("interface <interface:interface>").match(f"interface {typed}")
    assert match.values["interface"] == "100GE1/0/1"


def test_a_text_takes_the_rest_of_the_line_and_a_keyword_wins_over_it() -> None:
    keys = table("key { <plain:text> | cipher <cipher:text> }")
    assert keys.match("key a b  c")[1].values == {"plain": "a b  c"}
    assert keys.match("key cipher a b")[1].values == {"cipher": "a b"}
    assert keys.match("key c")[1].values == {"plain": "c"}


@given(st.text(max_size=80), st.sampled_from(sorted(RELEASES)), st.sampled_from(list(View)))
def test_any_line_matches_or_gets_a_caret(line: str, release: str, view: View) -> None:
    try:
        grammar_of(release, False).tables[view].match(line)
    except CaretRefusal as refused:
        assert 0 <= refused.position <= len(line)


WORDS = (
    "ntp ntp-service undo multicast-server multicast-client ipv6 ttl 3 port 123 version 4 224.1.1.1 ff0e::1 display s "
    "authentication-keyid 42 authentication-mode hmac-sha256 cipher interface 100ge 1/0/1"
)


@given(st.lists(st.sampled_from(WORDS.split()), max_size=9), st.sampled_from(list(View)))
def test_any_mix_of_words_matches_or_gets_a_caret(words: list[str], view: View) -> None:
    line = " ".join(words)
    try:
        grammar_of("ce-v300r023", False).tables[view].match(line)
    except CaretRefusal as refused:
        assert 0 <= refused.position <= len(line)
