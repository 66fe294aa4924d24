# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of the playbook rotate_key: what it may do next, when it stops, and what it says.

The run looks at all hosts before each step that could take a key from a client, and goes by what it sees then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..ntp.errors import UserError
from ..ntp.proof import DEFAULT_POLL, Look, Verdict, judge
from ..ntp.rotation import (
    Host,
    Remaining,
    Rotation,
    Step,
    named,
    problems_of_description,
    problems_of_hosts,
    remaining,
    rotating_groups,
    told,
)
from .rotating import (
    Described,
    WrongRotation,
    host_of,
    look_as_data,
    look_from_data,
    problems_of_settings,
    rotation_of,
    without_look,
)
from .waves import Settings, WrongWaves, no_canary, plan

MOST_ROUNDS = 20
MARGIN = 2.0  # seconds beyond whole intervals, since devices tell whole seconds
UNSYNCHRONISED = "ntp_multicast_rotate_unsynchronised"


@dataclass
class Run:
    """What is known of the run; as data it is a fact of localhost.

    old, new: ids of the keys
    todo: step -> what the play of it takes; empty when nothing is to be done
    groups: to which the servers send that are rotated
    exempt: clients that need not be proven
    proven: client -> the kind of proof
    ends: how each host shall end that has to be told of, as JSON
    """

    old: int = 0
    new: int = 0
    todo: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    exempt: list[str] = field(default_factory=list)
    proven: dict[str, str] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    stop: bool = False
    finished: bool = False

    @classmethod
    def of(cls, data: Mapping[str, Any] | None) -> Run:
        """What an earlier step left."""
        known = {name: value for name, value in (data or {}).items() if name in cls.__dataclass_fields__}
        return cls(**{**known, "lines": []})

    def end(self, host: str, reason: str, result: Mapping[str, Any] | None = None) -> None:
        """Let a host end as its own task did, or as failed."""
        unreachable = bool(result and result.get("unreachable"))
        kind = "unreachable" if unreachable else "failed"
        self.ends[host] = json.dumps({kind: True, "changed": False, "msg": reason})

    def stopped(self, where: str, step: Step, reasons: Sequence[str], again: str) -> None:
        """End here, and say why and how it goes on."""
        self.stop = True
        self.todo = {}
        words = step.numbered(self.old, self.new)
        self.lines += [f"Stopped {where} step {words}.", *(f"  {reason}" for reason in reasons), again]


@dataclass(frozen=True)
class Sight:
    """What a look at all hosts has shown. unseen: hosts that were not seen, each with the result that says why"""

    described: Mapping[str, Described]
    hosts: Mapping[str, Host]
    unseen: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, hostvars: Mapping[str, Any], described: Mapping[str, Described], seen: Sequence[str]) -> Sight:
        """Read what the tasks of a look have registered."""
        hosts, unseen = {}, {}
        for name in seen:
            try:
                hosts[name] = host_of(described[name], hostvars[name])
            except UserError as error:
                results = [hostvars[name].get(fact) or {} for fact in LOOKS]
                unreachable = any(result.get("unreachable") for result in results)
                unseen[name] = {"msg": str(error), "unreachable": unreachable}
        return cls(described, hosts, unseen)


LOOKS = ("__ntp_multicast_rotation_read", "__ntp_multicast_rotation_engine", "__ntp_multicast_knock")


def begin(
    described: Mapping[str, Described],
    elsewhere: Mapping[str, Described],
    sight: Callable[[], Sight],
    silent: Mapping[str, str],
    settings: Settings,
    *,
    allow_silent: bool,
    dry: bool,
) -> Run:
    """What is to be done, and what is wrong with it.

    Args:
        described: the variables of the hosts of this run.
        elsewhere: those of the other hosts of the inventory.
        sight: what the look at the hosts has shown; asked for when the variables are right.
        silent: hosts that are not synchronised, each with the reason.
        settings: in which order the hosts of a step are changed.
        allow_silent: whether a client that is not synchronised does not refuse the run.
        dry: whether nothing is to be done.
    """
    run = Run()
    try:
        rotation = rotation_of(described)
    except WrongRotation as error:
        run.problems = [str(error)]
        return run
    run.old, run.new = rotation.old.id, rotation.new
    run.problems = _about_variables(rotation, described, elsewhere) + _about_canary(settings, described)
    if run.problems:
        return run
    seen = sight()
    run.problems = [*_about_unseen(run, seen), *problems_of_hosts(rotation, seen.hosts)]
    if not run.problems:
        try:
            _decide(run, rotation, seen, silent, settings, allow_silent=allow_silent, dry=dry)
        except WrongWaves as error:
            run.problems = [str(error)]
    return run


