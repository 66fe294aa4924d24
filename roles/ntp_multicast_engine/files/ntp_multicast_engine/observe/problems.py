# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong, in sentences: made from the engine's state whenever somebody asks, the nearest cause first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ntp_multicast_engine.config.configuration import MulticastClient, MulticastServer
from ntp_multicast_engine.instant import Instant
from ntp_multicast_engine.observe.status import GroupStatus, ProblemStatus, SystemStatus
from ntp_multicast_engine.protocol.association import Association, Phase
from ntp_multicast_engine.protocol.client import WITHDRAWN
from ntp_multicast_engine.protocol.refusals import Refusal
from ntp_multicast_engine.protocol.selection import MAXDIST, Candidate, Judgement
from ntp_multicast_engine.protocol.standstill import spelt
from ntp_multicast_engine.protocol.system import Engine
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

FIRST_PATIENCE = 16.0
"""Seconds after which a group that has not been heard yet is worth a word: two of the shortest intervals."""
_SILENT_POLLS = 2.5
_USUAL_POLL = 64.0
_UNANSWERED_FIRST, _UNANSWERED_LATER = 2, 3
_MAXIMUM_REFUSALS = 8
_HEARD_LATELY = 0b111
"""Bits of the reachability register: of the last three polls."""
RIGHT = 0.128
"""Seconds that a clock may be off; the step threshold of RFC 5905 section 11.2.2 as ntpd has it."""
_FASTEST_SLEW = 500e-6
_STANDSTILL_TOLD = 600 * NANOSECONDS
_RESTART = "restart the engine, which may step the clock once when it starts"
_STEP_ADVICE = {
    "never": "wait, or allow a step: ntp_multicast_engine_step",
    "start": f"wait, or {_RESTART}; ntp_multicast_engine_step: pause allows a step after a pause of this host, too",
    "pause": f"wait, or {_RESTART}",
    "always": "wait for the next measurement: the engine steps the clock",
}

