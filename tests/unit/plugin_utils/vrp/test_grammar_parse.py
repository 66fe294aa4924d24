# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read out of the text of a device, whatever form the text has (facts 1.1 to 2.3)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import Algorithm, Key, Secret
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import options_from_configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import ParseError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import (
    InterfaceFacts,
    interface_name,
    parse_configuration,
)


def options(text: str, dialect: Dialect | None = None) -> dict[str, Any]:
    return options_from_configuration(parse_configuration(text, dialect).configuration)


def key(line: str) -> Key:
    (found,) = parse_configuration(line).configuration.authentication.keys
    return found


CIPHERTEXTS = [
    "%^%#5_TD+l')]GVp>0:^0zBMN{%V;<_rw:v7E3,1X}C/%^%#",
    '%+%#JA!v6M22=Gg\\{>U.lx%#)c%yY}0*"/`5mi><QS)L%+%#',
    "%#%#a b  c ? | \" ' $\\ [~CE1]%#%#",
    "%@%@rob%'[{S0IcI6$Y.xM]+,1e*%@%@",
    '%@%##!!!!!!!!!"!!!!"!!!!*!!!![*H-100GE1/0/1]<H>%@%#',
    "%^%#... cipher authentication-mode md5 ...%^%#",
]


@pytest.mark.parametrize("ciphertext", CIPHERTEXTS)
@pytest.mark.parametrize("algorithm", list(Algorithm))
@pytest.mark.parametrize(("word", "end"), [("ntp", "\n"), ("ntp-service", "\r\n"), ("ntp", "  \r\n")])
def test_keys_with_any_printable_ciphertext(word: str, end: str, algorithm: Algorithm, ciphertext: str) -> None:
    line = f"{word} authentication-keyid 4294967295 authentication-mode {algorithm.value} cipher {ciphertext}{end}"
    assert key(line) == Key(4294967295, algorithm, None, Secret(ciphertext), False)


def test_a_key_that_was_typed_in_plain_text() -> None:
    assert key("ntp authentication-keyid 1 authentication-mode md5 Huawei 12345") == Key(
        1, Algorithm.MD5, Secret("Huawei 12345"), None, False
    )


def test_key_1_is_not_key_10() -> None:
    text = "\n".join(
        f"ntp authentication-keyid {number} authentication-mode md5 cipher %^%#{'x' * 44}%^%#" for number in (1, 10)
    )
    text += "\nntp trusted authentication-keyid 10\n"
    keys = parse_configuration(text).configuration.authentication.keys
    assert [(found.id, found.trusted) for found in keys] == [(1, False), (10, True)]


@pytest.mark.parametrize(
    ("lines", "enabled"),
    [
        ("ntp authentication enable\nntp server disable\nntp ipv6 server disable", False),
        ("ntp authentication enable\nundo ntp server disable", True),
        ("ntp authentication enable", True),
        ("undo ntp-service server disable\nntp-service authentication enable", True),
        ("ntp-service server disable\nntp-service unicast-server 10.0.0.1", False),
    ],
)
def test_the_server_function_in_its_three_forms(lines: str, enabled: bool) -> None:
    assert options(f"#\n{lines}\n#\nreturn\n")["server"]["enabled"] is enabled


@pytest.mark.parametrize(
    ("enabled", "ipv6_disabled", "ipv6_served", "expected"),
    [
        (True, True, False, True),  # IPv6 does not matter here
        (True, True, True, None),  # the families differ, and both matter: one option can't say it
        (False, True, True, False),
        (True, False, True, True),
    ],
)
def test_one_option_stands_for_both_families(
    enabled: bool, ipv6_disabled: bool, ipv6_served: bool, expected: bool | None
) -> None:
    text = "ntp authentication enable\n"
    text += "" if enabled else "ntp server disable\n"
    text += "ntp ipv6 server disable\n" if ipv6_disabled else ""
    text += "#\ninterface Vlanif1\n ntp multicast-server ipv6\n" if ipv6_served else ""
    assert options(text).get("server", {}).get("enabled") is expected


