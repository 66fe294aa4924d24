# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTP displays as data: the texts of devices and manuals, and any text."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from fixtures.places import COLLECTED_DEVICE_TEXTS, DEVICE_TEXTS, folders_of_device_texts, name_of
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.display import (
    Loss,
    PacketCounts,
    find_dialect,
    parse_losses,
    parse_packets,
    parse_sessions,
    parse_status,
)
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import ParseError

UNKNOWN_COMMAND = "                 ^\r\nError: Unrecognized command found at '^' position.\r\n"
STATUS = " clock status: synchronized\r\n clock stratum: 2\r\n"


@dataclass(frozen=True)
class Shown:
    """The figures of a `display ntp status`."""

    text: Path
    state: str | None
    figures: tuple[bool, int, str]
    seconds: tuple[float, float, float]


STATUSES = [
    Shown(DEVICE_TEXTS / "display-ntp-status-ce.txt", "clock synchronized", (True, 5, "LOCAL(0)"), (0.0, 0.0, 0.0)),
    Shown(DEVICE_TEXTS / "display-ntp-status-vrp5-unsynchronised.txt", None, (False, 16, "none"), (0.0, 0.0, 0.0)),
    Shown(
        DEVICE_TEXTS / "example-ce-v300r023-multicast.txt",
        "clock synchronized",
        (True, 5, "192.0.2.31"),
        (0.00042, 0.00315, 0.04107),
    ),
    Shown(
        DEVICE_TEXTS / "display-ntp-vrp5-trailing-blanks.txt",
        "clock set",
        (True, 3, "192.0.2.200"),
        (0.000125, 0.00175, 0.00081),
    ),
    Shown(
        DEVICE_TEXTS / "example-ne40e-v800r012-keys.txt",
        None,
        (True, 3, "203.0.113.1"),
        (-0.00125, 0.0124, 0.00904),
    ),
    Shown(
        COLLECTED_DEVICE_TEXTS / "doc-ce6800-v300r023-display-ntp-status.txt",
        "clock synchronized",
        (True, 2, "LOCAL(0)"),
        (0.0, 0.0, 0.0),
    ),
    Shown(
        COLLECTED_DEVICE_TEXTS / "vrp5-s5700-v200r001-display-ntp-service-status-unsync.txt",
        None,
        (False, 16, "none"),
        (0.0, 0.0, 0.0),
    ),
    Shown(
        COLLECTED_DEVICE_TEXTS / "doc-ce6800-v300r023-multicast-example.txt",
        "clock synchronized",
        (True, 3, "10.0.1.31"),
        (0.00066, 0.02447, 0.20839),
    ),
    Shown(
        COLLECTED_DEVICE_TEXTS / "vrp5-s1720-v200r010-display-ntp-service.txt",
        "clock set",
        (True, 4, "169.254.254.1"),
        (0.0, 0.0, 0.00054),
    ),
]


@pytest.mark.parametrize(
    "shown", [shown for shown in STATUSES if shown.text.exists()], ids=lambda shown: name_of(shown.text)
)
def test_status(shown: Shown) -> None:
    """Milliseconds become seconds; trailing blanks and a missing state are taken."""
    status = parse_status(shown.text.read_text())
    assert (status.synchronised, status.stratum, status.reference_id) == shown.figures
    assert (status.offset, status.root_delay, status.root_dispersion) == pytest.approx(shown.seconds)
    assert status.state == shown.state


def test_sessions_with_the_multicast_server_of_the_device_itself() -> None:
    """It is listed, and is no source (fact 9.5). Its register is written in octal."""
    (source,) = parse_sessions((DEVICE_TEXTS / "display-ntp-sessions-ce.txt").read_text())
    assert (source.source, source.stratum, source.reach, source.poll) == ("203.0.113.71", 3, 255, 128)
    assert (source.offset, source.delay, source.dispersion) == (-0.0002175, 0.00148, 0.01206)
    assert source.selected
    assert source.mode is None


def test_verbose_sessions_of_a_multicast_client() -> None:
    (source,) = parse_sessions((DEVICE_TEXTS / "display-ntp-sessions-verbose-ce.txt").read_text())
    assert (source.source, source.mode, source.interface) == ("192.0.2.31", "broadcast client", "25GE1/0/3")
    assert (source.reach, source.poll, source.dispersion) == (255, 6, 0.0075)


