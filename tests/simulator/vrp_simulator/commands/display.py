# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Display commands apart from NTP (facts 2.1, 2.4, 3.2)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..configuration import Block, apply, block, header
from ..errors import CaretRefusal, Refusal
from ..printing import PrintedBlock, diff_lines, framed, interface_block, pending_lines, printed_blocks, with_defaults
from ..release import Release
from ..syntax import Match
from ..transaction import Commit, now
from . import display_ntp
from .table import ALL_VIEWS, CONFIGURATION_VIEWS, Command, shows

if TYPE_CHECKING:
    from ..session import Session


def _current(session: Session, match: Match) -> Sequence[str]:
    device = session.device
    lines = framed(printed_blocks(device.running, device.style, device.order), device.heading())
    return with_defaults(lines, device.running, device.style) if "include-default" in match.words else lines


def _current_part(session: Session, match: Match) -> Sequence[str]:
    """``display current-configuration interface X`` (fact 2.4)."""
    device = session.device
    if "interface" in match.values:
        name = match.text("interface")
        if header(name) not in device.running:
            device.wordings.refuse("interface-missing", match.position("interface"))
        return framed([interface_block(device.running, name, device.style)])
    if device.style.behaviour.interface_word_needs_number:
        raise CaretRefusal("wrong", len(match.line.rstrip()))
    blocks = printed_blocks(device.running, device.style, device.order)
    return framed([block for block in blocks if block.name.startswith("interface ")])


def _current_module(session: Session, match: Match) -> Sequence[str]:
    device = session.device
    blocks = printed_blocks(device.running, device.style, device.order)
    return framed([block for block in blocks if block.name.partition(" ")[0] == match.text("module")])


def _saved(session: Session, match: Match) -> Sequence[str]:
    device = session.device
    return framed(printed_blocks(device.saved, device.style, device.order), device.heading())


def _this(session: Session, match: Match) -> Sequence[str]:
    """The running data of the view, not the candidate (fact 2.4)."""
    device = session.device
    if session.interface:
        if header(session.interface) not in device.running:
            return []
        return framed([interface_block(device.running, session.interface, device.style)])
    if session.free_view:
        return _this_free(session)
    blocks = printed_blocks(device.running, device.style, device.order)
    top = [PrintedBlock(block.name, None, tuple(_top_level(block))) for block in blocks if block.heading is None]
    return framed(top)


def _top_level(printed: PrintedBlock) -> list[str]:
    return [line for line in printed.lines if not line.startswith(" ")]


def _this_free(session: Session) -> Sequence[str]:
    opening = session.free_view[0][0]
    entry = session.device.running.get(block(opening))
    lines = entry.lines if isinstance(entry, Block) else ()
    return framed([PrintedBlock(opening, None, lines)]) if lines else []


def _candidate(session: Session, match: Match) -> Sequence[str]:
    """Pending lines without a frame; not in the user view (fact 3.2)."""
    device = session.device
    if "merge" in match.words:
        return framed(printed_blocks(session.candidate.merged(), device.style, device.order))
    if "changes" in match.words:
        changes = diff_lines(device.running, session.candidate.merged(), device.style, device.order)
        return [device.release.diff_heading, *changes]
    return pending_lines(session.candidate, device.style)


def _changes_to_saved(session: Session, match: Match) -> Sequence[str]:
    device = session.device
    changes = diff_lines(device.saved, device.running, device.style, device.order)
    return [device.release.diff_heading, *changes]


def _commit_list(session: Session, match: Match) -> Sequence[str]:
    commits = list(reversed(session.device.transactions.commits))[: match.number("count") or None]
    if "verbose" in match.words:
        return [line for number, commit in enumerate(commits, 1) for line in _commit_verbose(number, commit)]
    rule = "-" * 91
    rows = [
        f"{number:<5d}{commit.commit_id:<12d}{commit.label or '-':<46s}{commit.author.user:<19s}"
        f"{commit.time:%Y-%m-%d %H:%M:%S}"
        for number, commit in enumerate(commits, 1)
    ]
    heading = f"{'No.':<5s}{'CommitId':<12s}{'Label':<46s}{'User':<19s}TimeStamp"
    return [rule, heading, rule, *rows, rule]


def _commit_verbose(number: int, commit: Commit) -> list[str]:
    return [
        f"{number}) CommitId: {commit.commit_id}",
        f"        Label: {commit.label or '-'}",
        f"        User: {commit.author.user}",
        f"        User-Intf: {commit.author.line}",
        f"        Type: {commit.kind}",
        f"        TimeStamp: {commit.time:%Y-%m-%d %H:%M:%S}",
        f"        Description: {commit.description}",
        "",
    ]


