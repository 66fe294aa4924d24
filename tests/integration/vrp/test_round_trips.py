# Copyright (c) 2026, Timecast developers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a run waits for the device: proof of an answer's end must not cost a wait of its own."""

from __future__ import annotations

from typing import Any

from harness import LocalLogins, device, local_logins, server_config

from ansible_collections.timecast.ntp_multicast.plugins.plugin_utils.vrp.transaction import converge, gather
from vrp_simulator.testing import running_devices

PORT = "100GE1/0/1"
# Login: the prompt once more. Then the settings of the terminal go with the display.
LOGIN = 1
LOOK = 1
DIALECT = 1
# system-view, the lines, the views that they are in, commit, and the way out with the commit's id.
AROUND_THE_LINES = 3


class Turns:
    """A channel that counts how often something is sent after something was received."""

    def __init__(self, link: Any) -> None:
        self._link = link
        self._heard = True
        self.count = 0

    def send(self, text: str) -> None:
        self.count += self._heard
        self._heard = False
        self._link.send(text)

    def receive(self, timeout: float) -> str:
        text = self._link.receive(timeout)
        self._heard = True
        return text

    def close(self) -> None:
        self._link.close()


class CountingLogins(LocalLogins):
    """Counts the turns of its logins, the first prompt included, which nobody asks for."""

    def _log_in(self) -> Any:
        open_link = self.device.open_link
        self.device.open_link = lambda *arguments, **options: self._counted(open_link(*arguments, **options))
        try:
            return super()._log_in()
        finally:
            self.device.open_link = open_link

    def _counted(self, link: Any) -> Turns:
        self.turns = Turns(link)
        return self.turns


def test_the_turns_of_a_run() -> None:
    with running_devices([device("CE1", "ce-v300r023", PORT)]) as running:
        item = running["CE1"]
        item.reset()
        with local_logins(item):
            logins = CountingLogins(item)
            report = converge(logins, logins.request(server_config(PORT)))
            views = len({line.view for line in report.lines if line.view})
            answers = [entry["line"] for entry in item.commands() if entry["line"] in ("Y", "quit")]
            sent = AROUND_THE_LINES + len(report.lines) + views + len(answers)
            assert logins.turns.count == LOGIN + LOOK + DIALECT + sent + LOOK
            logins.close()
            logins = CountingLogins(item)
            assert not converge(logins, logins.request(server_config(PORT))).changed
            assert logins.turns.count == LOGIN + LOOK
            logins.close()
            logins = CountingLogins(item)
            gather(logins.session(), None)
            assert logins.turns.count == LOGIN + LOOK
            logins.close()