def _about_variables(
    rotation: Rotation, described: Mapping[str, Described], elsewhere: Mapping[str, Described]
) -> list[str]:
    return [
        *problems_of_description(rotation, {name: without_look(host) for name, host in described.items()}),
        *(f"{name}: {sentence}" for name, host in described.items() for sentence in problems_of_settings(host)),
        *_left_out(rotation, elsewhere),
    ]


def _about_canary(settings: Settings, described: Mapping[str, Described]) -> list[str]:
    if settings.canary is None or any(name in described for name in settings.canary):
        return []
    return [str(no_canary())]


def _decide(
    run: Run,
    rotation: Rotation,
    seen: Sight,
    silent: Mapping[str, str],
    settings: Settings,
    *,
    allow_silent: bool,
    dry: bool,
) -> None:
    """What is left to do on hosts that are as they have to be."""
    left = remaining(rotation, seen.hosts)
    run.finished = left.finished
    run.groups = sorted(rotating_groups(rotation, seen.hosts))
    run.exempt = [name for name in left.steps[Step.CLIENTS] if name in silent]
    if run.exempt and not allow_silent and not left.finished:
        run.problems = [_not_synchronised(name, silent[name]) for name in run.exempt]
        return
    run.lines = _plan_in_words(rotation, left, run.exempt)
    planned = todo(left, seen, settings)  # a dry run refuses what a run would refuse
    if not dry and not left.finished:
        run.todo = planned


def _left_out(rotation: Rotation, elsewhere: Mapping[str, Described]) -> list[str]:
    names = [name for name, host in elsewhere.items() if without_look(host).wanted.key(rotation.new)]
    if not names:
        return []
    return [
        f"{named(names)}: key {rotation.new} is described for them, and this run leaves them out. A rotation needs all "
        "hosts that hold the key: run it without a limit, and with ntp_multicast_hosts naming them all."
    ]


def _about_unseen(run: Run, sight: Sight) -> list[str]:
    for name, result in sight.unseen.items():
        run.end(name, f"Not looked at: {result['msg']}", result)
    return [
        f"{name}: {'unreachable' if result['unreachable'] else 'it could not be looked at'}: {result['msg']}"
        for name, result in sight.unseen.items()
    ]


def _not_synchronised(name: str, reason: str) -> str:
    return (
        f"{name}: it is a client and not synchronised ({reason}), so it could not be proven on the new key. Fix that, "
        f"or set {UNSYNCHRONISED} to true to rotate without its proof."
    )


def _plan_in_words(rotation: Rotation, left: Remaining, exempt: Sequence[str]) -> list[str]:
    if left.finished:
        return [
            f"Every host has key {rotation.new}, the servers sign with it, and key {rotation.old.id} is nowhere any "
            "more: nothing is to be done. Take ntp_multicast_rotation out of the variables."
        ]
    lines = told(rotation, left)
    if exempt:
        lines.append(f"  Without proof, since they are not synchronised: {named(exempt)}")
    return lines


def todo(left: Remaining, sight: Sight, settings: Settings) -> dict[str, Any]:
    """What the plays of the steps take."""
    return {
        Step.NEW_KEY.value: {**_in_waves(left.new_key, sight, settings), "used": left.used},
        # One after the other, so that a server which fails leaves the others as they are.
        Step.SERVERS.value: {
            "hosts": list(left.steps[Step.SERVERS]),
            "serial": [1],
        },
        Step.CLIENTS.value: {"hosts": list(left.steps[Step.CLIENTS]), "serial": []},
        Step.OLD_KEY.value: _in_waves(left.steps[Step.OLD_KEY], sight, settings),
    }


def _in_waves(hosts: Sequence[str], sight: Sight, settings: Settings) -> dict[str, Any]:
    """In the order of the playbook site; a canary that has nothing to do in this step is left away."""
    devices = [name for name in hosts if sight.described[name].platform == "vrp"]
    found = {
        "vrp": devices,
        "linux": [name for name in hosts if name not in devices],
        "failed": {},
        "servers": [name for name in hosts if sight.hosts[name].wanted.senders],
    }
    canary = [name for name in settings.canary or () if name in hosts]
    waves = plan(found, Settings(canary or None, settings.batches, 0, "none", len(hosts) + 1))
    return {"hosts": waves["hosts"], "serial": waves["serial"]}