def test_listening_sources() -> None:
    text = """#
ntp server source-interface all disable
ntp ipv6 server source-interface all enable
ntp ipv6 server source-address FD00::0001
ntp server source-interface vlanif 100
ntp server source-interface 100GE1/0/1
ntp ipv6 server source-address FD00::2 vpn-instance red
ntp server physic-isolate source-interface Vlanif9 source-address 10.0.0.1
#
"""
    found = parse_configuration(text)
    assert options_from_configuration(found.configuration)["server"]["listen"] == [
        "100GE1/0/1",
        "Vlanif100",
        "::",
        "fd00::1",
    ]
    assert found.automatic == ("ntp server source-interface all disable",)
    assert found.unknown == ()


@pytest.mark.parametrize("word", ["ntp", "ntp-service"])
def test_authentication_is_as_its_last_line_says(word: str) -> None:
    on, off = f"{word} authentication enable\n", f"undo {word} authentication enable\n"
    for text, enabled in ((on, True), (off, False), (on + off, False), (off + on, True)):
        assert parse_configuration(text).configuration.authentication.enabled is enabled


@pytest.mark.parametrize(
    ("line", "stratum"),
    [
        ("ntp refclock-master", 8),
        ("ntp refclock-master 2", 2),
        ("ntp refclock-master 127.127.1.0", 8),
        ("ntp refclock-master 127.127.1.0 15", 15),
        ("ntp refclock-master 127.127.1.1 3", None),  # another clock than the one of the model: left alone
    ],
)
def test_reference_clock(line: str, stratum: int | None) -> None:
    found = parse_configuration(line)
    assert found.configuration.server.reference_stratum == stratum
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("line", "server"),
    [
        ("multicast-server", {"afi": "ipv4", "address": "224.0.1.1"}),
        ("multicast-server 239.1.2.3", {"afi": "ipv4", "address": "239.1.2.3"}),
        (
            "multicast-server 224.0.1.1 authentication-keyid 42 ttl 16 version 4 port 5000",
            {"afi": "ipv4", "address": "224.0.1.1", "key_id": 42, "ttl": 16, "version": 4, "port": 5000},
        ),
        (
            "multicast-server port 5000 version 2 ttl 255 authentication-keyid 1",
            {"afi": "ipv4", "address": "224.0.1.1", "key_id": 1, "ttl": 255, "version": 2, "port": 5000},
        ),
        ("multicast-server version 3 port 123", {"afi": "ipv4", "address": "224.0.1.1"}),
        ("multicast-server ipv6", {"afi": "ipv6", "address": "ff0e::101"}),
        ("multicast-server ipv6 FF0E::0101", {"afi": "ipv6", "address": "ff0e::101"}),
        (
            "multicast-server ipv6 FF05::101 port 1025 authentication-keyid 70000",
            {"afi": "ipv6", "address": "ff05::101", "key_id": 70000, "port": 1025},
        ),
    ],
)
@pytest.mark.parametrize("word", ["ntp", "ntp-service"])
def test_multicast_servers(word: str, line: str, server: dict[str, Any]) -> None:
    text = f"#\ninterface 100GE1/0/1\n undo portswitch\n {word} {line} \n#\nreturn\n"
    assert options(text)["interfaces"] == [{"name": "100GE1/0/1", "servers": [server]}]


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("multicast-client", "224.0.1.1"),
        ("multicast-client 239.1.2.3", "239.1.2.3"),
        ("multicast-client ipv6", "ff0e::101"),
        ("multicast-client ipv6 FF05::101", "ff05::101"),
    ],
)
def test_multicast_clients(line: str, address: str) -> None:
    text = f"#\ninterface Vlanif100\n ntp {line}\n#\n"
    (interface,) = options(text)["interfaces"]
    assert [client["address"] for client in interface["clients"]] == [address]


@pytest.mark.parametrize(
    "line",
    [
        "multicast-server 10.0.0.1",
        "multicast-server ttl 0",
        "multicast-server ttl 16 ttl 17",
        "multicast-server ttl",
        "multicast-server port 124",
        "multicast-server 224.0.1.1 239.1.1.1",
        "multicast-server ipv6 version 4",
        "multicast-client 224.0.1.1 ttl 3",
        "multicast-something",
    ],
)
def test_lines_that_are_not_understood_are_told(line: str) -> None:
    found = parse_configuration(f"#\ninterface Vlanif100\n ntp {line}\n#\n")
    assert found.unknown == (f"ntp {line}",)
    assert found.configuration.interfaces == ()
    assert found.configuration.foreign_lines