def test_sessions_with_trailing_blanks() -> None:
    (source,) = parse_sessions((DEVICE_TEXTS / "display-ntp-vrp5-trailing-blanks.txt").read_text())
    assert (source.source, source.reach, source.poll) == ("192.0.2.200", 3, 64)


SESSIONS = {
    DEVICE_TEXTS / "display-ntp-sessions-verbose-ce.txt": ("192.0.2.31", "broadcast client", 255, 6, 0.0075),
    COLLECTED_DEVICE_TEXTS / "doc-ce6800-v300r023-display-ntp-sessions.txt": ("10.1.1.1", None, 255, 1024, 0.02542),
    COLLECTED_DEVICE_TEXTS / "doc-ce6800-v300r023-display-ntp-sessions-verbose.txt": (
        *("127.127.1.0", "client"),
        *(255, 2, 0.00008),
    ),
    COLLECTED_DEVICE_TEXTS / "vrp5-s1720-v200r010-display-ntp-service.txt": ("169.254.254.1", None, 1, 64, 0.0),
}


@pytest.mark.parametrize("path", [path for path in SESSIONS if path.exists()], ids=name_of)
def test_sessions_of_one_source(path: Path) -> None:
    (source,) = parse_sessions(path.read_text(encoding="utf-8"))
    assert (source.source, source.mode, source.reach, source.poll, source.dispersion) == SESSIONS[path]


@pytest.mark.parametrize("folder", folders_of_device_texts(), ids=lambda folder: name_of(folder / "all"))
def test_every_text_is_taken(folder: Path) -> None:
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text(errors="replace")
        for parse in (parse_sessions, parse_status):
            with contextlib.suppress(ParseError):
                parse(text)


def test_ipv6_and_vpn_sources() -> None:
    sources = parse_sessions(
        " clock source: 2001:db8::1(vrf1)\n clock stratum: 3\n clock source: FE80::1\n clock status: configured, sane\n"
    )
    assert [source.source for source in sources] == ["2001:db8::1", "FE80::1"]
    assert [source.selected for source in sources] == [False, False]


@pytest.mark.parametrize(
    "source",
    ["224.0.1.1", "239.1.2.3 Vlanif100", "[224.0.1.1]", "224.0.1.1:123", "FF0E::101%Vlanif100", "ff0e::101(Vlanif100)"],
)
def test_the_own_group_in_any_spelling_is_no_source(source: str) -> None:
    assert parse_sessions(f" clock source: {source}\n clock stratum: 4\n clock status: configured, insane\n") == ()


@pytest.mark.parametrize("text", ["No sources but 3 peers are there", "No session is shown for 10.0.0.1: see below"])
def test_more_than_no_sessions_is_not_none(text: str) -> None:
    with pytest.raises(ParseError):
        parse_sessions(text)


@pytest.mark.parametrize(
    ("offset", "seconds"),
    [
        ("0.66 ms", 0.00066),
        ("0.66", 0.00066),
        ("0.66s", 0.66),
        ("-0.66 sec", -0.66),
        ("660 us", 0.00066),
        ("660ns", 6.6e-7),
        ("0,66 ms", None),
        ("0.66 furlongs", None),
        ("--", None),
    ],
)
def test_the_unit_of_a_time_counts(offset: str, seconds: float | None) -> None:
    assert parse_status(f"{STATUS} clock offset: {offset}\n").offset == seconds


@pytest.mark.parametrize(
    ("status", "stratum"), [("synchronized", 16), ("synchronized", 0), ("synchronized", 99), ("unsynchronized", -1)]
)
def test_a_status_that_contradicts_itself_is_refused(status: str, stratum: int) -> None:
    with pytest.raises(ParseError, match=f"and stratum {stratum}"):
        parse_status(f" clock status: {status}\n clock stratum: {stratum}\n")


def test_what_acts_on_a_terminal_is_written_out_in_values() -> None:
    assert (
        parse_status(f"{STATUS} reference clock ID: 10.0.0.1\u009d0;x\u202e\n").reference_id
        == "10.0.0.1\\x9d0;x\\x202e"
    )


