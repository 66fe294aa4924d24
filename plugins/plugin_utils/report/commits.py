# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others committed on a device since the last run of the playbook site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .bounds import COMMITS_MOST, first_of, said
from .document import Commit, Commits

RUN_PREFIX = "site-"
"""With which the id of a run begins that nobody named; a run labels its commits with its id."""


def commits_of_others(result: Mapping[str, Any], user: str) -> Commits | None:
    """What a listing of commits, the newest first, tells; None where nobody asked.

    Args:
        result: of the module vrp_commit.
        user: the account of the runs, whose labelled commits are theirs too.
    """
    listed = result.get("commits")
    if listed is None:
        return Commits(problem=said(result["msg"])) if result.get("msg") else None
    others: list[Commit] = []
    for entry in listed:
        label = str(entry.get("label") or "")
        if label.startswith(RUN_PREFIX) or (label and user and entry.get("user") == user):
            return _told(others, said(label), said(entry.get("time") or ""))
        others.append(_commit(entry))
    return _told(others, None, "")


def _told(others: list[Commit], since: str | None, since_time: str) -> Commits:
    entries, left_off = first_of(others, COMMITS_MOST)
    return Commits(since, since_time, entries, left_off)


def _commit(entry: Mapping[str, Any]) -> Commit:
    label = entry.get("label")
    return Commit(
        id=said(entry.get("id") or ""),
        user=said(entry.get("user") or ""),
        time=said(entry.get("time") or ""),
        type=said(entry.get("type") or ""),
        label=None if label is None else said(label),
        description=said(entry.get("description") or ""),
    )
