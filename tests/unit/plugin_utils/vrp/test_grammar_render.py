# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that are typed are exactly those of the manuals, in an order in which each finds what it needs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import UserError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.model import EMPTY
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import configuration_from_options
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.plan import State, plan
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.validation import problems
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import (
    configuration_text,
    parse_configuration,
    render_changes,
    render_configuration,
    typed_lines,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.lines import ConfigurationLine

SECRETS = {
    "md5": "Huawei-12345",
    "hmac-sha256": "YsHsjx_202206",
    "aes-128-cmac": "Aes-128-Secret-1",
    "aes-256-cmac": "Aes-256-Secret-1-Aes-256-Secret!",
}


def procedure(algorithm: str) -> dict[str, Any]:
    """The procedure of the manual: a key, an IPv4 and an IPv6 server, and a client of each."""
    return {
        "authentication": {
            "enabled": True,
            "keys": [{"id": 42, "algorithm": algorithm, "secret": SECRETS[algorithm], "trusted": True}],
        },
        "server": {"enabled": True, "listen": ["vlanif 100", "fd00::1"], "reference_stratum": 2},
        "interfaces": [
            {
                "name": "100ge 1/0/1",
                "servers": [
                    {"address": "224.0.1.1", "key_id": 42, "ttl": 16, "version": 4, "port": 123},
                    {"address": "ff0e::101", "key_id": 42, "ttl": 32, "port": 5000},
                ],
            },
            {"name": "Vlanif100", "clients": [{"address": "224.0.1.1"}, {"address": "ff0e::101"}]},
        ],
    }


@pytest.mark.parametrize("algorithm", SECRETS)
def test_the_procedure_on_cloudengine(algorithm: str) -> None:
    lines = [
        "system-view",
        "ntp authentication enable",
        f"ntp authentication-keyid 42 authentication-mode {algorithm} {SECRETS[algorithm]}",
        "ntp trusted authentication-keyid 42",
        "ntp refclock-master 2",
        "ntp server source-interface Vlanif100",
        "ntp ipv6 server source-address FD00::1",
        "interface 100GE1/0/1",
        "ntp multicast-server 224.0.1.1 authentication-keyid 42 ttl 16 version 4 port 123",
        "ntp multicast-server ipv6 FF0E::101 authentication-keyid 42 ttl 32 port 5000",
        "quit",
        "interface Vlanif100",
        "ntp multicast-client 224.0.1.1",
        "ntp multicast-client ipv6 FF0E::101",
        "quit",
        "undo ntp server disable",
        "undo ntp ipv6 server disable",
        "commit",
    ]
    assert problems(procedure(algorithm), platform="vrp") == []
    wanted = configuration_from_options(procedure(algorithm))
    assert typed_lines(render_configuration(wanted, Dialect.NTP)) == lines
    assert typed_lines(render_changes(plan(EMPTY, wanted, state=State.MERGED).changes, Dialect.NTP)) == lines


@pytest.mark.parametrize("algorithm", SECRETS)
def test_the_procedure_on_netengine(algorithm: str) -> None:
    wanted = configuration_from_options(procedure(algorithm))
    assert typed_lines(render_changes(plan(EMPTY, wanted, state=State.MERGED).changes, Dialect.NTP_SERVICE)) == [
        "system-view",
        "ntp-service authentication enable",
        f"ntp-service authentication-keyid 42 authentication-mode {algorithm} cipher {SECRETS[algorithm]}",
        "ntp-service reliable authentication-keyid 42",
        "ntp-service refclock-master 2",
        "ntp-service server source-interface Vlanif100",
        "ntp-service ipv6 server source-address FD00::1",
        "interface 100GE1/0/1",
        "ntp-service multicast-server 224.0.1.1 authentication-keyid 42 ttl 16 version 4 port 123",
        "ntp-service multicast-server ipv6 FF0E::101 authentication-keyid 42 ttl 32 port 5000",
        "quit",
        "interface Vlanif100",
        "ntp-service multicast-client 224.0.1.1",
        "ntp-service multicast-client ipv6 FF0E::101",
        "quit",
        "undo ntp-service server disable",
        "undo ntp-service ipv6 server disable",
        "commit",
    ]


def test_the_way_back() -> None:
    wanted = configuration_from_options(procedure("hmac-sha256"))
    present = plan(EMPTY, wanted, state=State.MERGED).predicted
    changes = plan(present, configuration_from_options({}), state=State.DELETED).changes
    assert typed_lines(render_changes(changes, Dialect.NTP)) == [
        "system-view",
        "interface 100GE1/0/1",
        "undo ntp multicast-server 224.0.1.1",
        "undo ntp multicast-server ipv6 FF0E::101",
        "quit",
        "interface Vlanif100",
        "undo ntp multicast-client 224.0.1.1",
        "undo ntp multicast-client ipv6 FF0E::101",
        "quit",
        "undo ntp trusted authentication-keyid 42",
        "undo ntp authentication-keyid 42",
        "undo ntp refclock-master",
        "undo ntp server source-interface Vlanif100",
        "undo ntp ipv6 server source-address FD00::1",
        "undo ntp authentication enable",
        "commit",
    ]


def test_listening_everywhere_covers_ipv6_where_it_is_served() -> None:
    server = {"enabled": True, "listen": ["all"]}

    def lines(group: str) -> list[str]:
        wanted = configuration_from_options(
            {"server": server, "interfaces": [{"name": "Vlanif1", "servers": [{"address": group}]}]}
        )
        return typed_lines(render_changes(plan(EMPTY, wanted, state=State.MERGED).changes, Dialect.NTP))

    assert lines("224.0.1.1") == [
        "system-view",
        "ntp server source-interface all enable",
        "interface Vlanif1",
        "ntp multicast-server 224.0.1.1",
        "quit",
        "undo ntp server disable",
        "commit",
    ]
    assert "ntp ipv6 server source-interface all enable" in lines("ff0e::101")


def test_listening_everywhere_ends_with_the_counterpart_of_its_line() -> None:
    present = parse_configuration(
        "ntp server source-interface all enable\nntp ipv6 server source-interface all enable\nntp refclock-master 2\n"
    ).configuration
    changes = plan(present, configuration_from_options({"server": {"listen": ["all"]}}), state=State.DELETED).changes
    assert typed_lines(render_changes(changes, Dialect.NTP)) == [
        "system-view",
        "ntp server source-interface all disable",
        "ntp ipv6 server source-interface all disable",
        "commit",
    ]


def test_nothing_to_configure_is_nothing_to_type() -> None:
    assert typed_lines(()) == []


def test_a_key_without_its_secret_has_no_line() -> None:
    wanted = configuration_from_options({"authentication": {"keys": [{"id": 42, "algorithm": "md5"}]}})
    with pytest.raises(UserError, match=r"key 42 can't be written without its algorithm and its secret"):
        render_configuration(wanted, Dialect.NTP)


@pytest.mark.parametrize("odd", "\n\r\0\t\x03\x1a\x1b\x7f\x9d\u2028\u202e\xe4")
def test_a_line_that_would_be_two_is_no_line(odd: str) -> None:
    with pytest.raises(UserError, match="other than printable ASCII") as error:
        ConfigurationLine(f"ntp authentication-keyid 1 authentication-mode md5 GEHEIM{odd}", None, (f"GEHEIM{odd}",))
    assert "GEHEIM" not in str(error.value) and odd not in str(error.value)
    with pytest.raises(UserError):
        ConfigurationLine("ntp multicast-client", f"Vlanif1{odd}sysname X")


def test_lines_hide_their_secrets() -> None:
    wanted = configuration_from_options(procedure("hmac-sha256"))
    lines = render_configuration(wanted, Dialect.NTP)
    shown = [repr(lines), " ".join(map(str, lines)), " ".join(line.masked for line in lines)]
    shown += typed_lines(lines, masked=True)
    assert not any(SECRETS["hmac-sha256"] in text for text in shown)
    assert "ntp authentication-keyid 42 authentication-mode hmac-sha256 ********" in typed_lines(lines, masked=True)


def test_a_secret_that_is_also_a_word_of_the_line() -> None:
    line = ConfigurationLine("ntp authentication-keyid 42 authentication-mode md5 md5", None, ("md5",))
    assert line.masked == "ntp authentication-keyid 42 authentication-mode md5 ********"


def test_the_text_for_a_diff_holds_no_key_text() -> None:
    device = """#
ntp server disable
ntp ipv6 server disable
ntp authentication-keyid 42 authentication-mode hmac-sha256 cipher %^%#GEHEIM%^%#
ntp trusted authentication-keyid 42
ntp refclock-master 2
ntp authentication enable
ntp server source-interface Vlanif100
#
interface Vlanif100
 ntp multicast-server 224.0.1.1 authentication-keyid 42 ttl 16
"""
    present = parse_configuration(device).configuration
    shown = configuration_text(present, Dialect.NTP)
    assert shown == device.replace("%^%#GEHEIM%^%#", "********")
    keys = [{"id": 42, "algorithm": "aes-128-cmac", "secret": SECRETS["aes-128-cmac"]}]
    wanted = configuration_from_options({"authentication": {"keys": keys}})
    predicted = configuration_text(plan(present, wanted, state=State.MERGED).predicted, Dialect.NTP)
    assert SECRETS["aes-128-cmac"] not in predicted
    assert set(predicted.splitlines()) - set(shown.splitlines()) == {
        "ntp authentication-keyid 42 authentication-mode aes-128-cmac cipher ******** (to be written)"
    }


def test_nothing_but_what_was_asked_for_is_written() -> None:
    """Fact 4.1 item 22: no default of ttl, version or port."""
    wanted = configuration_from_options({"interfaces": [{"name": "100GE1/0/1", "servers": [{"address": "239.1.2.3"}]}]})
    lines = render_configuration(wanted, Dialect.NTP)
    assert [line.text for line in lines] == ["ntp multicast-server 239.1.2.3"]