@given(st.text(max_size=300))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for parse in (parse_sessions, parse_status):
        with contextlib.suppress(ParseError):
            parse(text)


@given(
    st.lists(
        st.sampled_from([*STATUS.split("\r\n"), " clock source: ", " reach: x", ":", " offset: , delay: ms", ", a: b"])
    )
)
def test_mutilated_displays(lines: list[str]) -> None:
    for parse in (parse_sessions, parse_status):
        with contextlib.suppress(ParseError):
            parse("\n".join(lines))


OWN_SERVER = """ clock source: {source}
 clock stratum: 4
 clock status: configured, insane, valid, unsynced
 reference clock ID: LOCAL(0)
 reach: 0
 current poll: 64
"""
A_SOURCE = " clock source: 192.0.2.1\n clock stratum: 3\n clock status: configured, master, sane, valid\n reach: 255\n"


@pytest.mark.parametrize(
    "source", ["224.0.1.1", "239.1.2.3", "FF0E::101", "ff05::101", "224.0.1.1(vpn1)", "255.255.255.255"]
)
def test_the_device_is_no_source_of_its_own(source: str) -> None:
    own = OWN_SERVER.format(source=source)
    assert parse_sessions(own) == ()
    assert [found.source for found in parse_sessions(own + A_SOURCE + own)] == ["192.0.2.1"]


@pytest.mark.parametrize("mode", ["broadcast", "bdcast", "Broadcast server", "multicast server"])
def test_a_session_that_sends_is_no_source(mode: str) -> None:
    text = A_SOURCE.replace("192.0.2.1", "192.0.2.255") + f" local mode: {mode}, local poll: 6\n"
    assert parse_sessions(text) == ()


@pytest.mark.parametrize("mode", ["client", "broadcast client", "bdcast client", "symmetric active"])
def test_a_session_that_listens_is_a_source(mode: str) -> None:
    assert len(parse_sessions(A_SOURCE + f" local mode: {mode}, local poll: 6\n")) == 1


TABLE = """        source          reference       stra reach poll  now offset  delay disper
********************************************************************************
 [12345]192.0.2.1        LOCAL(0)        7    377   64   57    0.0    0.0    7.9
note: 1 source(master),2 source(peer),3 selected,4 candidate,5 configured
"""


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        "Info: The system is busy, please try again later.",
        " clock status: synchronized\n clock stratum: 3\n",
        "Clock-Source: 192.0.2.1\n",
        " clock source: 192.0.2.1\n",
        " clock source: \n clock stratum: 3\n",
        f"{A_SOURCE} clock source: 192.0.2.2\n",
        "<html>",
        A_SOURCE.replace("clock source: 192.0.2.1", "clock source: 192.0\n.2.1"),
        A_SOURCE.replace("255", "11111111"),
    ],
)
def test_sessions_that_are_not_understood_are_not_none(text: str) -> None:
    with pytest.raises(ParseError, match="The NTP sessions were not understood"):
        parse_sessions(text)


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("reach: 377", "reach", 255),
        ("reach: 17", "reach", 17),
        ("reach: 0xff", "reach", None),
        ("now: 31 s", "now", 31),
        ("now: 2m", "now", None),
        ("now: 1:02", "now", None),
        ("now: never", "now", None),
        ("current poll: 2^6", "poll", 64),
        ("offset: 0.5 MS", "offset", 0.0005),
        ("offset: 12 \u00b5s", "offset", 0.000012),
        ("offset: 0,66 ms", "offset", None),
        ("clock status: Configured, MASTER", "selected", True),
    ],
)
def test_figures_in_other_forms(line: str, name: str, value: object) -> None:
    (source,) = parse_sessions(f" clock source: 192.0.2.1\n clock stratum: 3\n {line}\n")
    assert getattr(source, name) == value


