# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as Markdown, for a note under a merge request: first the figures, then what is not as described.

A note has a limit (65,536 characters at GitHub), so that hosts which do not fit any more are counted and left off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .document import STATES, Document, Host, Kind, State
from .words import commit_text, commits_title, headline, state_words

CHARACTERS_MOST = 60000

# What is shown first: the state in which most has to be done.
_ORDER = (
    State.DRIFTED,
    State.UNSYNCHRONISED,
    State.FAILED,
    State.UNREACHABLE,
    State.KEYS_NOT_COMPARED,
)
_TITLES = {Kind.DRIFT: "NTP multicast: drift", Kind.VERIFY: "NTP multicast: synchronisation"}


def as_markdown(document: Document) -> str:
    """The whole file."""
    text = "\n".join(
        [
            f"## {_TITLES[document.kind]}",
            "",
            f"**{plain_text(headline(document))}** (exit code {document.exit_code.value})",
            "",
            *_figures(document),
            "",
            *_failing(document),
        ]
    )
    shown = 0
    told = [host for state in _ORDER for host in document.hosts if host.state is state and has_details(host)]
    for host in told:
        section = "\n".join(_section(host)) + "\n"
        if len(text) + len(section) > CHARACTERS_MOST:
            break
        text, shown = text + "\n" + section, shown + 1
    if shown < len(told):
        text += f"\n{len(told) - shown} more hosts do not fit in here; the other formats have them.\n"
    return f"{text}\nRun `{_code(document.run_id)}`, {document.generated}\n"


def has_details(host: Host) -> bool:
    """Whether there is more to tell of a host than a line of the table."""
    return bool(host.diff or host.commits or len(host.findings) > 1)


def _figures(document: Document) -> list[str]:
    states = STATES[document.kind]
    return [
        "| " + " | ".join(state.value.replace("_", " ") for state in states) + " |",
        "|" + " --: |" * len(states),
        "| " + " | ".join(str(document.counts.get(state.value, 0)) for state in states) + " |",
    ]


def _failing(document: Document) -> list[str]:
    hosts = [host for state in _ORDER for host in document.hosts if host.state is state]
    if not hosts:
        return []
    lines = ["| host | state | why |", "| :-- | :-- | :-- |"]
    budget = CHARACTERS_MOST // 2
    for number, host in enumerate(hosts):
        line = f"| {plain_text(host.name)} | {state_words(host)} | {plain_text(host.reason)} |"
        budget -= len(line)
        if budget < 0:
            return [*lines, f"| ... | | {len(hosts) - number} more |", ""]
        lines.append(line)
    return [*lines, ""]


def _section(host: Host) -> Iterator[str]:
    yield f"<details><summary>{plain_text(host.name)}: {state_words(host)}</summary>"
    yield ""
    for finding in host.findings:
        yield f"- {plain_text(finding.text)}{' (allowed)' if finding.allowed else ''}"
    if host.findings_left_off:
        yield f"- and {host.findings_left_off} more"
    yield ""
    if host.commits is not None:
        yield plain_text(commits_title(host.commits))
        yield ""
        yield from (f"- {plain_text(commit_text(commit))}" for commit in host.commits.entries)
        if host.commits.left_off:
            yield f"- and {host.commits.left_off} more"
        yield ""
    if host.diff:
        left_off = [f"({host.diff_left_off} more lines)"] if host.diff_left_off else []
        yield from fenced([*host.diff, *left_off], "diff")
        yield ""
    yield "</details>"


def fenced(lines: list[str], language: str) -> list[str]:
    """Lines in a fence that none of them can end."""
    longest = max((len(run) for line in lines for run in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence + language, *lines, fence]


def plain_text(text: str) -> str:
    """A text that Markdown, a table of it and HTML show as it is, in one line."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An @ would call a person of that name.
    return re.sub(r"([\\`*_\[\]|~#!])", r"\\\1", " ".join(escaped.split())).replace("@", "&#64;")


def _code(text: str) -> str:
    return " ".join(text.replace("`", "'").split())
