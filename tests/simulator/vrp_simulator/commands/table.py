# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command is: its syntax, who may use it, where, and what it does."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..editing import Editor, Question
from ..syntax import Match

if TYPE_CHECKING:
    from ..session import Session


class View(enum.Enum):
    """Kinds of views; the multicast commands exist in some interface views only (fact 1.4)."""

    USER = "user"
    SYSTEM = "system"
    INTERFACE = "interface"
    NTP_INTERFACE = "ntp-interface"
    FREE = "free"


CONFIGURATION_VIEWS = frozenset({View.SYSTEM, View.INTERFACE, View.NTP_INTERFACE, View.FREE})
INTERFACE_VIEWS = frozenset({View.INTERFACE, View.NTP_INTERFACE})
ALL_VIEWS = frozenset(View)

Show = Callable[["Session", Match], Sequence[str] | Awaitable[Sequence[str]]]
Run = Callable[["Session", Match], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Command:
    """One command. Exactly one of ``edit`` (candidate), ``show`` (lines) and ``run`` (anything else) is given."""

    syntax: str
    views: frozenset[View]
    level: int
    edit: Editor | None = None
    show: Show | None = None
    run: Run | None = None
    question: Question | None = None
    kind: str = "other"
    group: str = ""  # what a release's `levels` may override
    only: str = ""  # "two-stage", "single-stage" or "" = both


def edits(
    syntax: str, views: frozenset[View], edit: Editor, question: Question | None = None, level: int = 2
) -> Command:
    """A configuration line (level 2, fact 3.8)."""
    return Command(syntax, views, level, edit=edit, question=question, kind="configuration")


def shows(syntax: str, show: Show, level: int = 1, views: frozenset[View] = ALL_VIEWS, group: str = "") -> Command:
    """A display command."""
    return Command(syntax, views, level, show=show, kind="display", group=group)
