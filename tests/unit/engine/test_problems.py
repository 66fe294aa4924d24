# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong, as sentences, in a simulated network. What takes real sockets is in tests/integration/engine."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from unit.engine.conversation import GROUP, RING, Cookies, answer, at, at_once, broadcast, hear, new_client, volley
from unit.engine.simulation import Node, Simulation, client_configuration, server_configuration

from ntp_multicast_engine.errors import DisciplineError, PacketError
from ntp_multicast_engine.filter.estimator import Estimator
from ntp_multicast_engine.observe.problems import _ANSWERS, problems, why_unsynchronised
from ntp_multicast_engine.observe.status import GroupStatus, ProblemStatus, system_status
from ntp_multicast_engine.observe.text import text
from ntp_multicast_engine.protocol.association import Failure, SendRequest
from ntp_multicast_engine.protocol.client import Client
from ntp_multicast_engine.protocol.refusals import LIMIT, Refusals
from ntp_multicast_engine.wire.packet import Header
from ntp_multicast_engine.wire.timestamps import NANOSECONDS, to_ntp

SERVER, CLIENT = "10.0.0.1", "10.0.0.2"


def pair(simulation: Simulation, offset: float = 0.0) -> tuple[Node, Node]:
    return (
        Node(simulation, SERVER, server_configuration()),
        Node(simulation, CLIENT, client_configuration(), offset=offset),
    )


def found(
    node: Node,
    *groups: GroupStatus,
    error: DisciplineError | None = None,
    mode: str | None = None,
    not_stepped: str | None = None,
) -> dict[str, ProblemStatus]:
    now = node.clock.now()
    status = system_status(node.engine, now, mode or node.engine.configuration.discipline.mode, error)
    return {item.code: item for item in problems(node.engine, now, status, groups, not_stepped=not_stepped)}


def listening(seconds: float, packets: int = 0, last: float | None = None, filtered: int = 0) -> GroupStatus:
    return GroupStatus("eth0", "224.0.1.1", 123, seconds, packets, packets, filtered, last, None)


def test_a_network_in_order_has_no_problems() -> None:
    simulation = Simulation()
    server, client = pair(simulation)
    simulation.run(120)
    assert found(server) == {} and found(client, listening(120.0, 14, 4.0)) == {}


@pytest.mark.parametrize(
    ("group", "words"),
    [
        (listening(15.0), None),
        (listening(16.0), "no packet has come to 224.0.1.1 port 123 on eth0 in the 16 s"),
        (listening(90.0, filtered=7), "7 datagrams were no multicasts of NTP"),
        (listening(900.0, 3, 100.0), None),
        (listening(900.0, 3, 160.0), "for 160 s; 3 packets came before"),
        (listening(5.0, 3, 160.0), None),
        (replace(listening(90.0), listening=None), None),
    ],
)
def test_a_group_is_silent(group: GroupStatus, words: str | None) -> None:
    """Before a server is known, its interval isn't; then two and a half intervals count."""
    simulation = Simulation()
    client = Node(simulation, CLIENT, client_configuration())
    told = found(client, group).get("group_silent")
    assert (told is None) == (words is None)
    if told is not None and words is not None:
        assert words in told.sentence and "IGMP" in told.advice


def test_a_group_is_silent_because_of_its_link() -> None:
    client = Node(Simulation(), CLIENT, client_configuration())
    told = found(client, replace(listening(20.0), link="eth0 is down"))["group_silent"]
    assert told.sentence.endswith("since the engine listens there: eth0 is down")
    assert told.advice == "look at eth0 (ip -details address show dev eth0)"


def test_a_server_that_answers_nobody_is_told_after_two_requests() -> None:
    simulation = Simulation()
    _server, client = pair(simulation)
    simulation.unicast_lost = lambda: True
    simulation.run(12)
    told = found(client)["no_answers"]
    assert f"server {SERVER} is heard on 224.0.1.1 port 123 on eth0" in told.sentence
    assert "got 0 answers" in told.sentence and told.count == len(client.requests)


def test_with_a_fallback_delay_a_silent_server_serves_from_its_second_packet_on() -> None:
    simulation = Simulation()
    Node(simulation, SERVER, server_configuration())
    client = Node(simulation, CLIENT, client_configuration(fallback_delay=0.004))
    simulation.unicast_lost = lambda: True
    simulation.run(8.7)
    assert client.offset is not None and found(client) == {}


