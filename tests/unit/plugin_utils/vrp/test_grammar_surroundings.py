# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in a text beside the configuration: logs, traps, pagers, cut lines (facts 3.5, 9.1, 9.9)."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.options_codec import options_from_configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.validation import problems
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import ParseError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import parse_configuration

BLOCK = [
    "#",
    "interface Vlanif100",
    " undo portswitch",
    " ntp multicast-client 239.1.2.3",
    " ntp multicast-server",
    "#",
]
READ = {
    "interfaces": [
        {
            "name": "Vlanif100",
            "servers": [{"afi": "ipv4", "address": "224.0.1.1"}],
            "clients": [{"afi": "ipv4", "address": "239.1.2.3"}],
        }
    ],
    "server": {"enabled": True},
}
MESSAGES = {
    "date": "May 04 2026 06:07:08 CE1 %%01SSHS/4/USER_IN(l)[7]:User ops came in from 192.0.2.7.",
    "date with zone": "May  4 2026 06:07:08+02:00 CE1 %%01SSHS/4/USER_IN(l)[7]:User ops came in.",
    "short-date": "May 04 06:07:08 CE1 %%01SSHS/4/USER_IN(l)[7]:User ops came in from 192.0.2.7.",
    "format-date": "2026-05-04 06:07:08 CE1 %%01FIB/4/ECMP_LIMIT(l): ECMP groups of slot 1 reach 80 percent",
    "rfc-3339": "2026-05-04T06:07:08.123+02:00 CE1 %%01FIB/4/ECMP_LIMIT(l): ECMP groups of slot 1 reach 80 percent",
    "boot": "0.123004567 CE1 %%01FIB/4/ECMP_LIMIT(l): ECMP groups of slot 1 reach 80 percent",
    "none": "CE1 %%01FIB/4/ECMP_LIMIT(l): ECMP groups of slot 1 reach 80 percent",
    "none, a name in lower case": "ce1 %%01FIB/4/ECMP_LIMIT(l): ECMP groups of slot 1 reach 80 percent",
    "none, a trap": "ce1 IFNET/1/LINK_DOWN:OID 1.3.6.1.6.3.1.1.5.3 Interface 5 is down.\nreason: a cable",
    "wrapped": (
        "May 04 2026 06:07:08 CE1 %%01LLDP/4/NEIGHBOUR_GONE(l):CID=0x80112233;A neighbour \n"
        "aged out. (Interface=100GE1/0/9, ChassisId=00-00-5e-00-53-01, PortId=eth7, Remai\n"
        "ning=3)"
    ),
    "wrapped before the word interface": (
        "May 04 2026 06:07:08 CE1 %%01IFNET/2/DOWN(l):CID=0x80112233;The physical state of\n"
        "interface Vlanif9 turned to down"
    ),
    "wrapped with a command in it": (
        "2026-05-04 06:07:08 CE1 %%01SHELL/5/CMDRECORD(s):Record of a command. (User=ops, \n"
        'Command="ntp multicast-server 239.9.9.9")'
    ),
    "two lines": "May 04 2026 06:07:08 CE1 %%01NTP/4/SOURCE_LOST(l):The source was lost.\nreason: timeout",
    "trap": "#May 04 2026 06:07:08 CE1 IFNET/1/LINK_DOWN:OID 1.3.6.1.6.3.1.1.5.3 Interface 5 is down.",
    "trap of two lines": (
        "#2026-05-04 06:07:08 CE1 IFNET/1/LINK_DOWN:OID 1.3.6.1.6.3.1.1.5.3 Interface 5 is down.(\nifName=100GE1/0/9)"
    ),
    "trap without time": "#CE1 IFNET/1/LINK_DOWN:OID 1.3.6.1.6.3.1.1.5.3 Interface 5 is down.",
    "debugging": "*May 04 2026 06:07:08.120 CE1 ARP/7/RCV:Receive an ARP packet.\n operation : 1",
    "debugging, boot": "*0.123004567 CE1 ARP/7/RCV:Receive an ARP packet.",
    "time stamp": "2026-05-04 06:07:08.123 +03:00",
    "time stamp of a firewall": "06:07:08  2026/05/04",
    "progress": "Running: 33%",
    "in no known form": "link state changed: port five\nand a second line of it",
    "in no known form, with our word": "the ntp server went away",
}


