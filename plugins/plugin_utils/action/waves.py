# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order and how many at once the hosts of a run are changed, when to stop, and what to say then.

A step is what is worked on at once: the canary, or a batch of the servers or of the clients. Nothing here touches a
host. A host whose new configuration was not seen counts as one that has the old.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CHECKS = ("none", "reachable", "synchronised")
CANARY, SERVERS, CLIENTS = "the canary", "the servers", "the clients"
_PERCENT = re.compile(r"(?P<number>\d{1,3}) ?%")
_NAMED_HOSTS = 20


class WrongWaves(Exception):
    """What the user asks for makes no sense; a sentence."""


@dataclass(frozen=True)
class Settings:
    """How the user wants it. canary: the hosts that its pattern names, None where there is no pattern."""

    canary: Sequence[str] | None = None
    batches: Any = None
    max_failed: Any = None
    check_between: str = "none"
    fleet_from: int = 50

    @property
    def asked(self) -> bool:
        """Whether the user asked for more than servers before clients."""
        return self.canary is not None or self.batches is not None or self.check_between != "none"


def plan(found: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """The steps of a run, as data.

    Args:
        found: what the preflight found, see the filter host_preflight.
        settings: how the user wants it.

    Raises:
        WrongWaves: with a sentence that names the variable.
    """
    for check in _checks(found, settings):
        check()
    hosts = _hosts(found)
    batches = _batches(settings.batches)
    limit = _limit(settings.max_failed, len(hosts), settings.asked)
    devices = frozenset(found["vrp"])
    steps = [
        _step(name, members, devices, settings) for name, members in _waves(hosts, found["servers"], batches, settings)
    ]
    left = len(hosts)
    for step in steps:
        left -= len(step["hosts"])
        step["after"] = left
    return {
        "steps": steps,
        "hosts": [host for step in steps for host in step["play_hosts"]],
        "serial": [len(step["play_hosts"]) for step in steps],
        "check_between": settings.check_between,
        "max_failed": limit,
        "asked": settings.asked,
    }


def problems(found: Mapping[str, Any], settings: Settings) -> list[str]:
    """All that makes no sense in how the user wants it, a sentence each."""
    wrong = []
    for check in _checks(found, settings):
        try:
            check()
        except WrongWaves as error:
            wrong.append(str(error))
    return wrong


def _checks(found: Mapping[str, Any], settings: Settings) -> list[Callable[[], object]]:
    """What raises WrongWaves, each for one of the variables."""
    hosts = _hosts(found)
    return [
        lambda: _check_canary(settings.canary, hosts),
        lambda: _batches(settings.batches),
        lambda: _limit(settings.max_failed, len(hosts), settings.asked),
        lambda: _check_between(settings.check_between),
    ]


def _hosts(found: Mapping[str, Any]) -> list[str]:
    return [*found["vrp"], *found["linux"], *found["failed"]]


def _check_between(given: str) -> None:
    if given not in CHECKS:
        raise WrongWaves(f"ntp_multicast_check_between: {given!r} has to be one of {', '.join(CHECKS)}.")


def _check_canary(canary: Sequence[str] | None, hosts: Iterable[str]) -> None:
    if canary is not None and not frozenset(canary) & frozenset(hosts):
        raise no_canary()


def _waves(
    hosts: Sequence[str], servers: Iterable[str], batches: Sequence[int | str], settings: Settings
) -> Iterable[tuple[str, list[str]]]:
    serving = frozenset(servers)
    first = frozenset(settings.canary or ())
    if first:
        yield CANARY, [host for host in hosts if host in first]
    for name, members in (
        (SERVERS, [host for host in hosts if host in serving and host not in first]),
        (CLIENTS, [host for host in hosts if host not in serving and host not in first]),
    ):
        parts = list(_parts(members, batches))
        for number, part in enumerate(parts, 1):
            yield (f"{name}, batch {number} of {len(parts)}" if len(parts) > 1 else name), part


def no_canary() -> WrongWaves:
    """What is wrong with a canary that is nobody."""
    return WrongWaves(
        "ntp_multicast_canary: its pattern names none of the hosts that are described and within the limit, so no "
        "canary would go first. Correct it, or set it to an empty text."
    )


def _parts(members: list[str], batches: Sequence[int | str]) -> Iterable[list[str]]:
    """As Ansible's `serial` does it: a share is one of all, and the last size goes for the rest."""
    begin, number = 0, 0
    while begin < len(members):
        size = batches[min(number, len(batches) - 1)]
        count = size if isinstance(size, int) else max(1, len(members) * int(size[:-1]) // 100)
        yield members[begin : begin + count]
        begin, number = begin + count, number + 1


def _step(name: str, members: list[str], devices: frozenset[str], settings: Settings) -> dict[str, Any]:
    of_fleet = [host for host in members if host in devices]
    others = [host for host in members if host not in devices]
    fleet = len(of_fleet) >= settings.fleet_from
    # A fleet's one task needs one host in its play, unless the others are looked at afterwards.
    in_play = of_fleet[:1] if fleet and settings.check_between == "none" else of_fleet
    return {
        "name": name,
        "hosts": members,
        "devices": of_fleet,
        "fleet": fleet,
        "play_hosts": [*in_play, *others],
    }


def _batches(given: Any) -> list[int | str]:
    if given is None:
        return ["100%"]
    words = _listed(given)
    if not words:
        raise WrongWaves(
            "ntp_multicast_batches: the list is empty. Name at least one size, such as [1, 10, 100%], or leave it out."
        )
    return [_size(word) for word in words]


def _listed(given: Any) -> list[Any]:
    if isinstance(given, str):  # as it comes from a command line
        return [word.strip(" \"'") for word in given.strip("[] ").split(",") if word.strip()]
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _size(word: Any) -> int | str:
    share = _PERCENT.fullmatch(str(word).strip())
    if share and 1 <= int(share["number"]) <= 100:
        return f"{share['number']}%"
    number = _whole(word)
    if number is None or number < 1:
        raise WrongWaves(
            f"ntp_multicast_batches: {word!r} is no size of a batch. It has to be a number of hosts from 1, or a share "
            "from 1% to 100%."
        )
    return number


def _whole(word: Any) -> int | None:
    if isinstance(word, bool) or not str(word).strip().isdecimal():
        return None
    return int(str(word).strip())


def _limit(given: Any, hosts: int, asked: bool) -> int:
    """How many hosts may fail. Without waves all may, since one that fails has never kept the others from theirs."""
    if given is None or str(given).strip() == "":
        return 0 if asked else hosts
    share = _PERCENT.fullmatch(str(given).strip())
    if share and int(share["number"]) <= 100:
        return hosts * int(share["number"]) // 100
    number = _whole(given)
    if number is None:
        raise WrongWaves(
            f"ntp_multicast_max_failed: {given!r} has to be a number of hosts from 0, or a share of all from 0% to "
            "100%."
        )
    return number


# -- what became of the hosts ------------------------------------------------------------------------------------------


@dataclass
class Progress:
    """What is known so far.

    done: hosts with the new description, failed: host -> why, perhaps: those of the failed that may have the new one
    ends: how each host shall end that has to be told of, as JSON
    """

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    perhaps: list[str] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)
    stop: bool = False
    lines: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, data: Mapping[str, Any] | None) -> Progress:
        """What an earlier step left."""
        known = {name: value for name, value in (data or {}).items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "lines": []})

    def add(self, host: str, result: Mapping[str, Any] | None, fleet: bool) -> None:
        """A host's result of a task; None where nobody knows of one."""
        if result is None:
            self.done.append(host)
            return
        bad = result.get("failed") or result.get("unreachable")
        if bad:
            self.failed[host] = _reason(result)
            if result.get("changed"):
                self.perhaps.append(host)
        else:
            self.done.append(host)
        if bad or fleet:
            self.ends[host] = json.dumps(dict(result))

    def looked_at(self, host: str, state: Mapping[str, Any], synchronised: bool) -> None:
        """What a look at a host after its change has shown."""
        if host in self.failed:
            return
        reason = "" if state.get("ntp") is not None else _reason(state)
        if synchronised and not reason and state.get("msg"):
            reason = _reason(state)
        if reason:
            self.failed[host] = reason
            kind = "unreachable" if state.get("unreachable") else "failed"
            self.ends[host] = json.dumps({kind: True, "changed": False, "msg": f"After its change: {reason}"})