_KEY_ADVICE = "compare the keys of both ends: number, algorithm and secret"
_REFUSALS: dict[str, tuple[str, str]] = {
    "unknown_key": ("this host has no key {key}", "give this host key {key}, or let the server sign with one it has"),
    "untrusted_key": (
        "key {key} is not trusted here",
        "mark key {key} as trusted, or let the server use a trusted one",
    ),
    "bad_mac": ("the MAC of {tag} octets is not the one that key {key} makes", _KEY_ADVICE),
    "unauthenticated": (
        "no MAC, and authentication is on",
        "let the server sign with a key that is trusted here, or switch authentication off",
    ),
    "extension_on_prefix_hash": (
        "with extension fields, which a MAC of key {key} does not protect",
        "use a key of aes-128-cmac, aes-256-cmac or hmac-sha256",
    ),
    "crypto_nak": ("the sender could not verify a request (crypto-NAK)", _KEY_ADVICE),
    "length": (
        "{length} octets are no packet with a MAC of a known length",
        "look at the algorithm of the sender's key",
    ),
    "extension": (
        "what follows the header is no MAC of a known length ({length} octets in all)",
        "look at the algorithm of the sender's key, and for hmac-sha256 at the length of its MAC",
    ),
    "version": ("the NTP version is not 1 to 4", "set another version at the sender"),
    "mode": ("not of mode 5, broadcast", "look at what the sender sends to a multicast group"),
    "server_not_allowed": ("the sender is not among the allowed servers", "add it to allow_servers, or look who it is"),
    "unsynchronised": (
        "the server says that its own clock is not synchronised (leap indicator 3)",
        "look at the sources of the server",
    ),
    "stratum": (
        "the server says that it has no time to give (stratum 0, 16 or above)",
        "look at the sources of the server",
    ),
    "root_distance": ("the server says that it may be wrong by 16 s or more", "look at the sources of the server"),
    "poll": ("the interval is not 8 s to 36 h", "set another interval at the sender"),
    "no_transmit_time": ("no time in it", "look at the sender"),
    "replay": (
        "not newer than one accepted before: doubled, late or replayed, or the server's clock was set back",
        "look at the clock of the server, which the engine asks to go on as soon as it answers, and for a loop of the"
        " network that brings packets twice",
    ),
    "too_many_associations": ("there are more servers in the group than are followed", "look who sends to the group"),
    "request_unknown_key": ("this host has no key {key}", "give this host key {key}, or the client one that it has"),
    "request_bad_mac": ("the MAC of {tag} octets is not the one that key {key} makes", _KEY_ADVICE),
}
_OTHER_ADVICE = "look what it is that answers there, and at its settings"
_ANSWERS = {
    "response_unauthenticated": ("not signed with the key of the multicasts", _KEY_ADVICE),
    "response_bad_mac": ("a MAC that this host can't verify", _KEY_ADVICE),
    "response_version": ("another NTP version", _OTHER_ADVICE),
    "response_delay": ("longer than a second on the way", "look at the load of the server and at the network between"),
    "response_times": ("impossible timestamps", "look at the clock of the server, which may jump"),
    "response_mode": ("no mode 4, server", _OTHER_ADVICE),
    "length": ("the length fits no MAC", _KEY_ADVICE),
    "extension": ("the length fits no MAC", _KEY_ADVICE),
}
_KISSES = {
    "RATE": "allow more requests of one client at the server: a volley has one in two seconds",
    "INIT": "look at the sources of the server: it has not synchronised yet",
    "STEP": "wait: the server has just set its clock",
}
"""RFC 5905 section 7.4, figure 13."""
_OTHER_KISS = "look up the code in the documentation of the server"
_ADVICE = {
    "loop": "give the server another source, or don't let this host be its client",
    "service_denied": "let this host ask in the access rules of the server, and reload the engine",
    "server_lost": (
        "look whether the server runs, still has that address and is synchronised, and at the network between"
    ),
    "too_far": "look at the server's sources and the way to it",
    "falseticker": "look at the clock and the sources of that server",
    "servers_disagree": (
        "find out which of them is wrong, and correct or remove it; a third server that is right outvotes one"
    ),
    "server_silent": (
        "let a time service keep this host's clock, or set reference_stratum where its clock is right by itself"
    ),
    "stood_still": (
        "was the virtual machine paused, migrated or restored? Where that happens, ntp_multicast_engine_step: pause"
        " lets the engine step the clock after it"
    ),
    "refused": "look who sends (ntp-multicast-engine listen)",
}


def problems(
    engine: Engine,
    now: Instant,
    system: SystemStatus,
    groups: Sequence[GroupStatus] = (),
    sockets: Sequence[ProblemStatus] = (),
    standstill: tuple[int, float] | None = None,
    not_stepped: str | None = None,
) -> tuple[ProblemStatus, ...]:
    """:param sockets: what can't be opened.
    :param standstill: raw time of the end and the seconds of the last time that this host stood still.
    :param not_stepped: why the clock isn't stepped although the settings allow it.
    """
    return (
        *sockets,
        *_discipline(engine, system, not_stepped),
        *_silent_groups(engine, groups),
        *_refused(engine, now.raw),
        *(problem for item in engine.client.associations.values() for problem in _association(engine, item, now.raw)),
        *_selection(engine),
        *_server(engine, now, {problem.subject for problem in sockets}),
        *_stood_still(standstill, now.raw),
    )


def why_unsynchronised(engine: Engine, found: Sequence[ProblemStatus]) -> str:
    """One sentence for a host that has no time."""
    volleys = [item for item in engine.client.associations.values() if item.phase is Phase.VOLLEY]
    measured = [item for item in volleys if item.answers and not item.unanswered and item.unfit is item.denied is None]
    if found and not measured:
        return found[0].sentence
    for item in measured or volleys:
        return f"the way to server {item.source} is being measured ({_number(item.answers, 'answer')} so far)"
    if engine.configuration.clients:
        return f"waiting for the first packet to {place_of(engine.configuration.clients[0])}"
    return "the configuration names no group to listen to and no source of time"


