# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One session of one user: views, prompts, questions, and what becomes of a typed line (facts 3.1 to 3.8)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import mishaps
from .answers import show_answer, time_line
from .commands.system import opened_view, write_in_view
from .commands.table import Command, View
from .configuration import Candidate, InterfaceHeader, header
from .errors import CaretRefusal, LineLost, Refusal, SessionEnded
from .filters import split_filters
from .journal import MASK, masked
from .login import log_in
from .settings import User
from .syntax import Match
from .terminal import CONTROL_Z, Terminal
from .transaction import Author, now
from .unsolicited import is_due, unsolicited

if TYPE_CHECKING:
    from .device import Device

_DEFAULT = re.compile(r"[\[(][^\])]*[\])]\s*\[\s*([^\]]+?)\s*\]\s*:?\s*$")  # fact 9.3: choices, then the default
_CHOICE = re.compile(r"(?i)[\[(](?:y/n|yes/no|y\(yes\)/n\(no\)/c\(cancel\))[\])]")
# What is no configuration is not backed up to the other firewall.
_BACKED_UP = r"^\s*(?!display|commit|quit|return|save|clear|refresh|abort|configuration)"
_ANSWERS = {"y": "y", "yes": "y", "n": "n", "no": "n", "c": "c", "cancel": "c"}
WRONG_TWO = "Error: Please choose 'YES' or 'NO' first before pressing 'Enter'. [Y/N]:"  # fact 3.3
WRONG_THREE = "Error: Please choose 'YES', 'NO' or 'CANCEL' first before pressing 'Enter'. [Y/N/C]:"