@pytest.mark.parametrize(
    "line",
    [
        "ntp authentication-keyid 42 authentication-mode sm3 cipher GEHEIM",
        "ntp authentication-keyid 0 authentication-mode md5 GEHEIM",
        "ntp authentication-keyid 42 authentication-mode md5cipher GEHEIM",
        "ntp authentication-keyid 42 GEHEIM",
        "ntp unheard-of cipher GEHEIM",
        "ntp auth GEHEIM",
        "ntp authenticate GEHEIM",
        "ntp server 10.0.0.1 shared GEHEIM",
        "ntp server 10.0.0.1 auth-string GEHEIM",
        "ntp server 10.0.0.1 sm4 GEHEIM",
        "ntp authentication enable GEHEIM",
        "ntp unheard-of %^%#GEHEIM%^%#",
    ],
)
def test_no_key_text_is_told(line: str) -> None:
    found = parse_configuration(line)
    assert len(found.unknown) == 1
    assert "GEHEIM" not in repr(found)


def test_a_multicast_line_without_its_interface_is_not_understood() -> None:
    found = parse_configuration("#\n ntp multicast-server\n#\n")
    assert found.unknown == ("ntp multicast-server",)


def test_a_filtered_display_that_keeps_the_interfaces() -> None:
    text = "ntp authentication enable\ninterface 100GE1/0/1\n ntp multicast-client\ninterface 100GE1/0/2\n#\n"
    assert options(text)["interfaces"] == [{"name": "100GE1/0/1", "clients": [{"afi": "ipv4", "address": "224.0.1.1"}]}]


def test_known_lines_that_are_not_ours() -> None:
    text = """#
ntp unicast-peer 10.0.0.1 authentication-keyid 7
ntp unicast-peer ipv6 FD00::1
ntp unicast-server domain time.example.com iburst
ntp unicast-server 10.0.0.1 vpn-instance "with a blank"
ntp access peer 2000 ipv6 2002
ntp kod-enable
ntp discard min-interval 4 avg-interval 4
ntp max-dynamic-sessions 50
ntp source-interface LoopBack0 vpn-instance red
ntp authentication-keyid 7 authentication-mode md5 cipher %^%#xxxxxxxxxxxxxxxxxxxx%^%#
ntp authentication-keyid 8 authentication-mode md5 cipher %^%#xxxxxxxxxxxxxxxxxxxx%^%#
#
interface Vlanif1
 ntp broadcast-server authentication-keyid 9
 ntp receive disable
#
"""
    found = parse_configuration(text)
    assert found.unknown == ()
    assert found.configuration.foreign_lines
    assert [(k.id, k.used_elsewhere) for k in found.configuration.authentication.keys] == [(7, True), (8, False)]


def test_facts_of_interfaces() -> None:
    text = """#
interface 100GE1/0/1
 undo portswitch
 ipv6 enable
 ip address 10.0.1.31 255.255.255.0
 ip address 10.0.2.31 255.255.255.0 sub
 ipv6 address FD00::1/64
#
interface 100GE1/0/2
 portswitch
#
interface 100ge 1/0/3
#
interface 10GE1/0/1.1 mode l2
#
"""
    assert parse_configuration(text).interfaces == {
        "100GE1/0/1": InterfaceFacts(
            False, True, ("10.0.1.31 255.255.255.0", "10.0.2.31 255.255.255.0 sub"), ("FD00::1/64",)
        ),
        "100GE1/0/2": InterfaceFacts(True),
        "100GE1/0/3": InterfaceFacts(None),
        "10GE1/0/1.1": InterfaceFacts(None),
    }


def test_surroundings_do_not_matter() -> None:
    body = "#\nntp authentication enable\n#\ninterface Vlanif100\n ntp multicast-client\n#\nreturn\n"
    around = [
        body,
        "2024-06-08 13:04:22.667 +03:00\n!Software Version V300R023C00\n!grpc X\n" + body + "<CE1>",
        "[V200R009C00SPC500]\n" + body,
        body.replace("\n", "\r\n"),
        body.replace("#\ninterface", "#\n#\naaa\n #\n ntp-like words\n#\ninterface"),
        body.replace(
            "authentication enable\n", "authentication enable\n  ---- More ----\x1b[16D                \x1b[16D"
        ),
        '#\nheader login information "\n#\nntp server source-interface all enable\nsysname X\n"\n' + body,
        "#\nheader shell information %one line%\n" + body,
        "#\nheader shell information %never closed\n" + body,
        "~ntp max-distance 1\n" + body,
        body.replace("interface", "*interface"),
        body.replace("authentication", "  authentication"),
        body + body,
    ]
    for text in around:
        found = parse_configuration(text)
        assert found.unknown == (), text
        assert options_from_configuration(found.configuration) == {
            "authentication": {"enabled": True},
            "server": {"enabled": True},
            "interfaces": [{"name": "Vlanif100", "clients": [{"afi": "ipv4", "address": "224.0.1.1"}]}],
        }, text