def options(text: str) -> dict[str, Any]:
    found = parse_configuration(text)
    assert found.unknown == ()
    return options_from_configuration(found.configuration)


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
@pytest.mark.parametrize("place", range(len(BLOCK) + 1))
@pytest.mark.parametrize("blank", ["", "\n"], ids=["alone", "blank lines around"])
def test_a_message_anywhere_changes_nothing(message: str, place: int, blank: str) -> None:
    lines = [*BLOCK[:place], f"{blank}{message}{blank}", *BLOCK[place:], "return"]
    assert options("\n".join(lines)) == READ


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_a_message_between_lines_of_the_system_view(message: str) -> None:
    text = f"#\nntp authentication enable\n{message}\nntp refclock-master 2\n{message}\n#\nreturn\n"
    assert options(text) == {
        "authentication": {"enabled": True},
        "server": {"enabled": True, "reference_stratum": 2},
    }


@pytest.mark.parametrize("message", ["date", "date with zone", "short-date", "format-date", "rfc-3339"])
@pytest.mark.parametrize("place", [0, 1, 2, 3, 4])
def test_a_log_behind_a_line_is_none_of_it(message: str, place: int) -> None:
    lines = [*BLOCK[:place], BLOCK[place] + MESSAGES[message], *BLOCK[place + 1 :], "return"]
    assert options("\n".join(lines)) == READ


def test_a_block_still_ends_where_it_ends() -> None:
    text = "#\ninterface Vlanif100\n ntp multicast-client\n#\naaa\n ntp multicast-client 239.1.1.1\n#\nreturn\n"
    assert parse_configuration(text).unknown == ("ntp multicast-client 239.1.1.1",)
    text = "interface Vlanif100\nntp multicast-client\nquit\nntp multicast-client 239.1.1.1\n"
    assert parse_configuration(text).unknown == ("ntp multicast-client 239.1.1.1",)


def test_the_rest_of_a_long_description_is_no_view() -> None:
    description = " description " + "x" * 67
    assert len(description) == 80
    text = "\n".join([*BLOCK[:2], description, "and what it is for", *BLOCK[2:], "return"])
    assert options(text) == READ


BACK = {
    "escape": "\x1b[16D" + " " * 16 + "\x1b[16D",
    "escape lost": "[42D" + " " * 42 + "[42D",
    "escape written out": "^[[16D" + " " * 16 + "^[[16D",
    "one octet": "\x9b16D" + " " * 16 + "\x9b16D",
    "backspaces": "\b" * 16 + " " * 16 + "\b" * 16,
    "backspaces, each with its blank": "\b \b" * 16,
    "backspaces written out": "^H" * 16 + " " * 16 + "^H" * 16,
    "carriage returns": "\r" + " " * 16 + "\r",
    "carriage return": "\r",
    "erased": "\r\x1b[K",
    "blanks alone": " " * 42,
    "a line of its own": "\n",
}
PAGERS = ["  ---- More ----", "---- More ----", "  ---- More ( Press 'Q' to break ) ----", "--More--"]


@pytest.mark.parametrize("back", BACK.values(), ids=BACK)
@pytest.mark.parametrize("pager", PAGERS)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("place", range(1, len(BLOCK)))
def test_a_pager_swallows_nothing(pager: str, back: str, place: int, end: str) -> None:
    text = end.join([*BLOCK[:place], pager + back + BLOCK[place], *BLOCK[place + 1 :], "return", ""])
    assert options(text) == READ