def test_an_answer_that_comes_after_all_takes_the_place_of_the_fallback_delay() -> None:
    simulation = Simulation()
    Node(simulation, SERVER, server_configuration())
    client = Node(simulation, CLIENT, client_configuration(fallback_delay=0.004))
    simulation.unicast_lost = lambda: simulation.time < 30 * NANOSECONDS
    simulation.run(28)
    assert client.error is not None and abs(client.error) > 1e-3
    simulation.run(300)
    assert client.error is not None and abs(client.error) < 1e-5


@pytest.mark.parametrize(
    ("code", "told", "advice"),
    [(b"RATE", "RATE", "one in two seconds"), (b"INIT", "INIT", "not synchronised yet"), (b"ABCD", "ABCD", "look up")],
)
def test_a_kiss_code_is_told_until_an_answer_has_a_time(code: bytes, told: str, advice: str) -> None:
    """The server answers, so that nobody has to look at a firewall."""
    simulation = Simulation()
    _server, client = pair(simulation)
    simulation.unicast_lost = lambda: True
    simulation.run(8.6)
    (association,) = client.engine.client.associations.values()
    ring = client.engine.keys
    for _unused in range(2):
        now = client.clock.now()
        association._poll.end()
        association._next_exchange = now.raw
        [sent] = [item for item in association.wake(now.raw, ring) if isinstance(item, SendRequest)]
        association.request_sent(now)
        header = Header.decode(answer(sent.data, 0, None, stratum=0, reference_id=code))
        kiss = ring.sign(header.encode(), association.key_id or 0, 4)
        with pytest.raises(PacketError, match="kiss_of_death"):
            association.take_response(kiss, replace(now, raw=now.raw + 200_000), ring)
        problem = found(client)["kiss_of_death"]
        assert f"server {SERVER} answers with the kiss code {told} instead of a time" in problem.sentence
        assert advice in problem.advice and "no_answers" not in found(client)
    simulation.run(200)
    assert "kiss_of_death" not in found(client) and "no_answers" in found(client), "no answer is no kiss"


def test_a_server_that_falls_silent_is_told_as_lost() -> None:
    simulation = Simulation()
    server, client = pair(simulation)
    simulation.run(60)
    assert "server_lost" not in found(client)
    server.stop()
    simulation.run(40)
    told = found(client)["server_lost"]
    assert told.sentence.startswith(f"server {SERVER} was not heard on 224.0.1.1 port 123 on eth0 for ")
    assert "look whether the server runs" in told.advice


def test_a_request_that_the_network_does_not_take_is_told_with_its_advice() -> None:
    simulation = Simulation()
    _server, client = pair(simulation)
    simulation.run(60)
    client.association.request_failed(Failure("Network is unreachable", "look at `ip route`"))
    told = found(client)["request_failed"]
    assert f"to server {SERVER} port 123 over eth0, the last one failed: Network is unreachable" in told.sentence
    assert told.advice == "look at `ip route`"


def test_a_failed_request_is_asked_again_and_over_when_the_next_one_is_answered() -> None:
    """The cause may be gone at once; the next multicast is the time to find out. Until its end nothing is known."""
    simulation = Simulation()
    _server, client = pair(simulation)
    simulation.run(600)
    before = len(client.requests)
    client.association.requests += 3
    client.association.unanswered = 3
    client.association.request_failed(Failure("Network is unreachable", "look at `ip route`"))
    simulation.unicast_lost = lambda: True
    simulation.run(9)
    assert len(client.requests) > before, "not only after 64 s"
    client.association.request_failed(Failure("Network is unreachable", "look at `ip route`"))
    told = set()
    simulation.unicast_lost = lambda: False
    for _unused in range(100):
        simulation.run(0.2)
        told |= set(found(client))
    assert told == {"request_failed"} and found(client) == {}


def test_a_server_that_answered_before_is_asked_each_poll_but_not_more_often_than_others_ask() -> None:
    simulation = Simulation()
    _server, client = pair(simulation)
    simulation.run(900)
    simulation.unicast_lost = lambda: True
    simulation.run(130)
    before = len(client.requests)
    simulation.run(640)
    assert 9 <= len(client.requests) - before <= 10


