# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device on paper: the far end of a channel, whose every octet the test decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Union

import pytest

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.session import Session, Timeouts

Reply = Union[str, Callable[["PaperDevice"], str]]


class PaperDevice:
    """Echoes lines and answers them from a table; silence costs no time.

    answers: what follows the echo of a line, prompt not included; a function may change the prompt first, and set
        `no_prompt`
    chunk: characters that the client receives at once, 0 for all there are
    """

    def __init__(self, answers: dict[str, Reply] | None = None, greeting: str = "\r\n", chunk: int = 0) -> None:
        self.answers = answers or {}
        self.prompt = "<CE1>"
        self.sent: list[str] = []
        self.no_prompt = False  # set by a reply: no prompt behind this one
        self.closed = False
        self._chunk = chunk
        self._typed = ""
        self._output = greeting + ("" if greeting.rstrip(" ").endswith(":") else self.prompt)

    def emit(self, text: str) -> None:
        self._output += text

    def send(self, text: str) -> None:
        self._typed += text
        while "\n" in self._typed:
            line, _unused, self._typed = self._typed.partition("\n")
            self.sent.append(line)
            self._answer(line)
        if self._typed == " ":
            self._typed = ""
            self._answer(" ")

    def _answer(self, line: str) -> None:
        reply = self.answers.get(line, "")
        text = reply(self) if callable(reply) else reply
        asks = text.rstrip().endswith(("[Y/N]", "[Y/N]:", "[Y(yes)/N(no)/C(cancel)]:", "More ----"))
        prompt = "" if asks or self.no_prompt else self.prompt
        self.no_prompt = False
        self.emit(f"{line if line.strip() else ''}" + ("" if line == " " else "\r\n") + text + prompt)

    def receive(self, timeout: float) -> str:
        if not self._output:
            if self.closed:
                return ""
            raise TimeoutError
        size = self._chunk or len(self._output)
        text, self._output = self._output[:size], self._output[size:]
        return text


def logged_in(device: PaperDevice) -> Session:
    session = Session(device, Timeouts(login=5, command=5, commit=5))
    session.login()
    device.sent.clear()
    return session


@pytest.fixture(name="paper", scope="session")
def paper_fixture() -> type[PaperDevice]:
    return PaperDevice


@pytest.fixture(name="logged_in", scope="session")
def logged_in_fixture() -> Callable[[PaperDevice], Session]:
    return logged_in