def test_an_ntp_line_in_another_view_is_not_ours() -> None:
    found = parse_configuration("#\naaa\n ntp authentication enable\n#\nvlan batch 2\n")
    assert found.unknown == ("ntp authentication enable",)
    assert found.configuration.authentication.enabled is False


def test_the_first_spelling_decides() -> None:
    found = parse_configuration("ntp-service authentication enable\nntp server disable\n")
    assert found.dialect is Dialect.NTP_SERVICE
    assert found.unknown == ("ntp server disable",)


def test_a_given_dialect_decides() -> None:
    found = parse_configuration("ntp-service authentication enable\n", Dialect.NTP)
    assert found.dialect is Dialect.NTP
    assert found.unknown == ("ntp-service authentication enable",)


def test_nothing_says_nothing() -> None:
    found = parse_configuration("")
    assert found.dialect is None
    assert options_from_configuration(found.configuration) == {}


def test_two_systems_are_refused() -> None:
    with pytest.raises(ParseError, match="sysname A and sysname B"):
        parse_configuration("#\nsysname A\n#\nreturn\n#\nsysname B\n#\n")


def test_the_same_system_twice_is_one() -> None:
    text = "#\nsysname A\n#\nreturn\n"
    parse_configuration(text + text)


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("100ge 1/0/1", "100GE1/0/1"),
        ("100GE1/0/22:1", "100GE1/0/22:1"),
        ("vlanif 100", "Vlanif100"),
        ("eth-trunk 7.11", "Eth-Trunk7.11"),
        ("gigabitethernet 0/1/0 ", "GigabitEthernet0/1/0"),
        ("loopback0", "LoopBack0"),
        ("null0", "NULL0"),
        ("Unheard-Of 3", "Unheard-Of3"),
        ("eth0", "eth0"),
    ],
)
def test_interface_names(typed: str, printed: str) -> None:
    assert interface_name(typed) == printed
    assert interface_name(printed) == printed


_WORDS = st.sampled_from(
    [
        *("ntp", "ntp-service", "undo", "server", "disable", "ipv6", "authentication", "authentication-keyid"),
        *("authentication-mode", "cipher", "md5", "enable", "trusted", "reliable", "multicast-server"),
        *("multicast-client", "ttl", "version", "port", "source-interface", "all", "interface", "100GE1/0/1"),
        *("sysname", "A", "#", "header", "login", "information", '"', "return", "refclock-master", "127.127.1.1"),
        *("42", "224.0.1.1", "FF0E::101", "----", "More"),
    ]
)
_LINES = st.lists(_WORDS | st.text(max_size=8), max_size=9).map(" ".join)
_TEXTS = st.lists(st.tuples(st.sampled_from(["", " ", "  "]), _LINES).map("".join), max_size=25).map("\n".join)


@settings(max_examples=400, deadline=None)
@given(_TEXTS | st.text(max_size=300), st.none() | st.sampled_from(Dialect))
def test_no_text_harms(text: str, dialect: Dialect | None) -> None:
    try:
        found = parse_configuration(text, dialect)
    except ParseError as error:
        assert any(words in str(error) for words in ("more than one device", "is cut", "rest of a pager"))
        return
    options_from_configuration(found.configuration)
    assert found.configuration.authentication and found.configuration.server


def test_lines_outside_of_the_model_are_told_with_their_view_and_without_secrets() -> None:
    found = parse_configuration(
        "#\nntp unicast-peer 192.0.2.1 authentication-keyid 42\nntp authentication-password cipher Stone-Harbour\n"
        "ntp refclock-master 2\n#\ninterface Vlanif10\n ntp multicast-client\n ntp receive disable\n#\nreturn\n"
    )
    assert found.outside == (
        "ntp unicast-peer 192.0.2.1 authentication-keyid 42",
        "ntp authentication-password ********",
        "interface Vlanif10: ntp receive disable",
    )