@pytest.mark.parametrize(
    "text", ["", "\r\n \n", "Info: No NTP session exists.", "There are no sessions.", "Total number of sessions: 0"]
)
def test_no_sessions(text: str) -> None:
    assert parse_sessions(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        TABLE,
        " clock status: synchronized\n clock stratum: unknown\n",
        " clock status: in progress\n clock stratum: 3\n",
        " clock stratum: 3\n",
    ],
)
def test_a_status_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="The NTP status was not understood"):
        parse_status(text)


@pytest.mark.parametrize(
    ("taken", "dialect"),
    [
        ({"display ntp status"}, Dialect.NTP),
        # `ntp` is taken as the abbreviation of `ntp-service` (fact 3.1).
        ({"display ntp status", "display ntp-service status"}, Dialect.NTP_SERVICE),
    ],
)
def test_the_dialect_is_the_longest_word_that_the_device_takes(paper, logged_in, taken, dialect) -> None:
    lines = ("display ntp status", "display ntp-service status")
    session = logged_in(paper({line: STATUS if line in taken else UNKNOWN_COMMAND for line in lines}))
    assert find_dialect(session) is dialect


def test_a_device_without_ntp_is_told(paper, logged_in) -> None:
    lines = ("display ntp status", "display ntp-service status")
    with pytest.raises(ParseError, match="option dialect"):
        find_dialect(logged_in(paper(dict.fromkeys(lines, UNKNOWN_COMMAND))))


# -- packets and losses ------------------------------------------------------------------------------------------------

COUNTED = """ NTP IPv4 Packet Statistical Information
 --------------------------------------------------
 Sent                                  :          12
    Send failures                      :          1
 Received                              :          700
    Processed                          :          650
    Dropped                            :          50
       Validity test failures          :          30
          Authentication failures      :          20
       Rate-limited                    :          0
Last 1 packets drop reasons:
 1. 10.0.0.9: 3 Processed of 9
"""
LOST = """ 1. Clock source   :  10.0.0.1(vrf1)
    Session type   :  bdcast client (Interface: Eth1/0/1), dynamic
    Unsync reason  :  Authentication failure\x20
    Unsync time    :  2026-11-27 11:24:44+00:00

 2. Clock source   :  2001:db8::1
    Session type   :  client, configured
    Unsync reason  :  Peer reachability lost
    Unsync time    :  2026-11-26 10:24:44+00:00
"""


def test_packets_are_counted_over_both_families() -> None:
    assert parse_packets(COUNTED + COUNTED.replace("IPv4", "IPv6")) == PacketCounts(1400, 1300, 40)


@pytest.mark.parametrize(
    "text", ["", COUNTED.replace("Authentication", "Authorisation"), COUNTED.replace(":          650", ":  many")]
)
def test_counts_that_are_not_understood_are_not_zero(text: str) -> None:
    with pytest.raises(ParseError, match="packet statistics were not understood"):
        parse_packets(text)


def test_losses_of_sources() -> None:
    first, second = parse_losses(LOST) or ()
    session = "bdcast client (Interface: Eth1/0/1), dynamic"
    assert first == Loss("10.0.0.1(vrf1)", session, "Authentication failure", "2026-11-27 11:24:44+00:00")
    assert (second.source, second.reason) == ("2001:db8::1", "Peer reachability lost")
    assert parse_losses("") == parse_losses("Info: No events.\n") == ()


@pytest.mark.parametrize("text", [TABLE, "Info: NTP is not running.\n", "<html>", " clock status: synchronized\n"])
def test_losses_that_are_not_understood_are_not_none(text: str) -> None:
    assert parse_losses(text) is None


COUNTS = [pytest.param(COUNTED, PacketCounts(700, 650, 20), id="own")] + [
    pytest.param(path.read_text(encoding="utf-8").partition("\n")[2], PacketCounts(1000, 800, 20), id=name_of(path))
    for folder in folders_of_device_texts()
    for name in ("*statistics-packet.txt", "*stat-pkt.txt")
    for path in sorted(folder.glob(name))
]


@pytest.mark.parametrize(("text", "counts"), COUNTS)
def test_statistics_are_understood(text: str, counts: PacketCounts) -> None:
    assert parse_packets(text) == counts


@given(st.text())
def test_any_text_is_counted_or_refused(text: str) -> None:
    parse_losses(text)
    with contextlib.suppress(ParseError):
        parse_packets(text)