@pytest.mark.parametrize("back", [back for name, back in BACK.items() if "D" in back or "\b \b" in back])
def test_a_pager_whose_words_were_cut_out(back: str) -> None:
    text = "\n".join([*BLOCK[:3], back + BLOCK[3], *BLOCK[4:], "return"])
    assert options(text) == READ


def test_the_indentation_behind_a_pager_counts() -> None:
    text = f"#\naaa\n  ---- More ----{BACK['escape lost']} ntp authentication enable\n#\nreturn\n"
    assert parse_configuration(text).unknown == ("ntp authentication enable",)


@pytest.mark.parametrize("word", ["<ESC>", "ESC", "&#27;", "e"])
def test_a_movement_in_another_spelling_is_refused(word: str) -> None:
    back = f"{word}[16D"
    with pytest.raises(ParseError, match="Line 3 holds the rest of a pager"):
        parse_configuration(f"#\ninterface Vlanif100\n  ---- More ----{back}   {back}{BLOCK[3]}\n#\nreturn\n")


@pytest.mark.parametrize(
    "pager",
    [
        "<--- More --->",
        "Press any key to continue (Q to quit)",
        "== More ==",
        "\u2014\u2014 More \u2014\u2014",
        "[More]",
        "lines 1-24",
    ],
)
@pytest.mark.parametrize("back", ["", "\x1b[42D", " " * 16])
def test_the_pager_of_another_program_hides_nothing(pager: str, back: str) -> None:
    text = f"#\ninterface Vlanif100\n undo portswitch\n{pager}{back}{BLOCK[3]}\n#\nreturn\n"
    assert parse_configuration(text).unknown == ("ntp multicast-client 239.1.2.3",)


def test_a_pager_in_reverse_video() -> None:
    pager = "\x1b[7m  ---- More ----\x1b[0m\x1b[16D                \x1b[16D"
    assert options("\n".join([*BLOCK[:3], pager + BLOCK[3], *BLOCK[4:], "return"])) == READ


@pytest.mark.parametrize(
    "line",
    [
        "  ---- Mehr ---- ntp multicast-client 239.1.2.3",
        " | ntp multicast-client 239.1.2.3",
        " NTP multicast-client 239.1.2.3",
        " NTP MULTICAST-CLIENT 239.1.2.3",
        " ntp\xa0multicast-client 239.1.2.3",
    ],
)
def test_an_indented_ntp_line_in_another_form_is_told(line: str) -> None:
    found = parse_configuration(f"#\ninterface Vlanif100\n{line}\n#\nreturn\n")
    assert [told.casefold() for told in found.unknown] == ["ntp multicast-client 239.1.2.3"]


def test_prose_in_a_description_is_no_ntp_line() -> None:
    text = "#\ninterface Vlanif100\n description uplink of the ntp server room\n#\nreturn\n"
    assert parse_configuration(text).unknown == ()


@pytest.mark.parametrize("name", ["GigabitEthernet0/1/", "Vlanif", "100GE1/0/1<"])
def test_a_name_that_could_not_be_configured_is_not_gathered(name: str) -> None:
    found = parse_configuration(f"#\ninterface {name}\n ntp multicast-client\n#\nreturn\n")
    assert found.configuration.interfaces == ()
    assert found.unknown == ("ntp multicast-client",)


@pytest.mark.parametrize("rest", ["\u241b[16D ntp multicast-client", "^X ntp multicast-client", "\x00\x00 ntp x"])
def test_the_rest_of_a_pager_that_is_not_understood_is_refused(rest: str) -> None:
    with pytest.raises(ParseError, match="Line 3 holds the rest of a pager"):
        parse_configuration(f"#\ninterface Vlanif100\n  ---- More ----{rest}\n#\nreturn\n")


@pytest.mark.parametrize("before", ["~", "---- ", "42D", "\x00", "| "])
def test_an_ntp_line_behind_something_else_is_told(before: str) -> None:
    found = parse_configuration(f"#\n{before}ntp authentication enable\n#\nreturn\n")
    assert found.unknown == ("ntp authentication enable",)


