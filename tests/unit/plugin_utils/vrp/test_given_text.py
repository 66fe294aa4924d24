# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A text that somebody gives for the state parsed: what is no configuration is not an empty one."""

from __future__ import annotations

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import options_from_configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import ParseError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import parse_given_text

STATUS = """ clock status: synchronized
 clock stratum: 3
 reference clock ID: 192.0.2.1
 nominal frequency: 100.0000 Hz
"""
HTML = """<!DOCTYPE html>
<html><head><title>401 Unauthorized</title></head>
<body><h1>Unauthorized</h1></body></html>
"""
REFUSALS = {
    "nothing": "",
    "blanks": " \r\n\n  \n",
    "a prompt alone": "<CE1>display current-configuration\n<CE1>\n",
    "a refusal": "Error: You do not have permission to run the command or the command is incomplete.\n",
    "a refusal behind its command": "<CE1>display current-configuration\n  ^\nError[1]: Unrecognized command\n<CE1>",
    "a refusal of a firewall": "HRP_A<FW1>display current-configuration\nError: Failed to pass the authorization.\n",
    "HTML": HTML,
    "JSON": '{"ntp": {"authentication": true}}\n',
    "another display": STATUS,
    "another display with its command": f"<CE1>display ntp status\n{STATUS}<CE1>\n",
    "prose": "The file was not found on the server, please try again later.\nntp is a protocol.\n",
    "a transcript": "<CE1>system-view\n[~CE1]display this\n[~CE1]quit\n",
    "XML": '<?xml version="1.0"?>\n<rpc-reply><data/></rpc-reply>\n',
    "a list": "['#', 'ntp authentication enable']\n",
    "a login": "Info: The max number of VTY users is 21.\n      The current login time is 2026-01-02.\n<CE1>\n",
}


@pytest.mark.parametrize("case", ["XML", "a list"])
def test_what_is_taken_for_a_prompt_is_not_nothing(case: str) -> None:
    with pytest.raises(ParseError, match="Its first line is"):
        parse_given_text(REFUSALS[case])


ONE = "#\nntp server disable\n#\nreturn\n"
OTHER = "#\nntp authentication enable\n#\nreturn\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<A>display current-configuration", "<B>display current-configuration"),
        ("HRP_M<A>display current-configuration", "HRP_M<B>dis cu"),
        ("<CE-1>display current-configuration", "<CE-2>display current-configuration"),
        ("[~A-Vlanif1]display this", "[~B-Vlanif1]display this"),
        ("!Software Version V200R005C10", "!Software Version V200R005C10"),
        ("[V200R009C00SPC500]", "[V200R009C00SPC500]"),
        ("#\n sysname A", "#\n sysname B"),
        ("#\nsysname A", "#\nsysname B"),
    ],
)
def test_two_texts_are_not_one(one: str, other: str) -> None:
    with pytest.raises(ParseError, match=r"more than one|two devices"):
        parse_given_text(f"{one}\n{ONE}{other}\n{OTHER}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<A>display current-configuration", "<A>display this"),
        ("<CE-1>display current-configuration", "[~CE-1]display this"),
        ("<CE-1>display current-configuration", "[~CE-1-Vlanif100]display this"),
        ("HRP_M<A>display this", "HRP_S<A>display this"),
        ("[~A-Vlanif1]display this", "[~A]display this"),
    ],
)
def test_two_displays_of_one_device_are(one: str, other: str) -> None:
    found = parse_given_text(f"{one}\n{ONE}{other}\n{OTHER}").found.configuration
    assert found.authentication is not None and found.authentication.enabled


def test_a_mark_of_the_order_of_octets_is_no_text() -> None:
    found = parse_given_text("\ufeffntp authentication enable\n#\nreturn\n").found
    assert (options_from_configuration(found.configuration)["authentication"], found.unknown) == ({"enabled": True}, ())


@pytest.mark.parametrize("text", REFUSALS.values(), ids=REFUSALS)
def test_what_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="Give the text of 'display current-configuration'"):
        parse_given_text(text)


def test_the_words_of_a_refusal_are_told() -> None:
    with pytest.raises(ParseError, match="Failed to pass the authorization"):
        parse_given_text(REFUSALS["a refusal of a firewall"])


@pytest.mark.parametrize(
    "text",
    [
        "#\nntp authentication enable\n#\ninterface Vlanif1\n",
        "ntp authentication enable\n",
        "#\nvlan batch 2\n#\n",
        "#\nreturn\n#\ninterface Vlanif1\n ntp multicast-client\n",
    ],
)
def test_a_text_without_its_end_is_doubtful(text: str) -> None:
    (warning,) = parse_given_text(text).warnings
    assert "does not end with 'return'" in warning