def _problem(code: str, sentence: str, subject: str, count: int | None = None) -> ProblemStatus:
    return ProblemStatus(code, sentence, _ADVICE[code], subject, count)


def place_of(item: MulticastClient | MulticastServer | GroupStatus) -> str:
    return f"{item.group} port {item.port} on {item.interface}"


def _silent_groups(engine: Engine, groups: Sequence[GroupStatus]) -> Iterator[ProblemStatus]:
    for item in groups:
        if item.listening is None:
            continue
        silence = item.listening if item.last_received is None else min(item.last_received, item.listening)
        if silence < _patience(engine, item):
            continue
        place = place_of(item)
        if item.packets:
            sentence = f"nothing has come to {place} for {silence:.0f} s; {item.packets} packets came before"
        else:
            sentence = f"no packet has come to {place} in the {silence:.0f} s since the engine listens there"
        if item.filtered:
            sentence += f"; {item.filtered} datagrams were no multicasts of NTP, or not from allow_servers"
        if item.link is not None:
            sentence += f": {item.link}"
        yield ProblemStatus("group_silent", sentence, _silence_advice(item), place)


def _silence_advice(item: GroupStatus) -> str:
    if item.link is not None:
        return link_advice(item.interface)
    membership = "MLD" if ":" in item.group else "IGMP"
    return (
        f"look whether a server sends there (ntp-multicast-engine listen --interface {item.interface} --group"
        f" {item.group}), whether this host's firewall lets in UDP port {item.port} to the group and {membership},"
        " whether the network has a querier where switches snoop, at the ttl of the server, at rp_filter here, and"
        " whether interface, group and port are the right ones"
    )


def link_advice(interface: str) -> str:
    return f"look at {interface} (ip -details address show dev {interface})"


def _patience(engine: Engine, item: GroupStatus) -> float:
    polls = [
        association.poll_interval / NANOSECONDS
        for (group, _source), association in engine.client.associations.items()
        if (group.interface, str(group.group), group.port) == (item.interface, item.group, item.port)
        and association.header is not None
    ]
    return max(polls, default=_USUAL_POLL) * _SILENT_POLLS if item.packets else FIRST_PATIENCE


def _refused(engine: Engine, raw: int) -> Iterator[ProblemStatus]:
    # What a known server says of itself is told as long as it says so.
    current = [item for item in engine.refusals.current(raw) if not _told_otherwise(engine, item, raw)]
    yield from map(_refusal, current[:_MAXIMUM_REFUSALS])
    if rest := current[_MAXIMUM_REFUSALS:]:
        sentence = f"{sum(item.count for item in rest)} packets of {len(rest)} further kinds are refused, too"
        yield _problem("refused", sentence, "others", len(rest))


def _told_otherwise(engine: Engine, item: Refusal, raw: int) -> bool:
    """Whether a known server says it of itself, or by its own interval no such packet comes any more."""
    server = engine.client.associations.get((item.group, item.source)) if item.group is not None else None
    if server is None or server.header is None:
        return False
    return item.reason in WITHDRAWN or not item.lasts(raw, server.poll_interval)


