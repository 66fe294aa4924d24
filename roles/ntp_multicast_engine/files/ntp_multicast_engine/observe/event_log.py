# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worth a line of the log: looked for from time to time, so that no packet can make one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from ntp_multicast_engine.observe.journal import tell
from ntp_multicast_engine.observe.status import ProblemStatus, SystemStatus
from ntp_multicast_engine.protocol.association import Association
from ntp_multicast_engine.wire.timestamps import NANOSECONDS

DROPS_INTERVAL = 3600 * NANOSECONDS
"""Nanoseconds between two lines about packets that were dropped for the same reason."""
PROBLEMS_INTERVAL = 3600 * NANOSECONDS
"""Nanoseconds between two lines about a problem that lasts."""
_PROBLEMS_OF_A_KIND = 16


def _tell_problem(level: int, sentence: str, problem: ProblemStatus) -> None:
    tell(
        level,
        "problem",
        sentence,
        code=problem.code,
        subject=problem.subject,
        count=problem.count,
        advice=problem.advice,
    )


class EventLog:
    """Compares the present with what was told last.

    :param notify: tells the service manager whether there is a time.
    """

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._notify = notify
        self._synchronised: bool | None = None
        self._selected: str | None = None
        self._upstream: str | None = None
        self._problems: dict[tuple[str, str], ProblemStatus] = {}
        self._problems_due: dict[tuple[str, str], int] = {}
        self._budgets: dict[str, tuple[int, int]] = {}
        self._known: set[str] = set()
        self._dropped: dict[str, int] = {}
        self._next: dict[str, int] = {}

    def associations(self, associations: Iterable[Association], selected: Association | None) -> None:
        """Tell what has befallen the associations, and which one is followed now."""
        self._known.clear()
        for association in associations:
            group = association.configuration
            self._known.add(association.source)
            for event in association.events:
                tell(
                    logging.WARNING,
                    "association",
                    event,
                    source=association.source,
                    interface=group.interface,
                    group=str(group.group),
                )
            association.events.clear()
        source = selected.source if selected else None
        if source not in (self._selected, None) and self._selected is not None:
            tell(logging.INFO, "selected", f"now following {source}", source=source, before=self._selected)
        self._selected = source or self._selected

    def system(self, status: SystemStatus) -> None:
        """Tell whether there is a time, and by whose word."""
        if status.synchronised != self._synchronised:
            # At a start that is how it has to be.
            level = logging.INFO if self._synchronised is None else logging.WARNING
            self._synchronised = status.synchronised
            facts = {"stratum": status.stratum, "offset": status.offset, "upstream": status.upstream}
            if status.synchronised:
                text = f"synchronised to {status.reference_id}"
                tell(logging.INFO, "synchronised", text, source=status.reference_id, **facts)
            else:
                text = f"not synchronised: {status.reason}" if status.reason else "not synchronised"
                tell(level, "unsynchronised", text, reason=status.reason)
            self._notify(text)
        elif status.upstream not in (self._upstream, None) and self._upstream is not None:
            text = f"the upstream of the clock is now {status.upstream}"
            tell(logging.INFO, "upstream", text, upstream=status.upstream, before=self._upstream)
        self._upstream = status.upstream or self._upstream

    def problems(self, found: Iterable[ProblemStatus], raw: int) -> None:
        """Tell each problem when it comes, hourly with its numbers of then while it lasts, and when it is over."""
        present = {(problem.code, problem.subject): problem for problem in found}
        for key, problem in present.items():
            if raw >= self._problems_due.get(key, raw) and self._may_tell(problem.code, raw):
                self._problems_due[key] = raw + PROBLEMS_INTERVAL
                _tell_problem(logging.WARNING, problem.sentence, problem)
            self._problems.update({key: problem} if key in self._problems_due else {})
        for key in [key for key in self._problems if key not in present]:
            problem = self._problems.pop(key)
            del self._problems_due[key]
            _tell_problem(logging.INFO, f"{self._how_it_ended(problem)}: {problem.sentence}", problem)

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
            more = count - self._dropped.get(reason, 0)
            if more <= 0 or raw < self._next.get(reason, raw):
                continue
            self._dropped[reason], self._next[reason] = count, raw + DROPS_INTERVAL
            tell(
                logging.WARNING, "dropped", f"dropped {more} packets: {reason}", reason=reason, count=more, total=count
            )