def test_a_server_whose_packets_are_refused_is_not_lost() -> None:
    simulation = Simulation()
    server, client = pair(simulation)
    simulation.run(60)
    server.stop()
    group = client.engine.configuration.clients[0]
    for number in range(8):
        simulation.run(8)
        assert "server_lost" not in found(client)
        client.engine.take_broadcast(group, broadcast(number, key_id=None), SERVER, client.clock.now(), "kernel")
    told = found(client)
    assert told["unauthenticated"].sentence.endswith("were refused: no MAC, and authentication is on")
    simulation.run(24)
    assert "for 24 s" in found(client)["server_lost"].sentence, "since it was heard, not since it was believed"


def test_a_request_may_fail_and_the_server_be_lost() -> None:
    """Both are said, so that neither seems to be over when the other one begins."""
    simulation = Simulation()
    server, client = pair(simulation)
    simulation.run(60)
    server.stop()
    client.association.request_failed(Failure("Connection refused", "look there"))
    assert set(found(client)) == {"request_failed"}
    simulation.run(2)
    client.association.request_failed(Failure("Connection refused", "look there"))
    simulation.run(28)
    client.association.request_failed(Failure("Connection refused", "look there"))
    assert set(found(client)) == {"request_failed", "server_lost"}


def test_what_was_refused_is_over_when_the_server_is_right_again() -> None:
    simulation = Simulation()
    _server, client = pair(simulation)
    group = client.engine.configuration.clients[0]
    simulation.run(60)
    client.engine.take_broadcast(group, broadcast(0), SERVER, client.clock.now(), "kernel")
    told = found(client)["bad_mac"]
    assert "1 packet" in told.sentence and "was refused" in told.sentence
    simulation.run(16)
    assert "bad_mac" in found(client)
    simulation.run(8)
    assert "bad_mac" not in found(client), "two and a half intervals"
    for _unused in range(6):
        client.engine.take_broadcast(group, broadcast(0), SERVER, client.clock.now(), "kernel")
        simulation.run(40)
        assert "bad_mac" in found(client), "they go on, at their own pace"


def test_what_an_unknown_sender_does_no_more_is_over_by_its_own_rhythm() -> None:
    refusals = Refusals()
    for seconds in (0, 8, 16, 24):
        refusals.note(GROUP, "10.1.1.1", PacketError("unknown_key", 9, 20), 72, seconds * NANOSECONDS)
        assert len(refusals.current((seconds + 19) * NANOSECONDS)) == 1
    assert refusals.current((24 + 21) * NANOSECONDS) == []


def test_the_reason_is_that_the_way_is_being_measured_whatever_else_is_wrong() -> None:
    simulation = Simulation()
    _server, client = pair(simulation)
    simulation.run(4)
    sentence = why_unsynchronised(client.engine, (ProblemStatus("group_silent", "another group is silent", "", ""),))
    assert sentence.startswith(f"the way to server {SERVER} is being measured")
    simulation.unicast_lost = lambda: True
    simulation.run(14)
    told = tuple(found(client).values())
    assert why_unsynchronised(client.engine, told) == told[0].sentence


def test_refused_answers_are_told_with_what_to_do_and_until_there_are_none() -> None:
    client = new_client()
    association = hear(client, broadcast(0), 0)
    (sent,) = [item for item in client.wake(at(1).raw, RING) if isinstance(item, SendRequest)]
    association.request_sent(at(1))
    with pytest.raises(PacketError, match="response_times"):
        association.take_response(answer(sent.data, 1, receive=to_ntp(at(5).real)), at(1.0002), RING)
    reason, advice = _ANSWERS["response_times"]
    assert association.refused_answers["response_times"] == 1 and "key" not in advice and reason
    for seconds in (3, 5, 7, 9, 11):
        client.wake(at(seconds).raw, RING)
    assert not association.refused_answers


def test_two_servers_disagree() -> None:
    simulation = Simulation()
    for number, offset in ((1, 0.0), (2, 5.0)):
        Node(simulation, f"10.0.1.{number}", server_configuration(), offset=offset)
    client = Node(simulation, CLIENT, client_configuration())
    simulation.run(60)
    told = found(client)
    sentence = told["servers_disagree"].sentence
    assert "10.0.1.1 and 10.0.1.2 disagree by 5 s" in sentence
    assert why_unsynchronised(client.engine, tuple(told.values())) == sentence
    Node(simulation, "10.0.1.3", server_configuration())
    simulation.run(60)
    assert "server 10.0.1.2 is 5 s off from 10.0.1.1 and 10.0.1.3" in found(client)["falseticker"].sentence