@pytest.mark.parametrize(
    "text",
    [
        "!Software Version V200R005C10\n#\nvlan batch 2\n#\nreturn\n",
        "<CE1>display current-configuration\n#\nvlan batch 2\n#\nreturn\n<CE1>",
        "#\ninterface Vlanif1\n#\nreturn",
        "system-view\ninterface Vlanif1\nntp multicast-client\nquit\ncommit\n",
    ],
)
def test_a_whole_text_is_not(text: str) -> None:
    assert parse_given_text(text).warnings == ()


def test_a_device_without_ntp_has_an_empty_configuration() -> None:
    given = parse_given_text("#\nvlan batch 2\n#\nreturn\n")
    assert options_from_configuration(given.found.configuration) == {}


FOREIGN_KEYS = [
    "ntp authentication-key 1 md5 GEHEIM",
    "ntp authentication-key 1 md5 7 GEHEIM",
    "ntp authentication-key 1 hmac-sha2-256 0 GEHEIM",
    "ntp server 10.0.0.1 key GEHEIM",
    "ntp server 10.0.0.1 Key:GEHEIM",
    "ntp server 10.0.0.1 key=GEHEIM prefer",
    "ntp server 10.0.0.1 password GEHEIM x y",
    "ntp server 10.0.0.1 passwd GEHEIM",
    "ntp server 10.0.0.1 passphrase 'GEHEIM'",
    "ntp shared-secret GEHEIM",
    "ntp authentication-mode x GEHEIM",
    "ntp file ftp://user:GEHEIM@192.0.2.1/ntp.cfg",
    "ntp SECRET GEHEIM",
    "ntp authentication md5 GEHEIM",
    "ntp authentication 1 sha256 GEHEIM",
    "ntp authentication 1 aes128cmac GEHEIM",
    "ntp auth-token GEHEIM",
    "ntp psk GEHEIM",
    "ntp-service authentication-keyid 42 authentication-mode sm3 simple GEHEIM",
    "ntp authentication-keyid 42 value ttl GEHEIM",
    "ntp authentication-keyid 42 ttl 5 key GEHEIM",
    "ntp authentication-keyid GEHEIM",
    "ntp encrypted GEHEIM",
    "ntp unheard-of plain GEHEIM",
    "ntp <key>GEHEIM</key>",
    'ntp {"key":"GEHEIM"}',
    'ntp "secret" GEHEIM',
    "ntp passcode GEHEIM",
    "ntp private GEHEIM",
    "ntp cookie GEHEIM",
    "ntp bearer GEHEIM",
    "ntp x sha GEHEIM",
    "ntp mac GEHEIM",
    "ntp kid GEHEIM",
    "ntp auth-mode x GEHEIM",
    "ntp base64 GEHEIM",
    "ntp hex GEHEIM",
    "ntp kennwort GEHEIM",
    "ntp clave GEHEIM",
    "ntp \u5bc6\u94a5 GEHEIM",
]


@pytest.mark.parametrize("line", FOREIGN_KEYS)
@pytest.mark.parametrize("place", ["system", "interface", "behind"])
def test_no_key_of_any_syntax_is_told(line: str, place: str) -> None:
    text = {
        "system": f"#\n{line}\n#\nreturn\n",
        "interface": f"#\ninterface Vlanif1\n {line}\n#\nreturn\n",
        "behind": f"#\n---- {line}\n#\nreturn\n",
    }[place]
    found = parse_given_text(text).found
    assert place == "behind" or len(found.unknown) == 1
    assert "GEHEIM" not in repr(found)


@pytest.mark.parametrize(
    "line", ["ntp multicast-server 10.0.0.1 authentication-keyid 42 ttl 16", "ntp multicast-server port 124"]
)
def test_a_line_without_a_secret_is_told_whole(line: str) -> None:
    assert parse_given_text(f"#\ninterface Vlanif1\n {line}\n#\nreturn\n").found.unknown == (line,)


def test_what_acts_on_a_terminal_is_written_out() -> None:
    (told,) = parse_given_text("#\nntp x\x9d\u202e\x07\n#\nreturn\n").found.unknown
    assert told == "ntp x\\x9d\\x202e\\x07"


@pytest.mark.parametrize("text", ["#\nreturn\n", f"<CE1>display ntp status\n{STATUS}#\nreturn\n"])
def test_a_frame_around_nothing_is_told(text: str) -> None:
    (warning,) = parse_given_text(text).warnings
    assert "No line of configuration" in warning


def test_a_device_without_ntp_is_none() -> None:
    assert parse_given_text("#\nsysname CE1\n#\nreturn\n").warnings == ()