def test_a_copy_of_a_screen_is_filled_up_with_blanks() -> None:
    foreign = " ntp broadcast-server port 5000"
    lines = [*BLOCK[:3], foreign, " ipv6 enable", *BLOCK[3:], "return"]
    found = parse_configuration("\n".join(line.ljust(80) for line in lines))
    assert found.unknown == ()
    assert found.interfaces["Vlanif100"].ipv6_enabled
    assert options_from_configuration(found.configuration)["interfaces"] == READ["interfaces"]


def test_a_message_behind_a_line_filled_up_with_blanks_is_none_of_it() -> None:
    line = " ntp multicast-server 239.1.1.1 ttl 25".ljust(80)
    text = "\n".join(["#", "interface Vlanif100", line, "5 of 8 fans run", " ntp multicast-client", "#", "return"])
    (interface,) = options(text)["interfaces"]
    assert interface["servers"][0]["ttl"] == 25


def test_a_line_that_takes_anything_takes_no_line_of_its_own() -> None:
    foreign = " ntp broadcast-server" + " " * 30 + "authentication-keyid 1234567"
    foreign += "8" * (80 - len(foreign))
    lines = [*BLOCK[:3], foreign, " ipv6 enable", *BLOCK[3:], "return"]
    assert parse_configuration("\n".join(lines)).interfaces["Vlanif100"].ipv6_enabled


