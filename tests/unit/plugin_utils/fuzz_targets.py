# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a device may say, as targets of `unit.engine.fuzzing`: the screen, a whole session, and configurations."""

from __future__ import annotations

import contextlib
import random

from unit.engine import mutation
from unit.engine.fuzzing import ACCEPTED, Target

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.ntp.errors import NtpMulticastError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.dialect import Dialect
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.display import parse_sessions, parse_status
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.errors import DeviceError, ParseError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.grammar import parse_configuration
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Session, Timeouts
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.questions import PromptContext
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session.screen import Screen, ScreenError
from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transcript import Transcript

SECRET = "Zq7-Lantern-Fog!"
KEY_LINE = f"ntp authentication-keyid 42 authentication-mode md5 cipher {SECRET}"
CONFIGURATION = """!Software Version V300R023C00
#
sysname CE1
#
interface 100GE1/0/1
 undo portswitch
 ip address 10.0.0.1 255.255.255.0
 ntp multicast-server 224.0.1.1 authentication-keyid 42 ttl 9 version 4
 ntp multicast-client ipv6 ff0e::101
#
ntp authentication enable
ntp authentication-keyid 42 authentication-mode hmac-sha256 cipher %^%#abcdefghijklmn%^%#
ntp trusted authentication-keyid 42
ntp server source-interface all enable
ntp refclock-master 2
undo ntp server disable
#
return
"""
STATUS = " clock status: synchronized\n clock stratum: 3\n reference clock ID: 10.0.0.9\n clock offset: 0.5000 ms\n"
SESSIONS = "clock source: 10.0.0.9\n clock stratum: 2\n clock status: configured, master, sane, valid\n reach: 255\n"
ASKED = "Warning: The current configuration will be written to the device. Continue? [Y/N]:"
WORDS = (
    *("", " ", "#", "return", "<CE1>", "[~CE1]", "[*CE1-100GE1/0/1]", "---- More ----", "[Y/N]:", "^", "ntp", "undo"),
    *("interface", "ttl", "256", "-1", "99999999999", "version", "cipher", "%^%#", "ff0e::101", "224.0.1.1", "Error:"),
    *("\x1b[16D", "\x1b[K", "\b", "\r", "\x00", "\x9b", "\ud7ff", "description", '"', "header", "authentication-keyid"),
)
LONGEST = 4000
SENDS_SECRET = 3


def text_of(data: bytes) -> str:
    return data[:LONGEST].decode("utf-8", "replace")


class ScreenTarget(Target):
    """The terminal alone, fed in pieces: the same lines as when it is fed at once."""

    name = "vrp screen"
    weight = 1.0

    def make(self, chance: random.Random) -> bytes:
        return mutation.lines(
            chance, chance.choice((CONFIGURATION, STATUS, "  ---- More ----\x1b[16D    \x1b[16Dx\r\n")), WORDS
        )

    def take(self, data: bytes) -> str:
        text = text_of(data)
        whole, piecewise = Screen(), Screen()
        try:
            whole.feed(text)
            for character in text:
                piecewise.feed(character)
        except ScreenError:
            return "ScreenError"
        assert whole.lines == piecewise.lines, "other lines when the text comes in pieces"
        return ACCEPTED


class _Talker:
    """A device that echoes the first line, says what it likes, and then falls silent."""

    def __init__(self, said: str, hangs_up: bool) -> None:
        self.typed: list[str] = []
        self._said = said
        self._hangs_up = hangs_up
        self._output = "\r\n<CE1>"

    def send(self, text: str) -> None:
        first = not self.typed or self.typed == ["\n"]
        self.typed.append(text)
        if text == "\n" and len(self.typed) == 1:
            self._output += "\r\n<CE1>"
        elif first:
            self._output += text.replace("\n", "\r\n") + self._said

    def receive(self, timeout: float) -> str:
        if self._output:
            text, self._output = self._output, ""
            return text
        if self._hangs_up:
            return ""
        raise TimeoutError


class SessionTarget(Target):
    """A session that is told anything: an end, only documented errors, no secret told, no question answered blindly."""

    name = "vrp session"
    weight = 1.0
    _ANSWERS = frozenset({"", "y", "n", "c", "Y", "N", "C", " "})

    def make(self, chance: random.Random) -> bytes:
        example = chance.choice((CONFIGURATION, STATUS, ASKED, f"Error: {SECRET}\n^\n", "Info: ok\n"))
        said = mutation.lines(chance, example, WORDS).replace(b"\n", b"\r\n")
        return bytes((chance.randrange(256),)) + said + chance.choice((b"", b"<CE1>", b"[~CE1]"))

    def take(self, data: bytes) -> str:
        kind, text = (data[0] if data else 0), text_of(data[1:])
        talker = _Talker(text, hangs_up=bool(kind & 4))
        written: list[str] = []
        recorder = Transcript(written.append, session="1", secrets=["Login-Pass-1"], anonymous=bool(kind & 8))
        session = Session(talker, Timeouts(login=2, command=2, commit=2), clock=lambda: 0.0, recorder=recorder)
        outcome = ACCEPTED
        try:
            session.login()
            self._converse(session, kind & 3)
        except DeviceError as error:
            assert kind & 3 != SENDS_SECRET or SECRET not in str(error), "a secret in an error"
            outcome = type(error).__name__
        assert kind & 3 != SENDS_SECRET or SECRET not in "".join(written), "a secret in the transcript"
        replies = {line.rstrip("\n") for line in talker.typed} - {KEY_LINE, "display ntp status", "save"}
        assert replies <= {*self._ANSWERS, "display current-configuration"}, f"typed {replies}"
        return outcome

    @staticmethod
    def _converse(session: Session, kind: int) -> None:
        if kind == 0:
            session.show("display current-configuration", frame_end="return")
        elif kind == 1:
            session.show("display ntp status")
        elif kind == 2:
            session.ask("save", occasion=PromptContext.SAVE)
        else:
            session.ask(KEY_LINE, occasion=PromptContext.CONFIGURATION, secrets=[SECRET])


class GrammarTarget(Target):
    """Texts of a configuration and of NTP's state: read, or refused with a documented error."""

    name = "vrp grammar"
    weight = 1.0

    def make(self, chance: random.Random) -> bytes:
        return mutation.lines(chance, chance.choice((CONFIGURATION, CONFIGURATION, STATUS, SESSIONS)), WORDS)

    def take(self, data: bytes) -> str:
        text = text_of(data)
        for parser in (parse_status, parse_sessions):
            with contextlib.suppress(ParseError):
                parser(text)
        try:
            for dialect in (None, *Dialect):
                parse_configuration(text, dialect)
        except NtpMulticastError as error:
            return type(error).__name__
        return ACCEPTED


TARGETS: tuple[type[Target], ...] = (ScreenTarget, SessionTarget, GrammarTarget)