def _commit_changes(session: Session, match: Match) -> Sequence[str]:
    device, transactions = session.device, session.device.transactions
    commits = list(reversed(transactions.commits))
    heading = [device.release.diff_heading]
    if "at" in match.words:
        chosen = [commit for commit in commits if commit.commit_id == match.number("commit_id")]
        if not chosen:
            raise Refusal("Error: The commit ID does not exist.")  # wording ours: no fact gives one
        return [*heading, *_changes_of(session, chosen[0])]
    if "since" in match.words or "last" in match.words:
        wanted = match.number("commit_id")
        count = match.number("count")
        since = wanted if wanted is not None else commits[min(count or 1, len(commits)) - 1].commit_id if commits else 0
        old = transactions.state_after(since - 1)
        return [*heading, *diff_lines(old, device.running, device.style, device.order)]
    lines = heading
    for commit in commits[: match.number("count")]:
        lines.append(f"Commit changes of commitId {commit.commit_id} {commit.time:%Y-%m-%d %H:%M:%S}+00:00")
        lines += [*_changes_of(session, commit), " "]
    return lines


def _changes_of(session: Session, commit: Commit) -> list[str]:
    device = session.device
    new = device.transactions.state_after(commit.commit_id)
    return diff_lines(apply(new, commit.before), new, device.style, device.order)


def _trial_status(session: Session, match: Match) -> Sequence[str]:
    trial = session.device.transactions.trial
    if trial is None:
        return ["Trial status: INACTIVE ", "Trial time left (sec): 0"]
    left = max(0, round(trial.deadline - asyncio.get_running_loop().time()))
    persist = [f"Persist id: {trial.persist}"] if trial.persist else []
    return ["Trial status: ACTIVE ", *persist, f"Trial time left (sec): {left}"]


def _sessions(session: Session, match: Match) -> Sequence[str]:
    rule = "-" * 74
    lock = session.device.transactions.lock_owner()
    rows = []
    for number, other in session.device.sessions.items():
        mine = "*" if other is session else " "
        owner = "exclusive" if lock is not None and lock.author.session == number else "-"
        rows.append(
            f"{number:<6d}{mine} VTY {other.vty:<9d}{other.user.name:<21s}{other.opened:%Y-%m-%d %H:%M:%S}    {owner}"
        )
    return [rule, "Session User-Intf    User                 Date                Lock", rule, *rows, rule]


def _lock_owner(session: Session, match: Match) -> Sequence[str]:
    transactions = session.device.transactions
    lock = transactions.lock_owner()
    if session.device.faults.locked_by:
        return [f"User Index: {session.device.faults.locked_by}", "User Session Name: VTY 20", "User Name: other"]
    if lock is None:
        return ["Info: The configuration is not locked."]  # wording ours: no fact gives one
    return [
        f"User Index: {lock.author.session}",
        f"User Session Name: {lock.author.line}",
        f"User Name: {lock.author.user}",
        "IP Address: 192.0.2.1",
        f"Locked Time: {lock.since:%Y-%m-%d %H:%M:%S}",
        f"Last Configuration Time: {session.device.transactions.updated[0]:%Y-%m-%d %H:%M:%S}",
        f"The time out value of configuration right locked is: {round(transactions.lock_timeout)} second(s)",
    ]


def _version(session: Session, match: Match) -> Sequence[str]:
    return session.device.release.display_version


def _clock(session: Session, match: Match) -> Sequence[str]:
    moment = now()
    return [f"{moment:%Y-%m-%d %H:%M:%S}+00:00", f"{moment:%A}", "Time Zone(UTC) : UTC+00:00"]


def _users(session: Session, match: Match) -> Sequence[str]:
    lines = ["  User-Intf    Delay    Type   Network Address     AuthenStatus    AuthorcmdFlag"]
    for other in session.device.sessions.values():
        mark = "+" if other is session else " "
        lines += [f"{mark} {other.vty + 34:<4d}VTY {other.vty:<5d}00:00:00  SSH    {other.peer:<20s}pass            no"]
        lines += [f"  Username : {other.user.name}", ""]
    return lines


def commands(release: Release) -> list[Command]:
    """The levels are those of fact 3.8."""
    current = "display current-configuration"
    return [
        shows(f"{current} [ include-default ]", _current, level=3, group="current-configuration"),
        shows(f"{current} interface [ <interface:interface> ]", _current_part, level=3, group="current-configuration"),
        shows(f"{current} configuration <module:word>", _current_module, level=3, group="current-configuration"),
        shows("display saved-configuration", _saved, level=3),
        shows("display this [ include-default ]", _this),
        Command(
            "display configuration candidate [ merge | changes ]",
            CONFIGURATION_VIEWS,
            1,
            show=_candidate,
            kind="display",
            only="two-stage",
        ),
        _two_stage("display configuration changes", _changes_to_saved),
        _two_stage("display configuration commit list [ verbose ] [ <count:1..100> ]", _commit_list, level=3),
        _two_stage(
            "display configuration commit changes [ at <commit_id:1000000001..1999999999> | "
            "since <commit_id:1000000001..1999999999> | last <count:1..100> | <count:1..100> ]",
            _commit_changes,
            level=3,
        ),
        _two_stage("display configuration trial status", _trial_status),
        _two_stage("display configuration sessions [ verbose ]", _sessions),
        _two_stage("display configuration exclusive user", _lock_owner),
        shows("display version", _version),
        shows("display clock", _clock),
        shows("display users [ all ]", _users),
        *display_ntp.commands(release),
    ]


def _two_stage(syntax: str, show: object, level: int = 1) -> Command:
    return Command(syntax, ALL_VIEWS, level, show=show, kind="display", only="two-stage")  # type: ignore[arg-type]
