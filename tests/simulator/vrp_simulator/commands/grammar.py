# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All commands of one release, compiled once and shared by its devices."""

from __future__ import annotations

import functools

from ..release import Release
from ..releases import release_named
from ..syntax import Table, parse_syntax
from . import commit, display, interface, navigation, ntp, ntp_interface, system, terminal
from .table import Command, View


class Grammar:
    """One table of commands for each kind of view."""

    def __init__(self, release: Release, weak_algorithms: bool) -> None:
        algorithms = tuple(
            name
            for name in release.algorithms
            # fact 1.7: without the package the word is simply not in the grammar (our inference)
            if name != "md5" or weak_algorithms or not release.md5_needs_weak_algorithms
        )
        lines = [
            *navigation.commands(),
            *terminal.commands(),
            *display.commands(release),
            *commit.commands(release),
            *system.commands(),
            *interface.commands(),
            *ntp.commands(algorithms),
            *ntp_interface.commands(release.undo_takes_tail),
        ]
        stage = "two-stage" if release.two_stage else "single-stage"
        dialect = release.dialect
        words = {"NTP": dialect.command, "TRUSTED": dialect.trusted, "PREFERRED": dialect.preferred}
        names = release.names
        compiled = [
            (parse_syntax(" ".join(words.get(word, word) for word in line.syntax.split()), names), line)
            for line in lines
            if line.only in ("", stage)
        ]
        self.tables: dict[View, Table[Command]] = {
            view: Table((node, line) for node, line in compiled if view in line.views) for view in View
        }

    def level(self, release: Release, command: Command) -> int:
        """The level a command needs (fact 3.8); a release may say otherwise."""
        return release.levels.get(command.group, command.level)


@functools.lru_cache(maxsize=16)
def grammar_of(release_name: str, weak_algorithms: bool) -> Grammar:
    return Grammar(release_named(release_name), weak_algorithms)