class TestCut:
    """A terminal of 80 columns."""

    def cut(self, line: str, *, at: int = 80) -> str:
        assert len(line) > at
        return "\n".join(line[start : start + at] for start in range(0, len(line), at))

    def served(self, text: str) -> list[dict[str, Any]]:
        block = f"#\ninterface GigabitEthernet0/1/0\n{text}\n ntp-service multicast-client 239.1.2.3\n#\nreturn\n"
        (interface,) = options(block)["interfaces"]
        assert interface["clients"] == [{"afi": "ipv4", "address": "239.1.2.3"}]
        return interface["servers"]

    GROUP = " ntp-service multicast-server 239.255.255.250 authentication-keyid 655351 ttl 255 version 3 port 51234"
    SERVER = {"afi": "ipv4", "address": "239.255.255.250", "key_id": 655351, "ttl": 255, "port": 51234}

    def test_the_case(self) -> None:
        assert self.served(self.cut(self.GROUP[:81]))[0]["ttl"] == 255

    @pytest.mark.parametrize("column", range(len(GROUP) - 21))
    def test_at_any_place(self, column: int) -> None:
        """Each option is cut at each of its characters: the line is shifted along by a longer way of writing it."""
        options_first = " ntp-service multicast-server 239.255.255.250"
        tail = self.GROUP[len(options_first) :]
        line = options_first + " " * max(0, 80 - len(options_first) - column) + tail
        assert self.served(self.cut(line)) == [self.SERVER]

    def test_the_blank_at_the_end_is_lost(self) -> None:
        line = " ntp-service multicast-server 239.255.255.250 authentication-keyid 1655351111"
        line += " " * (79 - len(line)) + " ttl 255"
        first, second = self.cut(line).split("\n")
        assert first.endswith(" ")
        assert self.served(f"{first.rstrip()}{' ' * (79 - len(first.rstrip()))}\n{second}")[0]["ttl"] == 255

    def test_a_line_of_exactly_80_columns_is_not_cut(self) -> None:
        line = self.GROUP[:80]
        assert self.served(f"{line}\n undo shutdown")[0]["ttl"] == 25

    def test_where_it_is_not_certain_the_text_is_refused(self) -> None:
        with pytest.raises(ParseError, match=r"cut at 80 columns, .* ttl 25\. Read it again"):
            parse_configuration(f"#\ninterface GE0/1/0\n{self.GROUP[:80]}\nand something else\n#\nreturn\n")

    @pytest.mark.parametrize("style", ["as it is", "blanks at the end lost", "filled up with blanks"])
    @pytest.mark.parametrize(
        "before", ["", " description a line that is wider than the other ones are, as they are often"]
    )
    def test_at_any_width(self, style: str, before: str) -> None:
        """A terminal of any width: what was read is right, refused or told, but never another value."""
        lines = [
            f" ntp-service multicast-server 239.255.255.250 authentication-keyid 655351 ttl {ttl}" for ttl in (7, 255)
        ]
        lines += [" ntp-service multicast-client ipv6 FF0E:1234:5678:9ABC:DEF0:1234:5678:9ABC", self.GROUP]
        for line in lines:
            text = "\n".join(["#", "interface GigabitEthernet0/1/0", *filter(None, [before]), line, "#", "return"])
            whole, read = options(text), 0
            for width in range(len("interface GigabitEthernet0/1/0"), 140):
                cut = [row[at : at + width] for row in text.split("\n") for at in range(0, len(row), width)]
                if style != "as it is":
                    cut = [row.rstrip() if style.startswith("blanks") else row.ljust(width) for row in cut]
                try:
                    found = parse_configuration("\n".join(cut))
                except ParseError:
                    continue
                right = options_from_configuration(found.configuration) == whole
                assert right or found.unknown, (width, line)
                read += right
            assert read >= 140 - len(line), "what the terminal is wide enough for was read"

    UPSTREAM = (
        "ntp unicast-server 192.168.200.200 version 4 authentication-keyid 65535 source-interface Vlanif4094 "
        "vpn-instance management-vpn preferred"
    )

    @pytest.mark.parametrize("style", ["as it is", "blanks at the end lost", "indented"])
    def test_a_unicast_server_at_any_width(self, style: str) -> None:
        text = f"#\n{self.UPSTREAM}\n#\nreturn\n"
        whole, read = options(text), 0
        for width in range(60, 140):
            rows = []
            for row in text.split("\n"):
                parts = [row[at : at + width] for at in range(0, len(row), width)] or [""]
                if style == "blanks at the end lost":
                    parts = [part.rstrip() for part in parts]
                rows += [parts[0], *("  " * (style == "indented") + part for part in parts[1:])]
            try:
                found = parse_configuration("\n".join(rows))
            except ParseError:
                continue
            right = options_from_configuration(found.configuration) == whole
            assert right or found.unknown or found.outside, (width, rows)
            read += right
        assert read >= 140 - len(self.UPSTREAM), "what the terminal is wide enough for was read"

    def test_a_line_cut_before_the_word_interface(self) -> None:
        at = self.UPSTREAM.index("interface")
        rows = f"{self.UPSTREAM[:at]}\n{self.UPSTREAM[at:]}"
        text = f"#\n{rows}\n#\nreturn\n"
        assert options(text) == options(text.replace(rows, self.UPSTREAM))

    @pytest.mark.parametrize(
        ("line", "rest"),
        [
            (" ntp multicast-server 239.1.1.1 ttl 25", "  5"),
            (" ntp multicast-server 239.1.1.1 authentication-keyid 655", "  35"),
            (" ntp multicast-server 239.1.1.1 port 123", "  4 ttl 5"),
            (" ntp multicast-client ipv6 FF0E:1234::", "  5678"),
        ],
    )
    def test_an_indented_rest_is_no_line_of_its_own(self, line: str, rest: str) -> None:
        with pytest.raises(ParseError, match="it is not certain how this line goes on"):
            parse_configuration(f"#\ninterface Vlanif100\n{line}\n{rest}\n#\nreturn\n")

    def test_a_blank_that_may_be_lost_is_not_guessed(self) -> None:
        first, rest = self.UPSTREAM.partition(" preferred")[0], "preferred"
        with pytest.raises(ParseError, match="it is not certain"):
            parse_configuration(f"#\n{first}\n{rest}\n#\nreturn\n")

    def test_the_longest_line_of_a_text_is_not_cut_for_that(self) -> None:
        key = "ntp authentication-keyid 1 authentication-mode md5 Plain-Text-1"
        found = parse_configuration(f"#\n{key}\ntelnet server enable\nsysname CE1\n#\nreturn\n")
        (read,) = found.configuration.authentication.keys
        assert read.secret is not None
        assert read.secret.reveal() == "Plain-Text-1"

    CIPHERTEXT = "%^%#5_TD+l')]GVp>0:^0zBMN{%V;<_rw:v7E3,1X}C/" * 3 + "%^%#"

    @pytest.mark.parametrize("length", range(20, 132, 1))
    def test_ciphertexts(self, length: int) -> None:
        ciphertext = self.CIPHERTEXT[:length] + "%^%#"
        line = f"ntp authentication-keyid 42 authentication-mode hmac-sha256 cipher {ciphertext}"
        text = f"#\n{self.cut(line)}\nntp trusted authentication-keyid 42\n#\nreturn\n"
        found = parse_configuration(text)
        (key,) = found.configuration.authentication.keys
        assert (key.ciphertext.reveal(), key.trusted, found.unknown) == (ciphertext, True, ())

    def test_the_longest_line_may_be_a_ciphertext_in_another_form(self) -> None:
        line = "ntp authentication-keyid 42 authentication-mode md5 cipher %^%#abcdefghijklmnop%^%#<CE1>"
        found = parse_configuration(f"#\n{line}\nntp authentication enable\n#\nreturn\n")
        assert [key.id for key in found.configuration.authentication.keys] == [42]
        assert found.configuration.authentication.enabled

    def test_a_ciphertext_without_its_end_is_refused_and_not_shown(self) -> None:
        line = f"ntp authentication-keyid 42 authentication-mode hmac-sha256 cipher {self.CIPHERTEXT}"[:80]
        with pytest.raises(ParseError, match="The ciphertext of a key has no end") as error:
            parse_configuration(f"#\n{line}\n#\nreturn\n")
        assert "5_TD" not in str(error.value)

    def test_the_key_of_a_foreign_line_is_known(self) -> None:
        line = "ntp unicast-peer 10.0.0.1" + " " * (79 - 25 - 21) + "authentication-keyid 42 version 3"
        assert line[:80].endswith("keyid ") or line[:80].endswith("keyid 4")
        text = (
            f"#\nntp authentication-keyid 42 authentication-mode md5 cipher %^%#{'x' * 44}%^%#\n"
            f"{self.cut(line)}\n#\nreturn\n"
        )
        (key,) = parse_configuration(text).configuration.authentication.keys
        assert key.used_elsewhere

    @pytest.mark.parametrize("width", [100, 132])
    def test_other_terminals(self, width: int) -> None:
        line = self.GROUP[:46] + " " * (width - 86) + self.GROUP[46:]
        assert self.served(self.cut(line, at=width)) == [self.SERVER]


def test_two_names_of_a_port_are_one_interface() -> None:
    text = (
        "#\nntp-service server source-interface GE0/1/0\nntp-service server source-interface GigabitEthernet0/1/0\n"
        "#\ninterface GE0/1/0\n ntp-service multicast-client 239.1.1.1\n"
        "#\ninterface GigabitEthernet0/1/0\n ntp-service multicast-client 239.1.1.2\n#\nreturn\n"
    )
    read = options(text)
    assert [(entry["name"], len(entry["clients"])) for entry in read["interfaces"]] == [("GE0/1/0", 2)]
    assert read["server"]["listen"] == ["GE0/1/0"]
    assert problems(read, platform="vrp") == []


def test_a_type_that_ends_with_a_number_is_not_guessed() -> None:
    found = parse_configuration("#\ninterface E1 0/1/0\n ntp multicast-client\n#\nreturn\n")
    assert (found.configuration.interfaces, found.unknown) == ((), ("ntp multicast-client",))
