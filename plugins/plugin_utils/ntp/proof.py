# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a client takes the packets of its servers since they sign with another key, from two looks at it.

Rules of this file: a client that lost its servers calls itself synchronised for up to eight polls (RFC 5905, section
13), so its word proves nothing. What proves it are packets between the two looks. A Linux host tells the key of a
server's last packet; a VRP device does not, so there fresh packets and the lack of failures have to do (fact 2.4).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

DEFAULT_POLL = 64.0
_ROUNDING = 1.0  # a device tells whole seconds


@dataclass(frozen=True, slots=True)
class Source:
    """A server as a client sees it. heard: seconds since its last packet; key_id: that of this packet, where told."""

    name: str
    reach: int | None = None
    poll: float | None = None
    heard: float | None = None
    key_id: int | None = None
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a client.

    began, ended: seconds of one clock, before it was asked and after it answered
    sources: the multicast servers that it hears
    tells_keys: whether it tells with which key a server signs
    run: what changes when the client begins to count anew
    processed, failures: packets that it took, and those whose authentication failed; None where it does not count
    losses: the losses of a source that it lists, None where it tells of none
    """

    began: float
    ended: float
    sources: tuple[Source, ...]
    synchronised: bool = True
    tells_keys: bool = False
    run: str = ""
    processed: int | None = None
    failures: int | None = None
    losses: tuple[str, ...] | None = ()

    @property
    def poll(self) -> float:
        """The longest interval of its servers."""
        return max((source.poll or DEFAULT_POLL for source in self.sources), default=DEFAULT_POLL)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What two looks show.

    proven: whether the client takes the packets that are signed with the new key
    words: the kind of proof, or what is missing
    again: whether the second look has to be the first of the next two, because what is between them proves the contrary
    """

    proven: bool
    words: str
    again: bool = False


def judge(first: Look, last: Look, keys: tuple[int, int], intervals: int) -> Verdict:
    """What the time between two looks shows.

    Args:
        first, last: the looks, the first one after the servers have switched.
        keys: the old key and the new one.
        intervals: how many intervals of its servers a client has to be watched.
    """
    for found in _contradictions(first, last):
        return found
    elapsed = last.began - first.ended
    heard = _concerned(first, keys) or _concerned(last, keys)
    if not heard:
        return Verdict(False, "it hears no server", again=True)
    for source in heard:
        missing = _missing(source, last, keys[1], elapsed)
        if missing:
            return Verdict(False, missing)
    needed = intervals * max(first.poll, last.poll)
    if elapsed < needed:
        return Verdict(False, f"it was watched for {elapsed:.0f} s, and {intervals} intervals are {needed:.0f} s")
    taken = None if first.processed is None or last.processed is None else last.processed - first.processed
    if taken is not None and taken < intervals:
        return Verdict(False, f"it took {taken} packets in {elapsed:.0f} s, and {intervals} are needed")
    if not last.synchronised:
        return Verdict(False, "it takes the packets, and is not synchronised yet")
    return Verdict(True, _words(heard, last, taken, keys[1], elapsed))


def _contradictions(first: Look, last: Look) -> Iterator[Verdict]:
    """What makes the time between the looks worthless, or proves the contrary."""
    counters = ((first.processed, last.processed), (first.failures, last.failures))
    if first.run != last.run or any(a is not None and b is not None and b < a for a, b in counters):
        yield Verdict(False, "it was restarted, or its counters were, while it was watched", again=True)
    if first.failures is not None and last.failures is not None and last.failures > first.failures:
        count = last.failures - first.failures
        yield Verdict(False, f"the authentication of {count} packets failed", again=True)
    new = [loss for loss in last.losses or () if loss not in (first.losses or ())] if first.losses is not None else []
    if new:
        yield Verdict(False, f"it lost a source: {new[0]}", again=True)


def _concerned(look: Look, keys: tuple[int, int]) -> list[Source]:
    """The servers that are rotated, as far as that is told. One that was gone before is not waited for."""
    return [source for source in look.sources if source.reach and (not look.tells_keys or source.key_id in keys)]


def _missing(source: Source, last: Look, key_id: int, elapsed: float) -> str:
    """What a server's packets do not show, or nothing."""
    now = next((other for other in last.sources if other.name == source.name), None)
    if now is None or not now.reach:
        return f"{source.name} is not heard any more"
    if last.tells_keys and now.key_id != key_id:
        signed = f"signed with key {now.key_id}" if now.key_id is not None else "not signed"
        return f"the last packet of {source.name} is {signed}"
    rounding = 0.0 if last.tells_keys else _ROUNDING
    if now.heard is None:
        # Without the age of the last packet, the register has to have moved on (RFC 5905, section 9.2).
        moved = elapsed > (now.poll or DEFAULT_POLL) + rounding and now.reach & 1
        return "" if moved else f"{source.name} is not heard afresh yet"
    if now.heard + rounding >= elapsed:
        return f"{source.name} was last heard {now.heard:.0f} s ago, before the servers switched or just then"
    return ""


def _words(heard: list[Source], last: Look, taken: int | None, key_id: int, elapsed: float) -> str:
    names = ", ".join(source.name for source in heard)
    if last.tells_keys:
        return f"by the key: the last packets of {names} are signed with key {key_id}"
    fresh = f"fresh packets of {names} in {elapsed:.0f} s"
    if taken is None or last.failures is None:
        return f"by sessions alone: {fresh}; it counts neither packets nor failures"
    lost = "its losses are not told" if last.losses is None else "no source lost"
    return f"by counters: {fresh}, {taken} packets taken, no authentication failed, {lost}"