def test_the_reason_before_anything_is_wrong() -> None:
    simulation = Simulation()
    _server, client = pair(simulation)
    assert "waiting for the first packet to 224.0.1.1" in why_unsynchronised(client.engine, ())
    simulation.run(2)
    assert f"the way to server {SERVER} is being measured" in why_unsynchronised(client.engine, ())


@pytest.mark.parametrize(
    ("mode", "error", "words"),
    [
        ("kernel", DisciplineError("panic", "the offset is above the panic threshold of 1000 s"), "panic_threshold"),
        ("kernel", DisciplineError("refused", "the clock can't be steered: not permitted"), "CAP_SYS_TIME"),
        ("kernel", DisciplineError("fails", "no clock helper answers: Connection refused"), "-engine-clock.service"),
        ("chrony", DisciplineError("fails", "No such file or directory"), "chronyd"),
    ],
)
def test_a_discipline_that_fails(mode: str, error: DisciplineError, words: str) -> None:
    simulation = Simulation()
    client = Node(simulation, CLIENT, client_configuration())
    told = found(client, error=error, mode=mode)["discipline"]
    assert error.sentence in told.sentence and words in told.advice


@pytest.mark.parametrize(("offset", "words"), [(0.1, None), (-0.2, "200 ms behind"), (0.2, "200 ms ahead of")])
def test_a_clock_beyond_its_bound(offset: float, words: str | None) -> None:
    simulation = Simulation()
    _server, client = pair(simulation, offset=offset)
    simulation.run(60)
    told = found(client).get("clock_off")
    assert (told is None) == (words is None) and (words is None or (told is not None and words in told.sentence))


@pytest.mark.parametrize(
    ("step", "behind", "not_stepped", "sentence", "advice"),
    [
        ("start", 1.0, None, "slewing that takes 33 minutes", "ntp_multicast_engine_step: pause"),
        ("pause", 60.0, None, "slewing that takes 33 hours", "restart the engine"),
        ("pause", 20.0, "stepped 5 minutes ago", "takes 11 hours: stepped 5 minutes ago", "restart the engine"),
        ("never", 1.0, None, "slewing that takes 33 minutes", "allow a step: ntp_multicast_engine_step"),
    ],
)
def test_a_clock_that_is_slewed_has_its_reason(
    step: str, behind: float, not_stepped: str | None, sentence: str, advice: str
) -> None:
    simulation = Simulation()
    _server, client = pair(simulation, offset=-behind)
    simulation.run(60)
    kept = client.engine.configuration
    client.engine.configuration = replace(kept, discipline=replace(kept.discipline, mode="kernel", step=step))
    told = found(client, not_stepped=not_stepped)["clock_off"]
    assert told.sentence.endswith(sentence) and advice in told.advice, told


def test_refusals_have_a_bound_and_an_end() -> None:
    refusals = Refusals()
    for number in range(1000):
        refusals.note(GROUP, f"10.0.{number // 256}.{number % 256}", PacketError("bad_mac", 42, 20), 72, number)
    assert len(refusals.current(1000)) == LIMIT
    assert refusals.current(1000 + 3600 * NANOSECONDS) == []
    for seconds in (0, 1000, 2000):
        refusals.note(GROUP, "10.1.1.1", PacketError("replay"), 48, seconds * NANOSECONDS)
    assert [item.count for item in refusals.current(4000 * NANOSECONDS)] == [3], "the next one is not overdue"


def test_a_crowd_of_forged_senders_is_told_in_few_lines() -> None:
    simulation = Simulation()
    client = Node(simulation, CLIENT, client_configuration())
    group = client.engine.configuration.clients[0]
    for number in range(50):
        client.engine.take_broadcast(group, broadcast(0, key_id=None), f"10.9.9.{number}", client.clock.now(), "kernel")
    status = system_status(client.engine, client.clock.now(), "monitor", None)
    told = problems(client.engine, client.clock.now(), status)
    assert len(told) == 9 and "42 packets of 42 further kinds" in told[-1].sentence


UNFIT = [({"leap": 3}, "unsynchronised"), ({"stratum": 16}, "stratum"), ({"stratum": 0}, "stratum")]
FAR = ({"root_dispersion_short": 17 << 16}, "root_distance")


@pytest.mark.parametrize(("changes", "reason"), [*UNFIT, FAR])
def test_a_server_that_has_no_time_is_unfit_at_once(changes: dict[str, int], reason: str) -> None:
    client = new_client()
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    hear(client, broadcast(16), 16)
    assert association.usable
    with pytest.raises(PacketError, match=reason):
        hear(client, broadcast(24, **changes), 24)
    assert association.unfit == reason and not association.usable
    with pytest.raises(PacketError, match="replay"):
        hear(client, broadcast(20), 25)
    assert association.unfit == reason, "an older packet doesn't take it back"
    hear(client, broadcast(32), 32)
    assert association.usable