class Session:
    """What one user sees and has pending. ``in_system`` is false in the user view."""

    def __init__(self, device: Device, user: User, terminal: Terminal, peer: str) -> None:
        self.device = device
        self.user = user
        self.terminal = terminal
        self.peer = peer
        self.opened = now()
        self.vty = -1
        self.number = 0
        self.candidate = Candidate(device.running)
        self.in_system = False
        self.immediate = not device.release.two_stage
        self.interface = ""
        self.free_view: tuple[tuple[str, str], ...] = ()  # (opening line, prompt suffix), outermost first
        self.machine_mode = False
        self.forwarding = device.style.behaviour.forward_to_upper_view
        self.typed: str | None = None  # the last line
        self.committing = False
        self.abandoned = asyncio.Event()  # what is going on without the user is over too

    # views and prompts

    @property
    def view(self) -> View:
        if not self.in_system:
            return View.USER
        if self.interface:
            takes = self.device.release.names.takes_ntp_multicast(self.interface)
            return View.NTP_INTERFACE if takes else View.INTERFACE
        return View.FREE if self.free_view else View.SYSTEM

    @property
    def prompt(self) -> str:
        """The prompt of fact 3.1."""
        name, prefix = self.device.sysname, self.device.faults.prompt_prefix
        if not self.in_system:
            return f"{prefix}<{name}>"
        mark = "" if self.immediate else "*" if self.candidate else "~"
        suffix = self.interface or (self.free_view[-1][1] if self.free_view else "")
        return f"{prefix}[{mark}{name}{'-' if suffix else ''}{suffix}]"

    @property
    def author(self) -> Author:
        return Author(self.user.name, f"VTY {self.vty}", self.number)

    def enter_system(self) -> None:
        self.in_system = True
        self.interface = ""
        self.free_view = ()

    def leave_system(self) -> None:
        self.enter_system()
        self.in_system = False
        self.immediate = not self.device.release.two_stage

    def enter_interface(self, name: str, line: str) -> None:
        """Enter the view of an interface; one that does not exist yet is created (fact 3.1)."""
        if header(name) not in self.candidate:
            self.check_editing()
            self.candidate.set(header(name), InterfaceHeader(), line)
            self._deliver_at_once()
        self.enter_system()
        self.interface = name

    def enter_free_view(self, line: str, suffix: str) -> None:
        """Enter a view whose content is only kept."""
        self.check_editing()
        text = " ".join(line.split())
        if self.interface:
            self.enter_system()
        path = (*(opening for opening, _unused in self.free_view), text)
        write_in_view(self.device.new_edit(self.candidate, "", line), path, "")
        self._deliver_at_once()
        self.free_view = (*self.free_view, (text, suffix))

    # output and questions

    def write(self, text: str) -> None:
        self.terminal.write(text)

    def say(self, text: str) -> None:
        """Print a sentence, or nothing for an empty one."""
        if text:
            self.write(f"{text}\n")

    def interrupt(self, place: str) -> None:
        """Print what nobody asked for, if it comes at this place: ``before``, ``middle`` or ``after`` an answer."""
        faults = self.device.faults
        if is_due(faults, place, self.terminal.monitoring, self.typed):
            self.write(unsolicited(faults, self.device.sysname))

    async def _interrupt_prompt(self, prompt: str) -> None:
        """The same behind a prompt, which may stay buried (fact 9.1)."""
        faults = self.device.faults
        if not is_due(faults, "prompt", self.terminal.monitoring, self.typed):
            return
        if faults.log_delay:
            await self.terminal.flush()
            await asyncio.sleep(faults.log_delay)
        self.write("\n" + unsolicited(faults, self.device.sysname))
        if faults.log_redraws_prompt:
            self.write(prompt)

    def _mark(self, line: str) -> str:
        """What stands behind the echo of a line that is backed up to the other firewall (fact 9.2)."""
        faults = self.device.faults
        pattern = faults.echo_mark_lines or _BACKED_UP
        return faults.echo_mark if self.in_system and re.match(r"\s*\S", line) and re.search(pattern, line) else ""

    @staticmethod
    def is_choice(question: str) -> bool:
        """Whether a question offers yes and no, and does not ask for a text."""
        return _CHOICE.search(question) is not None

    async def ask(self, question: str) -> str:
        """Ask until the answer is one of those offered; return ``y``, ``n`` or ``c`` (facts 3.3, 3.6, 9.3)."""
        three = "C(cancel)" in question
        if self.machine_mode:  # fact 3.1: mmi-mode has no questions
            return "n" if three else "y"
        allowed = "ync" if three else "yn"
        default = _DEFAULT.search(question)
        text = question
        while True:
            line = await self._answer(text)
            if default is not None and not line.strip():
                line = default[1]
            answer = _ANSWERS.get(line.strip().lower(), "")
            if answer and answer in allowed:
                return answer
            text = WRONG_THREE if three else WRONG_TWO

    async def ask_text(self, question: str) -> str:
        """Ask for a text; an empty answer means the default in the last brackets (fact 9.3)."""
        line = "" if self.machine_mode else (await self._answer(question)).strip()
        default = _DEFAULT.search(question)
        return line or (default[1] if default is not None else "")

    async def _answer(self, question: str) -> str:
        self.write(question)
        line = await self.terminal.read_line(question)
        self.log(question.rpartition("\n")[2], line, "other")
        return line

    async def ask_secret(self, prompt: str) -> str:
        """Ask for a password, without an echo."""
        self.write(prompt)
        line = await self.terminal.read_line(prompt, echo=False)
        self.log(prompt, MASK, "other", line)
        return line

    def log(self, prompt: str, line: str, kind: str, plain: str = "") -> None:
        """Note a line for the command log; ``plain`` is what was typed where that is a secret."""
        name = self.device.settings.name
        self.device.journal.command(name, self.number, self.user.name, prompt, line, kind, plain)

    # the life of a session

    async def run(self) -> None:
        """Log in, then take lines until the end."""
        try:
            await self.begin()
            while True:
                prompt = self.prompt
                self.write(prompt)
                await self._interrupt_prompt(prompt)
                helper = None if self.machine_mode else self.help
                line = await self.terminal.read_line(prompt, help_for=helper, mark_for=self._mark)
                self.typed = line
                await self.take(prompt, line)
        except (LineLost, ConnectionError):
            self.terminal.abort()
        except (SessionEnded, asyncio.CancelledError):
            await self.terminal.close()
        except Exception:
            self.terminal.abort()
            raise
        finally:
            self.device.close_session(self.number)

    async def begin(self) -> None:
        """From the login to the first prompt."""
        await log_in(self)
        self._pend_foreign_lines()

    def cut(self, abandon: bool = False) -> None:
        """Cut the line: the session ends without a word. A commit that has begun goes on, unless it is abandoned."""
        if abandon:
            self.abandoned.set()
        self.leave(abandon)
        self.terminal.abort()

    def leave(self, abandon: bool = False) -> None:
        """Take the session off the list of sessions, unless a commit of it goes on and is to be seen there."""
        stays = self.committing and self.device.style.behaviour.lost_commit_shows == "session"
        if abandon or not stays:
            self.device.close_session(self.number)

    def _pend_foreign_lines(self) -> None:
        """Lines that are pending before the first one of this session (fact 4.1 item 4)."""
        view = ""
        for line in self.device.faults.foreign_pending:
            if line.startswith("interface "):
                view = self.device.release.names.canonical(line.partition(" ")[2])
            else:
                self.device.edit_line(self.candidate, view, line)

    def help(self, line: str) -> Sequence[str]:
        """The words that may come next."""
        return self.device.grammar.tables[self.view].completions(line)

    async def take(self, prompt: str, line: str) -> None:
        """Carry out one line and print what the device has to say."""
        if line == CONTROL_Z:
            line = "return"
        stripped = line.strip()
        if not stripped:
            return
        if stripped[0] in "!#":  # fact 3.1: comments; `#` at the margin goes back to the system view
            self.log(prompt, line, "other")
            if line.startswith("#") and self.in_system:
                self.enter_system()
            return
        faults = self.device.faults
        if faults.lose_session.startswith("line:") and re.search(faults.lose_session[5:], line):
            faults.lose_session = ""
            self.log(prompt, line, "other")
            raise LineLost
        try:
            await self.device.holds.reach("line", line)
            await self._execute(prompt, line)
            await self.device.holds.reach("taken", line)
            if faults.lose_session.startswith("taken:") and re.search(faults.lose_session[6:], line):
                faults.lose_session = ""
                raise LineLost
        except CaretRefusal as refusal:
            column = len(prompt) + refusal.position  # fact 3.6: counted from the start of the prompt
            self.write(" " * column + "^\n" + self.device.release.carets[refusal.kind] + "\n")
        except Refusal as refusal:
            self.say(refusal.text)

    async def _execute(self, prompt: str, line: str) -> None:
        body, filters = split_filters(line)
        suffix = opened_view(" ".join(line.split()), inside=bool(self.free_view)) if self.in_system else None
        if suffix is not None:
            self.log(prompt, line, "configuration")
            self.enter_free_view(line, suffix)
            return
        try:
            command, match = self._understand(body)
        except CaretRefusal:
            kind = "configuration" if self.in_system else "other"
            if self.view == View.FREE and not _is_known_anywhere(self, body):
                self._write_free_line(prompt, line)
                return
            self.log(prompt, line, kind)
            raise
        self.log(prompt, _masked(line, match), self._kind(command, match), line)
        if command.show is not None and (self.device.faults.timestamps or self.device.timestamps):
            self.say(time_line(self.device.faults))
        self._check_level(command)
        if not await mishaps.may_go_on(self, line, command):
            return
        if command.show is not None:
            await show_answer(self, command, match, filters, line)
        elif command.run is not None:
            await command.run(self, match)
        else:
            await self._edit(command, match)

    def _kind(self, command: Command, match: Match) -> str:
        """What the command log says; entering an interface view that has to be created is configuration."""
        creates = match.words == ("interface",) and header(match.text("interface")) not in self.candidate
        return "configuration" if creates else command.kind

    def _understand(self, line: str) -> tuple[Command, Match]:
        """Find the command in this view, or in the views above it (fact 3.1, "intelligent rollback")."""
        tables = self.device.grammar.tables
        try:
            return tables[self.view].match(line)
        except CaretRefusal as refusal:
            words = line.lower().split()
            able = self.forwarding and not self.machine_mode and self.view not in (View.USER, View.SYSTEM)
            if not able or refusal.kind == "ambiguous" or "undo".startswith(words[0]):
                raise
            try:
                found = tables[View.SYSTEM].match(line)
            except CaretRefusal:
                raise refusal from None
            self.enter_system()
            return found

    def _write_free_line(self, prompt: str, line: str) -> None:
        self.log(prompt, line, "configuration")
        self.check_editing()
        path = tuple(opening for opening, _unused in self.free_view)
        write_in_view(self.device.new_edit(self.candidate, "", line), path, line)
        self._deliver_at_once()

    def _check_level(self, command: Command) -> None:
        if self.user.level < self.device.grammar.level(self.device.release, command):
            raise Refusal(self.device.style.behaviour.permission_text)

    # editing

    def check_editing(self) -> None:
        """While another user's trial runs nobody else may configure (fact 3.2)."""
        self.device.transactions.check_trial(self.number, self.user.name)

    async def _edit(self, command: Command, match: Match) -> None:
        assert command.edit is not None
        self.check_editing()
        edit = self.device.new_edit(self.candidate, self.interface, match.line.strip())
        question = command.question(edit, match) if command.question is not None else None
        if question is not None and await self.ask(question) != "y":
            return
        await self._authenticate_again(match.line)
        command.edit(edit, match)
        lock = self.device.transactions.lock
        if lock is not None and lock.author.session == self.number:
            lock.last_change = asyncio.get_running_loop().time()
        for message in edit.messages:
            self.say(message)
        self._deliver_at_once()

    async def _authenticate_again(self, line: str) -> None:
        """Risky lines may ask for the password of the user once more (fact 3.7)."""
        pattern = self.device.faults.reauthentication
        if not pattern or not re.search(pattern, line):
            return
        self.say("Info: This command is a high-risk command. Enter the login password of the current user again.")
        if await self.ask_secret("Enter Password:") != self.device.passwords[self.user.name]:
            raise Refusal("Error: The password is invalid.")

    def _deliver_at_once(self) -> None:
        """Immediate mode and single-stage devices: a line that is taken is in force (fact 3.1)."""
        if not self.immediate or not self.candidate:
            return
        try:
            self.device.transactions.commit(self.candidate, self.author)
        finally:
            self.candidate.clear()


def _masked(line: str, match: Match) -> str:
    """Mask the key text at its place, and whatever else looks like a secret."""
    start = min((match.spans[name][0] for name in ("plain", "cipher") if name in match.spans), default=None)
    return masked(line) if start is None else line[:start] + MASK


def _is_known_anywhere(session: Session, line: str) -> bool:
    """A navigation word with a mistake in it is no free line."""
    return line.split()[0].lower() in ("quit", "return", "commit", "display", "interface", "system-view", "clear")