def _refusal(item: Refusal) -> ProblemStatus:
    reason, advice = _REFUSALS.get(item.reason, (item.reason.replace("_", " "), "look at the sender"))
    words = {"key": item.key_id, "tag": item.tag, "length": item.length}
    if item.group is None:
        packets, subject = f"{_number(item.count, 'request')} from {item.source}", item.source
    else:
        place = place_of(item.group)
        packets, subject = f"{_number(item.count, 'packet')} from {item.source} to {place}", f"{item.source} {place}"
    if item.key_id is not None:
        packets += f" with key {item.key_id}"
        subject += f" key {item.key_id}"
    verb = "was" if item.count == 1 else "were"
    sentence = f"{packets} {verb} refused: {reason.format(**words)}"
    return ProblemStatus(item.reason, sentence, advice.format(**words), subject, item.count)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _association(engine: Engine, item: Association, raw: int) -> Iterator[ProblemStatus]:
    group, server = item.configuration, f"server {item.source}"
    subject = f"{item.source} on {group.interface}"
    if item.header is not None and engine.follows_us(item):
        yield _problem("loop", f"{server} has its time from this host, so it is not followed", subject)
    if item.unfit is not None:
        reason, advice = _REFUSALS[item.unfit]
        yield ProblemStatus(item.unfit, f"{server} is not followed: {reason}", advice, subject)
    if item.denied is not None:
        sentence = f"{server} refuses service ({item.denied}), so it is not used any more"
        yield _problem("service_denied", sentence, subject)
        return
    if not item.reach & _HEARD_LATELY and item.header is not None and item.last_arrival is not None:
        silence = raw - max(item.last_arrival.raw, engine.refusals.newest(group, item.source))
        # Of one that is heard and refused that is told.
        if silence > _SILENT_POLLS * item.poll_interval:
            age = silence / NANOSECONDS
            yield _problem("server_lost", f"{server} was not heard on {place_of(group)} for {age:.0f} s", subject)
    if item.failure is not None and item.header is not None:
        sentence = (
            f"{_number(item.requests, 'request')} to {server} port {group.volley_port} over {group.interface},"
            f" the last one failed: {item.failure.reason}; {_number(item.answers, 'answer')} came"
        )
        yield ProblemStatus("request_failed", sentence, item.failure.advice, subject, item.requests)
    else:
        yield from _unanswered(item, subject)


def _unanswered(item: Association, subject: str) -> Iterator[ProblemStatus]:
    group = item.configuration
    if item.header is None or not item.reach & _HEARD_LATELY or (group.fallback_delay is not None and not item.answers):
        return
    refused = [reason for reason in item.refused_answers if reason in _ANSWERS]
    if item.kiss is not None:
        sentence = f"server {item.source} answers with the kiss code {item.kiss} instead of a time"
        yield ProblemStatus("kiss_of_death", sentence, _KISSES.get(item.kiss, _OTHER_KISS), subject)
    elif refused and (item.unanswered or not item.answers):
        count = sum(item.refused_answers[reason] for reason in refused)
        reasons, advice = (" and ".join(dict.fromkeys(texts)) for texts in zip(*map(_ANSWERS.__getitem__, refused)))
        sentence = f"{_number(count, 'answer')} of server {item.source} refused: {reasons}"
        yield ProblemStatus("answers_refused", sentence, advice, subject, count)
    elif item.unanswered >= (_UNANSWERED_LATER if item.answers else _UNANSWERED_FIRST):
        asked = f"{_number(item.requests, 'request')} to its port {group.volley_port}"
        told = f"got {_number(item.answers, 'answer')}"
        told += f", none to the last {item.unanswered}" if item.answers else " within a second"
        sentence = f"server {item.source} is heard on {place_of(group)}, but {asked} {told}"
        advice = (
            f"look at the firewall and the access rules of the server for UDP port {group.volley_port}, whether it"
            " answers from the address that was asked, at this host's firewall for the answers, and at the route back;"
            " where a server never answers, set fallback_delay"
        )
        yield ProblemStatus("no_answers", sentence, advice, subject, item.requests)


def _selection(engine: Engine) -> Iterator[ProblemStatus]:
    agreeing = _by_source(engine.judged, Judgement.AGREES)
    wrong = _by_source(engine.judged, Judgement.DISAGREES)
    for source, vote in _by_source(engine.judged, Judgement.TOO_FAR).items():
        sentence = f"server {source} may be wrong by {vote.distance:.3g} s, more than {MAXDIST} s"
        yield _problem("too_far", f"{sentence}, so it is not followed", source)
    if agreeing:
        middle = sum(vote.offset for vote in agreeing.values()) / len(agreeing)
        for source, vote in wrong.items():
            others = " and ".join(agreeing)
            sentence = f"server {source} is {_seconds(vote.offset - middle)} off from {others}, so it is not followed"
            yield _problem("falseticker", sentence, source)
    elif len(wrong) > 1:
        offsets = [vote.offset for vote in wrong.values()]
        apart = f"servers {' and '.join(wrong)} disagree by {_seconds(max(offsets) - min(offsets))}"
        sentence = f"{apart} and no majority agrees, so none is followed"
        yield _problem("servers_disagree", sentence, " ".join(wrong))


