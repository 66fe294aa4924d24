# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated device: its release, its configuration, its sessions and its faults."""

from __future__ import annotations

import asyncio
import datetime
import pathlib
import re
from typing import TYPE_CHECKING

from .cipher import Cipher
from .commands.grammar import Grammar, grammar_of
from .commands.interface import switched_by_default
from .configuration import SYSNAME, Candidate, Configuration, InterfaceHeader, Line, Place, Style, header
from .editing import Edit
from .faults import Faults
from .gate import Gate
from .holds import GOES_ON, Holds
from .journal import Journal
from .ntp_entries import ListenAll, listen_all_place
from .printing import framed, printed_blocks
from .releases import release_named
from .replay import ReplayedSession, Transcript
from .session import Session
from .settings import DeviceSettings, User
from .startup import read_startup
from .terminal import Terminal
from .transaction import Author, Transactions, now
from .wordings import Wordings

if TYPE_CHECKING:
    from .ntp_process import NtpProcess

_FIRST_SESSION = 401
NOBODY = Author("", "", 0)


class Device:
    """A device; sessions come and go, the device stays."""

    def __init__(self, settings: DeviceSettings, journal: Journal) -> None:
        self.settings = settings
        self.journal = journal
        self.release = release_named(settings.release)
        self.style = Style(self.release, self.release.behaviour.changed(settings.behaviour))
        self.wordings = Wordings(settings.wording_variant, settings.wordings)
        self._master_key = settings.master_key or settings.name
        self.cipher = Cipher(self._master_key, self.release.cipher)
        self.faults = Faults()
        self.faults.change(settings.faults)
        self.holds = Holds(self.faults)
        self.weak_algorithms = settings.weak_algorithms
        self.sessions: dict[int, Session] = {}
        self.deserted = asyncio.Event()  # nobody is logged in
        self.deserted.set()
        self.ntp_process: NtpProcess | None = None
        self.passwords = {user.name: user.password for user in settings.users}
        self.gate = Gate(settings.ssh, self.passwords)
        self._transcript = Transcript(pathlib.Path(settings.transcript)) if settings.transcript else None
        self._next_session = _FIRST_SESSION
        self.order: list[str] = []
        self.timestamps = False
        self._printing: set[asyncio.Future[None]] = set()
        self.transactions = Transactions(self.style, self.wordings, self._starting_configuration(""))
        self.transactions.listeners.append(lambda commit: journal.commit(self, commit))
        self.saved: Configuration = dict(self.running)
        self.saved_at: tuple[datetime.datetime, str] = (now(), "")

    @property
    def running(self) -> Configuration:
        return self.transactions.running

    @property
    def grammar(self) -> Grammar:
        return grammar_of(self.release.name, self.weak_algorithms)

    @property
    def sysname(self) -> str:
        entry = self.running.get(SYSNAME)
        return entry.line.partition(" ")[2] if isinstance(entry, Line) else "HUAWEI"

    def _starting_configuration(self, text: str) -> Configuration:
        """The ports of the device file, and over them the startup file."""
        configuration: Configuration = {SYSNAME: Line(f"sysname {self.settings.sysname or self.settings.name}")}
        if self.release.source_all_disabled_printed:  # fact 1.5: the pair is there without any NTP line
            for afi in ("ipv4", "ipv6"):
                configuration[listen_all_place(afi)] = ListenAll(afi, enabled=False)
        for port in self.settings.interfaces:
            configuration.update(self._port(port.name))
        text = text or self.settings.startup_configuration
        if text:
            given, order = read_startup(self.release.name, self.style.behaviour, self._master_key, text)
            described = {place.view for place in given if place.view}
            configuration = {place: entry for place, entry in configuration.items() if place.view not in described}
            configuration.update(given)
            self.order = list(order)
        return configuration

    def _port(self, typed: str) -> Configuration:
        """The block of a port that the device file describes."""
        name = self.release.names.canonical(typed)
        port = next(item for item in self.settings.interfaces if item.name == typed)
        candidate = Candidate({})
        candidate.set(header(name), InterfaceHeader())
        layer2 = port.layer2
        default = switched_by_default(name, self.release)
        if layer2 is None:
            layer2 = default and not port.ipv4 and not port.ipv6
        if layer2 != default:
            candidate.set(Place(name, ("portswitch",)), Line("portswitch" if layer2 else "undo portswitch", 5))
        lines = [f"description {port.description}"] if port.description else []
        lines += [f"ip address {address.replace('/', ' ')}" for address in port.ipv4]
        lines += ["ipv6 enable"] if port.ipv6 else []
        lines += [f"ipv6 address {address}" for address in port.ipv6]
        if self.release.shutdown_printed:
            lines.append("undo shutdown")
        for line in lines:
            self.edit_line(candidate, name, line, at_startup=True)
        return candidate.merged()

    def edit_line(self, candidate: Candidate, view: str, line: str, at_startup: bool = False) -> None:
        """Write one line into a candidate without a session, for startup, foreign pending lines and tests."""
        from .commands.table import View

        kind = View.SYSTEM
        if view:
            kind = View.NTP_INTERFACE if self.release.names.takes_ntp_multicast(view) else View.INTERFACE
        command, match = self.grammar.tables[kind].match(line)
        if command.edit is None:
            raise ValueError(f"{line!r} is no configuration line")
        command.edit(self.new_edit(candidate, view, line, at_startup), match)

    def new_edit(self, candidate: Candidate, view: str, line: str, at_startup: bool = False) -> Edit:
        return Edit(self.style, self.wordings, self.cipher, candidate, view, line, at_startup, self.faults.cipher_tail)

    # what is printed

    def configuration_text(self, configuration: Configuration | None = None) -> str:
        """``display current-configuration`` of the running (or the given) configuration, LF at line ends."""
        shown = self.running if configuration is None else configuration
        return "\n".join(framed(printed_blocks(shown, self.style, self.order), self.heading())) + "\n"

    def heading(self) -> list[str]:
        """The lines before the first block (fact 2.1)."""
        updated, saved = _stamp(self.transactions.updated), _stamp(self.saved_at)
        return [line.format(version=self.release.version, updated=updated, saved=saved) for line in self.release.header]

    # sessions

    def new_session(self, user: User, terminal: Terminal, peer: str) -> Session:
        """A session of this device, or the next one of the transcript that it replays."""
        if self._transcript is not None:
            return ReplayedSession(self, user, terminal, peer, self._transcript.next_session())
        return Session(self, user, terminal, peer)

    def open_session(self, session: Session) -> int:
        """Give a session its number."""
        number = self._next_session
        self._next_session += 1
        self.sessions[number] = session
        self.deserted.clear()
        return number

    def close_session(self, number: int) -> None:
        """The session is gone: its candidate with it (fact 3.3), and its lock (fact 3.2)."""
        self.sessions.pop(number, None)
        if not self.sessions:
            self.deserted.set()
        lock = self.transactions.lock
        if lock is not None and lock.author.session == number and not lock.by_user_name:
            self.transactions.lock = None

    def free_line(self) -> int | None:
        """The lowest free VTY number, or ``None`` when all are taken (fact 3.7)."""
        limit = self.faults.vty_limit or self.release.vty_limit
        taken = {session.vty for session in self.sessions.values()}
        return next((number for number in range(limit) if number not in taken), None)

    @property
    def login_methods(self) -> tuple[str, ...]:
        """How a password may be given over SSH."""
        only = "keyboard-interactive" if self.style.behaviour.keyboard_interactive else "password"
        return self.settings.ssh.methods or (only,)

    def user_named(self, name: str) -> User | None:
        return next((user for user in self.settings.users if user.name == name), None)

    def cut_sessions(self, abandon: bool = False) -> None:
        """Cut the line of every session. A commit that runs goes on, unless it is abandoned too."""
        if abandon or self.holds.held != GOES_ON:
            self.holds.release(lost=True)
        for session in list(self.sessions.values()):
            session.cut(abandon)
        if abandon and self.transactions.committing is not None:
            self.transactions.committing.cut(abandon)
            self.transactions.committing = None

    def print_unasked(self, text: str) -> None:
        """Print a text on the terminal of every session, now."""
        for session in list(self.sessions.values()):
            task = asyncio.ensure_future(session.terminal.print_now(text))
            self._printing.add(task)
            task.add_done_callback(self._printing.discard)

    # for tests and for the control of a running simulator

    def reset(self, startup: str = "") -> None:
        """Bring the device back to its startup file (or another text), without sessions, commits, lock and faults."""
        self.cut_sessions(abandon=True)
        self.transactions.confirm_trial()
        self.transactions.lock = None
        self.faults.reset()
        self.weak_algorithms = self.settings.weak_algorithms
        self.gate.attempts.clear()
        self.gate.failures.clear()
        self.order = []
        fresh = self._starting_configuration(startup)
        self.transactions.replace(fresh, NOBODY, "RESTORE")
        self.transactions.unauthenticated = frozenset()
        self.transactions.commits.clear()
        self.saved = dict(fresh)

    def change_as(self, user: str, lines: list[str]) -> int:
        """Commit ``lines`` (with ``interface X`` and ``quit`` for views) as another user; returns the commit id."""
        candidate = Candidate(self.running)
        view = ""
        for line in lines:
            if line == "quit":
                view = ""
            elif found := re.fullmatch(r"interface (.+)", line):
                view = self.release.names.canonical(found[1])
                candidate.set(header(view), InterfaceHeader())
            else:
                self.edit_line(candidate, view, line)
        return self.transactions.commit(candidate, Author(user, "VTY 20", 0)).commit_id

    def save(self, user: str) -> None:
        """Write the running configuration to the startup file."""
        self.saved = dict(self.running)
        self.saved_at = (now(), user)


def _stamp(moment: tuple[datetime.datetime, str]) -> str:
    """``2025-07-07 21:03:32+06:00 by operator``, or ``SYSTEM automatically`` (fact 2.1)."""
    time, user = moment
    return f"{time:%Y-%m-%d %H:%M:%S}+00:00 by {user or 'SYSTEM automatically'}"