def seen_again(
    data: Mapping[str, Any], rotation: Rotation, sight: Sight, done: Sequence[Step], coming: Step, again: str
) -> Run:
    """Whether the steps that came before are done on every host, by a new look at all of them.

    Args:
        data: the run so far.
        done: the steps.
        coming: the step that comes next.
        again: the sentence with the command that goes on.
    """
    run = Run.of(data)
    reasons = [*_about_unseen(run, sight), *problems_of_hosts(rotation, sight.hosts)]
    left = remaining(rotation, sight.hosts)
    for step in done:
        for name in left.steps[step]:
            reason = f"this does not hold there: {step.words(run.old, run.new)}"
            reasons.append(f"{name}: {reason}")
            run.end(name, reason)
    if reasons:
        run.stopped("before", coming, reasons, again)
    return run


def after_change(
    data: Mapping[str, Any],
    hosts: Sequence[str],
    results: Mapping[str, Mapping[str, Any] | None],
    again: str,
    step: Step,
) -> Run:
    """What became of the hosts of a step or of a batch of it."""
    run = Run.of(data)
    failed = {}
    for host in hosts:
        result = results.get(host)
        if result is not None:
            failed[host] = " ".join(str(result.get("msg") or "it gives no reason").split())
            run.ends[host] = json.dumps(dict(result))
    if failed:
        run.stopped("in", step, [f"{host}: {reason}" for host, reason in failed.items()], again)
    return run


# -- the proof ---------------------------------------------------------------------------------------------------------


@dataclass
class Watch:
    """The clients that are watched; as data it is what the next round takes.

    intervals: how many intervals of its servers each client has to be watched
    began: when, in seconds of any clock
    needed: how many seconds these intervals are, for the slowest server that was seen
    first: client -> the look that the next one is compared with
    proven, waiting: client -> the kind of proof, or what is missing
    pause: seconds until the next round, 0 when there is none
    """

    intervals: int
    began: float
    needed: float = 0.0
    first: dict[str, Any] = field(default_factory=dict)
    proven: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    pause: int = 0

    def look(self, host: str, look: Look | str, keys: tuple[int, int]) -> None:
        """Judge a look at a client, or why there is none."""
        if host in self.proven:
            return
        if isinstance(look, str):
            self.waiting[host] = look
            return
        self.needed = max(self.needed, self.intervals * look.poll)
        known = self.first.get(host)
        verdict = judge(look_from_data(known), look, keys, self.intervals) if known else FIRST
        if verdict.proven:
            self.waiting.pop(host, None)
            self.proven[host] = verdict.words
            return
        self.waiting[host] = verdict.words
        if verdict.again:
            self.first[host] = look_as_data(look)

    def seconds_to_wait(self, now: float, timeout: float) -> int:
        """All intervals at once, then one at a time, and never more than so many rounds; 0 when it is too late."""
        if now == self.began:
            return round((self.needed or self.intervals * DEFAULT_POLL) + MARGIN)
        late = now - self.began > self.needed + timeout
        return 0 if late else round(max(self.needed / self.intervals, timeout / MOST_ROUNDS, 1.0))


FIRST = Verdict(False, "it was looked at once", again=True)


def prove(
    data: Mapping[str, Any],
    before: Mapping[str, Any] | None,
    looks: Mapping[str, Look | str],
    *,
    intervals: int,
    now: float,
    timeout: float,
    again: str,
    step: Step = Step.CLIENTS,
) -> tuple[Run, dict[str, Any]]:
    """Judge a round of looks at the clients; the run, and what the next round takes.

    Args:
        data: the run so far.
        before: what the round before left, None in the first.
        looks: a look at each client, or why there is none.
        intervals: how many intervals of its servers each client has to be watched.
        now: seconds of any clock.
        timeout: how many seconds to wait for proofs beyond these intervals.
        again: the sentence with the command that goes on.
        step: the one in which they are watched.
    """
    run = Run.of(data)
    watch = Watch(**before) if before else Watch(intervals, now)
    for host, look in looks.items():
        watch.look(host, look, (run.old, run.new))
    owed = [host for host in watch.waiting if host not in run.exempt]
    watch.pause = watch.seconds_to_wait(now, timeout) if owed else 0
    run.proven = {**run.proven, **watch.proven}
    if not owed:
        run.lines = _proofs(watch)
    elif not watch.pause:
        _without_proof(run, watch, owed, again, step)
    return run, vars(watch)


def _proofs(watch: Watch) -> list[str]:
    return [
        *(f"{host}: {words}." for host, words in watch.proven.items()),
        *(f"{host}: NOT proven ({why}); it was not synchronised before." for host, why in watch.waiting.items()),
    ]


def _without_proof(run: Run, watch: Watch, owed: Sequence[str], again: str, step: Step) -> None:
    for host in owed:
        run.end(host, f"Not proven on key {run.new}: {watch.waiting[host]}")
    reasons = [f"{host}: not proven on key {run.new}: {watch.waiting[host]}" for host in owed]
    run.stopped("in" if step is Step.CLIENTS else "after", step, reasons, again)