def test_only_the_server_itself_can_call_itself_unfit() -> None:
    client = new_client()
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    hear(client, broadcast(16), 16)
    for data in (broadcast(24, key_id=None, leap=3), broadcast(12, leap=3)):
        with pytest.raises(PacketError):
            hear(client, data, 24)
        assert association.usable


@pytest.mark.parametrize(("changes", "reason"), [UNFIT[0], (FAR[0], "root_distance")])
def test_an_answer_may_say_so_too(changes: dict[str, int], reason: str) -> None:
    client = new_client()
    association = hear(client, broadcast(0), 0)
    volley(client, association)
    hear(client, broadcast(16), 16)
    (action,) = [item for item in client.wake(at(17).raw, RING) if isinstance(item, SendRequest)]
    association.request_sent(at(17))
    with pytest.raises(PacketError):
        association.take_response(answer(action.data, 17, origin=1, **changes), at(17.0002), RING)
    assert association.usable, "nobody who doesn't know the cookie"
    with pytest.raises(PacketError, match=f"response_{reason}"):
        association.take_response(answer(action.data, 17, **changes), at(17.0002), RING)
    assert association.unfit == reason and not association.usable


def test_an_old_stream_is_not_believed_from_another_address() -> None:
    """No MAC covers the source. Where nobody is asked, nothing but the newest timestamp of the key can tell."""
    group = replace(GROUP, fallback_delay=0.001)
    client = Client([group], {}, Cookies(), at_once, Estimator)

    def hears(data: bytes, seconds: float, source: str, listener: Client = client) -> str | None:
        try:
            listener.take_broadcast(group, data, source, at(seconds), "kernel", RING)
        except PacketError as error:
            return error.reason
        finally:
            listener.wake(at(seconds + 4).raw, RING)
        return None

    recorded = [broadcast(seconds) for seconds in range(0, 400, 8)]
    for number, data in enumerate(recorded):
        assert hears(data, number * 8, "10.0.0.1") is None
    for number, data in enumerate(recorded):
        assert hears(data, 7600 + number * 8, "10.0.0.66") == "replay"
    elsewhere = replace(group, group=ipaddress.ip_address("239.1.1.1"))
    both = Client([group, elsewhere], client.memory, Cookies(), at_once, Estimator)
    with pytest.raises(PacketError, match="replay"):
        both.take_broadcast(elsewhere, recorded[-2], "10.0.0.1", at(7600), "kernel", RING)
    again = Client([group], client.memory, Cookies(), at_once, Estimator)
    assert hears(recorded[-2], 7600, "10.0.0.67", again) == "replay", "nor after a restart"
    assert hears(broadcast(7700), 7700, "10.0.0.2") is None, "a second server is welcome"


def test_what_is_wrong_stands_in_the_status_for_people() -> None:
    problem = ProblemStatus("group_silent", "nothing comes", "look there", "224.0.1.1")
    document = {
        "system": {"synchronised": False, "reason": "nothing comes", "discipline": "monitor"},
        "problems": [problem.__dict__],
        "groups": [listening(90.0, 3, 12.0).__dict__],
    }
    lines = text(document).splitlines()
    assert lines[1].split(None, 1) == ["Reason", "nothing comes"]
    place = lines.index("Problems")
    assert [line.strip() for line in lines[place + 1 : place + 3]] == ["nothing comes", "look there"]
    assert "224.0.1.1" in lines[lines.index("Listening") + 2] and "12.0 s ago" in lines[lines.index("Listening") + 2]


def test_a_reference_of_ipv6_is_an_address_where_it_is_known() -> None:
    simulation = Simulation()
    Node(simulation, "fd00::1", server_configuration(group="ff0e::101"))
    client = Node(simulation, CLIENT, client_configuration("ff0e::101"))
    simulation.run(60)
    assert system_status(client.engine, client.clock.now(), "monitor", None).reference_id == "fd00::1"


def test_headers_of_the_examples_are_as_on_the_wire() -> None:
    header = Header.decode(broadcast(24, leap=3))
    assert header.leap == 3 and header.transmit == to_ntp(at(24).real)
    assert ipaddress.ip_address("224.0.1.1") == GROUP.group