def _by_source(judged: dict[Candidate[Association], Judgement], wanted: Judgement) -> dict[str, Candidate[Association]]:
    """A server counts once, in however many groups it is heard."""
    return {item.server.source: item for item, judgement in judged.items() if judgement is wanted}


def _seconds(value: float) -> str:
    for unit, name in ((1.0, "s"), (1e-3, "ms")):
        if abs(value) >= unit:
            return f"{abs(value) / unit:.3g} {name}" if abs(value) < 1000 * unit else f"{abs(value) / unit:.0f} {name}"
    return f"{abs(value) * 1e6:.0f} us"


def _discipline(engine: Engine, system: SystemStatus, not_stepped: str | None) -> Iterator[ProblemStatus]:
    subject, error = system.discipline, system.discipline_error
    if error is not None:
        advice = _DISCIPLINE_ADVICE[subject, system.discipline_state]
        yield ProblemStatus("discipline", f"the discipline {subject} does not work: {error}", advice, subject)
    offset = system.offset
    if offset is None or not engine.selected or abs(offset) <= RIGHT:
        return
    off = f"the clock of this host is {_seconds(offset)} {'behind' if offset > 0 else 'ahead of'} {system.reference_id}"
    if subject == "monitor":
        yield ProblemStatus(
            "clock_off",
            f"{off}, and the discipline monitor leaves it alone",
            "choose the discipline kernel or chrony, or repair the service that keeps the clock",
            subject,
        )
    elif subject == "kernel" and error is None:
        yield ProblemStatus(
            "clock_off",
            f"{off}, and slewing that takes {_duration(abs(offset) / _FASTEST_SLEW)}"
            + (f": {not_stepped}" if not_stepped else ""),
            _STEP_ADVICE[engine.configuration.discipline.step],
            subject,
        )


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{minutes:.0f} minutes" if minutes < 120 else f"{minutes / 60:.0f} hours"


_DISCIPLINE_ADVICE = {
    ("kernel", "panic"): (
        "look whether the server or this clock is wrong; if it is this clock, stop the engine, set the clock once"
        " (date --set) and start it again, or raise ntp_multicast_engine_panic_threshold"
    ),
    ("kernel", "fails"): "look whether ntp-multicast-engine-clock.service runs, and what its journal says",
    ("kernel", "refused"): (
        "give the engine the right to set the clock (CAP_SYS_TIME); in a container choose the discipline monitor and"
        " let the host below keep the clock"
    ),
    ("chrony", "fails"): "look whether chronyd runs and has the reference clock of the engine (chronyc sources)",
}


def _server(engine: Engine, now: Instant, closed: set[str]) -> Iterator[ProblemStatus]:
    """What this host should tell others and doesn't."""
    if not engine.configuration.serves:
        return
    why = engine.why_silent(now)
    if why is not None:
        groups = ", ".join(f"{server.group} on {server.interface}" for server in engine.senders)
        what = f"sends nothing to {groups} and answers nobody" if groups else "answers nobody"
        sentence = f"this server {what} because the clock of this host is not synchronised: {why}"
        yield _problem("server_silent", sentence, "server")
        return
    for server, sender in engine.senders.items():
        place = place_of(server)
        if sender.last_error is not None and place not in closed:
            yield ProblemStatus(
                "not_sent", f"multicasts to {place} are not sent: {sender.last_error}", sender.advice, place
            )


def _stood_still(standstill: tuple[int, float] | None, raw: int) -> Iterator[ProblemStatus]:
    if standstill is not None and raw - standstill[0] < _STANDSTILL_TOLD:
        ago = (raw - standstill[0]) / NANOSECONDS
        sentence = f"this host stood still for {spelt(standstill[1])}, until {ago:.0f} s ago"
        yield _problem("stood_still", sentence, "host")