def judge(
    planned: Mapping[str, Any],
    step: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    results: Mapping[str, Mapping[str, Any] | None],
    states: Mapping[str, Mapping[str, Any]],
    again: str = "",
) -> dict[str, Any]:
    """What is known after a step, and whether the run goes on.

    Args:
        planned: all steps.
        step: the one that is done.
        before: what was known before it.
        results: of the tasks that brought the hosts to their description.
        states: what looks at them have shown afterwards.
        again: the command that goes on.
    """
    progress = Progress.of(before)
    in_fleet = frozenset(step["devices"] if step["fleet"] else ())
    for host in step["hosts"]:
        progress.add(host, results.get(host), host in in_fleet)
        if host in states:
            progress.looked_at(host, states[host], planned["check_between"] == "synchronised")
    last = step["name"] == planned["steps"][-1]["name"]
    hurt = [host for host in step["hosts"] if host in progress.failed]
    too_many = len(progress.failed) > planned["max_failed"] or (step["name"] == CANARY and bool(hurt))
    progress.stop = too_many and not last
    if progress.stop:
        progress.lines = _stopped(planned, step, progress, again)
    elif planned["asked"]:
        count = len(step["hosts"])
        after = step["after"]
        left = f" {after} {'host is' if after == 1 else 'hosts are'} left." if after else ""
        progress.lines = [f"{step['name']}: {count - len(hurt)} of {count} hosts are as described.{left}"]
    return vars(progress)


def _stopped(planned: Mapping[str, Any], step: Mapping[str, Any], progress: Progress, again: str) -> list[str]:
    everyone = [host for each in planned["steps"] for host in each["hosts"]]
    perhaps, done = frozenset(progress.perhaps), frozenset(progress.done)
    new = [host for host in everyone if host in done]
    unclear = [host for host in everyone if host in perhaps]
    old = [host for host in everyone if host not in done and host not in perhaps]
    lines = [f"Stopped after {step['name']} ({len(step['hosts'])} of {len(everyone)} hosts), since it went wrong on:"]
    lines += [f"  {host}: {reason}" for host, reason in progress.failed.items()]
    lines += [f"The new description: {_named(new)}", f"The old description: {_named(old)}"]
    if unclear:
        lines.append(f"Not known, look there first: {_named(unclear)}")
    if again:
        lines.append(f"When that is mended, the same command goes on, and leaves alone what is as described: {again}")
    return lines


def _named(hosts: Sequence[str]) -> str:
    if not hosts:
        return "none"
    more = len(hosts) - _NAMED_HOSTS
    return ", ".join(hosts[:_NAMED_HOSTS]) + (f" and {more} more" if more > 0 else "") + f" ({len(hosts)})"


def _reason(result: Mapping[str, Any]) -> str:
    lines = [line.strip() for line in str(result.get("msg") or "").splitlines() if line.strip()]
    return " ".join(lines) or "it gives no reason"
