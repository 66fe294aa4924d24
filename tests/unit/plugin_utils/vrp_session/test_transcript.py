# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a transcript holds, and above all what it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.masking import MASK
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import SessionError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Session, Timeouts
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.questions import PromptContext
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transcript import Transcript, without_secrets

SECRET = "Zq7-Lantern-Fog!"
KEY_LINE = f"ntp authentication-keyid 42 authentication-mode md5 cipher {SECRET}"
ASKED = "Warning: The current configuration will be written to the device. Continue? [Y/N]:"
WHOLE = {"frame_end": "return"}


def recorded(
    device: Any, lines: list[tuple[str, dict[str, Any]]], *, anonymous: bool = False, **names: Any
) -> list[dict[str, Any]]:
    """The entries of a session that sends these lines, without the login's."""
    written: list[str] = []
    recorder = Transcript(written.append, session="1", anonymous=anonymous, **names)
    session = Session(device, Timeouts(login=5, command=5, commit=5), recorder=recorder)
    session.login()
    for line, options in lines:
        try:
            session.show(line, **options) if line.startswith("display") else session.ask(line, **options)
        except SessionError:
            break
    return [json.loads(line) for line in written][1:]


def test_lines_answers_and_questions(paper: Any) -> None:
    def ask(device: Any) -> str:
        device.answers["Y"] = "\r\nInfo: Saved.\r\n"
        return ASKED

    device = paper({"display clock": "12:00:00\r\nMonday\r\n", "save": ask})
    clock, save = recorded(device, [("display clock", {}), ("save", {"occasion": PromptContext.SAVE})])
    assert clock["line"] == "display clock"
    assert clock["shown"] == [["12:00:00", "Monday"]]
    assert clock["prompt"] == "<CE1>"
    assert save["replies"] == ["Y"]
    assert save["shown"][0] == [ASKED]
    assert [row for row in save["shown"][1] if row] == ["Info: Saved."]


@pytest.mark.parametrize(
    "answer",
    [
        f"Error: {SECRET} is wrong.\r\n",
        f"Error: {SECRET[:9]}\r\n{SECRET[9:]} is wrong.\r\n",
        f"Error: {SECRET[:3]} \x1b[1D\r\n {SECRET[3:]} is wrong.\r\n",
        "%^%#abcdef\r\nghi%^%# is wrong\r\n",
        "$1c$abcdefghi$ is wrong\r\n",
    ],
)
def test_no_secret_however_it_is_broken(paper: Any, answer: str) -> None:
    entries = recorded(paper({KEY_LINE: answer}), [(KEY_LINE, {"secrets": [SECRET]})])
    assert entries[0]["line"] == KEY_LINE.replace(SECRET, MASK)
    bare = "".join(json.dumps(entries).split())
    assert "Lantern" not in bare and "Zq7" not in bare and "abcdef" not in bare


@pytest.mark.parametrize("echo", [KEY_LINE[::2], KEY_LINE[:-7], KEY_LINE.replace("-", "")])
def test_nothing_is_taken_down_of_a_broken_echo(paper: Any, echo: str) -> None:
    device = paper()
    device._answer = lambda line: device.emit(f"{echo}\r\nInfo: ok\r\n<CE1>" if line == KEY_LINE else "\r\n<CE1>")
    (entry,) = recorded(device, [(KEY_LINE, {"secrets": [SECRET]})])
    assert (entry["shown"], entry["prompt"]) == ([[]], "")


def test_what_breaks_off_is_told_when_no_secret_was_sent(paper: Any) -> None:
    def break_off(device: Any) -> str:
        device.no_prompt = True
        return "#\r\nsysname CE1\r\n#\r\ninterf"

    (entry,) = recorded(paper({"display current-configuration": break_off}), [("display current-configuration", WHOLE)])
    assert entry["shown"] == [["#", "sysname CE1", "#", "interf"]]
    assert entry["prompt"] == ""


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            " ntp authentication-keyid 7 authentication-mode md5 =W6JJ`N_LBKQ=^Q`MAF4<1!!",
            "authentication-mode md5 cipher",
        ),
        ("ntp-service authentication-keyid 7 authentication-mode hmac-sha256 plain abc", "hmac-sha256 cipher"),
        ("snmp-agent community read cipher abc", "snmp-agent community"),
        (" local-user ops password simple abc", "password"),
        (" radius-server shared-key abc", "shared-key"),
        (" pre-shared-key abc", "pre-shared-key"),
    ],
)
def test_a_stored_secret_in_any_form(row: str, expected: str) -> None:
    told = without_secrets(row)
    assert expected in told and told.endswith(MASK) and "abc" not in told and "JJ" not in told


CONFIGURATION = """#
sysname CE1
#
aaa
 local-user captain privilege level 3
#
header login information "
Property of Brightwater Freight
"
#
interface 100GE1/0/1
 description to Brightwater
 undo portswitch
 ip address 10.1.2.3 255.255.255.0
 ipv6 address fe80::17 link-local
 ntp multicast-server 224.0.1.1 authentication-keyid 42 ttl 9
#
bgp 65001
 peer 10.9.9.9 as-number 65002
#
ntp unicast-server 10.1.2.3 vpn-instance harbour-vpn
ntp unicast-server domain clock.brightwater.example
#
return
"""


def test_of_a_configuration_nothing_is_kept_that_names_somebody(paper: Any) -> None:
    device = paper({"display current-configuration": CONFIGURATION.replace("\n", "\r\n")})
    (entry,) = recorded(device, [("display current-configuration", WHOLE)], anonymous=True)
    rows = entry["shown"][0]
    assert rows[-1] == "return"
    assert "interface 100GE1/0/1" in rows and " ip address 198.18.0.1 255.255.255.0" in rows
    assert " ntp multicast-server 224.0.1.1 authentication-keyid 42 ttl 9" in rows
    assert "ntp unicast-server 198.18.0.1 vpn-instance name-1" in rows
    whole = json.dumps(entry)
    for name in ("CE1", "captain", "rightwater", "10.1.2.3", "10.9.9.9", "65001", "harbour", "fe80::17"):
        assert name not in whole, name


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        ("Error: The configuration is locked by captain. [Session ID = 4]", "captain"),
        ("Info: User captain has logged in from 10.1.2.3 through SSH.", "10.1.2.3"),
        ("Error: 'harbour-label' exists.", "harbour"),
        ("Error: VPN instance harbour does not exist.", "harbour"),
        ("vpn-instance: harbour", "harbour"),
        ("Info: ops of CE1, on 00e0-fc12-3456", "ops"),
        ("Info: ops of CE1, on 00e0-fc12-3456", "00e0"),
        ("Info: ops of CE1, on 00e0-fc12-3456", "CE1"),
    ],
)
def test_in_messages_names_are_replaced_and_words_stay(paper: Any, said: str, hidden: str) -> None:
    (entry,) = recorded(paper({"commit": f"{said}\r\n"}), [("commit", {})], anonymous=True, names=["ops", "10.0.0.1"])
    (row,) = entry["shown"][0]
    assert hidden not in json.dumps(entry)
    assert row.startswith(said.split()[0])


def test_other_displays_are_left_out_when_anonymous(paper: Any) -> None:
    device = paper({"display lldp neighbor brief": "100GE1/0/1  captains-switch  120\r\n"})
    (entry,) = recorded(device, [("display lldp neighbor brief", {})], anonymous=True)
    assert "captain" not in json.dumps(entry)
