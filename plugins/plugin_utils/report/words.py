# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the views say of a document in words, so that all of them say the same."""

from __future__ import annotations

from .document import STATES, Commit, Commits, Document, Host

_UNITS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))


def state_words(host: Host) -> str:
    """The state of a host: `drifted, as allowed`."""
    return host.state.value.replace("_", " ") + (", as allowed" if host.allowed else "")


def counted(document: Document) -> list[str]:
    """How many hosts have each state, those without a host left out: `3 drifted`."""
    return [
        f"{document.counts[state.value]} {state.value.replace('_', ' ')}"
        for state in STATES[document.kind]
        if document.counts.get(state.value)
    ]


def headline(document: Document) -> str:
    """The outcome in a line: `drifted: 20 in sync, 2 drifted (1 allowed)`."""
    allowed = f" ({document.allowed} allowed)" if document.allowed else ""
    return f"{document.exit_text}: {', '.join(counted(document)) or 'no host'}{allowed}"


def offset_text(seconds: float | None) -> str:
    """An offset in the unit that a person would choose: `+12.300 us`."""
    if seconds is None:
        return "-"
    for unit, size in _UNITS:
        if abs(seconds) >= size:
            return f"{seconds / size:+.3f} {unit}"
    return f"{seconds / 1e-9:+.0f} ns"


def commit_text(commit: Commit) -> str:
    """A commit in a line."""
    label = f", label {commit.label}" if commit.label else ""
    said = f": {commit.description}" if commit.description else ""
    kind = f" ({commit.type}{label})" if commit.type or label else ""
    return f"{commit.id} by {commit.user or 'unknown'} at {commit.time or 'an unknown time'}{kind}{said}"


def commits_title(commits: Commits) -> str:
    """Since when the commits are listed."""
    if commits.problem:
        return f"Commits of others are not known: {commits.problem}"
    since = f"since {commits.since} ({commits.since_time})" if commits.since else "as far as the device lists them"
    return f"{'Commits' if commits.entries else 'No commits'} of others {since}"


def details(host: Host) -> list[str]:
    """All that is known of a host that is not as it should be, as plain lines."""
    alone = len(host.findings) == 1 and host.findings[0].text == host.reason
    lines = [host.reason] if host.reason and not alone else []
    lines += [f"- {entry.text}{' (allowed)' if entry.allowed else ''}" for entry in host.findings]
    if host.findings_left_off:
        lines.append(f"- and {host.findings_left_off} more")
    if host.commits is not None:
        lines += ["", commits_title(host.commits), *(f"- {commit_text(entry)}" for entry in host.commits.entries)]
        if host.commits.left_off:
            lines.append(f"- and {host.commits.left_off} more")
    if host.diff:
        lines += ["", *host.diff]
    if host.diff_left_off:
        lines.append(f"({host.diff_left_off} more lines)")
    return lines
