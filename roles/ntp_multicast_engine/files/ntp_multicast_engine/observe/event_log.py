# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worth a line of the log: looked for from time to time, so that no packet can make one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ntp_multicast_engine.observe.journal import INFO, WARNING, tell
from ntp_multicast_engine.observe.status import ProblemStatus, SystemStatus
from ntp_multicast_engine.protocol.association import Association
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

DROPS_INTERVAL = 3600 * NANOSECONDS
"""Nanoseconds between two lines about packets that were dropped for the same reason."""
PROBLEMS_INTERVAL = 3600 * NANOSECONDS
"""Nanoseconds between two lines about a problem that lasts."""
_PROBLEMS_OF_A_KIND = 16
_WARNINGS = frozenset({"interleave_mismatch", "leap_month", "loop", "offset_jump"})
"""Why packets that were accepted tell less than they might have."""


def _tell_problem(level: int, sentence: str, problem: ProblemStatus) -> None:
    facts = {"code": problem.code, "subject": problem.subject, "count": problem.count, "advice": problem.advice}
    tell(level, "problem", sentence, **facts)


class EventLog:
    """Compares the present with what was told last.

    :param notify: tells the service manager whether there is a time.
    """

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._synchronised: bool | None = None
        self._selected: str | None = None
        self._upstream: str | None = None
        self._problems: dict[tuple[str, str], tuple[ProblemStatus, int]] = {}
        """Those that were told, as they are now, and when each is to be told again."""
        self._budgets: dict[str, tuple[int, int]] = {}
        self._known: set[str] = set()
        self._dropped: dict[str, tuple[int, int]] = {}
        """By the reason: how many were told, and when more may be."""

    def associations(self, associations: Iterable[Association], selected: Association | None) -> None:
        """Tell what has befallen the associations, and which one is followed now."""
        self._known.clear()
        for association in associations:
            source, group = association.source, association.configuration
            self._known.add(source)
            for event in association.events:
                facts = {"source": source, "interface": group.interface, "group": group.group}
                tell(WARNING, "association", event, **facts)
            association.events.clear()
        if selected is None:
            return
        if self._selected not in (selected.source, None):
            sentence = f"now following {selected.source}"
            tell(INFO, "selected", sentence, source=selected.source, before=self._selected)
        self._selected = selected.source

    def system(self, status: SystemStatus) -> None:
        """Tell whether there is a time, and by whose word."""
        if status.synchronised != self._synchronised:
            # At a start that is how it has to be.
            level = INFO if self._synchronised is None else WARNING
            self._synchronised = status.synchronised
            facts = {"stratum": status.stratum, "offset": status.offset, "upstream": status.upstream}
            if status.synchronised:
                text = f"synchronised to {status.reference_id}"
                tell(INFO, "synchronised", text, source=status.reference_id, **facts)
            else:
                text = f"not synchronised: {status.reason}" if status.reason else "not synchronised"
                tell(level, "unsynchronised", text, reason=status.reason)
            self._notify(text)
        elif status.upstream not in (self._upstream, None) and self._upstream is not None:
            text = f"the upstream of the clock is now {status.upstream}"
            tell(INFO, "upstream", text, upstream=status.upstream, before=self._upstream)
        self._upstream = status.upstream or self._upstream

    def problems(self, found: Iterable[ProblemStatus], raw: int) -> None:
        """Tell each problem when it comes, hourly with its numbers of then while it lasts, and when it is over."""
        present = {(problem.code, problem.subject): problem for problem in found}
        for key, problem in present.items():
            _before, due = self._problems.get(key, (None, raw))
            if raw >= due and self._may_tell(problem.code, raw):
                due = raw + PROBLEMS_INTERVAL
                _tell_problem(WARNING, problem.sentence, problem)
            if due > raw or key in self._problems:
                self._problems[key] = problem, due
        for key in [key for key in self._problems if key not in present]:
            problem, _due = self._problems.pop(key)
            _tell_problem(INFO, f"{self._how_it_ended(problem)}: {problem.sentence}", problem)

    def _how_it_ended(self, problem: ProblemStatus) -> str:
        """A server that was given up has not come back."""
        given_up = problem.code == "server_lost" and problem.subject.partition(" ")[0] not in self._known
        return "given up" if given_up else "over"

    def _may_tell(self, code: str, raw: int) -> bool:
        """Who sends packets can make new problems again and again, so of a kind no more than some are told an hour."""
        until, told = self._budgets.get(code, (raw + PROBLEMS_INTERVAL, 0))
        if raw >= until:
            until, told = raw + PROBLEMS_INTERVAL, 0
        if told >= _PROBLEMS_OF_A_KIND:
            return False
        self._budgets[code] = (until, told + 1)
        return True

    def drops(self, dropped: dict[str, int], raw: int) -> None:
        """Tell why packets were dropped: each reason when it is new, and then once an hour at most."""
        for reason, count in dropped.items():
            told, due = self._dropped.get(reason, (0, raw))
            more = count - told
            if more > 0 and raw >= due:
                self._dropped[reason] = count, raw + DROPS_INTERVAL
                what = "warning about" if reason in _WARNINGS else "dropped"
                sentence = f"{what} {more} {'packet' if more == 1 else 'packets'}: {reason}"
                tell(WARNING, "dropped", sentence, reason=reason, count=more, total=count)
