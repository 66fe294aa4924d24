# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log: what is worth a line, and how a line reaches people and machines."""

from __future__ import annotations

import errno
import io
import os
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.engine.conftest import Event
from unit.engine.conversation import broadcast, hear, new_client

from ntp_multicast_engine.observe import journal
from ntp_multicast_engine.observe.event_log import DROPS_INTERVAL, PROBLEMS_INTERVAL, EventLog
from ntp_multicast_engine.observe.journal import INFO, WARNING, Log, encode, line, tell
from ntp_multicast_engine.observe.status import ProblemStatus, SystemStatus


def test_text_has_the_sentence_and_then_the_fields() -> None:
    told = line("now following 10.0.0.1", {"event": "selected", "offset": 1.5e-05, "group": 'a "b"\n='})
    assert told == r'now following 10.0.0.1 event=selected offset=1.5e-05 group="a \"b\"\n="'


@given(st.text())
def test_no_value_breaks_a_line_of_text(value: str) -> None:
    assert len(line("s", {"value": value}).splitlines()) == 1


def parse_journal(data: bytes) -> dict[str, str]:
    """A reader of the journal's native protocol, as systemd documents it."""
    found = {}
    while data:
        head, _newline, rest = data.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            length = int.from_bytes(rest[:8], "little")
            value, rest = rest[8 : 8 + length], rest[9 + length :]
        found[name.decode()] = value.decode()
        data = rest
    return found


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_the_journal_gets_every_value_whole(value: str) -> None:
    found = parse_journal(encode(WARNING, "sentence", {"event": "dropped", "reason": value}))
    assert found == {
        "MESSAGE": "sentence",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "ntp-multicast-engine",
        "NTP_EVENT": "dropped",
        "NTP_REASON": value,
    }


def test_what_the_journal_does_not_take_goes_to_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log()
    log.journal = str(tmp_path / "journal")
    log.put(WARNING, "before", {"event": "x"})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(log.journal)
        log.put(WARNING, "after", {"event": "x"})
        assert parse_journal(manager.recv(1000))["MESSAGE"] == "after"
    assert capsys.readouterr().err == "before event=x\n"


def test_a_standard_error_that_takes_nothing_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("sys.stderr", Full())
    Log().put(WARNING, "sentence", {"event": "x"})


def test_only_the_journals_own_stream_is_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "stderr").open("w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        stat = os.fstat(stream.fileno())
        assert journal.into_journal({"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino}"})
        assert not journal.into_journal({"JOURNAL_STREAM": f"{stat.st_dev}:{stat.st_ino + 1}"})
        assert not journal.into_journal({})


def told(events: list[Event]) -> list[tuple[str, Mapping[str, Any]]]:
    found = [(event.sentence, event.fields) for event in events]
    events.clear()
    return found


def test_fields_without_a_value_are_left_out(logged: list[Event]) -> None:
    tell(INFO, "started", "here", version="1", reason=None)
    assert told(logged) == [("here", {"event": "started", "version": "1"})]


def status(synchronised: bool, upstream: str | None = None) -> SystemStatus:
    return SystemStatus(
        synchronised,
        "none",
        4,
        "10.0.0.1",
        1e-5,
        1e-6,
        0.0,
        0.0,
        0.0,
        "monitor",
        None,
        upstream if synchronised else None,
        reason=None if synchronised else "nobody sends",
    )


def test_synchronisation_and_its_loss_are_told_once(logged: list[Event]) -> None:
    notified: list[str] = []
    changes = EventLog(notified.append)
    for synchronised in (False, True, True, False, False):
        changes.system(status(synchronised))
    told_so_far = ["not synchronised: nobody sends", "synchronised to 10.0.0.1", "not synchronised: nobody sends"]
    levels = [item.priority for item in logged]
    assert [sentence for sentence, _fields in told(logged)] == told_so_far
    assert levels == [INFO, INFO, WARNING], "at a start that is how it has to be"
    assert notified == told_so_far


def test_another_upstream_is_logged(logged: list[Event]) -> None:
    changes = EventLog(lambda _text: None)
    for upstream in ("chrony", "chrony", "kernel", "chrony"):
        changes.system(status(True, upstream))
    assert [fields for _sentence, fields in told(logged)][1:] == [
        {"event": "upstream", "upstream": "kernel", "before": "chrony"},
        {"event": "upstream", "upstream": "chrony", "before": "kernel"},
    ]


def problem(sentence: str = "it is wrong", subject: str = "10.0.0.1", count: int | None = 3) -> ProblemStatus:
    return ProblemStatus("bad_mac", sentence, "look there", subject, count)


def test_a_problem_is_told_when_it_comes_each_hour_with_its_number_and_when_it_is_over(
    logged: list[Event],
) -> None:
    changes = EventLog(lambda _text: None)
    second = PROBLEMS_INTERVAL // 3600
    for moment in range(2 * 3600):
        changes.problems([problem(f"{moment} packets", count=moment)], moment * second)
    changes.problems([], 7200 * second)
    fields = {"event": "problem", "code": "bad_mac", "subject": "10.0.0.1", "advice": "look there"}
    assert told(logged) == [
        ("0 packets", {**fields, "count": 0}),
        ("3600 packets", {**fields, "count": 3600}),
        ("over: 7199 packets", {**fields, "count": 7199}),
    ]


def test_a_server_that_was_given_up_has_not_come_back(logged: list[Event]) -> None:
    changes = EventLog(lambda _text: None)
    client = new_client()
    lost = replace(problem("server 10.0.0.1 was not heard", "10.0.0.1 on eth0"), code="server_lost")
    for associations, end in (([hear(client, broadcast(0), 0)], "over"), ([], "given up")):
        changes.associations(associations, None)
        changes.problems([lost], 0)
        changes.problems([], 1)
        assert [sentence for sentence, _fields in told(logged)] == [lost.sentence, f"{end}: {lost.sentence}"]


def test_whoever_makes_new_problems_all_the_time_fills_no_log(logged: list[Event]) -> None:
    changes = EventLog(lambda _text: None)
    second = PROBLEMS_INTERVAL // 3600
    for moment in range(3600):
        changes.problems([problem(subject=str(moment))], moment * second)
    assert len(told(logged)) <= 2 * 16
    changes.problems([problem(subject="later")], 3600 * second)
    assert ("it is wrong", "later") in [(sentence, fields["subject"]) for sentence, fields in told(logged)]


def test_a_flood_makes_a_line_an_hour_for_each_reason(logged: list[Event]) -> None:
    changes = EventLog(lambda _text: None)
    second = DROPS_INTERVAL // 3600
    for moment in range(2 * 3600):
        dropped = {"replay": 1000 * (moment + 1), "bad_mac": int(moment >= 1800)}
        changes.drops(dropped, moment * second)
    assert told(logged) == [
        ("dropped 1000 packets: replay", {"event": "dropped", "reason": "replay", "count": 1000, "total": 1000}),
        ("dropped 1 packet: bad_mac", {"event": "dropped", "reason": "bad_mac", "count": 1, "total": 1}),
        (
            "dropped 3600000 packets: replay",
            {"event": "dropped", "reason": "replay", "count": 3600000, "total": 3601000},
        ),
    ]


def test_a_packet_that_was_accepted_is_not_called_dropped(logged: list[Event]) -> None:
    EventLog(lambda _text: None).drops({"offset_jump": 1, "leap_month": 2}, 0)
    assert [sentence for sentence, _fields in told(logged)] == [
        "warning about 1 packet: offset_jump",
        "warning about 2 packets: leap_month",
    ]
